#include "scenarios/files/text_file.hpp"

#include <fstream>
#include <sstream>

#include "scenarios/errors.hpp"

namespace shardproof {

void write_text(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (!file) throw EnvironmentError("cannot write " + path);
}

std::string read_text(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

}  // namespace shardproof
