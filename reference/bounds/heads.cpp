#include "reference/bounds/heads.hpp"

#include <algorithm>
#include <cmath>

#include "reference/bounds/sums.hpp"
#include "reference/ops/heads.hpp"
#include "scenarios/errors.hpp"

namespace shardproof::reference {

namespace {

Shape with_features(Shape shape, std::int64_t features) {
  SHARDPROOF_EXPECTS(!shape.empty());
  shape.back() = features;
  return shape;
}

std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }

}  // namespace

UnitResult replay_positions(const UnitCall& unit) {
  const Operand& tokens = unit.arguments[0];
  UnitResult result = bitwise_result(tokens.shape);
  for (std::size_t i = 0; i < result.value.size(); ++i)
    result.value[i] =
        unit.attributes.offset + as_real(static_cast<std::int64_t>(i) % tokens.shape.back());
  return result;
}

UnitResult replay_split(const UnitCall& unit) {
  const Operand& x = unit.arguments[0];
  const HeadParts p(unit.attributes.parts, index(unit.attributes.part));
  const std::int64_t heads = p.heads(x.shape.back());
  UnitResult result = bitwise_result(with_features(x.shape, heads * p.part));
  for (std::size_t i = 0; i < result.value.size(); ++i) {
    const auto at = static_cast<std::int64_t>(i);
    const std::int64_t from = at / p.part * p.width + p.begin + at % p.part;
    result.value[i] = round_once(unit.precision.output, x.values[index(from)]);
  }
  return result;
}

UnitResult replay_join(const UnitCall& unit) {
  const auto& parts = unit.attributes.parts;
  SHARDPROOF_EXPECTS(parts.size() == unit.arguments.size(), parts.size(), unit.arguments.size());
  std::int64_t features = 0;
  for (const Operand& x : unit.arguments) features += x.shape.back();
  UnitResult result = bitwise_result(with_features(unit.arguments[0].shape, features));
  for (std::size_t k = 0; k < parts.size(); ++k) {
    const HeadParts p(parts, k);
    const auto values = unit.arguments[k].values;
    SHARDPROOF_EXPECTS(p.heads(features) * p.part == unit.arguments[k].shape.back(), p.part,
                       to_string(unit.arguments[k].shape));
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto at = static_cast<std::int64_t>(i);
      result.value[index(at / p.part * p.width + p.begin + at % p.part)] =
          round_once(unit.precision.output, values[i]);
    }
  }
  return result;
}

UnitResult replay_repeat_heads(const UnitCall& unit) {
  const Operand& x = unit.arguments[0];
  const std::int64_t width = x.shape.back(), features = unit.attributes.extent * width;
  UnitResult result = bitwise_result(with_features(x.shape, features));
  for (std::size_t i = 0; i < result.value.size(); ++i) {
    const auto at = static_cast<std::int64_t>(i);
    result.value[i] =
        round_once(unit.precision.output, x.values[index(at / features * width + at % width)]);
  }
  return result;
}

// docs/bounds.md, "Sums in any order", with n = h: additions of IEEE numbers do not underflow.
UnitResult replay_sum_heads(const UnitCall& unit) {
  const Operand& x = unit.arguments[0];
  const std::int64_t width = unit.attributes.head_dim, features = x.shape.back();
  SHARDPROOF_EXPECTS(width > 0 && features % width == 0, features, width);
  UnitResult result = bounded_result(with_features(x.shape, width));
  std::vector<double> magnitude(result.value.size());
  for (std::size_t i = 0; i < x.values.size(); ++i) {
    const auto at = static_cast<std::int64_t>(i);
    const std::size_t to = index(at / features * width + at % width);
    // From the first head, not from zero: 0 + (-0) would be +0.
    result.value[to] = at % features < width ? x.values[i] : result.value[to] + x.values[i];
    magnitude[to] += std::fabs(x.values[i]);
  }
  const double additions = std::max(as_real(features / width) - 1, 0.0);
  const double largest = largest_sum(unit.precision);
  for (std::size_t i = 0; i < magnitude.size(); ++i) {
    const double bound = additions * unit_roundoff(unit.precision.compute) * magnitude[i];
    result.bound[i] = with_partials(bound, magnitude[i], unit.precision);
    result.error[i] = additions * oracle_arithmetic().u * magnitude[i];
    if (magnitude[i] + result.bound[i] > largest) note_overflow(result, i);
  }
  settle(result);
  return result;
}

}  // namespace shardproof::reference
