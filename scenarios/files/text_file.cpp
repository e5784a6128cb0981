#include "scenarios/files/text_file.hpp"

#include <cerrno>
#include <fstream>
#include <sstream>

#include "scenarios/files/regular_file.hpp"
#include "scenarios/files/write_failure.hpp"

namespace shardproof {

void write_text(const std::string& path, const std::string& text) {
  errno = 0;
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (!file) throw write_failure(path, "cannot be written", errno);
}

std::string read_text(const std::string& path) {
  expect_regular_file(path);
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

}  // namespace shardproof
