#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "real/lowering/lowering.hpp"
#include "scenarios/plan/check/type_check.hpp"
#include "sim/simulate.hpp"
#include "tests/support/scenario_runs.hpp"
#include "tests/support/temporary_folder.hpp"

namespace shardproof::tests {

/// A small model of a test's own: its parameters, its forward pass, how each module is cut.
struct SmallModel {
  std::vector<ParameterDescription> parameters;
  real::FamilyLowering forward = nullptr;
  std::map<std::string, LayerPartition> modules;
};

inline LayerPartition column(Widths widths = {}, bool gather_output = false) {
  return {.style = LayerPartition::Style::column,
          .widths = std::move(widths),
          .gather_output = gather_output,
          .grad_allreduce = false,
          .rule = ""};
}
inline LayerPartition row(Widths widths = {}) {
  return {.style = LayerPartition::Style::row,
          .widths = std::move(widths),
          .gather_output = false,
          .grad_allreduce = false,
          .rule = ""};
}

/// The model on a grid, one step in fp64. On one TP rank nothing is cut.
inline Scenario layer_scenario(const SmallModel& model, const Grid& grid, bool overlap = false) {
  Scenario scenario = on_grid(sweep("tiny-gqa-tp2-dp2-zero1-fp64"), grid);
  scenario.steps = 1;
  scenario.model.parameters = model.parameters;
  scenario.model.head_dim = 4;
  scenario.model.vocab_size = model.parameters.at(0).shape[0];
  scenario.parallel.tp_overlap_comm = overlap;
  scenario.partition = {};
  if (grid.tp > 1) scenario.partition.modules = model.modules;
  return scenario;
}

/// A simulated run of a small model with its trace.
class LayerRun {
 public:
  LayerRun(const Scenario& scenario, real::FamilyLowering forward)
      : program_(real::lower(scenario, forward)), problems_(type_check(program_)) {
    if (problems_.empty()) simulate(scenario);
  }

  const Program& program() const { return program_; }
  const std::vector<TypeProblem>& problems() const { return problems_; }
  const TraceReader& reader() const { return *reader_; }

  /// The whole tensor, put together from all ranks; NaN where none holds an element.
  std::vector<double> tensor(const std::string& path) const {
    std::vector<double> whole;
    for (const StoredDataset& stored : copies(path)) {
      const Shape& shape = stored.info.full_shape;
      whole.resize(static_cast<std::size_t>(element_count(shape)), NAN);
      const std::vector<double> part = values(stored);
      scatter(std::as_bytes(std::span(part)), stored.info.regions, shape, sizeof(double),
              std::as_writable_bytes(std::span(whole)));
    }
    return whole;
  }
  std::vector<StoredDataset> copies(const std::string& path) const {
    const auto found = reader_->datasets().find(path);
    return found == reader_->datasets().end() ? std::vector<StoredDataset>{} : found->second;
  }
  std::vector<double> values(const StoredDataset& stored) const {
    std::vector<double> values(static_cast<std::size_t>(element_count(stored.info.regions)));
    decode(stored.info.dtype, reader_->read(stored), values);
    return values;
  }

  /// "lm_head/forward/all_gather 96" of every collective over tp in the first micro-step but the
  /// data check's, with the elements that a rank brings.
  std::vector<std::string> collectives(int rank = 0) const {
    std::vector<std::string> list;
    for (const CollectiveRecord& record : reader_->collectives(rank))
      if (record.moment == Moment{Moment::Stage::step, 0, 0} && record.group == "tp" &&
          !record.origin.starts_with("data/"))
        list.push_back(record.origin + " " + std::to_string(record.elements));
    return list;
  }

 private:
  void simulate(const Scenario& scenario) {
    const std::string folder = folder_.path().string();
    const auto failure = sim::simulate_program(scenario, program_, folder).failure;
    if (failure) throw ScenarioError(failure->op + ": " + failure->report);
    reader_ = std::make_unique<TraceReader>(folder);
  }

  Program program_;
  std::vector<TypeProblem> problems_;
  TemporaryFolder folder_;
  std::unique_ptr<TraceReader> reader_;
};

/// The largest difference between two runs' values, gradients of values and gradients of
/// parameters, on any rank, as a part of each tensor's largest element; infinite where something is
/// missing.
inline double largest_difference(const LayerRun& whole, const LayerRun& cut, std::string* where) {
  double largest = 0;
  for (const auto& [path, unused] : whole.reader().datasets()) {
    const std::string name = name_in_folder(path);
    if (!name.starts_with("forward/") && !name.starts_with("backward/") &&
        !name.starts_with("gradient/") && !name.starts_with("parameter/"))
      continue;
    const std::vector<double> expected = whole.tensor(path);
    double scale = 0;
    for (const double x : expected) scale = std::max(scale, std::abs(x));
    double difference = cut.tensor(path).size() == expected.size() ? 0 : INFINITY;
    for (const double x : cut.tensor(path)) difference = std::isnan(x) ? INFINITY : difference;
    for (const StoredDataset& copy : cut.copies(path)) {
      if (std::isinf(difference)) break;
      const std::vector<double> got = cut.values(copy);
      std::vector<double> part(got.size());
      extract(std::as_bytes(std::span(expected)), copy.info.full_shape, copy.info.regions,
              sizeof(double), std::as_writable_bytes(std::span(part)));
      for (std::size_t i = 0; i < got.size(); ++i)
        difference = std::max(difference, std::abs(got[i] - part[i]) / scale);
    }
    if (!(difference <= largest)) {
      largest = difference;
      *where = path;
    }
  }
  return largest;
}

}  // namespace shardproof::tests
