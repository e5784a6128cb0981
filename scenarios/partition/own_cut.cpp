#include "scenarios/partition/own_cut.hpp"

#include <algorithm>

#include "scenarios/listed.hpp"
#include "scenarios/model/families.hpp"

namespace shardproof {

namespace {

SubParameterShape shape_of(const ModelDescription& model, OwnCutRule::Parts parts) {
  if (parts == OwnCutRule::Parts::halves) return {{{2, {}, false}, {-1, {}, false}}, 0};
  const std::int64_t queries = model.num_attention_heads * model.head_dim;
  const std::int64_t keys = model.num_key_value_heads * model.head_dim;
  return {{{-1, {queries, keys, keys}, true}, {-1, {}, false}}, 0};
}

LayerSpec::Type type_of(OwnCutRule::Type type) {
  switch (type) {
    case OwnCutRule::Type::column: return LayerSpec::Type::column;
    case OwnCutRule::Type::row: return LayerSpec::Type::row;
    case OwnCutRule::Type::summed: break;
  }
  return LayerSpec::Type::skip;
}

const ModuleCut* find(const std::vector<ModuleCut>& cuts, const std::string& module) {
  const auto found = std::ranges::find(
      cuts, module, [](const ModuleCut& cut) -> const std::string& { return cut.module.path; });
  return found == cuts.end() ? nullptr : &*found;
}

bool cut_alike(const ModuleCut& a, const ModuleCut& b) {
  return a.style == b.style && a.gather_output == b.gather_output &&
         a.block_features() == b.block_features();
}

}  // namespace

std::string families_with_own_cut() {
  std::vector<std::string> names;
  for (const Family& family : families())
    if (!family.own_cut.empty()) names.push_back(family.model_type);
  return listed(names, "and");
}

std::vector<LayerSpec> own_cut_specs(const ModelDescription& model, const Family& family,
                                     const SourcePlace& place) {
  std::vector<LayerSpec> specs;
  for (const OwnCutRule& rule : family.own_cut) {
    LayerSpec spec;
    spec.name = "own cut";
    spec.place = place;
    spec.patterns.emplace_back(rule.pattern, spec.name, place);
    spec.type = type_of(rule.type);
    spec.grad_allreduce = rule.type == OwnCutRule::Type::summed;
    if (rule.parts != OwnCutRule::Parts::one) spec.shape = shape_of(model, rule.parts);
    specs.push_back(std::move(spec));
  }
  return specs;
}

std::string difference_from_autotp(const std::vector<ModuleCut>& cuts,
                                   const std::vector<ModuleCut>& of_autotp) {
  for (const ModuleCut& cut : cuts) {
    const ModuleCut* theirs = find(of_autotp, cut.module.path);
    if (!theirs) return "AutoTP leaves " + cut.module.path + " whole";
    if (!cut_alike(cut, *theirs))
      return "AutoTP cuts " + cut.module.path + " otherwise (" + theirs->rule + ")";
  }
  for (const ModuleCut& theirs : of_autotp)
    if (!find(cuts, theirs.module.path))
      return "AutoTP cuts " + theirs.module.path + ", too (" + theirs.rule + ")";
  return "";
}

std::string difference_in_sums(const PartitionPlan& plan, const PartitionPlan& of_autotp) {
  for (const auto& [module, cut] : plan.modules)
    if (cut.grad_allreduce && !of_autotp.of(module).grad_allreduce)
      return "AutoTP does not sum the gradients of " + module + " over the ranks of a TP group";
  return "";
}

std::string own_cut_notice(const Family& family, const std::string& why) {
  const std::string leaves =
      family.own_cut_leaves ? " (" + std::string(family.own_cut_leaves) + ")" : "";
  return "DeepSpeed would not run this cut, Shardproof's own of " + family.model_type + leaves +
         ": " + why;
}

std::string own_cut_as_way_out(const Family& family) {
  if (family.own_cut.empty()) return "";
  return ", or take Shardproof's own cut: --cut own, or \"cut\": \"own\" in the scenario";
}

}  // namespace shardproof
