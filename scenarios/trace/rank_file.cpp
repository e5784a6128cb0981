#include "scenarios/trace/rank_file.hpp"

#include <filesystem>
#include <sstream>

#include "scenarios/files/regular_file.hpp"
#include "scenarios/hdf5/file.hpp"
#include "scenarios/trace/header.hpp"
#include "scenarios/trace/schema.hpp"

namespace shardproof::trace_schema {

namespace fs = std::filesystem;

namespace {

void expect_exists(const std::string& path, int rank, const RankFile* first) {
  if (fs::exists(path)) return;
  if (fs::exists(path + ".part")) {
    throw ScenarioError(path +
                        ".part: incomplete: its writer was stopped before the end, "
                        "or is still running; its tensors can be viewed with h5dump");
  }
  const std::string world =
      first == nullptr ? "" : " of " + std::to_string(first->header.world) + " ranks";
  throw ScenarioError(path + ": missing: the trace" + world + " lacks rank " +
                      std::to_string(rank));
}

// Ranks of one run say the same about it, but for their programs: a defect planted on some ranks
// makes those differ, and that is for the judge to say.
void expect_same_run(const TraceHeader& first, const TraceHeader& other, const std::string& path) {
  const auto expect_equal = [&path](const char* what, const auto& expected, const auto& found) {
    if (expected == found) return;
    std::ostringstream text;
    text << path << ": of another run: its " << what << " is " << found << ", rank 0 has "
         << expected;
    throw ScenarioError(text.str());
  };
  expect_equal("execution", first.execution, other.execution);
  expect_equal("world", first.world, other.world);
  expect_equal("tp", first.tp, other.tp);
  expect_equal("dp", first.dp, other.dp);
  expect_equal("scenario_hash", first.scenario_hash, other.scenario_hash);
  expect_equal("model_hash", first.model_hash, other.model_hash);
}

}  // namespace

RankFile open_rank_file(const std::string& folder, int rank, const RankFile* first) {
  RankFile opened;
  opened.path = folder + "/" + rank_file(rank);
  expect_exists(opened.path, rank, first);
  expect_regular_file(opened.path);
  reading(opened.path, [&] {
    opened.file = hdf5::open_file(opened.path);
    opened.header = read_header(opened.file, opened.path);
  });
  if (opened.header.rank != rank) {
    throw ScenarioError(opened.path + ": is the file of rank " +
                        std::to_string(opened.header.rank));
  }
  if (first != nullptr) expect_same_run(first->header, opened.header, opened.path);
  return opened;
}

void expect_no_more_than(const std::string& folder, int world) {
  const std::string extra = folder + "/" + rank_file(world);
  if (!fs::exists(extra)) return;
  throw ScenarioError(extra + ": a rank too many: the trace is of " + std::to_string(world) +
                      " ranks");
}

}  // namespace shardproof::trace_schema
