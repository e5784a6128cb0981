#pragma once

#include <sys/wait.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/support/temporary_folder.hpp"

namespace shardproof::tests {

/// How a program ended, as a shell sees it: 128 + signal if it was killed.
struct ProgramResult {
  int exit_code = -1;
  std::string out, err;
};

inline std::string quoted(const std::string& word) {
  std::string text = "'";
  for (const char c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + "'";
}

/// Runs a command to its end, in `folder` if one is named, with nothing on stdin.
///     run_program({SHARDPROOF, "plan", "--json", "a.json"}).exit_code == 0
inline ProgramResult run_program(const std::vector<std::string>& command,
                                 const std::string& folder = ".") {
  const TemporaryFolder output;
  std::string line = "cd " + quoted(folder) + " &&";
  for (const std::string& word : command) line += " " + quoted(word);
  line += " </dev/null >" + quoted(output / "out") + " 2>" + quoted(output / "err");
  const int status = std::system(line.c_str());
  const auto contents = [](const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
          contents(output / "out"), contents(output / "err")};
}

}  // namespace shardproof::tests
