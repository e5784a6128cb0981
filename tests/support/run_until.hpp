#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "scenarios/files/text_file.hpp"
#include "tests/support/run_program.hpp"
#include "tests/support/temporary_folder.hpp"

namespace shardproof::tests {

/// Starts a command, sends it the signal as soon as all `paths` are there, and waits for its end,
/// which may come by itself before that.
inline ProgramResult run_until(const std::vector<std::string>& command,
                               const std::vector<std::string>& paths, int signal) {
  const TemporaryFolder output;
  const std::string out = output / "out", err = output / "err";
  std::vector<char*> words;
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(::open(out.c_str(), O_WRONLY | O_CREAT, 0600), STDOUT_FILENO);
    ::dup2(::open(err.c_str(), O_WRONLY | O_CREAT, 0600), STDERR_FILENO);
    ::execvp(words[0], words.data());
    ::_exit(127);
  }
  const auto is_there = [](const std::string& path) { return std::filesystem::exists(path); };
  int status = 0;
  bool sent = false;
  while (::waitpid(child, &status, sent ? 0 : WNOHANG) == 0) {
    sent = std::ranges::all_of(paths, is_there);
    if (sent) ::kill(child, signal);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), read_text(out),
          read_text(err)};
}

}  // namespace shardproof::tests
