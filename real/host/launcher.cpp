#include "real/host/launcher.hpp"

#include <algorithm>
#include <iterator>

#include "scenarios/errors.hpp"

namespace shardproof::real {

namespace {
std::vector<std::string> split_words(const std::string& text) {
  std::vector<std::string> words;
  char quote = 0;
  bool inside = false;
  for (const char c : text) {
    const bool blank = c == ' ' || c == '\t' || c == '\n';
    if (quote == 0 && blank) {
      inside = false;
      continue;
    }
    if (!inside) words.emplace_back();
    inside = true;
    if (quote == 0 && (c == '\'' || c == '"'))
      quote = c;
    else if (c == quote)
      quote = 0;
    else
      words.back() += c;
  }
  if (quote != 0) throw ScenarioError("--launcher '" + text + "': a quote is not closed");
  return words;
}

/// Replaces every {ranks}; true if there was one.
bool fill_in_ranks(std::string& word, int ranks) {
  const std::string placeholder = "{ranks}";
  bool found = false;
  for (auto at = word.find(placeholder); at != std::string::npos; at = word.find(placeholder)) {
    word.replace(at, placeholder.size(), std::to_string(ranks));
    found = true;
  }
  return found;
}

LaunchCommand from_template(int ranks, std::span<const std::string> command,
                            const std::string& text) {
  LaunchCommand launch;
  bool has_ranks = false;
  bool has_command = false;
  for (std::string& word : split_words(text)) {
    if (word == "{command}") {
      std::ranges::copy(command, std::back_inserter(launch.arguments));
      has_command = true;
      continue;
    }
    has_ranks |= fill_in_ranks(word, ranks);
    launch.arguments.push_back(word);
  }
  if (!has_ranks || !has_command)
    throw ScenarioError("--launcher '" + text + "': expected " +
                        (has_command ? "{ranks} somewhere" : "{command} as a word of its own") +
                        ", as in 'srun --mpi=pmix -n {ranks} {command}'");
  return launch;
}

LaunchCommand with_mpirun(int ranks, std::span<const std::string> command) {
  LaunchCommand launch;
  launch.arguments = {"mpirun", "--oversubscribe",    "--bind-to", "none",
                      "-n",     std::to_string(ranks)};
  std::ranges::copy(command, std::back_inserter(launch.arguments));
  launch.environment = {
      {"OMPI_ALLOW_RUN_AS_ROOT", "1"},
      {"OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"},
      // Containers forbid reading another process's memory (open-mpi/ompi issue 4948).
      {"OMPI_MCA_btl_vader_single_copy_mechanism", "none"},
      // More ranks than cores: a waiting rank must let the others run.
      {"OMPI_MCA_mpi_yield_when_idle", "1"},
  };
  return launch;
}
}  // namespace

LaunchCommand launch_command(int ranks, std::span<const std::string> command,
                             const std::string& user_template) {
  SHARDPROOF_EXPECTS(ranks > 0 && !command.empty(), ranks, command.size());
  return user_template.empty() ? with_mpirun(ranks, command)
                               : from_template(ranks, command, user_template);
}

}  // namespace shardproof::real
