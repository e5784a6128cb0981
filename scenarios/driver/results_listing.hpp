#pragma once

#include <cstdint>
#include <ctime>
#include <string>
#include <vector>

namespace shardproof {

/// One folder of results, or a lock file, as it lies in OUT.
struct ListedResults {
  std::string name;     // of the folder, also "quickstart.part"; of a lock ".quickstart.lock"
  std::string path;     // OUT/NAME
  std::string verdict;  // "pass" ... "error"; "running", "stopped" of what is unfinished; "lock"
  std::time_t written = 0;        // the verdict, or what was written last
  std::uint64_t trace_bytes = 0;  // files of recorded tensors
  std::uint64_t other_bytes = 0;  // checkpoints, page, summary, logs
  std::string advice;             // of what is left over: what it is, and what to do; else ""
};

/// What lies in a folder of results, by name: results, those of runs that go on, and what killed or
/// undecided runs have left. Folders that hold no results are not listed. Throws ScenarioError if
/// OUT is no folder.
std::vector<ListedResults> list_results(const std::string& out);

/// A sentence on unfinished results in OUT of runs that do not run any more; "" if there are none.
/// Those of `name`s to be run now are left out: they are replaced.
std::string leftovers_in(const std::string& out, const std::vector<std::string>& names);

}  // namespace shardproof
