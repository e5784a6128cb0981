// A pattern in the first line of the input, matched against the rest.
#include "scenarios/partition/pattern.hpp"

#include <algorithm>

#include "tests/fuzz/fuzz.hpp"

using namespace shardproof;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string input = fuzz::text_of(data, size);
  const std::size_t end = std::min(input.find('\n'), input.size());
  fuzz::refused_or([&] {
    const Pattern pattern(input.substr(0, end), "patterns[0]", {"ds.json", 1, 1});
    pattern.matches(input.substr(std::min(end + 1, input.size())));
  });
  return 0;
}
