#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "reference/bounds/replay.hpp"
#include "scenarios/dtype.hpp"

namespace shardproof::reports {

/// The smallest faults that would have been seen in a tensor (docs/suspects.md, "Power").
struct Power {
  /// All elements times 1 + c: twenty of them (or all, of fewer) are outside of what their bounds
  /// allow; the same of what suspects allow, where they are looked for.
  double scale = 0;
  std::optional<double> scale_by_suspects = {};
  double steps = 0;  // of the storage dtype: half of the elements are outside, each off by so many

  /// Bit `bit` of an element changes it by 2^bit steps.
  int bit() const;
  /// What would have been seen in both.
  void join(const Power& other);
};

/// Some elements of a tensor, evenly spread, from which its power is estimated.
class PowerSample {
 public:
  /// It will look at so many of each part, and has the room from the start: what is small and
  /// stays is not to lie between what is large and goes.
  explicit PowerSample(std::size_t most = 0) : most_(most) { elements_.reserve(most); }
  /// A part of a tensor that is stored as `storage`.
  void look_at(Dtype storage, const reference::UnitResult& unit);
  /// Takes over what was seen of other parts.
  void add(const PowerSample& other);
  /// Nothing of a tensor of zeros, which no factor changes, and of numbers that are not finite.
  std::optional<Power> power() const;
  /// The c of `Power` if errors before the last rounding may be so many times their bound.
  double visible_scale(double part_of_bound) const;

 private:
  struct Element {
    double size, room, step, off;  // |f|, b + e, ulp, |RN(f) - f|
  };
  double seen_by(double c, double part_of_bound) const;

  std::size_t most_;
  std::vector<Element> elements_;
  std::int64_t count_ = 0;  // that they stand for
};

}  // namespace shardproof::reports
