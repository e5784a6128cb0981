#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "scenarios/trace/trace.hpp"

namespace shardproof::tests {

/// How two runs of one world differ in what their ranks hold.
struct Differences {
  int compared = 0;
  int different = 0;
};

/// A rank holds the same part of a tensor in the same dtype and bytes: those of the files, whatever
/// their notes claim.
inline bool hold_the_same(const TraceReader& left, const StoredDataset& a, const TraceReader& right,
                          const StoredDataset& b) {
  return a.rank == b.rank && a.info.dtype == b.info.dtype && a.info.regions == b.info.regions &&
         left.read(a) == right.read(b);
}

/// Compares, rank by rank, the datasets of `a` that lie in `under` and whose name begins with
/// `name`. Of each `b` must have the same holders: one too few or too many is a difference. (It may
/// have other datasets: the steps before the first of a run that went on.)
inline Differences differences(const std::string& a, const std::string& b, const std::string& name,
                               const std::string& under = "/") {
  const TraceReader left(a);
  const TraceReader right(b);
  Differences result;
  for (const auto& [path, holders] : left.datasets()) {
    if (!path.starts_with(under) || !name_in_folder(path).starts_with(name)) continue;
    const std::vector<StoredDataset>& others = right.datasets().at(path);
    const std::size_t count = std::max(holders.size(), others.size());
    for (std::size_t i = 0; i < count; ++i) {
      const bool both = i < holders.size() && i < others.size();
      ++result.compared;
      if (!both || !hold_the_same(left, holders[i], right, others[i])) ++result.different;
    }
  }
  return result;
}

}  // namespace shardproof::tests
