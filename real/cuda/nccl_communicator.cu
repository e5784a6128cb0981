#include <chrono>
#include <exception>
#include <limits>
#include <thread>

#include "real/comm/collective.hpp"
#include "real/cuda/launch.hpp"
#include "real/cuda/nccl_communicator.hpp"
#include "scenarios/errors.hpp"

namespace shardproof::real::SHARDPROOF_GPU {

namespace {

/// No start of a job takes so long; one in which a rank is missing would take for ever.
constexpr std::chrono::seconds kTimeLimit{300};

/// A communicator that does not block may have done nothing yet of what `what` asked it for, and its
/// answer need not say so: that of ncclCommSplit is "success" (NCCL 2.28, src/init.cc). So it is
/// asked until it has; without one, null, the answer is all there is. Throws EnvironmentError if it
/// fails or takes too long.
void settle(ncclComm_t comm, ncclResult_t answer, const std::string& what) {
  const auto deadline = std::chrono::steady_clock::now() + kTimeLimit;
  while (comm != nullptr && (answer == ncclSuccess || answer == ncclInProgress)) {
    const ncclResult_t asked = ncclCommGetAsyncError(comm, &answer);
    if (asked != ncclSuccess) answer = asked;
    if (answer != ncclInProgress) break;
    if (std::chrono::steady_clock::now() > deadline)
      throw EnvironmentError(what + ": NCCL is not done after " +
                             std::to_string(kTimeLimit.count()) + " s");
    std::this_thread::sleep_for(std::chrono::microseconds(20));
  }
  if (answer == ncclSuccess) return;
  const char* const last = ncclGetLastError(comm);
  throw EnvironmentError(what + ": NCCL failed: " + ncclGetErrorString(answer) +
                         (last == nullptr || *last == 0 ? "" : std::string(": ") + last));
}

/// The communicator keeps the pointer: a name that lasts.
ncclConfig_t config_named(const char* name) {
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.blocking = 0;
  config.commName = name;
  return config;
}

ncclDataType_t nccl_type(Dtype dtype) {
  switch (dtype) {
    case Dtype::fp64: return ncclFloat64;
    case Dtype::fp32: return ncclFloat32;
    case Dtype::bf16: return ncclBfloat16;
    case Dtype::fp16: return ncclFloat16;
    case Dtype::int64: return ncclInt64;
  }
  return ncclInt64;
}

std::size_t elements_of(const TensorView& tensor) {
  return static_cast<std::size_t>(tensor.elements());
}

// ---- The largest element over the members

template <class C>
__device__ C without_payload(C value) {
  return value != value ? std::numeric_limits<C>::quiet_NaN() : value;
}
template <class C>
__device__ void store(const Output<C>& to, std::int64_t i, C value) {
  to.set(i, without_payload(value));
}
__device__ inline void store(const Global<std::int64_t>& to, std::int64_t i, std::int64_t value) {
  to[i] = value;
}

/// The members' tensors of `count` elements lie one after another in `gathered`. NaN if one of them
/// has NaN; of zeros of both signs that of the first member.
template <class T, class From, class To>
__global__ void largest_of_members_kernel(std::int64_t count, int members, From gathered,
                                          To largest) {
  for (std::int64_t i = first_element(); i < count; i += grid_threads()) {
    T best = gathered[i];
    for (int member = 1; member < members; ++member)
      best = larger<T>(gathered[member * count + i], best);
    store(largest, i, best);
  }
}

void largest_of_members(CudaDevice& device, Stream stream, const TensorView& gathered, int members,
                        const TensorView& largest) {
  const KernelCall call{.stream = stream};
  const std::int64_t count = largest.elements();
  if (largest.dtype == Dtype::int64) {
    launch_elements(
        device, call, count,
        largest_of_members_kernel<std::int64_t, Global<const std::int64_t>, Global<std::int64_t>>,
        count, members, integers(gathered), integers_to_write(largest));
    return;
  }
  in_compute_type_of(gathered, [&]<class C>(C) {
    launch_elements(device, call, count, largest_of_members_kernel<C, Input<C>, Output<C>>, count,
                    members, Input<C>(gathered), Output<C>(largest));
  });
}

}  // namespace

NcclCommunicator::NcclCommunicator(const ProcessGrid& grid, const MpiProcess& process,
                                   CudaDevice& device)
    : device_(device) {
  if (process.world() != grid.world())
    throw ScenarioError("the scenario has world = " + std::to_string(grid.world()) +
                        ", but the launcher started " + std::to_string(process.world()) + " ranks");
  ncclUniqueId id{};
  if (process.rank() == Rank{0}) settle(nullptr, ncclGetUniqueId(&id), "ncclGetUniqueId");
  process.broadcast(std::as_writable_bytes(std::span(&id, 1)), Rank{0});
  ncclConfig_t config = config_named("world");
  const ncclResult_t answer =
      ncclCommInitRankConfig(&world_, process.world(), id, process.rank().value, &config);
  settle(world_, answer, "ncclCommInitRankConfig");
  for (const Axis axis : {Axis::tp, Axis::dp}) {
    // Ranks whose other coordinate is equal form the group along an axis, ordered along it.
    const Axis other = axis == Axis::tp ? Axis::dp : Axis::tp;
    Group& group = groups_[static_cast<std::size_t>(axis)];
    group.size = grid.size(axis);
    group.comm = split(grid.group_rank(process.rank(), other).value,
                       grid.group_rank(process.rank(), axis).value, name_of(axis));
  }
}

ncclComm_t NcclCommunicator::split(int color, int key, const char* name) {
  ncclConfig_t config = config_named(name);
  ncclComm_t part = nullptr;  // until the world has done it
  const std::string what = std::string("ncclCommSplit for the ") + name + " group";
  settle(world_, ncclCommSplit(world_, color, key, &part, &config), what);
  settle(part, ncclSuccess, what);
  return part;
}

// Where something has failed the others may never come: what is under way is given up.
NcclCommunicator::~NcclCommunicator() {
  const bool failed = std::uncaught_exceptions() > 0;
  for (ncclComm_t comm : {groups_[0].comm, groups_[1].comm, world_})
    if (comm != nullptr) failed ? ncclCommAbort(comm) : ncclCommDestroy(comm);
}

Communicator::Ticket NcclCommunicator::start(const CollectiveRequest& request) {
  expect_well_formed(request, group_of(request).size);
  device_.begin_op(request.origin);
  on_stream(request);
  return started_++;
}

bool NcclCommunicator::try_complete(Ticket ticket) {
  SHARDPROOF_EXPECTS(0 <= ticket && ticket < started_, ticket, started_);
  return true;
}

void NcclCommunicator::on_stream(const CollectiveRequest& request) {
  const bool gathers = request.kind == CollectiveRequest::Kind::all_gather;
  const bool sums = request.kind == CollectiveRequest::Kind::all_reduce_sum;
  if (group_of(request).size == 1)
    device_.copy(request.input, request.output, request.stream);
  else if (request.input.elements() == 0)
    meet(request);
  else if (request.wire == request.dtype() && (gathers || sums))
    exchange(request, request.input, request.output);
  else
    in_pieces(request);
}

// NCCL takes nothing to be done at once; who sends nothing wants to meet the others all the same.
void NcclCommunicator::meet(const CollectiveRequest& request) {
  const TensorView number{Dtype::fp32, {1}, device_.workspace(request.stream)};
  device_.fill(number, std::byte{0}, request.stream);
  CollectiveRequest sum = request;
  sum.kind = CollectiveRequest::Kind::all_reduce_sum;
  exchange(sum, number, number);
}

void NcclCommunicator::in_pieces(const CollectiveRequest& request) {
  const bool sums = request.kind == CollectiveRequest::Kind::all_reduce_sum;
  const std::int64_t copies = sums ? 1 : group_of(request).size;
  const auto element_bytes = static_cast<std::int64_t>(size_bytes(request.wire));
  // The piece that is sent, and behind it those that are received: both begin on 64 bytes.
  const std::int64_t fits = static_cast<std::int64_t>(CudaDevice::kWorkspaceBytes) /
                            ((1 + copies) * element_bytes) / 64 * 64;
  std::byte* const behind = device_.workspace(request.stream) + fits * element_bytes;
  const std::int64_t all = request.input.elements();
  for (std::int64_t begin = 0; begin < all; begin += fits) {
    const std::int64_t count = std::min(fits, all - begin);
    const TensorView received{request.wire, {copies * count}, behind};
    send_piece(request, begin, count, received);
    take_piece(request, begin, count, received);
  }
}

void NcclCommunicator::send_piece(const CollectiveRequest& request, std::int64_t begin,
                                  std::int64_t count, const TensorView& received) {
  TensorView sent = stretch(request.input, begin, count);
  if (request.wire != request.dtype()) {
    sent = {request.wire, {count}, device_.workspace(request.stream)};
    cast(stretch(request.input, begin, count), sent, request.stream);
  }
  exchange(request, sent, received);
}

void NcclCommunicator::take_piece(const CollectiveRequest& request, std::int64_t begin,
                                  std::int64_t count, const TensorView& received) {
  const int members = group_of(request).size;
  switch (request.kind) {
    case CollectiveRequest::Kind::all_reduce_sum:
      return cast(received, stretch(request.output, begin, count), request.stream);
    case CollectiveRequest::Kind::all_reduce_max:
      return largest_of_members(device_, request.stream, received, members,
                                stretch(request.output, begin, count));
    case CollectiveRequest::Kind::all_gather:
      for (std::int64_t member = 0; member < members; ++member)
        cast(stretch(received, member * count, count),
             stretch(request.output, member * request.input.elements() + begin, count),
             request.stream);
  }
}

/// A sum, or else what all members sent, one after another.
void NcclCommunicator::exchange(const CollectiveRequest& request, const TensorView& from,
                                const TensorView& to) {
  const ncclComm_t comm = group_of(request).comm;
  const cudaStream_t stream = device_.handle(request.stream);
  const ncclDataType_t type = nccl_type(from.dtype);
  const ncclResult_t answer =
      request.kind == CollectiveRequest::Kind::all_reduce_sum
          ? ncclAllReduce(from.data, to.data, elements_of(from), type, ncclSum, comm, stream)
          : ncclAllGather(from.data, to.data, elements_of(from), type, comm, stream);
  settle(comm, answer, request.origin);
  device_.enqueued(0, cudaSuccess);
}

void NcclCommunicator::cast(const TensorView& from, const TensorView& to, Stream stream) {
  if (from.dtype == to.dtype) return device_.copy(from, to, stream);
  const Kernel kernel = device_.kernels().find(OpKind::cast);
  SHARDPROOF_EXPECTS(kernel != nullptr, device_.name(), "has no kernel for cast");
  kernel(device_, {.inputs = {from}, .outputs = {to}, .stream = stream});
}

std::string nccl_version() {
  int code = 0;
  settle(nullptr, ncclGetVersion(&code), "ncclGetVersion");
  return std::to_string(code / 10000) + "." + std::to_string(code / 100 % 100) + "." +
         std::to_string(code % 100);
}

}  // namespace shardproof::real::SHARDPROOF_GPU
