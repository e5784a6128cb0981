#pragma once

#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cctype>
#include <cstdlib>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace shardproof::tests {

/// What a program wrote to a terminal, as it came: with "\r\n", and with what drives the terminal.
struct TerminalRun {
  int exit_code = -1;
  std::string text;
};

/// Runs a command in `folder` on a terminal of so many columns, with `environment` beside ours.
inline TerminalRun run_on_terminal(const std::vector<std::string>& command, unsigned short columns,
                                   const std::string& folder,
                                   const std::map<std::string, std::string>& environment) {
  winsize size{};
  size.ws_row = 24;
  size.ws_col = columns;
  int terminal = -1;
  const pid_t child = ::forkpty(&terminal, nullptr, nullptr, &size);
  if (child == 0) {
    std::vector<char*> words;
    for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    for (const auto& [name, value] : environment) ::setenv(name.c_str(), value.c_str(), 1);
    if (::chdir(folder.c_str()) == 0) ::execv(words[0], words.data());
    ::_exit(127);
  }
  TerminalRun run;
  std::array<char, 4096> buffer{};
  for (ssize_t got = 0; (got = ::read(terminal, buffer.data(), buffer.size())) > 0;)
    run.text.append(buffer.data(), static_cast<std::size_t>(got));
  ::close(terminal);
  int status = 0;
  ::waitpid(child, &status, 0);
  run.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return run;
}

/// Without colours and other escapes ("\033[...m", "\033[K").
inline std::string without_escapes(const std::string& text) {
  std::string plain;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\033')
      while (at + 1 < text.size() && std::isalpha(static_cast<unsigned char>(text[at])) == 0) ++at;
    else
      plain += text[at];
  }
  return plain;
}

/// The lines, each as it was written: one that was rewritten is several.
inline std::vector<std::string> written_lines(const std::string& text) {
  std::vector<std::string> lines;
  std::string line;
  for (const char c : without_escapes(text) + "\n") {
    if (c != '\r' && c != '\n') {
      line += c;
    } else if (!line.empty()) {
      lines.push_back(line);
      line.clear();
    }
  }
  return lines;
}

}  // namespace shardproof::tests
