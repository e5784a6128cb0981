#pragma once

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

namespace shardproof::tests {

/// Compares text with tests/reports/render/snapshots/NAME. With SHARDPROOF_UPDATE_SNAPSHOTS=1 in
/// the environment the file is written instead: look at its diff before you commit it.
inline void check_snapshot(const std::string& name, const std::string& text) {
  const std::string path = "reports/render/snapshots/" + name;
  if (const char* update = std::getenv("SHARDPROOF_UPDATE_SNAPSHOTS");
      update != nullptr && std::string(update) == "1")
    std::ofstream(path, std::ios::binary) << text;
  std::ifstream file(path, std::ios::binary);
  BOOST_REQUIRE_MESSAGE(file, "no snapshot " << path);
  const std::string kept{std::istreambuf_iterator<char>(file), {}};
  BOOST_CHECK_EQUAL(text, kept);
}

}  // namespace shardproof::tests
