#pragma once

#include <exception>
#include <functional>
#include <mutex>
#include <vector>

#include "reports/compare/residual.hpp"
#include "reports/units/judged_unit.hpp"
#include "reports/units/unit_memo.hpp"
#include "reports/values/work.hpp"

namespace shardproof::reports {

/// Judges a unit tile by tile, each from the ranges of the operands that it needs. The verdict does
/// not depend on who judged which tile, and when.
class UnitJudgement : public Work {
 public:
  explicit UnitJudgement(JudgedUnit unit);
  std::size_t parts() const override { return tiles_.size(); }
  void run(std::size_t part) override;

  /// The numbers of a tile: what its function gives, and what was recorded.
  struct Evaluated {
    reference::UnitResult unit;
    std::vector<double> recorded;
  };
  /// Tiles of the result, and their numbers, whoever was asked before. A reduction has one, the
  /// whole.
  std::size_t tiles() const { return reference::is_reduction(unit_.kind) ? 1 : tiles_.size(); }
  Evaluated evaluated(std::size_t tile) const;
  /// Where element `i` of a tile lies in the result; and which tile has an element.
  std::int64_t index_of(std::size_t tile, std::int64_t i) const;
  std::size_t tile_of(std::int64_t element) const;

  // When all parts are done:

  /// Throws InvariantError if some tile had arguments that the function does not take.
  UnitVerdict verdict() const;
  /// Calls with the index in the result of each failing element, until it returns false.
  void for_each_failing(const std::function<bool(std::int64_t)>& visit) const;

 private:
  struct TileState {
    reference::Tile tile;
    UnitVerdict verdict;
    PowerSample sample;
    Residual residual;              // of what is scrutinised
    reference::UnitResult partial;  // of a reduction
    std::exception_ptr error;
  };
  void cut_reduction();
  reference::UnitResult replayed(const reference::Tile& tile) const;
  Evaluated evaluated(const reference::Tile& tile) const;
  bool arguments_are_finite() const;
  UnitVerdict verdict_of_reduction() const;
  Evaluated evaluated_reduction(const std::vector<reference::UnitResult>& partial) const;
  std::optional<double> common_factor_of(std::int64_t failed) const;
  Scrutiny scrutiny(std::int64_t elements) const;
  Signature signature() const;
  void add_power(UnitVerdict& verdict) const;
  const char* vacuous(const PowerSample& sample) const;
  std::int64_t index_of(const reference::Tile& tile, std::int64_t element) const;

  JudgedUnit unit_;
  std::vector<TileState> tiles_;
  mutable std::once_flag looked_;
  mutable bool finite_ = true;  // all arguments, once looked_
};

}  // namespace shardproof::reports
