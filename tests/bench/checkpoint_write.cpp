// A checkpoint of 1 GB over 4 ranks, beside write(2) of the same bytes into as many files. Both put
// them on the disk (fsync). The checkpoint hashes all bytes and renames; it should take no more
// than twice as long: the counter `of write(2)` of the last line should be at least 0.5.

#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "scenarios/checkpoint/write_checkpoint.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace shardproof;

namespace {

constexpr int kRanks = 4;
constexpr std::size_t kTensors = 32;                     // of each rank
constexpr std::size_t kElements = std::size_t{2} << 20;  // of each tensor: 8 MiB
constexpr auto kBytes = static_cast<double>(kRanks * kTensors * kElements * sizeof(float));

const std::vector<float>& tensor() {
  static const std::vector<float> values(kElements, 0.5F);
  return values;
}

double write_plain(const std::string& folder) {
  const auto start = std::chrono::steady_clock::now();
  std::filesystem::create_directories(folder);
  for (int rank = 0; rank < kRanks; ++rank) {
    const int file =
        ::open((folder + "/" + std::to_string(rank)).c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
    for (std::size_t i = 0; i < kTensors; ++i)
      if (::write(file, tensor().data(), kElements * sizeof(float)) < 0) std::abort();
    if (::fsync(file) != 0 || ::close(file) != 0) std::abort();
  }
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double write_checkpoint(const std::string& path) {
  const auto start = std::chrono::steady_clock::now();
  const auto rows = static_cast<std::int64_t>(kElements);
  CheckpointOrigin origin;
  origin.scenario = JsonValue::object();
  origin.tp = kRanks;
  begin_checkpoint(path);
  for (int rank = 0; rank < kRanks; ++rank) {
    std::vector<PartToSave> parts;
    for (std::size_t i = 0; i < kTensors; ++i)
      parts.push_back({"w" + std::to_string(i),
                       Dtype::fp32,
                       {kRanks * rows},
                       {{{rank * rows}, {rows}}},
                       {std::as_bytes(std::span(tensor()))}});
    write_rank_file(path, rank, parts);
  }
  finish_checkpoint(path, origin);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// One after the other, so that both meet the same disk.
void beside_plain_writes(benchmark::State& state) {
  double plain = 0;
  double checkpoint = 0;
  for (auto _ : state) {
    const tests::TemporaryFolder folder;
    plain += write_plain(folder / "plain");
    std::filesystem::remove_all(folder / "plain");
    const double seconds = write_checkpoint(folder / "checkpoint");
    checkpoint += seconds;
    state.SetIterationTime(seconds);
  }
  const auto rounds = static_cast<double>(state.iterations());
  state.counters["write(2) GB/s"] = kBytes * rounds / plain / 1e9;
  state.counters["checkpoint GB/s"] = kBytes * rounds / checkpoint / 1e9;
  state.counters["of write(2)"] = plain / checkpoint;
}

}  // namespace

BENCHMARK(beside_plain_writes)->UseManualTime()->Unit(benchmark::kMillisecond)->Iterations(5);
BENCHMARK_MAIN();
