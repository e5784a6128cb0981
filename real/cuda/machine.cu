#include <cublasLt.h>

#include <cstdlib>

#include "real/cuda/cuda_call.hpp"
#include "real/cuda/machine.hpp"
#include "real/cuda/nccl_communicator.hpp"
#include "scenarios/errors.hpp"

namespace shardproof::real::SHARDPROOF_GPU {

namespace {

/// "13.0" of 13000.
std::string dotted(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

/// What stands before every version: the simulated libraries have those that they stand for.
#ifdef SHARDPROOF_SIMULATED_GPU
const std::string kind = "simulated, as ";
#else
const std::string kind;
#endif

bool may_share_a_gpu() {
  const char* const asked = std::getenv("SHARDPROOF_RANKS_SHARE_A_GPU");
  return asked != nullptr && std::string(asked) == "1";
}

/// A setting of NCCL, which reads them when it makes its first communicator. What the user has set
/// stays.
void set(const char* name, const std::string& value) { setenv(name, value.c_str(), 0); }

/// Sums in the switches of NVLink round once where members' sums round at each addition, and may
/// differ from one call to the next (NVIDIA/nccl issue 1497).
void add_on_gpus() { set("NCCL_NVLS_ENABLE", "0"); }

/// Lets NCCL take several ranks of one GPU as if each had a host of its own: messages through
/// sockets.
void share_a_gpu(Rank rank) {
  int version = 0;
  ncclGetVersion(&version);
  if (version >= 23000) set("NCCL_MULTI_RANK_GPU_ENABLE", "1");
  set("NCCL_HOSTID", "shardproof-" + std::to_string(rank.value));
  set("NCCL_NET", "Socket");
  set("NCCL_SOCKET_IFNAME", "lo");
  set("NCCL_IB_DISABLE", "1");
  set("NCCL_P2P_DISABLE", "1");
  set("NCCL_SHM_DISABLE", "1");
  set("NCCL_MNNVL_ENABLE", "0");
  set("NCCL_ALGO", "Ring");
  set("NCCL_PROTO", "Simple");
  set("NCCL_MAX_CTAS", "1");
  set("NCCL_CUMEM_ENABLE", "0");
}

std::map<std::string, std::string> library_versions() {
  int runtime = 0;
  check(cudaRuntimeGetVersion(&runtime), "cudaRuntimeGetVersion");
  return {{"cuda", kind + dotted(runtime)},
          {"cublas", kind + std::to_string(cublasLtGetVersion())},
          {"nccl", kind + nccl_version()}};
}

std::map<std::string, std::string> properties_of(int gpu) {
  std::map<std::string, std::string> properties = library_versions();
  cudaDeviceProp device{};
  check(cudaGetDeviceProperties(&device, gpu), "cudaGetDeviceProperties");
  int driver = 0;
  check(cudaDriverGetVersion(&driver), "cudaDriverGetVersion");
  properties["device"] = device.name;
  properties["driver"] = kind + dotted(driver);
  return properties;
}

}  // namespace

Machine machine(const MpiProcess& process, const ProcessGrid& grid, ReductionOrder order) {
  if (order != ReductionOrder::library)
    throw ScenarioError(std::string("reduction = ") + name_of(order) +
                        ": NCCL adds in an order of its own: expected library");
  const int gpu = process.rank_on_host() % gpus_seen();
  add_on_gpus();
  if (may_share_a_gpu()) share_a_gpu(process.rank());
  auto device = std::make_unique<CudaDevice>(gpu);
  auto communicator = std::make_unique<NcclCommunicator>(grid, process, *device);
  return {std::move(device), std::move(communicator), properties_of(gpu)};
}

std::unique_ptr<Device> gpu(int number) { return std::make_unique<CudaDevice>(number); }

#ifndef SHARDPROOF_SIMULATED_GPU
void expect_machine() { gpus_seen(); }

std::map<std::string, std::string> versions() { return library_versions(); }
#endif

}  // namespace shardproof::real::SHARDPROOF_GPU
