#include "reports/checks/budget.hpp"

#include <algorithm>
#include <map>

#include "reference/models/families.hpp"
#include "reference/units/graph_units.hpp"
#include "scenarios/config/parameter_groups.hpp"
#include "scenarios/partition/cut_dimension.hpp"
#include "scenarios/partition/output_projection.hpp"
#include "scenarios/phase.hpp"
#include "scenarios/precision/precision.hpp"
#include "scenarios/trace/trace.hpp"

namespace shardproof::reports {

namespace {

using Style = LayerPartition::Style;

std::string module_of(const std::string& parameter) {
  return parameter.substr(0, parameter.rfind('.'));
}
std::string leaf_of(const std::string& parameter) {
  return parameter.substr(parameter.rfind('.') + 1);
}

}  // namespace

std::optional<int> sharded_dimension(const Scenario& scenario, const std::string& parameter) {
  return cut_dimension(scenario.partition, scenario.model.parameter(parameter));
}

Placement parameter_placement(const Scenario& scenario, const std::string& parameter) {
  const std::optional<int> dim = sharded_dimension(scenario, parameter);
  if (!dim) return {};
  return {shard(*dim, scenario.partition.of(module_of(parameter)).widths), replicate()};
}

std::vector<std::string> gathered_parameters(const Scenario& scenario) {
  std::vector<std::string> names;
  for (const ParameterDescription& parameter : scenario.model.parameters)
    if (sharded_dimension(scenario, parameter.name)) names.push_back(parameter.name);
  return names;
}

std::vector<std::string> edited_parameters(const Scenario& scenario) {
  std::vector<std::string> names = gathered_parameters(scenario);
  const std::string module = names.empty() ? "" : module_of(names.front());
  std::erase_if(names, [&](const std::string& name) { return module_of(name) != module; });
  return names;
}

namespace {

class Budget {
 public:
  Budget(const Scenario& scenario, GroupRank tp_rank)
      : scenario_(scenario),
        policy_(precision_policy(scenario)),
        tp_rank_(static_cast<std::size_t>(tp_rank.value)),
        tp_(scenario.parallel.tensor_parallel),
        dp_(scenario.data_parallel()) {}

  CollectiveBudget compute() {
    into_ = &budget_.initial_moment;
    round_trip(gathered_parameters(scenario_));
    for (int pass = 0; pass < 2; ++pass) round_trip(edited_parameters(scenario_));
    into_ = &budget_.data_check;
    if (tp_ > 1) data_check();
    into_ = &budget_.micro_step;
    micro_step();
    if (scenario_.trains()) buckets();
    if (scenario_.trains()) reduce_and_update();
    into_ = &budget_.final_moment;
    round_trip(gathered_parameters(scenario_));
    return std::move(budget_);
  }

 private:
  void reduce_and_update() {
    into_ = &budget_.reduce;
    combined_scalar("all_reduce_max", Phase::reduce, "nonfinite", Dtype::fp32);
    into_ = &budget_.update;
    combined_scalar("all_reduce", Phase::update, "grad_norm_squared", Dtype::fp64);
    if (divided()) gathered_slices();
  }

  void add(const std::string& origin, const char* kind, Axis group, Dtype dtype,
           std::int64_t elements) {
    if ((group == Axis::tp ? tp_ : dp_) == 1) return;
    into_->push_back({origin, kind, name_of(group), name_of(dtype), elements,
                      elements * static_cast<std::int64_t>(size_bytes(dtype))});
  }

  bool divided() const { return scenario_.parallel.zero_stage > 0 && dp_ > 1; }

  /// The widths of a layer's blocks, by TP rank.
  Widths blocks(const LayerPartition& layer, std::int64_t features) const {
    if (!layer.widths.empty()) return layer.widths;
    return {std::vector<std::int64_t>(static_cast<std::size_t>(tp_), features / tp_)};
  }

  /// Elements of a parameter on TP rank `t`.
  std::int64_t count_on(const ParameterDescription& parameter, std::size_t t) const {
    const std::optional<int> dim = sharded_dimension(scenario_, parameter.name);
    if (!dim) return element_count(parameter.shape);
    const std::int64_t features = parameter.shape[static_cast<std::size_t>(*dim)];
    std::int64_t width = 0;
    for (const auto& block : blocks(scenario_.partition.of(module_of(parameter.name)), features))
      width += block.at(t);
    return element_count(parameter.shape) / features * width;
  }
  std::int64_t local_count(const ParameterDescription& parameter) const {
    return count_on(parameter, tp_rank_);
  }
  std::int64_t largest_count(const ParameterDescription& parameter) const {
    std::int64_t largest = 0;
    for (std::size_t t = 0; t < static_cast<std::size_t>(tp_); ++t)
      largest = std::max(largest, count_on(parameter, t));
    return largest;
  }

  /// Of each parameter group a rank's part of the flat vector of all its shards, padded to a
  /// multiple of 2 D (7.7.4).
  void gathered_slices() {
    const std::vector<std::size_t> group_of = groups_of_parameters(scenario_);
    std::map<std::size_t, std::int64_t> counts;
    for (std::size_t i = 0; i < group_of.size(); ++i)
      counts[group_of[i]] += local_count(scenario_.model.parameters[i]);
    const std::int64_t alignment = std::int64_t{2} * dp_;
    for (const auto& [group, count] : counts)
      add(optimizer_module(scenario_, group) + "/update/all_gather", "all_gather", Axis::dp,
          policy_.working, (count + alignment - 1) / alignment * alignment / dp_);
  }

  void round_trip(const std::vector<std::string>& parameters) {
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      const std::string& name = parameters[i];
      gather(name);
      const bool last =
          i + 1 == parameters.size() || module_of(parameters[i + 1]) != module_of(name);
      if (last) agreement(module_of(name));
    }
  }

  void gather(const std::string& name) {
    const Shape& shape = scenario_.model.parameter(name).shape;
    const auto dim = static_cast<std::size_t>(*sharded_dimension(scenario_, name));
    all_gather(module_of(name) + "/gather/all_gather_" + leaf_of(name),
               scenario_.partition.of(module_of(name)), shape[dim], element_count(shape));
  }

  /// Of a tensor whose features are cut as the layer's: one for each block, and each rank sends as
  /// much as the largest width of the block takes (5.3).
  void all_gather(const std::string& origin, const LayerPartition& layer, std::int64_t features,
                  std::int64_t elements) {
    const Widths widths = blocks(layer, features);
    for (std::size_t k = 0; k < widths.size(); ++k)
      add(widths.size() == 1 ? origin : origin + "_" + std::to_string(k), "all_gather", Axis::tp,
          policy_.tp_wire, elements / features * *std::ranges::max_element(widths[k]));
  }

  /// Largest and smallest checksum (two halves each) over all ranks.
  void agreement(const std::string& module) {
    for (const char* which : {"max", "min"})
      for (const Axis axis : {Axis::tp, Axis::dp})
        add(module + "/repartition/checksum_" + which + "_" + name_of(axis), "all_reduce_max", axis,
            Dtype::fp64, 2);
  }

  void data_check() {
    add("data/data/tokens_max_tp", "all_reduce_max", Axis::tp, Dtype::int64,
        scenario_.training.micro_batch * scenario_.data.sequence);
    for (const Axis axis : {Axis::tp, Axis::dp})
      add(std::string("data/data/inconsistent_all_reduce_") + name_of(axis), "all_reduce_max", axis,
          Dtype::fp32, 1);
  }

  void micro_step() {
    std::vector<reference::Unit> units;
    reference::append_micro_step(reference::graph_of(scenario_), 0, 0, -1, units);
    for (const reference::Unit& unit : units) micro_step(unit);
  }

  void micro_step(const reference::Unit& unit) {
    using reference::UnitKind;
    const LayerPartition& layer = scenario_.partition.of(unit.module);
    // Of an expert's tokens there are as many rows as chose it.
    const std::int64_t replica = unit.rows ? unit.shape.back() : element_count(unit.shape) / dp_;
    const std::string name = name_in_folder(unit.output);
    if (layer.style == Style::row && unit.kind == UnitKind::matmul)
      reduce(unit.module + "/forward/all_reduce", replica, unit.rows);
    if (layer.style == Style::column && unit.kind == UnitKind::matmul_backward_input)
      reduce(unit.module + "/backward/all_reduce", replica, unit.rows);
    if (layer.style == Style::column && unit.kind == UnitKind::sum_heads)
      reduce(unit.module + "/backward/all_reduce_heads", replica);
    if (layer.gather_output && name == "forward/" + unit.module + "/output")
      all_gather(unit.module + "/forward/all_gather", layer, unit.shape.back(), replica);
    if (layer.style == Style::row && unit.kind == UnitKind::matmul_backward_input &&
        is_output_projection(unit.module))
      all_gather(unit.module + "/backward/all_gather", layer, unit.shape.back(), replica);
    if (layer.grad_allreduce && name.starts_with("gradient/"))
      reduce(unit.module + "/backward/all_reduce_" + leaf_of(name), replica);
  }

  void reduce(const std::string& origin, std::int64_t elements,
              const std::optional<reference::RoutedRows>& rows = std::nullopt) {
    if (tp_ == 1) return;
    add(origin, "all_reduce", Axis::tp, policy_.tp_wire, elements);
    into_->back().rows = rows;
  }

  /// Gradients in reverse order; a bucket is closed before it would be too large. They are reduced
  /// once a step, with ZeRO 2 in every micro-step (7.7.2, 7.7.3).
  void buckets() {
    into_ = scenario_.parallel.zero_stage == 2 ? &budget_.micro_step : &budget_.reduce;
    const auto& parameters = scenario_.model.parameters;
    std::int64_t filled = 0, sent = 0, bucket = 0;
    const auto close = [&] {
      if (filled == 0) return;
      add("bucket_" + std::to_string(bucket++) + "/reduce/all_reduce", "all_reduce", Axis::dp,
          policy_.dp_wire, sent);
      filled = sent = 0;
    };
    for (auto parameter = parameters.rbegin(); parameter != parameters.rend(); ++parameter) {
      // Every TP rank closes its buckets at the same parameters.
      const std::int64_t count = largest_count(*parameter);
      if (filled + count > scenario_.parallel.reduce_bucket_size) close();
      filled += count;
      sent += local_count(*parameter);
    }
    close();
  }

  /// A scalar of each rank's part, combined over the axes that divide the parts.
  void combined_scalar(const char* kind, Phase phase, const std::string& name, Dtype dtype) {
    const std::string origin =
        std::string("optimizer/") + name_of(phase) + "/" + name + "_all_reduce_";
    if (divided()) add(origin + "dp", kind, Axis::dp, dtype, 1);
    add(origin + "tp", kind, Axis::tp, dtype, 1);
  }

  const Scenario& scenario_;
  PrecisionPolicy policy_;
  std::size_t tp_rank_;
  std::int64_t tp_;
  std::int64_t dp_;
  CollectiveBudget budget_;
  std::vector<BudgetedCollective>* into_ = nullptr;
};

}  // namespace

CollectiveBudget collective_budget(const Scenario& scenario, GroupRank tp) {
  return Budget(scenario, tp).compute();
}

}  // namespace shardproof::reports
