#pragma once

#include <memory>
#include <string>
#include <vector>

#include "reference/run/training.hpp"
#include "reports/verdict/judge_context.hpp"
#include "reports/verdict/tally.hpp"
#include "scenarios/config/scenario_file.hpp"
#include "scenarios/precision/mean_over_replicas.hpp"
#include "scenarios/settings/scenario.hpp"
#include "scenarios/trace/scenario_header.hpp"
#include "sim/simulate.hpp"
#include "tests/support/temporary_folder.hpp"

namespace shardproof::tests {

inline Scenario sweep_scenario(const std::string& name, int steps = 1) {
  Scenario scenario = read_scenario("../scenarios/catalog/sweep/" + name + ".json");
  scenario.steps = steps;
  return scenario;
}

inline Injection inject(const std::string& edit, const std::string& op,
                        std::vector<int> ranks = {}) {
  Injection injection;
  injection.edit = from_name<EditKind>(edit).value();
  injection.op = op;
  injection.ranks = std::move(ranks);
  return injection;
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

/// What becomes of a recorded dataset.
struct Rewritten {
  bool left_out = false;
  std::vector<Region> regions = {};  // {}: its own
};
/// A copy of a trace in which each dataset is as `change` says; one in other regions holds zeros.
template <typename Change>
void rewrite(const TraceReader& from, const std::string& folder, Change change) {
  for (int rank = 0; rank < from.world(); ++rank) {
    TraceWriter writer(folder, from.header(rank));
    for (const auto& [path, copies] : from.datasets())
      for (const StoredDataset& copy : copies) {
        const Rewritten rewritten = copy.rank == rank ? change(copy) : Rewritten{.left_out = true};
        if (rewritten.left_out) continue;
        DatasetInfo info = copy.info;
        std::vector<std::byte> bytes = from.read(copy);
        if (!rewritten.regions.empty()) {
          info.regions = rewritten.regions;
          const auto count = static_cast<std::size_t>(element_count(info.regions));
          bytes.assign(count * size_bytes(info.dtype), {});
        }
        writer.write(info, bytes);
      }
    for (const CollectiveRecord& record : from.collectives(rank)) writer.log(record);
    for (const AccessRecord& record : from.accesses(rank)) writer.log(record);
    writer.close();
  }
}

/// The first failing unit of a check; one without numbers if it found none.
inline reports::FirstDivergence first_of(const reports::Tally& tally) {
  return tally.failures().empty() ? reports::FirstDivergence{}
                                  : tally.failures().front().divergence;
}

}  // namespace shardproof::tests
