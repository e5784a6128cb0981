// Two traces with the same bits compared, beside read(2) and XXH3 of the same bytes: at least 0.5.
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "reports/side_by_side/trace_comparison.hpp"
#include "scenarios/trace/tensor_hash.hpp"
#include "sim/simulate.hpp"
#include "tests/bench/beside.hpp"
#include "tests/bench/small_scenario.hpp"

using namespace shardproof;

namespace {

namespace fs = std::filesystem;

void read_and_hash(const fs::path& path) {
  static std::vector<std::byte> block(std::size_t{1} << 20);
  const int file = ::open(path.c_str(), O_RDONLY);
  if (file < 0) std::abort();
  for (ssize_t read = 0; (read = ::read(file, block.data(), block.size())) > 0;)
    benchmark::DoNotOptimize(xxh3(std::span(block).first(static_cast<std::size_t>(read))));
  ::close(file);
}

void read_and_hash_all(const std::string& folder) {
  for (const fs::directory_entry& entry : fs::directory_iterator(folder))
    read_and_hash(entry.path());
}

void compare_beside_reading(benchmark::State& state) {
  const tests::TemporaryFolder folder;
  const std::array<std::string, 2> traces{folder / "a", folder / "b"};
  for (const std::string& trace : traces) {
    fs::create_directories(trace);
    if (!sim::simulate(bench::small_scenario(static_cast<int>(state.range(0)), 2), trace))
      std::abort();
  }
  bench::beside(
      state, "of reading",
      [&] {
        for (const std::string& trace : traces) read_and_hash_all(trace);
      },
      [&] { benchmark::DoNotOptimize(reports::compare_traces(traces[0], traces[1])); });
}

}  // namespace

BENCHMARK(compare_beside_reading)
    ->Arg(128)
    ->Arg(512)
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);
