#include "reports/compare/element_compare.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "reports/compare/common_factor.hpp"
#include "reports/compare/rounding_set.hpp"
#include "reports/values/recorded_numbers.hpp"
#include "scenarios/errors.hpp"

namespace shardproof::reports {

namespace {

bool same_number(double a, double b) { return a == b && std::signbit(a) == std::signbit(b); }

void note_failure(Comparison& result, std::int64_t index, double expected, double got,
                  double bound) {
  if (result.failed++ > 0) return;
  result.first_failed = index;
  result.expected = expected;
  result.got = got;
  result.bound = bound;
}

// True where an overflow explains what the acceptance set does not hold, or leaves nothing to hold.
bool overflowed(const reference::UnitResult& unit, std::size_t i, double r) {
  if (unit.finite_arguments)
    return !std::isfinite(r) && i < unit.may_overflow.size() && unit.may_overflow[i];
  const double room = unit.bound.empty() ? 0 : unit.bound[i] + unit.error[i];
  return !std::isfinite(r) || !std::isfinite(unit.value[i]) || !std::isfinite(room);
}

}  // namespace

void Comparison::add(const Comparison& other) {
  compared += other.compared;
  failed += other.failed;
  max_ratio = std::max(max_ratio, other.max_ratio);
  max_absolute = std::max(max_absolute, other.max_absolute);
  if (other.first_failed < 0 || (first_failed >= 0 && first_failed < other.first_failed)) return;
  first_failed = other.first_failed;
  expected = other.expected;
  got = other.got;
  bound = other.bound;
}

std::vector<double> room_of(const reference::UnitResult& unit) {
  std::vector<double> room = unit.bound;
  for (std::size_t i = 0; i < room.size(); ++i) room[i] += unit.error[i];
  return room;
}

bool passes(Dtype storage, const reference::UnitResult& unit, std::size_t i, double r,
            NonFinite non_finite) {
  const bool in_set = unit.bound.empty()
                          ? same_number(unit.value[i], r)
                          : accepts(storage, unit.value[i], unit.bound[i], unit.error[i], r);
  return in_set || (non_finite == NonFinite::accepted && overflowed(unit, i, r));
}

namespace {

void compare_one(Dtype storage, const reference::UnitResult& unit, std::size_t i, double r,
                 NonFinite non_finite, Comparison& result) {
  const double f = unit.value[i];
  const double b = unit.bound.empty() ? 0 : unit.bound[i];
  const double e = unit.bound.empty() ? 0 : unit.error[i];
  if (!passes(storage, unit, i, r, non_finite))
    note_failure(result, static_cast<std::int64_t>(i), f, r, b + e);
  if (!unit.bound.empty() && std::isfinite(r) && std::isfinite(f + b + e))
    result.max_ratio = std::max(result.max_ratio, ratio(storage, f, b, e, r));
}

}  // namespace

Comparison compare_to_set(Dtype storage, const reference::UnitResult& unit,
                          std::span<const double> recorded, NonFinite non_finite) {
  SHARDPROOF_EXPECTS(recorded.size() == unit.value.size(), recorded.size(), unit.value.size());
  SHARDPROOF_EXPECTS(unit.sound || non_finite == NonFinite::accepted,
                     "a unit without a sound bound cannot be compared");
  const bool bitwise = unit.bound.empty() && unit.error.empty();
  SHARDPROOF_EXPECTS(bitwise || (unit.bound.size() == unit.value.size() &&
                                 unit.error.size() == unit.value.size()));
  Comparison result;
  result.compared = std::ssize(recorded);
  // Most lie well inside; those that a quick look leaves in doubt are asked one by one.
  std::array<std::uint8_t, 512> doubtful;
  for (std::size_t first = 0; first < recorded.size(); first += doubtful.size()) {
    const auto some = std::span(doubtful).first(std::min(doubtful.size(), recorded.size() - first));
    Screening seen;
    if (bitwise)
      seen.doubtful = screen_bits(&unit.value[first], &recorded[first], some);
    else
      seen = screen(storage, &unit.value[first], &unit.bound[first], &unit.error[first],
                    &recorded[first], some);
    result.max_ratio = std::max(result.max_ratio, seen.max_ratio);
    for (std::size_t i = 0; seen.doubtful > 0 && i < some.size(); ++i)
      if (some[i] != 0)
        compare_one(storage, unit, first + i, recorded[first + i], non_finite, result);
  }
  if (result.failed > 0)
    result.factor = common_factor(storage, unit.value, room_of(unit), recorded, result.failed);
  return result;
}

namespace {

std::vector<double> decoded(Dtype dtype, std::span<const std::byte> bytes) {
  std::vector<double> values(bytes.size() / size_bytes(dtype));
  decode_recorded(dtype, bytes, values);
  return values;
}

void note_difference(Comparison& result, std::int64_t index, double expected, double got) {
  note_failure(result, index, expected, got, 0);
  const double difference = std::fabs(expected - got);  // 0 for zeros of both signs
  result.max_absolute = std::isfinite(difference) ? std::max(result.max_absolute, difference)
                                                  : std::numeric_limits<double>::infinity();
}

}  // namespace

Comparison compare_bits(std::span<const std::byte> expected, std::span<const std::byte> got,
                        Dtype dtype) {
  const std::size_t size = size_bytes(dtype);
  SHARDPROOF_EXPECTS(expected.size() == got.size() && expected.size() % size == 0, expected.size(),
                     got.size());
  Comparison result;
  result.compared = static_cast<std::int64_t>(expected.size() / size);
  if (expected.empty() || std::memcmp(expected.data(), got.data(), expected.size()) == 0)
    return result;
  for (std::size_t at = 0; at < expected.size(); at += size) {
    const auto x = expected.subspan(at, size), y = got.subspan(at, size);
    if (std::equal(x.begin(), x.end(), y.begin())) continue;
    double from = 0, to = 0;
    decode_recorded(dtype, x, {&from, 1});
    decode_recorded(dtype, y, {&to, 1});
    note_difference(result, static_cast<std::int64_t>(at / size), from, to);
  }
  result.factor =
      common_factor(dtype, decoded(dtype, expected), {}, decoded(dtype, got), result.failed);
  return result;
}

}  // namespace shardproof::reports
