#pragma once

#include <optional>
#include <string>

#include "scenarios/driver/run_lock.hpp"
#include "scenarios/files/folder_replacement.hpp"

namespace shardproof {

/// Where the results of one scenario go: OUT/NAME. They are written to OUT/NAME.part and put in
/// place when complete, so that OUT/NAME is always the result of one whole run, the earlier one if
/// the present one fails. What an unfinished run wrote stays in OUT/NAME.part until the next run.
///
///     RunFolder folder("results", "quickstart");    // creates results/quickstart.part
///     write(folder.file("sim/trace.h5"));
///     folder.put_in_place();                        // now results/quickstart
///
/// Only one RunFolder at a time has a name: a lock file, OUT/.NAME.lock, is held meanwhile. Those
/// that killed runs left in OUT are removed.
/// Folders that hold something else than results are never replaced. Results with a verdict, pass
/// or fail, are replaced by such alone: what ended without one lies beside them, in
/// OUT/NAME.undecided.
class RunFolder {
 public:
  /// Throws ScenarioError if the name is no file name, if OUT or what is to be replaced is not a
  /// folder of results, or if another run holds it; EnvironmentError if the file system refuses.
  RunFolder(const std::string& out, const std::string& name);
  RunFolder(const RunFolder&) = delete;
  RunFolder& operator=(const RunFolder&) = delete;

  /// OUT/NAME.part, and OUT/NAME once it is in place.
  const std::string& path() const { return path_; }
  std::string file(const std::string& name) const { return path_ + "/" + name; }
  /// OUT/NAME.
  const std::string& final_path() const { return final_path_; }
  /// Puts the results where place_of_results says. To be called once.
  void put_in_place(int exit_code);

 private:
  std::string final_path_, path_;
  FolderReplacement replacement_;
  std::optional<RunLock> lock_;
};

/// Makes a folder for what a command writes, and those above it. Throws ScenarioError if the path
/// is empty or a file is in its way, EnvironmentError if the file system refuses.
void make_output_folder(const std::string& out);

/// Throws ScenarioError if a scenario's name cannot be that of a folder of results.
void expect_results_name(const std::string& name);

/// Where results that end with `exit_code` go: FINAL_PATH, or beside it if a verdict lies there and
/// they have none.
std::string place_of_results(const std::string& final_path, int exit_code);

/// RESULTS.undecided, of an earlier run that ended without a verdict; "" if there is none.
std::string undecided_beside(const std::string& results);

}  // namespace shardproof
