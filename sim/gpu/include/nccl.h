#pragma once

// The part of NCCL that the engine uses, for the host's compiler: the simulated library. Names and
// meanings are those of NCCL 2.28 (docs.nvidia.com/deeplearning/nccl); what is not here, fields of
// the configuration included, it does not know.
//
// Members are processes of one MPI job, and their messages go through MPI. A collective is work of
// a stream, done when the stream's turn comes. There the members first tell one another what they
// came for: another kind, count, dtype or op than the first member's is an error that names both
// and their ranks, as is a member that does not come.

#include <cuda_runtime.h>

#include <climits>
#include <cstddef>

#define NCCL_MAJOR 2
#define NCCL_MINOR 28
#define NCCL_PATCH 9
#define NCCL_VERSION_CODE 22809
#define NCCL_UNIQUE_ID_BYTES 128
#define NCCL_SPLIT_NOCOLOR (-1)
#define NCCL_CONFIG_UNDEF_INT INT_MIN
#define NCCL_CONFIG_INITIALIZER \
  { NCCL_CONFIG_UNDEF_INT, nullptr }

namespace shardproof::sim::gpu {

struct ncclComm;
using ncclComm_t = ncclComm*;

struct ncclUniqueId {
  char internal[NCCL_UNIQUE_ID_BYTES];
};

enum ncclResult_t {
  ncclSuccess = 0,
  ncclUnhandledCudaError = 1,
  ncclSystemError = 2,
  ncclInternalError = 3,
  ncclInvalidArgument = 4,
  ncclInvalidUsage = 5,
  ncclRemoteError = 6,
  ncclInProgress = 7,
};

enum ncclRedOp_t { ncclSum = 0, ncclProd = 1, ncclMax = 2, ncclMin = 3, ncclAvg = 4 };

enum ncclDataType_t {
  ncclInt64 = 4,
  ncclFloat16 = 6,
  ncclFloat32 = 7,
  ncclFloat64 = 8,
  ncclBfloat16 = 9,
};

struct ncclConfig_t {
  int blocking;  // 0: calls answer ncclInProgress, and ncclCommGetAsyncError tells when they are done
  const char* commName;
};

const char* ncclGetErrorString(ncclResult_t result);
const char* ncclGetLastError(ncclComm_t comm);
ncclResult_t ncclGetVersion(int* version);
ncclResult_t ncclGetUniqueId(ncclUniqueId* id);

/// A communicator holds all processes of the job: ncclInvalidUsage for another number or order.
ncclResult_t ncclCommInitRankConfig(ncclComm_t* comm, int nranks, ncclUniqueId id, int rank,
                                    ncclConfig_t* config);
ncclResult_t ncclCommSplit(ncclComm_t comm, int color, int key, ncclComm_t* newcomm,
                           ncclConfig_t* config);
ncclResult_t ncclCommGetAsyncError(ncclComm_t comm, ncclResult_t* error);
ncclResult_t ncclCommDestroy(ncclComm_t comm);
ncclResult_t ncclCommAbort(ncclComm_t comm);

/// Sum or max; the latter loses a NaN, which the library does not promise to keep.
ncclResult_t ncclAllReduce(const void* sendbuff, void* recvbuff, std::size_t count,
                           ncclDataType_t datatype, ncclRedOp_t op, ncclComm_t comm,
                           cudaStream_t stream);
ncclResult_t ncclAllGather(const void* sendbuff, void* recvbuff, std::size_t sendcount,
                           ncclDataType_t datatype, ncclComm_t comm, cudaStream_t stream);
ncclResult_t ncclGroupStart();
ncclResult_t ncclGroupEnd();

}  // namespace shardproof::sim::gpu

using enum shardproof::sim::gpu::ncclDataType_t;
using enum shardproof::sim::gpu::ncclRedOp_t;
using enum shardproof::sim::gpu::ncclResult_t;
using shardproof::sim::gpu::ncclAllGather;
using shardproof::sim::gpu::ncclAllReduce;
using shardproof::sim::gpu::ncclComm_t;
using shardproof::sim::gpu::ncclCommAbort;
using shardproof::sim::gpu::ncclCommDestroy;
using shardproof::sim::gpu::ncclCommGetAsyncError;
using shardproof::sim::gpu::ncclCommInitRankConfig;
using shardproof::sim::gpu::ncclCommSplit;
using shardproof::sim::gpu::ncclConfig_t;
using shardproof::sim::gpu::ncclDataType_t;
using shardproof::sim::gpu::ncclGetErrorString;
using shardproof::sim::gpu::ncclGetLastError;
using shardproof::sim::gpu::ncclGetUniqueId;
using shardproof::sim::gpu::ncclGetVersion;
using shardproof::sim::gpu::ncclGroupEnd;
using shardproof::sim::gpu::ncclGroupStart;
using shardproof::sim::gpu::ncclRedOp_t;
using shardproof::sim::gpu::ncclResult_t;
using shardproof::sim::gpu::ncclUniqueId;
