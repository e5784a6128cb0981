#include "real/comm/collective.hpp"

#include <vector>

#include "real/comm/announcement.hpp"
#include "real/comm/host_memory.hpp"
#include "real/comm/rank_order.hpp"
#include "real/comm/ring.hpp"
#include "scenarios/errors.hpp"

namespace shardproof::real {

const char* name_of(CollectiveRequest::Kind kind) {
  switch (kind) {
    case CollectiveRequest::Kind::all_reduce_sum: return "all_reduce_sum";
    case CollectiveRequest::Kind::all_reduce_max: return "all_reduce_max";
    case CollectiveRequest::Kind::all_gather: return "all_gather";
  }
  return "?";
}

namespace {
/// The same values in another dtype, each rounded once.
void recast(Dtype from, std::span<const std::byte> values, Dtype to, std::span<std::byte> out) {
  std::vector<double> decoded(values.size() / size_bytes(from));
  decode(from, values, decoded);
  encode(to, decoded, out);
}

/// Some elements one after another, out of a buffer and back into it.
std::vector<std::byte> taken(std::span<const std::byte> from, const std::vector<Stretch>& some,
                             std::size_t size) {
  std::vector<std::byte> bytes;
  for (const Stretch& stretch : some) {
    const auto part = from.subspan(static_cast<std::size_t>(stretch.begin) * size,
                                   static_cast<std::size_t>(stretch.count) * size);
    bytes.insert(bytes.end(), part.begin(), part.end());
  }
  return bytes;
}
void put(std::span<const std::byte> bytes, const std::vector<Stretch>& some, std::size_t size,
         std::span<std::byte> to) {
  for (const Stretch& stretch : some) {
    const std::size_t count = static_cast<std::size_t>(stretch.count) * size;
    std::ranges::copy(bytes.first(count),
                      to.begin() + stretch.begin * static_cast<std::ptrdiff_t>(size));
    bytes = bytes.subspan(count);
  }
}

void ring_sum(Channel& channel, Dtype dtype, const std::vector<Stretch>& in_rank_order,
              std::span<std::byte> buffer) {
  std::vector<std::byte> apart = taken(buffer, in_rank_order, size_bytes(dtype));
  ring_all_reduce(channel, Combine::sum, dtype, buffer);
  if (apart.empty()) return;
  rank_order_all_reduce(channel, Combine::sum, dtype, apart);
  put(apart, in_rank_order, size_bytes(dtype), buffer);
}

void run_on_the_wire(Channel& channel, ReductionOrder order, const CollectiveRequest& request,
                     Dtype dtype, std::span<const std::byte> input, std::span<std::byte> output) {
  const CollectiveRequest::Kind kind = request.kind;
  if (kind == CollectiveRequest::Kind::all_gather) return ring_all_gather(channel, input, output);
  copy_bytes(input, output);
  if (kind == CollectiveRequest::Kind::all_reduce_max)
    return rank_order_all_reduce(channel, Combine::max, dtype, output);
  SHARDPROOF_EXPECTS(order != ReductionOrder::library, "is not a pinned order");
  if (order == ReductionOrder::ring) return ring_sum(channel, dtype, request.in_rank_order, output);
  rank_order_all_reduce(channel, Combine::sum, dtype, output);
}
}  // namespace

void expect_well_formed(const CollectiveRequest& request, int group_size) {
  const bool gathers = request.kind == CollectiveRequest::Kind::all_gather;
  const std::int64_t copies = gathers ? group_size : 1;
  SHARDPROOF_EXPECTS(request.output.dtype == request.dtype(), name_of(request.output.dtype),
                     name_of(request.dtype()), request.origin);
  SHARDPROOF_EXPECTS(request.output.elements() == copies * request.input.elements(),
                     request.output.elements(), request.input.elements(), name_of(request.kind),
                     request.origin);
}

void run_collective(Channel& channel, ReductionOrder order, std::int64_t number,
                    const CollectiveRequest& request) {
  expect_well_formed(request, channel.size());
  const std::span<const std::byte> from = host_bytes(request.input);
  const std::span<std::byte> to = host_bytes(request.output);
  if (channel.size() == 1) {
    copy_bytes(from, to);
    return;
  }
  announce(channel, number, request);
  if (request.wire == request.dtype())
    return run_on_the_wire(channel, order, request, request.dtype(), from, to);
  const auto on_the_wire = [&](const TensorView& tensor) {
    return std::vector<std::byte>(static_cast<std::size_t>(tensor.elements()) *
                                  size_bytes(request.wire));
  };
  std::vector<std::byte> input = on_the_wire(request.input);
  std::vector<std::byte> output = on_the_wire(request.output);
  recast(request.dtype(), from, request.wire, input);
  run_on_the_wire(channel, order, request, request.wire, input, output);
  recast(request.wire, output, request.dtype(), to);
}

}  // namespace shardproof::real
