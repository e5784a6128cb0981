#include "reports/compare/power.hpp"

#include <algorithm>
#include <cmath>

#include "scenarios/errors.hpp"

namespace shardproof::reports {

int Power::bit() const { return static_cast<int>(std::ceil(std::log2(std::max(steps, 1.0)))); }

void Power::join(const Power& other) {
  scale = std::max(scale, other.scale);
  steps = std::max(steps, other.steps);
  // What is not suspected at some moment would not be seen there so.
  if (scale_by_suspects && other.scale_by_suspects)
    scale_by_suspects = std::max(*scale_by_suspects, *other.scale_by_suspects);
  else
    scale_by_suspects.reset();
}

void PowerSample::look_at(Dtype storage, const reference::UnitResult& unit) {
  SHARDPROOF_EXPECTS(most_ > 0);
  const std::size_t count = unit.value.size();
  const std::size_t stride = std::max<std::size_t>(1, (count + most_ - 1) / most_);
  for (std::size_t i = stride / 2; i < count; i += stride) {
    const double f = unit.value[i];
    const double room = unit.bound.empty() ? 0 : unit.bound[i] + unit.error[i];
    const double stored = round_to(storage, f);
    if (!std::isfinite(stored) || !std::isfinite(room)) continue;
    elements_.push_back({std::fabs(f), room, ulp(storage, f), std::fabs(stored - f)});
  }
  count_ += static_cast<std::int64_t>(count);
}

void PowerSample::add(const PowerSample& other) {
  elements_.insert(elements_.end(), other.elements_.begin(), other.elements_.end());
  count_ += other.count_;
}

// N(c): how many elements are expected outside.
double PowerSample::seen_by(double c, double part_of_bound) const {
  double seen = 0;
  for (const Element& element : elements_)
    if (element.size > 0)
      seen +=
          std::clamp((c * element.size - part_of_bound * element.room) / element.step, 0.0, 1.0);
  return seen * static_cast<double>(count_) / static_cast<double>(elements_.size());
}

double PowerSample::visible_scale(double part_of_bound) const {
  const double enough = std::min(20.0, seen_by(HUGE_VAL, part_of_bound));
  double low = -64, high = 64;  // as powers of two
  for (int halving = 0; halving < 16; ++halving) {
    const double middle = (low + high) / 2;
    (seen_by(std::exp2(middle), part_of_bound) * (1 + 1e-12) >= enough ? high : low) = middle;
  }
  return std::exp2(high);
}

std::optional<Power> PowerSample::power() const {
  const auto is_zero = [](const Element& element) { return element.size == 0; };
  if (std::ranges::all_of(elements_, is_zero)) return std::nullopt;
  // Off by k steps towards where f lies of its rounding, an element is out of its set if
  // k step - |RN(f) - f| > step / 2 + room.
  std::vector<double> steps;
  for (const Element& element : elements_)
    steps.push_back(std::floor((element.room + element.off) / element.step + 0.5) + 1);
  const auto middle = steps.begin() + std::ssize(steps) / 2;
  std::ranges::nth_element(steps, middle);
  return Power{.scale = visible_scale(1), .steps = *middle};
}

}  // namespace shardproof::reports
