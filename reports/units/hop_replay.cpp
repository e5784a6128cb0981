#include "reports/units/hop_replay.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

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

// The member whose value the sum of element i starts with; the others follow in ascending order,
// cyclically (DESIGN section 4, "The pinned orders").
std::size_t first_member(ReductionOrder order, std::size_t i, std::size_t elements, std::size_t n) {
  if (order == ReductionOrder::rank_order) return 0;
  SHARDPROOF_EXPECTS(order == ReductionOrder::ring, name_of(order));
  std::size_t chunk = 0;
  while ((chunk + 1) * elements / n <= i) ++chunk;
  return (chunk + 1) % n;
}

}  // namespace

std::vector<std::byte> replay_sum(ReductionOrder order, Dtype dtype, Dtype wire,
                                  std::span<const std::vector<std::byte>> members,
                                  const std::vector<Stretch>& in_rank_order) {
  const std::size_t n = members.size();
  if (n == 1) return members[0];
  const auto values = decode_all(dtype, members);
  const std::size_t elements = values[0].size();
  std::vector<double> sums(elements);
  std::vector<bool> from_rank_0(elements, order == ReductionOrder::rank_order);
  for (const Stretch& stretch : in_rank_order)
    for (std::int64_t i = 0; i < stretch.count; ++i)
      from_rank_0[static_cast<std::size_t>(stretch.begin + i)] = true;
  for (std::size_t i = 0; i < elements; ++i) {
    const std::size_t first = from_rank_0[i] ? 0 : first_member(order, i, elements, n);
    double sum = round_to(wire, values[first][i]);
    for (std::size_t hop = 1; hop < n; ++hop)
      sum = round_to(wire, sum + round_to(wire, values[(first + hop) % n][i]));
    // Whatever bits the members' NaNs had: a sum that is one is the positive quiet NaN.
    sums[i] = std::isnan(sum) ? std::numeric_limits<double>::quiet_NaN() : sum;
  }
  return encode_all(dtype, sums);
}

reference::UnitResult bound_sum(Dtype dtype, Dtype wire,
                                std::span<const std::vector<std::byte>> members) {
  std::vector<double> terms;  // (members, elements)
  for (const std::vector<double>& member : decode_all(dtype, members))
    for (const double value : member)
      terms.push_back(members.size() == 1 ? value : round_to(wire, value));
  const auto n = static_cast<std::int64_t>(members.size());
  const std::vector<reference::Operand> operands{{{n, std::ssize(terms) / n}, terms}};
  return reference::replay(reference::UnitKind::sum, {}, {.output = dtype, .hop = wire}, operands);
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

std::vector<std::byte> replay_gather(std::span<const std::vector<std::byte>> members) {
  std::vector<std::byte> all;
  for (const std::vector<std::byte>& member : members)
    all.insert(all.end(), member.begin(), member.end());
  return all;
}

}  // namespace shardproof::reports
