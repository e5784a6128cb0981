#include "reports/budget.hpp"

#include <algorithm>
#include <array>

#include "scenarios/precision.hpp"

namespace shardproof::reports {

namespace {

std::string module_of(const std::string& parameter) {
  return parameter.substr(0, parameter.rfind('.'));
}
std::string leaf_of(const std::string& parameter) {
  return parameter.substr(parameter.rfind('.') + 1);
}

template <std::size_t N>
bool ends_in(const std::string& module, const std::array<const char*, N>& names) {
  return std::any_of(names.begin(), names.end(),
                     [&](const char* name) { return module.ends_with(name); });
}

}  // namespace

std::optional<int> sharded_dimension(const std::string& parameter) {
  static constexpr std::array columns{".self_attn.q_proj", ".self_attn.k_proj", ".self_attn.v_proj",
                                      ".mlp.gate_proj", ".mlp.up_proj"};
  static constexpr std::array rows{".self_attn.o_proj", ".mlp.down_proj"};
  const std::string module = module_of(parameter);
  if (ends_in(module, columns)) return 0;
  if (ends_in(module, rows) && leaf_of(parameter) == "weight") return 1;
  return std::nullopt;
}

Placement parameter_placement(const std::string& parameter) {
  const std::optional<int> dim = sharded_dimension(parameter);
  return {dim ? shard(*dim) : replicate(), replicate()};
}

std::vector<std::string> gathered_parameters(const Scenario& scenario) {
  std::vector<std::string> names;
  for (const ParameterDescription& parameter : scenario.model.parameters)
    if (sharded_dimension(parameter.name)) names.push_back(parameter.name);
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
  explicit Budget(const Scenario& scenario)
      : scenario_(scenario),
        policy_(precision_policy(scenario)),
        tp_(scenario.training.tensor_parallel),
        dp_(scenario.data_parallel()) {}

  CollectiveBudget compute() {
    into_ = &budget_.initial_moment;
    round_trip(gathered_parameters(scenario_));
    for (int pass = 0; pass < 2; ++pass) round_trip(edited_parameters(scenario_));
    into_ = &budget_.micro_step;
    micro_step();
    into_ = &budget_.reduce;
    buckets();
    combined_scalar("all_reduce_max", "reduce", "nonfinite", Dtype::fp32);
    into_ = &budget_.update;
    combined_scalar("all_reduce", "update", "grad_norm_squared", Dtype::fp64);
    if (divided())
      add("optimizer/update/all_gather", "all_gather", Axis::dp, policy_.dp_wire, slice());
    into_ = &budget_.final_moment;
    round_trip(gathered_parameters(scenario_));
    return std::move(budget_);
  }

 private:
  void add(const std::string& origin, const char* kind, Axis group, Dtype dtype,
           std::int64_t elements) {
    if ((group == Axis::tp ? tp_ : dp_) == 1) return;
    into_->push_back({origin, kind, name_of(group), name_of(dtype), elements,
                      elements * static_cast<std::int64_t>(size_bytes(dtype))});
  }

  bool divided() const { return scenario_.training.zero_stage > 0 && dp_ > 1; }

  std::int64_t local_count(const ParameterDescription& parameter) const {
    return element_count(parameter.shape) / (sharded_dimension(parameter.name) ? tp_ : 1);
  }

  /// A rank's part of the flat vector of all its shards, padded to a multiple of 2 D (7.7.4).
  std::int64_t slice() const {
    std::int64_t count = 0;
    for (const ParameterDescription& parameter : scenario_.model.parameters)
      count += local_count(parameter);
    const std::int64_t alignment = std::int64_t{2} * dp_;
    return (count + alignment - 1) / alignment * alignment / dp_;
  }

  void round_trip(const std::vector<std::string>& parameters) {
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      const std::string& name = parameters[i];
      add(module_of(name) + "/gather/all_gather_" + leaf_of(name), "all_gather", Axis::tp,
          policy_.tp_wire, local_count(scenario_.model.parameter(name)));
      const bool last =
          i + 1 == parameters.size() || module_of(parameters[i + 1]) != module_of(name);
      if (last) agreement(module_of(name));
    }
  }

  /// Largest and smallest checksum (two halves each) over all ranks.
  void agreement(const std::string& module) {
    for (const char* which : {"max", "min"})
      for (const Axis axis : {Axis::tp, Axis::dp})
        add(module + "/repartition/checksum_" + which + "_" + name_of(axis), "all_reduce_max", axis,
            Dtype::fp64, 2);
  }

  void micro_step() {
    const std::int64_t hidden =
        scenario_.training.micro_batch * scenario_.data.sequence * scenario_.model.hidden_size;
    const auto reduce = [&](std::int64_t layer, const char* linear, const char* phase) {
      add("model.layers." + std::to_string(layer) + linear + "/" + phase + "/all_reduce",
          "all_reduce", Axis::tp, policy_.tp_wire, hidden);
    };
    for (std::int64_t layer = 0; layer < scenario_.model.num_hidden_layers; ++layer)
      for (const char* linear : {".self_attn.o_proj", ".mlp.down_proj"})
        reduce(layer, linear, "forward");
    for (std::int64_t layer = scenario_.model.num_hidden_layers; layer-- > 0;)
      for (const char* linear : {".mlp.up_proj", ".mlp.gate_proj", ".self_attn.v_proj",
                                 ".self_attn.k_proj", ".self_attn.q_proj"})
        reduce(layer, linear, "backward");
  }

  /// Gradients in reverse order; a bucket is closed before it would be too large (7.7.2, 7.7.3).
  void buckets() {
    const auto& parameters = scenario_.model.parameters;
    std::int64_t filled = 0, bucket = 0;
    const auto close = [&] {
      if (filled == 0) return;
      add("bucket_" + std::to_string(bucket++) + "/reduce/all_reduce", "all_reduce", Axis::dp,
          policy_.dp_wire, filled);
      filled = 0;
    };
    for (auto parameter = parameters.rbegin(); parameter != parameters.rend(); ++parameter) {
      const std::int64_t count = local_count(*parameter);
      if (filled + count > scenario_.training.reduce_bucket_size) close();
      filled += count;
    }
    close();
  }

  /// A scalar of each rank's part, combined over the axes that divide the parts.
  void combined_scalar(const char* kind, const std::string& phase, const std::string& name,
                       Dtype dtype) {
    const std::string origin = "optimizer/" + phase + "/" + name + "_all_reduce_";
    if (divided()) add(origin + "dp", kind, Axis::dp, dtype, 1);
    add(origin + "tp", kind, Axis::tp, dtype, 1);
  }

  const Scenario& scenario_;
  PrecisionPolicy policy_;
  std::int64_t tp_;
  std::int64_t dp_;
  CollectiveBudget budget_;
  std::vector<BudgetedCollective>* into_ = nullptr;
};

}  // namespace

CollectiveBudget collective_budget(const Scenario& scenario) { return Budget(scenario).compute(); }

}  // namespace shardproof::reports
