#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "scenarios/digest/rank_digest.hpp"
#include "scenarios/digest/run_identity.hpp"

namespace shardproof {

/// A run that was judged in full and passed: all that is kept of it beside its digests. A later run
/// that has its bits is as right as it was.
struct Baseline {
  std::string judged;    // "2026-11-28 23:10:05 UTC"
  std::string judge;     // which checks, and of which version
  std::string scenario;  // hashed_scenario of it
  std::string program_hash;
  struct Run {  // of an execution
    std::string execution;
    int world = 0;
    std::map<std::string, std::string> settings;  // settings_of its traces
    std::map<std::string, std::string> files;     // saved_files
  };
  std::vector<Run> runs;

  RunIdentity identity() const { return {scenario, program_hash}; }
  /// nullptr if it was judged without that execution.
  const Run* run(const std::string& execution) const;
};

/// Where a run leaves its baseline, in the folder of its results.
inline constexpr const char* baseline_file = "baseline.h5";
/// The baseline of a scenario's name: FOLDER/baseline.h5, else FOLDER/NAME/baseline.h5. Throws
/// ScenarioError if neither is there.
std::string find_baseline(const std::string& folder, const std::string& name);

/// Writes PATH, beside it first. Throws EnvironmentError.
class BaselineWriter {
 public:
  explicit BaselineWriter(const std::string& path);
  ~BaselineWriter();
  void add(const std::string& execution, int rank, const RankDigest& digest);
  /// Seals it: what is read later must be what was written.
  void close(const Baseline& baseline);

 private:
  struct File;
  std::unique_ptr<File> file_;
};

/// Reads one. Throws ScenarioError, with the path, if it is of another version or damaged: nothing
/// is taken from it that is not what its seal is of. (Who alters it may seal it again: the seal
/// finds damage, and proves no origin.)
class BaselineReader {
 public:
  explicit BaselineReader(const std::string& path);
  ~BaselineReader();
  BaselineReader(BaselineReader&&) noexcept;
  const std::string& path() const;
  const Baseline& about() const;
  RankDigest digest(const std::string& execution, int rank) const;
  /// Refuses what reading all of it would.
  void check_all() const;

 private:
  struct File;
  std::unique_ptr<File> file_;
};

}  // namespace shardproof
