#include "scenarios/driver/log_end.hpp"

#include <charconv>
#include <fstream>
#include <sstream>

namespace shardproof {

namespace {

constexpr std::streamoff tail_bytes = std::streamoff{64} * 1024;

// The number after the words, if the text has them.
std::optional<int> number_after(const std::string& text, const std::string& words) {
  const auto at = text.find(words);
  if (at == std::string::npos) return std::nullopt;
  const char* begin = text.data() + at + words.size();
  int number = 0;
  const auto [end, error] = std::from_chars(begin, text.data() + text.size(), number);
  return error == std::errc() ? std::optional(number) : std::nullopt;
}

// "  Process name: [[10129,1],2]": job and rank.
std::optional<int> rank_of_process_name(const std::string& line) {
  if (line.find("Process name: [[") == std::string::npos) return std::nullopt;
  return number_after(line, "],");
}

// "[node:4711] *** An error occurred in MPI_Init": Open MPI's, outside its boxes.
bool is_of_open_mpi(const std::string& line) {
  const auto end = line.find("] ");
  const auto colon = line.rfind(':', end);
  return line[0] == '[' && end != std::string::npos && colon != std::string::npos &&
         line.find_first_not_of("0123456789", colon + 1) == end;
}

void read_launcher_line(const std::string& line, LogEnd& end) {
  for (const auto& rank : {rank_of_process_name(line), number_after(line, "that process rank "),
                           number_after(line, "MPI_ABORT was invoked on rank ")}) {
    if (rank && !end.rank) end.rank = rank;
  }
  if (const auto signal = number_after(line, "exited on signal ")) end.signal = signal;
}

}  // namespace

LogEnd read_log_end(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  const std::streamoff size = file.tellg();
  if (size > tail_bytes) file.seekg(size - tail_bytes);
  if (size <= tail_bytes) file.seekg(0);
  LogEnd end;
  bool in_box = false;
  bool first_paragraph = true;  // of what the launcher says
  for (std::string line; std::getline(file, line);) {
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
    if (line.size() > 40 && line.find_first_not_of('-') == std::string::npos) {
      in_box = !in_box;
      if (!in_box) first_paragraph = false;
    } else if (in_box) {
      read_launcher_line(line, end);
      first_paragraph = first_paragraph && !line.empty();
      if (first_paragraph) end.launcher += (end.launcher.empty() ? "" : " ") + line;
    } else if (!line.empty() && is_of_open_mpi(line)) {
      // "*** An error occurred in MPI_Init": the rest are notes of its own innards.
      if (const auto said = line.find("*** "); said != std::string::npos && first_paragraph) {
        end.launcher = line.substr(said + 4);
        first_paragraph = false;
      }
    } else if (!line.empty()) {
      end.last_line = line;
    }
  }
  while (end.launcher.ends_with(':')) end.launcher.pop_back();
  return end;
}

}  // namespace shardproof
