#include "reports/units/hop_replay.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "reference/bounds/bounds.hpp"
#include "scenarios/errors.hpp"

namespace shardproof::reports {

namespace {

std::vector<std::vector<double>> decode_all(Dtype dtype,
                                            std::span<const std::vector<std::byte>> members) {
  std::vector<std::vector<double>> values;
  for (const std::vector<std::byte>& member : members) {
    values.emplace_back(member.size() / size_bytes(dtype));
    decode(dtype, member, values.back());
  }
  return values;
}

std::vector<std::byte> encode_all(Dtype dtype, const std::vector<double>& values) {
  std::vector<std::byte> bytes(values.size() * size_bytes(dtype));
  encode(dtype, values, bytes);
  return bytes;
}

/// Elements whose sums start with the same member; the others follow in ascending order, cyclically
/// (DESIGN section 4, "The pinned orders").
struct Chunk {
  std::size_t begin, end, first_member;
};

// Adds the elements of a chunk, but those of the stretches as sums that start with rank 0.
void add(std::vector<Chunk>& chunks, Chunk chunk, std::span<const Stretch> in_rank_order) {
  for (const Stretch& stretch : in_rank_order) {
    const std::size_t begin = std::max(static_cast<std::size_t>(stretch.begin), chunk.begin);
    const std::size_t end =
        std::min(static_cast<std::size_t>(stretch.begin + stretch.count), chunk.end);
    if (begin >= end) continue;
    chunks.push_back({chunk.begin, begin, chunk.first_member});
    chunks.push_back({begin, end, 0});
    chunk.begin = end;
  }
  chunks.push_back(chunk);
}

std::vector<Chunk> chunks_of(ReductionOrder order, std::size_t elements, std::size_t n,
                             std::span<const Stretch> in_rank_order) {
  if (order == ReductionOrder::rank_order) return {{0, elements, 0}};
  SHARDPROOF_EXPECTS(order == ReductionOrder::ring, name_of(order));
  std::vector<Chunk> chunks;
  for (std::size_t c = 0; c < n; ++c)
    add(chunks, {c * elements / n, (c + 1) * elements / n, (c + 1) % n}, in_rank_order);
  return chunks;
}

}  // namespace

std::vector<std::byte> replay_sum(ReductionOrder order, Dtype dtype, Dtype wire,
                                  std::span<const std::vector<std::byte>> members,
                                  std::span<const Stretch> in_rank_order, PlaceInVector place) {
  const std::size_t n = members.size();
  if (n == 1) return members[0];
  const auto values = decode_all(dtype, members);
  const std::size_t count = values[0].size(), at = static_cast<std::size_t>(place.first);
  const std::size_t all = place.of > 0 ? static_cast<std::size_t>(place.of) : count;
  std::vector<double> sums(count);
  for (const Chunk& chunk : chunks_of(order, all, n, in_rank_order)) {
    const std::size_t begin = std::max(chunk.begin, at), end = std::min(chunk.end, at + count);
    for (std::size_t i = begin; i < end; ++i) {
      double sum = reference::round_once(wire, values[chunk.first_member][i - at]);
      for (std::size_t hop = 1; hop < n; ++hop) {
        const double term = values[(chunk.first_member + hop) % n][i - at];
        sum = reference::round_once(wire, sum + reference::round_once(wire, term));
      }
      // Whatever bits the members' NaNs had: a sum that is one is the positive quiet NaN.
      sums[i - at] = std::isnan(sum) ? std::numeric_limits<double>::quiet_NaN() : sum;
    }
  }
  return encode_all(dtype, sums);
}

namespace {

// Every integer to the last bit, which fp64 does not promise beyond 2^53.
std::vector<std::byte> largest_integers(std::span<const std::vector<std::byte>> members) {
  std::vector<std::int64_t> largest(members[0].size() / sizeof(std::int64_t));
  std::vector<std::int64_t> member(largest.size());
  for (std::size_t m = 0; m < members.size(); ++m) {
    std::memcpy(member.data(), members[m].data(), members[m].size());
    for (std::size_t i = 0; i < largest.size(); ++i)
      largest[i] = m == 0 ? member[i] : std::max(largest[i], member[i]);
  }
  const auto bytes = std::as_bytes(std::span(largest));
  return {bytes.begin(), bytes.end()};
}

}  // namespace

std::vector<std::byte> replay_max(Dtype dtype, std::span<const std::vector<std::byte>> members) {
  if (dtype == Dtype::int64) return largest_integers(members);
  const auto values = decode_all(dtype, members);
  std::vector<double> largest = values[0];
  for (const std::vector<double>& member : values)
    for (std::size_t i = 0; i < largest.size(); ++i)
      largest[i] = std::isnan(largest[i]) || std::isnan(member[i])
                       ? std::numeric_limits<double>::quiet_NaN()
                       : std::max(largest[i], member[i]);
  return encode_all(dtype, largest);
}

}  // namespace shardproof::reports
