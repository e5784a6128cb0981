// The simulated NCCL. Its sums are NCCL's ring (v2.28, src/device/all_reduce.h, runRing): the
// tensor in rounds of one chunk a member; in each, chunk c starts at member c + 1 and goes up the
// ring, every member adding its own and rounding, until member c has the sum, which then goes round
// as it is:
//
//   sum of chunk c = (((x[c+1] + x[c+2]) + ...) + x[c-1]) + x[c]
//
// A member reads its own numbers when its turn comes and writes each chunk as it arrives: whoever
// touches a buffer that is under way shows.

#include "sim/gpu/nccl.hpp"

#include <nccl.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <memory>
#include <string>
#include <thread>

#include "scenarios/dtype.hpp"
#include "scenarios/errors.hpp"
#include "sim/gpu/messages.hpp"
#include "sim/gpu/polled.hpp"
#include "sim/gpu/running.hpp"
#include "sim/gpu/runtime.hpp"

namespace shardproof::sim::gpu {

namespace {

using Bytes = std::vector<std::byte>;

std::chrono::milliseconds patience = std::chrono::minutes(5);

/// The members of a communicator, and how a message finds them.
struct Group {
  std::shared_ptr<Messages> messages;
  std::vector<int> members;  // their ranks in the job, by rank
  int rank = 0;
  int tag = 0;  // of its messages
  std::string name;

  int size() const { return static_cast<int>(members.size()); }
  int member(int number) const {
    const int n = size();
    return members[static_cast<std::size_t>((number % n + n) % n)];
  }
};

std::string who(const Group& group, int rank) {
  return "rank " + std::to_string(rank) + " of \"" + group.name + "\" (" +
         std::to_string(group.member(rank)) + " of the job)";
}

/// Everybody's word to everybody, by rank.
template <class Word>
struct Round {
  Round(const Group& group, const Word& own)
      : group(group), post(*group.messages), words(group.members.size()) {
    for (int r = 0; r < group.size(); ++r) {
      if (r == group.rank) continue;
      const auto bytes = std::as_bytes(std::span(&own, 1));
      post.send(group.member(r), group.tag, Bytes(bytes.begin(), bytes.end()));
      arriving.push_back(&post.receive(group.member(r), group.tag, sizeof(Word)));
    }
    words[static_cast<std::size_t>(group.rank)] = own;
  }
  const std::vector<Word>& said() {
    std::size_t next = 0;
    for (int r = 0; r < group.size(); ++r)
      if (r != group.rank)
        std::memcpy(&words[static_cast<std::size_t>(r)], arriving[next++]->data(), sizeof(Word));
    return words;
  }

  /// "rank 0 of "tp" (0 of the job), rank 2 ...": who has said nothing.
  std::string silent() {
    std::string text;
    std::size_t next = 0;
    for (int r = 0; r < group.size(); ++r)
      if (r != group.rank && !post.done(*arriving[next++]))
        text += (text.empty() ? "" : ", ") + who(group, r);
    return text;
  }

  const Group& group;
  Post post;
  std::vector<const Bytes*> arriving;
  std::vector<Word> words;
};

Until arrived(Post& post, std::function<void()> late) {
  return {[&post] {
            const bool done = post.done();
            if (!done) std::this_thread::yield();  // the others may share this core
            return done;
          },
          patience, std::move(late)};
}

// ---- Collectives

enum class Kind : std::int64_t { all_reduce, all_gather };

/// What a member comes for: plain numbers, and as much of the op's name as fits.
struct Purpose {
  std::int64_t number;  // of the communicator's collectives
  Kind kind;
  std::int64_t count;
  std::int64_t type;
  std::int64_t op;
  std::array<char, 200> label;
};

struct Call {
  std::shared_ptr<const Group> group;
  Purpose purpose;
  Dtype dtype;
  const std::byte* from;
  std::byte* to;

  std::size_t width() const { return size_bytes(dtype); }
  std::size_t bytes() const { return static_cast<std::size_t>(purpose.count) * width(); }
};

std::optional<Dtype> dtype_of(ncclDataType_t type) {
  switch (type) {
    case ncclFloat64: return Dtype::fp64;
    case ncclFloat32: return Dtype::fp32;
    case ncclBfloat16: return Dtype::bf16;
    case ncclFloat16: return Dtype::fp16;
    case ncclInt64: return Dtype::int64;
  }
  return std::nullopt;
}

std::string describe(const Purpose& purpose) {
  const auto dtype = dtype_of(static_cast<ncclDataType_t>(purpose.type));
  const std::string label(purpose.label.data());
  const std::string what = purpose.kind == Kind::all_gather ? "ncclAllGather"
                           : purpose.op == ncclSum          ? "ncclAllReduce, sum"
                                                            : "ncclAllReduce, max";
  return (label.empty() ? "" : label + ": ") + what + " of " + std::to_string(purpose.count) +
         " x " + (dtype ? name_of(*dtype) : "?") + ", collective " +
         std::to_string(purpose.number) + " of the communicator";
}

void expect_same_purpose(const Call& call, const std::vector<Purpose>& all) {
  for (std::size_t r = 1; r < all.size(); ++r)
    if (std::memcmp(&all[r], &all[0], sizeof(Purpose)) != 0)
      fail("members came for different collectives: " + who(*call.group, 0) + " for " +
           describe(all[0]) + "; " + who(*call.group, static_cast<int>(r)) + " for " +
           describe(all[r]));
}

void tell_late(const Call& call, const std::string& whom) {
  fail(who(*call.group, call.group->rank) + " waits in " + describe(call.purpose) + " for " + whom +
       " since " + std::to_string(patience.count()) + " ms");
}

/// Of every element: the sum, rounded once (fp64 has more than twice the digits of the others, and
/// two), or the larger.
Bytes combined(const Call& call, const Bytes& arrived, const std::byte* own) {
  const std::size_t count = arrived.size() / call.width();
  std::vector<double> a(count), b(count);
  decode(call.dtype, arrived, a);
  decode(call.dtype, {own, arrived.size()}, b);
  for (std::size_t i = 0; i < count; ++i)
    a[i] = call.purpose.op == ncclSum ? a[i] + b[i] : std::fmax(a[i], b[i]);
  Bytes result(arrived.size());
  encode(call.dtype, a, result);
  return result;
}

/// Tells the others what it is for, and hears the same from them. A member whose input is not there
/// says so itself, before the others wait for it.
Polled meet(const Call& call) {
  checked_read(call.from, call.bytes());
  Round<Purpose> round(*call.group, call.purpose);
  co_await arrived(round.post,
                   [&] { tell_late(call, "those who have not come: " + round.silent()); });
  expect_same_purpose(call, round.said());
}

Until done(Polled& part) {
  return {[&part] { return part.poll(); }, std::chrono::hours(24 * 365), [] {}};
}

/// One step of the ring: gives `message` to the next member, and takes one of `bytes` bytes.
struct Step {
  Step(const Call& call, const Bytes& message, std::size_t bytes) : post(*call.group->messages) {
    const Group& group = *call.group;
    post.send(group.member(group.rank + 1), group.tag, message);
    taken = &post.receive(group.member(group.rank - 1), group.tag, bytes);
  }
  Post post;
  const Bytes* taken;
};

Until arrived(Step& step, const Call& call) {
  return arrived(step.post, [&call] {
    const int before = (call.group->rank + call.group->size() - 1) % call.group->size();
    tell_late(call, who(*call.group, before));
  });
}

/// The chunks of one round of the ring: chunk c of those from element `begin` on.
struct Chunks {
  const Call& call;
  std::size_t begin;
  std::size_t elements;  // of a chunk

  std::size_t at(int chunk) const {
    const int n = call.group->size();
    const auto c = static_cast<std::size_t>((chunk % n + n) % n);
    return std::min(begin + c * elements, static_cast<std::size_t>(call.purpose.count)) *
           call.width();
  }
  std::size_t bytes(int chunk) const {
    return std::min(at(chunk) + elements * call.width(), call.bytes()) - at(chunk);
  }
  Bytes own(int chunk) const {
    if (bytes(chunk) == 0) return {};
    const std::byte* place = checked_read(call.from + at(chunk), bytes(chunk));
    return {place, place + bytes(chunk)};
  }
  void write(int chunk, const Bytes& content) const {
    if (!content.empty())
      std::ranges::copy(content, checked_write(call.to + at(chunk), content.size()));
  }
};

/// Elements of a chunk: an even share, in whole 16 bytes of the smallest type, and no more than fit
/// into a (small) buffer.
std::size_t chunk_elements(const Call& call) {
  const auto count = static_cast<std::size_t>(call.purpose.count);
  const auto n = static_cast<std::size_t>(call.group->size());
  const std::size_t share = ((count + n - 1) / n + 7) / 8 * 8;
  return std::min(share, std::size_t{1024});
}

Polled all_reduce(Call call) {
  Polled meeting = meet(call);
  co_await done(meeting);
  const int n = call.group->size();
  const int rank = call.group->rank;
  const std::size_t elements = chunk_elements(call);
  const std::size_t round = elements * static_cast<std::size_t>(n);
  for (std::size_t begin = 0; begin < static_cast<std::size_t>(call.purpose.count);
       begin += round) {
    const Chunks chunks{call, begin, elements};
    Bytes travelling = chunks.own(rank - 1);
    for (int step = 2; step <= n; ++step) {
      Step ring(call, travelling, chunks.bytes(rank - step));
      co_await arrived(ring, call);
      const Bytes own = chunks.own(rank - step);
      travelling = combined(call, *ring.taken, own.data());
    }
    chunks.write(rank, travelling);
    for (int step = 1; step < n; ++step) {
      Step ring(call, travelling, chunks.bytes(rank - step));
      co_await arrived(ring, call);
      travelling = *ring.taken;
      chunks.write(rank - step, travelling);
    }
  }
}

Polled all_gather(Call call) {
  Polled meeting = meet(call);
  co_await done(meeting);
  const int n = call.group->size();
  const int rank = call.group->rank;
  const std::size_t bytes = call.bytes();
  const std::byte* own = checked_read(call.from, bytes);
  Bytes travelling(own, own + bytes);
  for (int step = 0; step < n; ++step) {
    const auto owner = static_cast<std::size_t>((rank - step + n) % n);
    std::ranges::copy(travelling, checked_write(call.to + owner * bytes, bytes));
    if (step + 1 == n) break;
    Step ring(call, travelling, bytes);
    co_await arrived(ring, call);
    travelling = *ring.taken;
  }
}

}  // namespace

void set_nccl_patience(std::chrono::milliseconds new_patience) { patience = new_patience; }

// ---- Communicators

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
  throw EnvironmentError("after " + std::to_string(patience.count()) + " ms have not come to \"" +
                         group.name + "\": " + whom);
}

Polled join(ncclComm& comm, ncclUniqueId id) {
  Group& group = *comm.group;
  co_await Until{[&group] { return group.messages->ready(); }, patience,
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

ncclResult_t ask(cudaStream_t stream, const char* name, std::shared_ptr<Polled> work) {
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
