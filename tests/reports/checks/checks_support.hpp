#pragma once

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "real/run/rank_run.hpp"
#include "reference/run/training.hpp"
#include "reports/verdict/judge_context.hpp"
#include "reports/verdict/tally.hpp"
#include "scenarios/config/scenario_file.hpp"
#include "scenarios/hdf5/dataset.hpp"
#include "scenarios/hdf5/file.hpp"
#include "scenarios/precision/mean_over_replicas.hpp"
#include "scenarios/settings/scenario.hpp"
#include "scenarios/trace/scenario_header.hpp"
#include "scenarios/trace/schema.hpp"
#include "sim/simulate.hpp"
#include "tests/support/injections.hpp"
#include "tests/support/sweep.hpp"
#include "tests/support/temporary_folder.hpp"

namespace shardproof::tests {

inline Scenario sweep_scenario(const std::string& name, int steps = 1) {
  return sweep(name, steps);
}

/// A simulated run and everything that checks look at.
class JudgedRun {
 public:
  explicit JudgedRun(const Scenario& ran)
      : scenario_(ran),
        units_(reference::expected_units(scenario_, mean_over_replicas(scenario_))) {
    scenario_.inject.clear();
    finished_ = sim::simulate(ran, folder_ / "sim");
    if (finished_) trace_ = std::make_unique<reports::EngineTrace>("sim", folder_ / "sim");
  }

  bool finished() const { return finished_; }
  const reports::EngineTrace& trace() const { return *trace_; }
  const Scenario& scenario() const { return scenario_; }
  const std::vector<reference::Unit>& units() const { return units_; }
  reports::JudgeContext context() const { return context(scenario_); }
  /// For a judge that goes by another scenario than the one that ran. What it is given must outlive
  /// it.
  reports::JudgeContext context(const Scenario& judged) const { return context(judged, units_); }
  reports::JudgeContext context(const Scenario& judged,
                                const std::vector<reference::Unit>& units) const {
    return {judged, precision_policy(judged), units, {trace_.get()}, nullptr};
  }

 private:
  TemporaryFolder folder_;
  Scenario scenario_;
  std::vector<reference::Unit> units_;
  bool finished_ = false;
  std::unique_ptr<reports::EngineTrace> trace_;
};

/// A simulated run of a program that no scenario lowers to: one that was changed by hand.
class HandMade {
 public:
  template <typename Change>
  HandMade(const std::string& name, Change change)
      : scenario_(sweep_scenario(name)),
        units_(reference::expected_units(scenario_, mean_over_replicas(scenario_))) {
    Program program = real::checked_program(scenario_);
    change(program);
    BOOST_REQUIRE(!sim::simulate_program(scenario_, program, folder_ / "sim").failure);
    trace_ = std::make_unique<reports::EngineTrace>("sim", folder_ / "sim");
  }
  const reports::EngineTrace& trace() const { return *trace_; }
  reports::JudgeContext context() const {
    return {scenario_, precision_policy(scenario_), units_, {trace_.get()}, nullptr};
  }

 private:
  TemporaryFolder folder_;
  Scenario scenario_;
  std::vector<reference::Unit> units_;
  std::unique_ptr<reports::EngineTrace> trace_;
};

inline std::vector<Op>::iterator op_named(Segment& segment, const std::string& name) {
  return std::ranges::find(segment.ops, name, full_name);
}

/// What becomes of a recorded dataset.
struct Rewritten {
  bool left_out = false;
  std::vector<Region> regions = {};  // {}: its own
  std::optional<std::byte> filled_with = std::nullopt;
};
/// What becomes of the rest; by default nothing.
struct RewrittenLog {
  std::function<void(TraceHeader&)> header = [](TraceHeader&) {};
  std::function<bool(int rank, const AccessRecord&)> keeps = [](int, const AccessRecord&) {
    return true;
  };
};
inline std::vector<StoredDataset> in_order_of_writing(const TraceReader& reader, int rank) {
  std::vector<StoredDataset> ordered;
  for (const auto& [path, copies] : reader.datasets())
    std::ranges::copy_if(copies, std::back_inserter(ordered),
                         [&](const StoredDataset& copy) { return copy.rank == rank; });
  std::ranges::sort(ordered, {}, [](const StoredDataset& copy) { return copy.info.order; });
  return ordered;
}
/// A copy of a trace in which each dataset is as `change` says; one in other regions holds zeros.
template <typename Change>
void rewrite(const TraceReader& from, const std::string& folder, Change change,
             const RewrittenLog& log = {}) {
  for (int rank = 0; rank < from.world(); ++rank) {
    TraceHeader header = from.header(rank);
    log.header(header);
    TraceWriter writer(folder, header);
    for (const StoredDataset& copy : in_order_of_writing(from, rank)) {
      const Rewritten rewritten = change(copy);
      if (rewritten.left_out) continue;
      DatasetInfo info = copy.info;
      std::vector<std::byte> bytes = from.read(copy);
      if (!rewritten.regions.empty()) {
        info.regions = rewritten.regions;
        const auto count = static_cast<std::size_t>(element_count(info.regions));
        bytes.assign(count * size_bytes(info.dtype), {});
      }
      if (rewritten.filled_with) std::ranges::fill(bytes, *rewritten.filled_with);
      writer.write(info, bytes);
    }
    for (const CollectiveRecord& record : from.collectives(rank)) writer.log(record);
    for (const AccessRecord& record : from.accesses(rank))
      if (log.keeps(rank, record)) writer.log(record);
    writer.close();
  }
}

/// Flips a bit of what a rank has stored as `path`, whose hash stays what it was.
inline void flip_stored_bit(const std::string& folder, int rank, const std::string& path) {
  const std::string name = folder + "/" + trace_schema::rank_file(rank);
  const auto offset = hdf5::offset_in_file(hdf5::open_dataset(hdf5::open_file(name), path)).value();
  std::fstream file(name, std::ios::binary | std::ios::in | std::ios::out);
  file.seekg(static_cast<std::streamoff>(offset));
  const int byte = file.get();
  file.seekp(static_cast<std::streamoff>(offset));
  file.put(static_cast<char>(byte ^ 1));
}

/// The first failing unit of a check; one without numbers if it found none.
inline reports::FirstDivergence first_of(const reports::Tally& tally) {
  return tally.failures().empty() ? reports::FirstDivergence{}
                                  : tally.failures().front().divergence;
}

}  // namespace shardproof::tests
