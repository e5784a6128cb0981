// The simulated NCCL as its callers see it: communicators, how they are joined and split, and the
// calls that ask a stream for a collective. None waits for another process, unless its communicator
// is one that blocks.

#include "sim/gpu/nccl.hpp"

#include <nccl.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "scenarios/errors.hpp"
#include "sim/gpu/messages.hpp"
#include "sim/gpu/nccl_collectives.hpp"
#include "sim/gpu/nccl_group.hpp"
#include "sim/gpu/polled.hpp"
#include "sim/gpu/running.hpp"
#include "sim/gpu/runtime.hpp"

namespace shardproof::sim::gpu {

void set_nccl_patience(std::chrono::milliseconds patience) { nccl_patience = patience; }

struct ncclComm {
  std::shared_ptr<Group> group = std::make_shared<Group>();
  std::unique_ptr<Polled> setup;  // of itself, or of a part of it, while that is under way
  bool blocking = true;
  std::int64_t collectives = 0;
  std::string last_error;
  ncclResult_t state = ncclSuccess;
};

namespace {

std::string failed_call;  // what the last call without a communicator says of its failure

ncclResult_t refused(ncclComm_t comm, ncclResult_t result, const std::string& why) {
  (comm == nullptr ? failed_call : comm->last_error) = why;
  return result;
}

/// Goes on with what is under way.
ncclResult_t advance(ncclComm& comm) {
  try {
    if (!comm.setup || !comm.setup->poll()) return comm.setup ? ncclInProgress : comm.state;
    comm.state = ncclSuccess;
  } catch (const std::exception& error) {
    comm.last_error = error.what();
    comm.state = ncclRemoteError;
  }
  comm.setup.reset();
  return comm.state;
}

/// Of a communicator that blocks: when it is done.
ncclResult_t answer_of(ncclComm& comm) {
  ncclResult_t answer = advance(comm);
  while (comm.blocking && answer == ncclInProgress) answer = advance(comm);
  return answer;
}

void tell_missing(const Group& group, const std::string& whom) {
  throw EnvironmentError("after " + std::to_string(nccl_patience.count()) +
                         " ms have not come to \"" + group.name + "\": " + whom);
}

Polled join(ncclComm& comm, ncclUniqueId id) {
  Group& group = *comm.group;
  co_await Until{[&group] { return group.messages->ready(); }, nccl_patience,
                 [&group] { tell_missing(group, "some processes of the job"); }};
  Round<ncclUniqueId> round(group, id);
  co_await arrived(round.post, [&] { tell_missing(group, round.silent()); });
  for (const ncclUniqueId& other : round.said())
    if (std::memcmp(&other, &id, sizeof id) != 0)
      throw EnvironmentError("the members have come with different ids");
}

struct Place {
  int color, key, tag;
};

Polled part(ncclComm& parent, Place own, ncclConfig_t config, ncclComm_t* made) {
  const std::string name = config.commName == nullptr ? "" : config.commName;
  const Group& whole = *parent.group;
  Round<Place> round(whole, own);
  co_await arrived(round.post, [&] { tell_missing(whole, round.silent()); });
  std::vector<std::pair<int, int>> keys;  // and ranks
  int tag = own.tag;
  for (int r = 0; r < whole.size(); ++r) {
    const Place& place = round.said()[static_cast<std::size_t>(r)];
    tag = std::max(tag, place.tag);
    if (place.color == own.color) keys.emplace_back(place.key, r);
  }
  parent.group->messages->set_next_tag(tag + 1);
  if (own.color == NCCL_SPLIT_NOCOLOR) co_return;
  std::ranges::sort(keys);
  auto child = std::make_unique<ncclComm>();
  child->blocking = config.blocking != 0;
  child->group->messages = whole.messages;
  child->group->tag = tag;
  child->group->name = name;
  for (const auto& [key, r] : keys) {
    if (r == whole.rank) child->group->rank = child->group->size();
    child->group->members.push_back(whole.member(r));
  }
  *made = child.release();
}

}  // namespace

ncclResult_t ncclGetVersion(int* version) {
  *version = NCCL_VERSION_CODE;
  return ncclSuccess;
}

ncclResult_t ncclGetUniqueId(ncclUniqueId* id) {
  static int made = 0;
  *id = {};
  const std::string text = "simulated NCCL, id " + std::to_string(++made);
  std::ranges::copy(text, id->internal);
  return ncclSuccess;
}

const char* ncclGetErrorString(ncclResult_t result) {
  switch (result) {
    case ncclSuccess: return "no error";
    case ncclUnhandledCudaError: return "unhandled cuda error";
    case ncclSystemError: return "unhandled system error";
    case ncclInternalError: return "internal error";
    case ncclInvalidArgument: return "invalid argument";
    case ncclInvalidUsage: return "invalid usage";
    case ncclRemoteError: return "remote process exited or there was a network error";
    case ncclInProgress: return "NCCL operation in progress";
  }
  return "unknown result code";
}

const char* ncclGetLastError(ncclComm_t comm) {
  return comm == nullptr ? failed_call.c_str() : comm->last_error.c_str();
}

ncclResult_t ncclCommInitRankConfig(ncclComm_t* comm, int nranks, ncclUniqueId id, int rank,
                                    ncclConfig_t* config) {
  auto made = std::make_unique<ncclComm>();
  Group& group = *made->group;
  group.messages = std::make_shared<Messages>();
  if (nranks != group.messages->size() || rank != group.messages->rank())
    return refused(nullptr, ncclInvalidUsage,
                   "the simulated NCCL joins all " + std::to_string(group.messages->size()) +
                       " processes of the job in their order: rank " + std::to_string(rank) +
                       " of " + std::to_string(nranks) + " is not that");
  group.rank = rank;
  for (int r = 0; r < nranks; ++r) group.members.push_back(r);
  group.name = config->commName == nullptr ? "" : config->commName;
  made->blocking = config->blocking != 0;
  made->setup = std::make_unique<Polled>(join(*made, id));
  *comm = made.release();
  return answer_of(**comm);
}

ncclResult_t ncclCommSplit(ncclComm_t comm, int color, int key, ncclComm_t* newcomm,
                           ncclConfig_t* config) {
  if (comm->setup) return refused(comm, ncclInvalidUsage, "the communicator is not ready");
  *newcomm = nullptr;
  comm->setup = std::make_unique<Polled>(
      part(*comm, {color, key, comm->group->messages->next_tag()}, *config, newcomm));
  const ncclResult_t answer = answer_of(*comm);
  // As NCCL 2.28 does: that this is under way is what the communicator says when it is asked.
  return answer == ncclInProgress ? ncclSuccess : answer;
}

ncclResult_t ncclCommGetAsyncError(ncclComm_t comm, ncclResult_t* error) {
  *error = advance(*comm);
  return ncclSuccess;
}

// What is enqueued holds the group that it needs.
ncclResult_t ncclCommDestroy(ncclComm_t comm) {
  delete comm;
  return ncclSuccess;
}

ncclResult_t ncclCommAbort(ncclComm_t comm) { return ncclCommDestroy(comm); }

namespace {

// Between ncclGroupStart and ncclGroupEnd calls are only remembered.
int open_groups = 0;
std::vector<std::function<void()>> remembered;

ncclResult_t ask(cudaStream_t stream, const char* name, const std::shared_ptr<Polled>& work) {
  const auto enqueue_it = [=] { enqueue_polled(stream, name, [work] { return work->poll(); }); };
  open_groups > 0 ? remembered.push_back(enqueue_it) : enqueue_it();
  return ncclSuccess;
}

Purpose purpose_of(ncclComm& comm, Kind kind, std::size_t count, ncclDataType_t type,
                   ncclRedOp_t op) {
  Purpose purpose{.number = comm.collectives++,
                  .kind = kind,
                  .count = static_cast<std::int64_t>(count),
                  .type = type,
                  .op = op,
                  .label = {}};
  const std::string& op_name = current_label();
  std::copy_n(op_name.data(), std::min(op_name.size(), purpose.label.size() - 1),
              purpose.label.data());
  return purpose;
}

/// Why a call makes no sense; empty if it does.
std::string fault_of(const void* from, const void* to, std::size_t count, ncclDataType_t type,
                     ncclComm_t comm) {
  if (comm->setup) return "the communicator is not ready";
  if (!dtype_of(type)) return "the simulated NCCL does not know this data type";
  if (count > 0 && (!is_device_memory(from) || !is_device_memory(to)))
    return "a buffer is not in device memory";
  return "";
}

}  // namespace

ncclResult_t ncclAllReduce(const void* sendbuff, void* recvbuff, std::size_t count,
                           ncclDataType_t datatype, ncclRedOp_t op, ncclComm_t comm,
                           cudaStream_t stream) {
  const std::string fault = fault_of(sendbuff, recvbuff, count, datatype, comm);
  if (!fault.empty()) return refused(comm, ncclInvalidArgument, fault);
  if ((op != ncclSum && op != ncclMax) || datatype == ncclInt64)
    return refused(comm, ncclInvalidArgument,
                   "the simulated NCCL reduces floating-point numbers to their sum or maximum");
  if (count == 0) return ncclSuccess;  // as in NCCL: nobody waits for anybody
  return ask(stream, "ncclAllReduce",
             std::make_shared<Polled>(
                 all_reduce({comm->group, purpose_of(*comm, Kind::all_reduce, count, datatype, op),
                             *dtype_of(datatype), static_cast<const std::byte*>(sendbuff),
                             static_cast<std::byte*>(recvbuff)})));
}

ncclResult_t ncclAllGather(const void* sendbuff, void* recvbuff, std::size_t sendcount,
                           ncclDataType_t datatype, ncclComm_t comm, cudaStream_t stream) {
  const std::string fault = fault_of(sendbuff, recvbuff, sendcount, datatype, comm);
  if (!fault.empty()) return refused(comm, ncclInvalidArgument, fault);
  if (sendcount == 0) return ncclSuccess;
  return ask(stream, "ncclAllGather",
             std::make_shared<Polled>(all_gather(
                 {comm->group, purpose_of(*comm, Kind::all_gather, sendcount, datatype, ncclSum),
                  *dtype_of(datatype), static_cast<const std::byte*>(sendbuff),
                  static_cast<std::byte*>(recvbuff)})));
}

ncclResult_t ncclGroupStart() {
  ++open_groups;
  return ncclSuccess;
}

ncclResult_t ncclGroupEnd() {
  if (open_groups == 0)
    return refused(nullptr, ncclInvalidUsage, "ncclGroupEnd without ncclGroupStart");
  if (--open_groups > 0) return ncclSuccess;
  for (const auto& enqueue_it : remembered) enqueue_it();
  remembered.clear();
  return ncclSuccess;
}

}  // namespace shardproof::sim::gpu
