#pragma once

#include <string>

#include "scenarios/trace/trace.hpp"

namespace shardproof::tests {

// How many of the datasets whose name begins so differ in bits between two runs of one world; of those
// of `a` that lie in `under`, each of which `b` must have.
struct Differences {
  int compared = 0;
  int different = 0;
};
inline Differences differences(const std::string& a, const std::string& b, const std::string& name,
                               const std::string& under = "/") {
  const TraceReader left(a);
  const TraceReader right(b);
  Differences result;
  for (const auto& [path, holders] : left.datasets()) {
    if (!path.starts_with(under) || !name_in_folder(path).starts_with(name)) continue;
    const auto& others = right.datasets().at(path);
    for (std::size_t i = 0; i < holders.size(); ++i) {
      ++result.compared;
      if (holders[i].info.hash != others.at(i).info.hash) ++result.different;
    }
  }
  return result;
}

}  // namespace shardproof::tests
