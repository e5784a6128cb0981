#include "sim/reduction_order.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "scenarios/errors.hpp"

namespace shardproof::sim {

namespace {
using Kind = real::CollectiveRequest::Kind;
using Inputs = std::vector<std::span<const std::byte>>;

// A dtype as it is added: `Value` computes, `Stored` travels.
struct Fp64 {
  using Stored = double;
  using Value = double;
  static Value read(Stored stored) { return stored; }
  static Stored round(Value value) { return value; }
};
struct Fp32 {
  using Stored = float;
  using Value = float;
  static Value read(Stored stored) { return stored; }
  static Stored round(Value value) { return value; }
};
struct Bf16 {
  using Stored = std::uint16_t;
  using Value = float;  // wide enough: a bf16 sum rounded to fp32 and then to bf16 is rounded once
  static Value read(Stored stored) { return float_from_bf16(stored); }
  static Stored round(Value value) { return bf16_from_float(value); }
};
struct Fp16 {
  using Stored = std::uint16_t;
  using Value = float;  // as for bf16: 24 >= 2 * 11 + 2
  static Value read(Stored stored) { return float_from_fp16(stored); }
  static Stored round(Value value) { return fp16_from_float(value); }
};

template <class Format>
typename Format::Stored element(std::span<const std::byte> bytes, std::size_t i) {
  typename Format::Stored stored;
  std::memcpy(&stored, bytes.data() + i * sizeof(stored), sizeof(stored));
  return stored;
}

/// x[first] + x[first + 1] + ... + x[first + n - 1], member numbers modulo n, from left to right.
/// A NaN comes out as the one positive quiet NaN.
template <class Format>
typename Format::Stored sum_from(const Inputs& inputs, std::size_t first, std::size_t i) {
  typename Format::Stored sum = element<Format>(inputs[first], i);
  for (std::size_t k = 1; k < inputs.size(); ++k) {
    const auto next = element<Format>(inputs[(first + k) % inputs.size()], i);
    sum = Format::round(Format::read(sum) + Format::read(next));
  }
  using Value = typename Format::Value;
  return std::isnan(Format::read(sum)) ? Format::round(std::numeric_limits<Value>::quiet_NaN())
                                       : sum;
}

/// The largest; of equal ones (zeros of both signs) that of the lowest rank; NaN if there is one.
template <class Format>
typename Format::Stored largest(const Inputs& inputs, std::size_t i) {
  using Value = typename Format::Value;
  Value best = -std::numeric_limits<Value>::infinity();
  for (auto input = inputs.rbegin(); input != inputs.rend(); ++input) {
    const Value value = Format::read(element<Format>(*input, i));
    if (std::isnan(value)) return Format::round(std::numeric_limits<Value>::quiet_NaN());
    if (value >= best) best = value;
  }
  return Format::round(best);
}

/// The chunk of the ring that holds element i of N: the c with floor(cN/n) <= i < floor((c+1)N/n).
std::size_t chunk_of(std::size_t i, std::size_t N, std::size_t n) { return ((i + 1) * n - 1) / N; }

using Stretches = std::vector<Stretch>;

bool lies_in(const Stretches& stretches, std::size_t i) {
  const auto element = static_cast<std::int64_t>(i);
  return std::ranges::any_of(stretches, [&](const Stretch& stretch) {
    return element >= stretch.begin && element < stretch.begin + stretch.count;
  });
}

template <class Format>
std::vector<std::byte> reduce(Kind kind, ReductionOrder order, const Stretches& in_rank_order,
                              const Inputs& inputs) {
  const std::size_t n = inputs.size();
  std::vector<std::byte> out(inputs[0].size());
  const std::size_t N = out.size() / sizeof(typename Format::Stored);
  for (std::size_t i = 0; i < N; ++i) {
    const bool ring = order != ReductionOrder::rank_order && !lies_in(in_rank_order, i);
    const std::size_t first = ring ? (chunk_of(i, N, n) + 1) % n : 0;
    const auto value = kind == Kind::all_reduce_max ? largest<Format>(inputs, i)
                                                    : sum_from<Format>(inputs, first, i);
    std::memcpy(out.data() + i * sizeof(value), &value, sizeof(value));
  }
  return out;
}

std::vector<std::byte> largest_integers(const Inputs& inputs) {
  std::vector<std::byte> out(inputs[0].begin(), inputs[0].end());
  for (const auto input : inputs)
    for (std::size_t at = 0; at < out.size(); at += sizeof(std::int64_t)) {
      std::int64_t best, next;
      std::memcpy(&best, out.data() + at, sizeof(best));
      std::memcpy(&next, input.data() + at, sizeof(next));
      if (next > best) std::memcpy(out.data() + at, &next, sizeof(next));
    }
  return out;
}

std::vector<std::byte> concatenate(const Inputs& inputs) {
  std::vector<std::byte> out;
  for (const auto input : inputs) out.insert(out.end(), input.begin(), input.end());
  return out;
}

std::vector<std::byte> on_the_wire(Kind kind, ReductionOrder order, const Stretches& apart,
                                   Dtype wire, const Inputs& inputs) {
  if (kind == Kind::all_gather) return concatenate(inputs);
  switch (wire) {
    case Dtype::fp64: return reduce<Fp64>(kind, order, apart, inputs);
    case Dtype::fp32: return reduce<Fp32>(kind, order, apart, inputs);
    case Dtype::bf16: return reduce<Bf16>(kind, order, apart, inputs);
    case Dtype::fp16: return reduce<Fp16>(kind, order, apart, inputs);
    case Dtype::int64:
      SHARDPROOF_EXPECTS(kind == Kind::all_reduce_max, "no sum of", name_of(wire));
      return largest_integers(inputs);
  }
  return {};
}

std::vector<std::byte> rounded(Dtype from, std::span<const std::byte> values, Dtype to) {
  std::vector<double> decoded(values.size() / size_bytes(from));
  std::vector<std::byte> out(decoded.size() * size_bytes(to));
  decode(from, values, decoded);
  encode(to, decoded, out);
  return out;
}
}  // namespace

std::vector<std::byte> result_of(Kind kind, ReductionOrder order, Dtype dtype, Dtype wire,
                                 std::span<const std::span<const std::byte>> inputs,
                                 const std::vector<Stretch>& in_rank_order) {
  SHARDPROOF_EXPECTS(!inputs.empty());
  if (inputs.size() == 1) return {inputs[0].begin(), inputs[0].end()};
  if (wire == dtype)
    return on_the_wire(kind, order, in_rank_order, wire, {inputs.begin(), inputs.end()});
  std::vector<std::vector<std::byte>> travelling;
  for (const auto input : inputs) travelling.push_back(rounded(dtype, input, wire));
  return rounded(
      wire, on_the_wire(kind, order, in_rank_order, wire, {travelling.begin(), travelling.end()}),
      dtype);
}

}  // namespace shardproof::sim
