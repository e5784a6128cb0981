// The simulated NCCL's collectives. Its sums are NCCL's ring (v2.28, src/device/all_reduce.h,
// runRing): the tensor in rounds of one chunk a member; in each, chunk c starts at member c + 1 and
// goes up the ring, every member adding its own and rounding, until member c has the sum, which
// then goes round as it is:
//
//   sum of chunk c = (((x[c+1] + x[c+2]) + ...) + x[c-1]) + x[c]
//
// A member reads its own numbers when its turn comes and writes each chunk as it arrives: whoever
// touches a buffer that is under way shows.

#include "sim/gpu/nccl_collectives.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "sim/gpu/messages.hpp"
#include "sim/gpu/runtime.hpp"

namespace shardproof::sim::gpu {

namespace {

using Bytes = std::vector<std::byte>;

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
       " since " + std::to_string(nccl_patience.count()) + " ms");
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

}  // namespace

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

}  // namespace shardproof::sim::gpu
