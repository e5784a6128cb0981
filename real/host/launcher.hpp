#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

namespace shardproof::real {

/// What to execute to start all ranks of a job: the words of the command line, and variables to add
/// to the environment.
struct LaunchCommand {
  std::vector<std::string> arguments;
  std::vector<std::pair<std::string, std::string>> environment;
};

/// Starts `ranks` copies of `command`. Without a user template: mpirun, with what it needs to run
/// more ranks than cores, as root, and in containers. A template is words, 'quoted' or "quoted" if
/// they hold blanks, in which {ranks} stands for the number and the word {command} for the
/// command's words:
///
///   srun --mpi=pmix -n {ranks} {command}
///
/// Throws ScenarioError if a template leaves either out or a quote open.
LaunchCommand launch_command(int ranks, std::span<const std::string> command,
                             const std::string& user_template = "");

}  // namespace shardproof::real
