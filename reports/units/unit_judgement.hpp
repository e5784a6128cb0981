#pragma once

#include <exception>
#include <functional>
#include <mutex>
#include <vector>

#include "reports/compare/element_compare.hpp"
#include "reports/units/unit_memo.hpp"
#include "reports/values/tensor_view.hpp"
#include "reports/values/work.hpp"

namespace shardproof::reports {

/// A function of recorded tensors, and what was recorded as its result.
struct JudgedUnit {
  reference::UnitKind kind;
  reference::UnitAttributes attributes;
  reference::UnitPrecision precision;
  std::vector<SharedTensor> arguments;
  SharedTensor result;
  NonFinite non_finite = NonFinite::refused;
};

/// Judges a unit tile by tile, each from the ranges of the operands that it needs. The verdict does
/// not depend on who judged which tile, and when.
class UnitJudgement : public Work {
 public:
  explicit UnitJudgement(JudgedUnit unit);
  std::size_t parts() const override { return tiles_.size(); }
  void run(std::size_t part) override;

  // When all parts are done:

  /// Throws InvariantError if some tile had arguments that the function does not take.
  UnitVerdict verdict() const;
  /// Calls with the index in the result of each failing element, until it returns false.
  void for_each_failing(const std::function<bool(std::int64_t)>& visit) const;

 private:
  struct TileState {
    reference::Tile tile;
    UnitVerdict verdict;
    reference::UnitResult partial;  // of a reduction
    std::exception_ptr error;
  };
  struct Evaluated {
    reference::UnitResult unit;
    std::vector<double> recorded;
  };
  void cut_reduction();
  reference::UnitResult replayed(const reference::Tile& tile) const;
  Evaluated evaluated(const reference::Tile& tile) const;
  bool arguments_are_finite() const;
  UnitVerdict verdict_of_reduction() const;
  std::optional<double> common_factor_of(std::int64_t failed) const;
  std::int64_t index_of(const reference::Tile& tile, std::int64_t element) const;

  JudgedUnit unit_;
  std::vector<TileState> tiles_;
  mutable std::once_flag looked_;
  mutable bool finite_ = true;  // all arguments, once looked_
};

}  // namespace shardproof::reports
