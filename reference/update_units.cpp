#include "reference/step_units.hpp"
#include "scenarios/trace/trace.hpp"

namespace shardproof::reference {

namespace {

void append_update_of(const Scenario& scenario, const ParameterDescription& p, int step,
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

std::string step_folder(int step) { return folder_of({Moment::Stage::step, step, -1}); }

void append_masters(const Scenario& scenario, std::vector<Unit>& units) {
  for (const ParameterDescription& p : scenario.model.parameters)
    units.push_back({UnitKind::cast,
                     {},
                     {"/initial/parameter/" + p.name},
                     "/initial/optimizer/" + p.name + "/master",
                     p.shape});
}

void append_update(const Scenario& scenario, int step, std::vector<Unit>& units) {
  for (const ParameterDescription& p : scenario.model.parameters)
    append_update_of(scenario, p, step, units);
}

}  // namespace shardproof::reference
