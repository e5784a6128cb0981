#include "reference/units/step_units.hpp"
#include "scenarios/config/parameter_groups.hpp"
#include "scenarios/trace/trace.hpp"

namespace shardproof::reference {

namespace {

// The units of one parameter's update in one step.
class Update {
 public:
  Update(const Task& task, const ParameterDescription& parameter, std::size_t group, int step,
         int last_update, std::vector<Unit>& units)
      : training_(task.training),
        config_(task.training.optimizer),
        parameter_(parameter),
        module_(optimizer_module(task, group)),
        weight_decay_(weight_decay_of(task, group)),
        first_(last_update < 0),
        begins_(task.resume.empty()),
        folder_(step_folder(step)),
        scalar_(folder_ + "/scalar/"),
        state_(folder_ + "/optimizer/" + parameter.name + "/"),
        before_((first_ ? "/initial" : step_folder(last_update)) + "/optimizer/" + parameter.name +
                "/"),
        units_(units) {}

  void append() {
    const std::string gradient = clipped();
    switch (config_.kind) {
      case OptimizerConfig::Kind::adamw: adam(gradient, weight_decay_); break;
      case OptimizerConfig::Kind::adam: adam(decayed(gradient), 0); break;
      case OptimizerConfig::Kind::sgd: sgd(decayed(gradient)); break;
    }
    add(UnitKind::cast, {}, {state_ + "master"}, folder_ + "/parameter/" + parameter_.name);
  }

 private:
  std::string add(UnitKind kind, const UnitAttributes& attributes, std::vector<std::string> inputs,
                  const std::string& output) {
    units_.push_back({kind, attributes, std::move(inputs), output, parameter_.shape, module_});
    return output;
  }
  std::string moment_before(const std::string& name) const {
    return first_ && begins_ ? zero_input : before_ + name;
  }

  // Widening the gradient to the master dtype is exact, so it is a unit only where nothing follows.
  std::string clipped() {
    const std::string averaged = folder_ + "/gradient/" + parameter_.name;
    return multiplies_gradients(training_)
               ? add(UnitKind::multiply, {}, {averaged, scalar_ + "clip_factor"},
                     state_ + "clipped")
               : add(UnitKind::cast, {}, {averaged}, state_ + "gradient_master");
  }

  std::string decayed(const std::string& gradient) {
    if (weight_decay_ == 0) return gradient;
    const UnitKind kind = config_.takes_fp64_scalars() ? UnitKind::torch_decay : UnitKind::decay;
    return add(kind, {.factor = weight_decay_}, {gradient, before_ + "master"}, state_ + "decayed");
  }

  void adam(const std::string& gradient, double weight_decay) {
    const bool torch = config_.form == OptimizerConfig::Form::torch;
    add(torch ? UnitKind::torch_exp_avg : UnitKind::exp_avg, {.factor = config_.beta1},
        {moment_before("exp_avg"), gradient}, state_ + "exp_avg");
    add(torch ? UnitKind::torch_exp_avg_sq : UnitKind::exp_avg_sq, {.factor = config_.beta2},
        {moment_before("exp_avg_sq"), gradient}, state_ + "exp_avg_sq");
    add(torch ? UnitKind::torch_adamw : UnitKind::adamw,
        {.eps = config_.epsilon, .weight_decay = weight_decay},
        {before_ + "master", state_ + "exp_avg", state_ + "exp_avg_sq", scalar_ + "learning_rate",
         scalar_ + "bias_correction1",
         scalar_ + (torch ? "bias_correction2_root" : "bias_correction2")},
        state_ + "master");
  }

  void sgd(const std::string& gradient) {
    const UnitAttributes momentum{.factor = config_.momentum};
    std::string direction = gradient;
    if (config_.momentum != 0)
      direction = add(UnitKind::momentum, momentum, {gradient, moment_before("momentum_buffer")},
                      state_ + "momentum_buffer");
    if (config_.nesterov)
      direction = add(UnitKind::nesterov, momentum, {gradient, direction}, state_ + "nesterov");
    add(UnitKind::sgd, {}, {before_ + "master", direction, scalar_ + "learning_rate"},
        state_ + "master");
  }

  const TrainingConfig& training_;
  const OptimizerConfig& config_;
  const ParameterDescription& parameter_;
  std::string module_;
  double weight_decay_;
  bool first_;   // no update of this run comes before
  bool begins_;  // nor one of a run that it goes on from: the moments are zero
  std::string folder_, scalar_, state_, before_;
  std::vector<Unit>& units_;
};

}  // namespace

std::string step_folder(int step) { return folder_of({Moment::Stage::step, step, -1}); }

void append_masters(const Task& task, std::vector<Unit>& units) {
  for (const ParameterDescription& p : task.model.parameters)
    units.push_back({UnitKind::cast,
                     {},
                     {"/initial/parameter/" + p.name},
                     "/initial/optimizer/" + p.name + "/master",
                     p.shape});
}

void append_update(const Task& task, int step, int last_update, std::vector<Unit>& units) {
  const std::vector<std::size_t> groups = groups_of_parameters(task);
  for (std::size_t i = 0; i < groups.size(); ++i)
    Update(task, task.model.parameters[i], groups[i], step, last_update, units).append();
}

}  // namespace shardproof::reference
