#include <algorithm>
#include <map>

#include "scenarios/model/families.hpp"
#include "scenarios/partition/autotp_raises.hpp"
#include "scenarios/partition/fused_layout.hpp"
#include "scenarios/partition/heuristics.hpp"
#include "scenarios/partition/module_cut.hpp"
#include "scenarios/partition/own_cut.hpp"
#include "scenarios/partition/partition_rules.hpp"
#include "scenarios/partition/presets.hpp"

namespace shardproof {

namespace {

using Style = LayerPartition::Style;

constexpr const char* kCutsNothing = "no spec matches a weight: tensor parallelism cuts nothing";

std::string module_of(const std::string& parameter) {
  return parameter.substr(0, parameter.rfind('.'));
}

std::string head_weight(const ModelDescription& model) {
  return family_of(model.family).head + ".weight";
}

// The output layer whose weight is the embedding's: the list of parameters does not hold it.
bool has_tied_head(const ModelDescription& model) {
  return model.tie_word_embeddings && !model.has_parameter(head_weight(model));
}

const ParameterDescription& embedding_of(const ModelDescription& model) {
  const auto found = std::find_if(
      model.parameters.begin(), model.parameters.end(),
      [](const ParameterDescription& p) { return p.module_class == ModuleClass::embedding; });
  SHARDPROOF_EXPECTS(found != model.parameters.end(), "a model without an embedding");
  return *found;
}

// Decides by an ordered list of specs.
class SpecMatcher {
 public:
  SpecMatcher(const ModelDescription& model, const std::vector<LayerSpec>& specs, bool strict,
              const SourcePlace& place)
      : model_(model), specs_(specs), strict_(strict), place_(place), matches_(specs.size(), 0) {}

  // The weights that are cut. `plan` gets those that are explicitly not, and the warnings.
  std::vector<ModuleCut> decide(PartitionPlan& plan) {
    std::vector<ModuleCut> cuts;
    const bool tied = decide_tied_head(plan);
    for (const ParameterDescription& parameter : model_.parameters) {
      const bool tied_embedding = tied && &parameter == &embedding_of(model_);
      if (!parameter.name.ends_with(".weight") || parameter.shape.size() != 2 || tied_embedding)
        continue;
      const Found found = find(parameter.name);
      if (parameter.module_class == ModuleClass::embedding)
        refuse_cut_embedding(parameter, found);
      else if (!found.spec)
        require_match(parameter.name);
      else if (found.spec->type == LayerSpec::Type::skip)
        plan.modules[module_of(parameter.name)].rule = rule_of(*found.spec, *found.pattern);
      else
        cuts.push_back(cut_of(parameter, found));
    }
    sum_gradients(plan);
    warn(plan);
    return cuts;
  }

 private:
  struct Found {
    const LayerSpec* spec = nullptr;
    const Pattern* pattern = nullptr;
  };

  // The first spec that matches, and a note of all that do.
  Found find(const std::string& parameter) {
    Found found;
    std::vector<std::size_t> all;
    for (std::size_t i = 0; i < specs_.size(); ++i) {
      const Pattern* pattern = specs_[i].match(parameter, model_.family);
      if (!pattern) continue;
      if (!found.spec) found = {&specs_[i], pattern};
      all.push_back(i);
      ++matches_[i];
    }
    if (all.size() > 1) several_[all].push_back(parameter);
    return found;
  }

  void require_match(const std::string& parameter) const {
    if (strict_)
      throw ScenarioError(place_, "No matching spec for " + parameter +
                                      ", and partition_config.strict_mode = true requires one");
  }

  void refuse_cut_embedding(const ParameterDescription& parameter, const Found& found) const {
    if (!found.spec || found.spec->type == LayerSpec::Type::skip) return;
    throw ScenarioError(found.spec->place,
                        rule_of(*found.spec, *found.pattern) + ": matches the embedding " +
                            parameter.name +
                            ", and each rank of a cut embedding would see a slice of the hidden "
                            "state only: match it with a \"skip\" spec before");
  }

  // True if the output layer and the embedding stay out of it.
  bool decide_tied_head(PartitionPlan& plan) {
    if (!has_tied_head(model_)) return false;
    const std::string head = head_weight(model_);
    const Found found = find(head);
    if (!found.spec) require_match(head);
    if (!found.spec || found.spec->type == LayerSpec::Type::skip) return false;
    const std::string rule = rule_of(*found.spec, *found.pattern);
    const std::string& embedding = embedding_of(model_).name;
    if (found.spec->type != LayerSpec::Type::column || !found.spec->gather_output)
      throw ScenarioError(found.spec->place,
                          rule + ": " + head + " is tied to " + embedding +
                              ", which would be cut with it; only a column with gather_output "
                              "(which leaves both replicated) or \"skip\" is possible");
    plan.warnings.push_back(head + " is tied to " + embedding +
                            ": both stay replicated, because a coupled vocabulary-parallel "
                            "embedding is not supported");
    plan.modules[module_of(head)].rule = rule + ", but tied";
    return true;
  }

  ModuleCut cut_of(const ParameterDescription& parameter, const Found& found) const {
    const LayerSpec& spec = *found.spec;
    const bool transposed = parameter.module_class == ModuleClass::conv1d;
    ModuleCut cut;
    cut.module = {module_of(parameter.name), parameter.shape[transposed ? 1 : 0],
                  parameter.shape[transposed ? 0 : 1]};
    cut.style = spec.type == LayerSpec::Type::row ? Style::row : Style::column;
    cut.gather_output = spec.gather_output;
    cut.width_name = cut.module.path;
    cut.rule = rule_of(spec, *found.pattern);
    cut.place = spec.place;
    cut.blocks = {cut.features()};
    if (spec.shape) cut_sub_parameters(*spec.shape, cut);
    return cut;
  }

  void cut_sub_parameters(const SubParameterShape& shape, ModuleCut& cut) const {
    const SubParameters parts =
        resolve_sub_parameters({cut.module.out, cut.module.in}, shape, cut.module.path, cut.place);
    cut.unit = parts.features_per_step();
    cut.blocks.clear();
    for (std::int64_t i = 0; i < parts.repeats(); ++i)
      cut.blocks.insert(cut.blocks.end(), parts.sizes.begin(), parts.sizes.end());
  }

  // Whole modules: a norm whose bias is matched otherwise than its weight would be half summed.
  void sum_gradients(PartitionPlan& plan) const {
    if (std::none_of(specs_.begin(), specs_.end(),
                     [](const LayerSpec& s) { return s.grad_allreduce; }))
      return;
    std::map<std::string, std::pair<int, int>> summed;  // of how many parameters
    std::map<std::string, std::string> rules;
    for (const ParameterDescription& parameter : model_.parameters) {
      auto& [count, all] = summed[module_of(parameter.name)];
      ++all;
      const auto first = std::find_if(specs_.begin(), specs_.end(), [&](const LayerSpec& spec) {
        return spec.match(parameter.name, model_.family) != nullptr;
      });
      if (first == specs_.end() || !first->grad_allreduce) continue;
      ++count;
      const std::string module = module_of(parameter.name);
      rules[module] = rule_of(*first, *first->match(parameter.name, model_.family));
    }
    for (const auto& [module, rule] : rules) {
      const auto& [count, all] = summed[module];
      if (count != all)
        throw ScenarioError(place_, rule + ": grad_allreduce matches " + std::to_string(count) +
                                        " of the " + std::to_string(all) + " parameters of " +
                                        module + ": match its weight and its bias");
      plan.modules[module].grad_allreduce = true;
      plan.modules[module].rule = rule;
    }
  }

  void warn(PartitionPlan& plan) const {
    for (const auto& [specs, parameters] : several_) {
      std::string names;
      for (const std::size_t i : specs) names += (names.empty() ? "" : ", ") + specs_[i].name;
      const std::string more =
          parameters.size() == 1 ? "" : " and " + std::to_string(parameters.size() - 1) + " more";
      plan.warnings.push_back(parameters.front() + more + ": " + std::to_string(specs.size()) +
                              " specs match (" + names + "), the first decides");
    }
    for (std::size_t i = 0; i < specs_.size(); ++i)
      if (matches_[i] == 0 && specs_[i].name.starts_with("layer_specs") &&
          !specs_[i].grad_allreduce)
        plan.warnings.push_back(specs_[i].name + " matches no weight of the model");
    if (std::all_of(matches_.begin(), matches_.end(), [](int count) { return count == 0; }))
      plan.warnings.emplace_back(kCutsNothing);
  }

  const ModelDescription& model_;
  const std::vector<LayerSpec>& specs_;
  bool strict_;
  const SourcePlace& place_;
  std::vector<int> matches_;  // by spec: how many weights
  std::map<std::vector<std::size_t>, std::vector<std::string>> several_;
};

std::vector<ModuleCut> heuristic_cuts(const ModelDescription& model, const Family& family,
                                      const SourcePlace& place) {
  const auto choices = heuristic_choices(model, family, place);
  std::vector<ModuleCut> cuts;
  for (const ParameterDescription& parameter : model.parameters) {
    const auto choice = choices.find(module_of(parameter.name));
    if (choice == choices.end() || !parameter.name.ends_with(".weight")) continue;
    ModuleCut cut;
    cut.module = {choice->first, parameter.shape[0], parameter.shape[1]};
    cut.style = choice->second.is_row ? Style::row : Style::column;
    if (!choice->second.is_row) cut.blocks = fused_blocks(model, choice->first, cut.module.out);
    if (cut.blocks.empty()) cut.blocks = {cut.features()};
    // DeepSpeed cuts fused attention without a name, and both halves of a fused MLP as "mlp".
    const bool halves = cut.blocks.size() == 2, fused = cut.blocks.size() == 3;
    cut.width_name = halves ? "mlp" : fused ? "None" : choice->second.name;
    cut.rule = choice->second.rule;
    cut.place = place;
    cuts.push_back(std::move(cut));
  }
  return cuts;
}

// The specs that decide, or nothing where heuristics do.
std::optional<std::vector<LayerSpec>> specs_of(const Family& family, const PartitionRules& rules) {
  std::vector<LayerSpec> specs;
  if (rules.custom) specs = rules.custom->layer_specs;
  if (!rules.preset.empty() && (!rules.custom || rules.custom->use_default_specs))
    for (LayerSpec& spec : preset_specs(rules.preset, rules.preset_place))
      specs.push_back(std::move(spec));
  if (rules.custom || !rules.preset.empty()) return specs;
  const std::vector<TpPlanStyle> plan = tp_plan_of(family, rules.tp_plan, rules.place);
  if (plan.empty()) return std::nullopt;
  return specs_of_tp_plan(plan);
}

// What rules decide, before widths are known.
struct Decision {
  std::vector<ModuleCut> cuts;
  PartitionPlan plan;  // what is explicitly not cut, summed gradients, warnings
};

Decision decide_by(const std::vector<LayerSpec>& specs, const ModelDescription& model, bool strict,
                   const SourcePlace& place) {
  Decision decision;
  decision.cuts = SpecMatcher(model, specs, strict, place).decide(decision.plan);
  return decision;
}

Decision decision_of_autotp(const ModelDescription& model, const Family& family,
                            const PartitionRules& rules) {
  const std::optional<std::vector<LayerSpec>> specs = specs_of(family, rules);
  if (!specs) return {heuristic_cuts(model, family, rules.place), {}};
  return decide_by(*specs, model, rules.custom && rules.custom->strict_mode, rules.place);
}

// AutoTP's, and of what it leaves whole what `own` cuts.
Decision completed(const Decision& autotp, const Decision& own) {
  Decision both = autotp;
  for (const ModuleCut& cut : own.cuts) {
    const std::string& module = cut.module.path;
    const bool decided = autotp.plan.modules.contains(module) ||
                         std::ranges::any_of(autotp.cuts, [&](const ModuleCut& theirs) {
                           return theirs.module.path == module;
                         });
    if (!decided) both.cuts.push_back(cut);
  }
  if (!both.cuts.empty()) std::erase(both.plan.warnings, kCutsNothing);
  return both;
}

// What Shardproof's own cut decides: all where it is asked for or AutoTP raises, else the rest.
Decision decision_with_own_cut(const ModelDescription& model, const Family& family,
                               const PartitionRules& rules) {
  const std::vector<LayerSpec> specs = own_cut_specs(model, family, rules.place);
  Decision decision = decide_by(specs, model, false, rules.place);
  std::string why;
  try {
    const Decision autotp = decision_of_autotp(model, family, rules);
    if (!rules.own_cut) decision = completed(autotp, decision);
    why = difference_from_autotp(decision.cuts, autotp.cuts);
    if (why.empty()) why = difference_in_sums(decision.plan, autotp.plan);
  } catch (const AutoTpRaises& raised) {
    why = raised.reason();
  } catch (const ScenarioError& refused) {
    if (!rules.own_cut) throw;
    why = refused.what();
  }
  if (!why.empty()) decision.plan.warnings.push_back(own_cut_notice(family, why));
  return decision;
}

Decision decision_of(const ModelDescription& model, const PartitionRules& rules) {
  const Family& family = family_of(model.family);
  if (family.own_cut.empty() || (rules.custom && !rules.own_cut))
    return decision_of_autotp(model, family, rules);
  return decision_with_own_cut(model, family, rules);
}

}  // namespace

PartitionPlan resolve_partition(const ModelDescription& model, const PartitionRules& rules,
                                int tp) {
  if (tp == 1) return {};
  auto [cuts, plan] = decision_of(model, rules);
  const ModuleCutter cutter(model, rules, tp);
  cutter.check(cuts);
  for (const ModuleCut& cut : cuts) plan.modules[cut.module.path] = cutter.partition(cut);
  const std::string empty = cutter.empty_shares_warning(cuts);
  if (!empty.empty()) plan.warnings.push_back(empty);
  return plan;
}

}  // namespace shardproof
