#include "scenarios/driver/terminal.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <string_view>

namespace shardproof {

namespace {

bool wants_colours() {
  const char* no_color = std::getenv("NO_COLOR");
  return ::isatty(STDOUT_FILENO) != 0 && (no_color == nullptr || *no_color == '\0');
}

// Of a verdict's word; nullptr of any other.
const char* colour_of(std::string word) {
  for (char& c : word) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (word == "pass") return "32";
  if (word == "fail") return "31";
  for (const char* other : {"unknown", "error", "stopped"})
    if (word == other) return "33";
  return nullptr;
}

std::string coloured_line(const std::string& line) {
  const std::size_t begin = line.find_first_not_of(' ');
  if (begin == std::string::npos) return line;
  const std::size_t end = std::min(line.find_first_of(" \n", begin), line.size());
  const std::string word = line.substr(begin, end - begin);
  const char* colour = colour_of(word);
  if (colour == nullptr) return line;
  return line.substr(0, begin) + "\033[1;" + colour + "m" + word + "\033[0m" + line.substr(end);
}

}  // namespace

std::size_t columns_of(int descriptor) {
  constexpr std::size_t usual = 80;
  winsize size{};
  return ::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col : usual;
}

std::size_t stdout_columns() {
  return ::isatty(STDOUT_FILENO) == 0 ? 0 : columns_of(STDOUT_FILENO);
}

std::string coloured_verdict(const std::string& text) {
  if (!wants_colours()) return text;
  const std::size_t end = std::min(text.find('\n'), text.size());
  return coloured_line(text.substr(0, end)) + text.substr(end);
}

std::string coloured_table(const std::string& text) {
  if (!wants_colours()) return text;
  std::string coloured;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size() - 1) + 1;
    coloured += coloured_line(text.substr(at, end - at));
    at = end;
  }
  return coloured;
}

}  // namespace shardproof
