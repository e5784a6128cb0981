#include "reports/cause/factors.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "reports/compare/rounding_set.hpp"
#include "reports/verdict/skipped_steps.hpp"

namespace shardproof::reports {

namespace {

constexpr double largest = 0x1p40;

std::optional<double> scalar(const Suspect& suspect, const char* name) {
  if (suspect.divergence.moment.stage != Moment::Stage::step) return std::nullopt;
  return recorded_scalar(suspect.trace, scalar_path(suspect.divergence.moment.step, name),
                         suspect.divergence.rank);
}

// The numbers c for which c times what was expected may be what was recorded.
struct Interval {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();

  bool holds(double value) const { return low <= value && value <= high; }
  bool is_empty() const { return !(low <= high); }
  double middle() const { return low + (high - low) / 2; }
  void meet(const Interval& other) {
    low = std::max(low, other.low);
    high = std::min(high, other.high);
  }
};

// What is multiplied has been rounded once already, and is rounded once more.
double room_at(const Probed& numbers, std::size_t i) {
  const double room = numbers.is_bitwise() ? 0 : numbers.room[i];
  return room + ulp(numbers.storage, numbers.value[i]) / 2;
}

bool is_explained(const Probed& numbers, std::size_t i, double factor) {
  return accepts(numbers.storage, factor * numbers.value[i],
                 std::fabs(factor) * room_at(numbers, i), 0, numbers.recorded[i]);
}

// Of one element; everything where it tells nothing.
Interval interval_of(const Probed& numbers, std::size_t i) {
  const double f = numbers.value[i], s = room_at(numbers, i), sign = f < 0 ? -1 : 1;
  if (!(std::fabs(f) > 2 * s) || !std::isfinite(numbers.recorded[i])) return {};
  const double r = sign * numbers.recorded[i], half = ulp(numbers.storage, r) / 2;
  Interval interval{std::numeric_limits<double>::infinity(),
                    -std::numeric_limits<double>::infinity()};
  for (const double a : {r - half, r + half})
    for (const double b : {std::fabs(f) - s, std::fabs(f) + s}) {
      interval.low = std::min(interval.low, a / b);
      interval.high = std::max(interval.high, a / b);
    }
  const double slack = 0x1p-50 * std::max(std::fabs(interval.low), std::fabs(interval.high));
  return {interval.low - slack, interval.high + slack};
}

// The decimal with the fewest digits.
double shortest(const Interval& interval) {
  for (int digits = 1; digits < 17; ++digits) {
    char text[40];
    std::snprintf(text, sizeof text, "%.*g", digits, interval.middle());
    const double rounded = std::strtod(text, nullptr);
    if (interval.holds(rounded)) return rounded;
  }
  return interval.middle();
}

// A whole number, or one over it.
std::optional<double> simple(const Interval& interval) {
  const double middle = interval.middle();
  const double size = std::fabs(middle);
  if (size > largest || size < 1 / largest) return std::nullopt;
  const double whole = size >= 1 ? std::round(size) : 1 / std::round(1 / size);
  const double factor = std::copysign(whole, middle);
  return interval.holds(factor) && factor != 1 ? std::optional(factor) : std::nullopt;
}

Cause cause_of(double factor, const std::string& names, double score) {
  return {"factor", factor, score, names};
}

bool tells(const Probed& numbers) {
  return numbers.storage != Dtype::int64 && !numbers.recorded.empty() &&
         numbers.has_bits(numbers.wrong_count);
}

bool explains_all(const Probed& numbers, double factor) {
  for (std::size_t i = 0; i < numbers.size(); ++i)
    if (!is_explained(numbers, i, factor)) return false;
  return true;
}

}  // namespace

std::vector<NamedFactor> named_factors(const Suspect& suspect) {
  const ProcessGrid grid = suspect.trace.grid();
  const double tp = grid.size(Axis::tp), dp = grid.size(Axis::dp);
  const double micro_steps = suspect.context.scenario.training.accumulation;
  std::vector<NamedFactor> whole{{tp, "tp"},
                                 {dp, "dp"},
                                 {tp * dp, "world"},
                                 {micro_steps, "micro-steps"},
                                 {dp * micro_steps, "dp * micro-steps"}};
  if (tp == 1 || dp == 1) whole.erase(whole.begin() + 2);
  if (dp == 1 || micro_steps == 1) whole.pop_back();
  if (const auto scale = scalar(suspect, "loss_scale")) whole.push_back({*scale, "loss scale"});
  const std::size_t plain = whole.size();
  for (std::size_t i = 0; i < plain; ++i)
    whole.push_back({whole[i].value * whole[i].value, whole[i].name + " squared"});
  whole.push_back({std::sqrt(tp), "root of tp"});
  whole.push_back({std::sqrt(dp), "root of dp"});
  whole.push_back({tp - 1, "tp - 1"});
  whole.push_back({dp - 1, "dp - 1"});
  if (const auto clip = scalar(suspect, "clip_factor")) whole.push_back({*clip, "clip factor"});
  std::vector<NamedFactor> factors;
  for (const NamedFactor& factor : whole) {
    if (factor.value == 1 || !(factor.value > 0)) continue;
    factors.push_back(factor);
    factors.push_back({1 / factor.value, "1/" + (factor.name.find(' ') == std::string::npos
                                                     ? factor.name
                                                     : "(" + factor.name + ")")});
  }
  factors.push_back({-1, "the other sign"});
  return factors;
}

std::string names_of(const std::vector<NamedFactor>& factors, double value) {
  std::string names;
  for (const NamedFactor& factor : factors)
    if (factor.value == value) names += (names.empty() ? "" : ", ") + factor.name;
  return names;
}

namespace {

// What explains all numbers.
std::optional<Interval> interval_of(const Probed& numbers) {
  Interval interval;
  for (std::size_t i = 0; i < numbers.size() && !interval.is_empty(); ++i)
    interval.meet(interval_of(numbers, i));
  if (interval.is_empty() || !std::isfinite(interval.low) || !std::isfinite(interval.high))
    return std::nullopt;
  return interval;
}

// The same, if that leaves but a small gap.
std::optional<Interval> narrow_interval_of(const Probed& numbers) {
  const auto interval = interval_of(numbers);
  if (!interval) return std::nullopt;
  const double size = std::max(std::fabs(interval->low), std::fabs(interval->high));
  return interval->high - interval->low > size / 32 ? std::nullopt : interval;
}

}  // namespace

std::optional<Cause> named_factor_of(const Suspect& suspect) {
  const std::vector<NamedFactor> named = named_factors(suspect);
  if (const auto& known = suspect.divergence.cause; known && known->name == "factor") {
    const double factor = *known->coefficient;
    if (factor == 0)
      return Cause{"zeros", 0.0, 1.0, suspect.is_scalar() ? "it is zero" : "all of it is zero"};
    const std::string names = names_of(named, factor);
    return names.empty() ? std::nullopt : std::optional(cause_of(factor, names, 1));
  }
  if (!suspect.probe || !tells(suspect.probe->numbers())) return std::nullopt;
  const auto interval = narrow_interval_of(suspect.probe->numbers());
  if (!interval) return std::nullopt;
  for (const NamedFactor& factor : named)
    if (interval->holds(factor.value) && explains_all(suspect.probe->numbers(), factor.value))
      return cause_of(factor.value, names_of(named, factor.value), 1);
  return std::nullopt;
}

std::optional<Cause> any_factor_of(const Suspect& suspect) {
  if (const auto& known = suspect.divergence.cause; known && known->name == "factor")
    return cause_of(*known->coefficient, "", 1);
  if (!suspect.probe || !tells(suspect.probe->numbers())) return std::nullopt;
  const auto interval = narrow_interval_of(suspect.probe->numbers());
  if (!interval) return std::nullopt;
  const auto whole = simple(*interval);
  const double factor = whole ? *whole : shortest(*interval);
  if (factor == 1 || !explains_all(suspect.probe->numbers(), factor)) return std::nullopt;
  return cause_of(factor, "", 1);
}

std::optional<Cause> factor_of_most(const Suspect& suspect) {
  if (!suspect.probe || !tells(suspect.probe->numbers())) return std::nullopt;
  const Probed& numbers = suspect.probe->numbers();
  const std::vector<NamedFactor> named = named_factors(suspect);
  std::map<double, std::int64_t> candidates;
  for (const NamedFactor& factor : named) candidates[factor.value] = 0;
  candidates[0] = 0;
  if (const auto of_all = interval_of(numbers)) candidates[shortest(*of_all)] = 0;
  candidates.erase(1);
  double most_exact = 0;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (numbers.wrong[i] == 0 || std::fabs(numbers.value[i]) <= most_exact) continue;
    most_exact = std::fabs(numbers.value[i]);
    if (const auto whole = simple(interval_of(numbers, i))) candidates[*whole] = 0;
  }
  for (auto& [factor, count] : candidates)
    for (std::size_t i = 0; i < numbers.size(); ++i)
      if (numbers.wrong[i] != 0 && is_explained(numbers, i, factor)) ++count;
  const auto best = std::ranges::max_element(
      candidates, {}, [](const auto& candidate) { return candidate.second; });
  if (!numbers.has_bits(best->second)) return std::nullopt;
  const double share = static_cast<double>(best->second) / static_cast<double>(numbers.wrong_count);
  return cause_of(best->first, names_of(named, best->first), share);
}

}  // namespace shardproof::reports
