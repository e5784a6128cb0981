#include "reference/expected_tensors.hpp"

#include "reference/families.hpp"
#include "reference/graph_units.hpp"
#include "scenarios/trace/trace.hpp"

namespace shardproof::reference {

namespace {

std::string step_folder(int step) { return folder_of({Moment::Stage::step, step, -1}); }
std::string micro_folder(int step, int micro) {
  return folder_of({Moment::Stage::step, step, micro});
}
const Shape one_element{1};

void append_masters(const Scenario& scenario, std::vector<Unit>& units) {
  for (const ParameterDescription& p : scenario.model.parameters)
    units.push_back({UnitKind::cast,
                     {},
                     {"/initial/parameter/" + p.name},
                     "/initial/optimizer/" + p.name + "/master",
                     p.shape});
}

void append_reduction(const Scenario& scenario, int step, std::vector<Unit>& units) {
  const std::string last = micro_folder(step, scenario.training.accumulation - 1);
  const UnitAttributes form{.mean_form = scenario.training.zero_stage == 0
                                             ? MeanForm::multiply_after
                                             : MeanForm::divide_before};
  for (const ParameterDescription& p : scenario.model.parameters)
    units.push_back({UnitKind::mean,
                     form,
                     {last + "/accumulator/" + p.name},
                     step_folder(step) + "/gradient/" + p.name,
                     p.shape});
}

/// Over all gradients at once: the overflow flag, the norm, and the factor that clips by it.
void append_norm(const Scenario& scenario, int step, std::vector<Unit>& units) {
  const std::string scalar = step_folder(step) + "/scalar/";
  std::vector<std::string> gradients;
  for (const ParameterDescription& p : scenario.model.parameters)
    gradients.push_back(step_folder(step) + "/gradient/" + p.name);
  units.push_back({UnitKind::nonfinite, {}, gradients, scalar + "nonfinite", one_element});
  units.push_back(
      {UnitKind::sum_of_squares, {}, gradients, scalar + "grad_norm_squared", one_element});
  units.push_back({UnitKind::square_root,
                   {},
                   {scalar + "grad_norm_squared"},
                   scalar + "grad_norm",
                   one_element});
  if (scenario.training.gradient_clipping == 0) return;
  units.push_back({UnitKind::clip_factor,
                   {.factor = scenario.training.gradient_clipping},
                   {scalar + "grad_norm"},
                   scalar + "clip_factor",
                   one_element});
}

void append_update(const Scenario& scenario, const ParameterDescription& p, int step,
                   std::vector<Unit>& units) {
  const OptimizerConfig& config = scenario.training.optimizer;
  const std::string folder = step_folder(step), scalar = folder + "/scalar/";
  const std::string state = folder + "/optimizer/" + p.name + "/";
  const std::string before =
      (step == 0 ? "/initial" : step_folder(step - 1)) + "/optimizer/" + p.name + "/";
  const auto add = [&](UnitKind kind, const UnitAttributes& attributes,
                       std::vector<std::string> inputs, const std::string& output) {
    units.push_back({kind, attributes, std::move(inputs), output, p.shape});
  };
  const auto moment_before = [&](const std::string& name) {
    return step == 0 ? zero_input : before + name;
  };

  // Widening the gradient to the master dtype is exact, so it is a unit only where nothing follows.
  const bool clips = scenario.training.gradient_clipping != 0;
  const std::string averaged = folder + "/gradient/" + p.name;
  const std::string gradient = state + (clips ? "clipped" : "gradient_master");
  if (clips)
    add(UnitKind::multiply, {}, {averaged, scalar + "clip_factor"}, gradient);
  else
    add(UnitKind::cast, {}, {averaged}, gradient);
  add(UnitKind::exp_avg, {.factor = config.beta1}, {moment_before("exp_avg"), gradient},
      state + "exp_avg");
  add(UnitKind::exp_avg_sq, {.factor = config.beta2}, {moment_before("exp_avg_sq"), gradient},
      state + "exp_avg_sq");
  add(UnitKind::adamw, {.eps = config.epsilon, .weight_decay = config.weight_decay},
      {before + "master", state + "exp_avg", state + "exp_avg_sq", scalar + "learning_rate",
       scalar + "bias_correction1", scalar + "bias_correction2"},
      state + "master");
  add(UnitKind::cast, {}, {state + "master"}, folder + "/parameter/" + p.name);
}

}  // namespace

std::vector<Unit> expected_units(const Scenario& scenario) {
  const Graph graph = graph_of(scenario);
  std::vector<Unit> units;
  append_tables(graph, units);
  if (scenario.trains()) append_masters(scenario, units);
  for (int step = 0; step < scenario.steps; ++step) {
    for (int micro = 0; micro < scenario.training.accumulation; ++micro)
      append_micro_step(graph, step, micro, units);
    if (!scenario.trains()) continue;
    append_reduction(scenario, step, units);
    append_norm(scenario, step, units);
    for (const ParameterDescription& p : scenario.model.parameters)
      append_update(scenario, p, step, units);
  }
  return units;
}

std::vector<std::pair<std::string, Shape>> expected_leaves(const Scenario& scenario) {
  std::vector<std::pair<std::string, Shape>> leaves;
  for (const ParameterDescription& p : scenario.model.parameters)
    leaves.emplace_back("/initial/parameter/" + p.name, p.shape);
  const Shape batch{std::int64_t{scenario.data_parallel()} * scenario.training.micro_batch,
                    scenario.data.sequence};
  for (int step = 0; step < scenario.steps; ++step) {
    for (int micro = 0; micro < scenario.training.accumulation; ++micro)
      leaves.emplace_back(micro_folder(step, micro) + "/data/tokens", batch);
    if (!scenario.trains()) continue;
    for (const char* name : {"learning_rate", "bias_correction1", "bias_correction2"})
      leaves.emplace_back(step_folder(step) + "/scalar/" + name, one_element);
  }
  return leaves;
}

std::int64_t output_elements(const std::vector<Unit>& units) {
  std::int64_t count = 0;
  for (const Unit& unit : units) count += element_count(unit.shape);
  return count;
}

}  // namespace shardproof::reference
