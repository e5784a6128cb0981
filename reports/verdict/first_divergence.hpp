#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "reports/verdict/tally.hpp"

namespace shardproof::reports {

/// What a check found, and how much its word weighs where several speak of one op: the lowest is
/// the sharpest. A `symptom` names the op where no number of the run is wrong, and what the fp64
/// shadow shows where nothing of the run is.
struct RankedTally {
  Tally tally;
  int sharpness = 0;
};
inline constexpr int only_in_shadow = 99;
inline constexpr int symptom = 100;

struct Divergence {
  std::optional<FirstDivergence> first;
  std::int64_t sequence = 0;                           // of the first, in the order of its rank
  std::int64_t others = 0;                             // failing units beside it
  std::shared_ptr<const Evidence> evidence = nullptr;  // that it is wrong, if some check kept it
};

/// A checksum is a hash: how far one is from another says nothing of what it is made of.
bool is_of_checksum(const std::string& tensor);

/// The failing unit that the program runs first; among those of one place, the one found by an op's
/// own inputs (it names the rank by itself). Failures of the same op at the same moment are one
/// unit: their ranks are joined. `checks` in the order of the summary.
Divergence first_divergence(const std::vector<RankedTally>& checks);

}  // namespace shardproof::reports
