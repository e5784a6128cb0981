#include "scenarios/partition/tp_plan.hpp"

#include <algorithm>
#include <set>

#include "scenarios/partition/autotp_raises.hpp"
#include "scenarios/partition/lower_case.hpp"

namespace shardproof {

namespace {

struct Style {
  const char* name;
  LayerSpec::Type type;
  bool gather_output;
  bool grad_allreduce;
};
constexpr Style kStyles[] = {
    {"colwise", LayerSpec::Type::column, false, false},
    {"colwise_rep", LayerSpec::Type::column, true, false},
    {"colwise_gather_output", LayerSpec::Type::column, true, false},
    {"rowwise", LayerSpec::Type::row, false, false},
    {"replicated_with_grad_allreduce", LayerSpec::Type::skip, false, true},
};

const Style* find_style(const std::string& name) {
  for (const Style& style : kStyles)
    if (lower_case(name) == style.name) return &style;
  return nullptr;
}

bool is_known(const TpPlanStyle& entry) { return find_style(entry.style) != nullptr; }

// Styles that are not known, each once, in their order; the place is that of the first.
void refuse_unknown_styles(const std::vector<TpPlanStyle>& plan) {
  const TpPlanStyle* first = nullptr;
  std::set<std::string> named;
  std::string list;
  for (const TpPlanStyle& entry : plan) {
    if (find_style(entry.style) || !named.insert(entry.style).second) continue;
    if (!first) first = &entry;
    list += (list.empty() ? "" : ", ") + entry.style + " (" + entry.pattern + ")";
  }
  if (!first) return;
  throw AutoTpRaises(first->place, "the tp_plan contains unsupported partition style(s): " + list,
                     "; expected colwise, rowwise, colwise_rep, colwise_gather_output or "
                     "replicated_with_grad_allreduce, or give a preset_model or a "
                     "partition_config");
}

bool is_of_base_model(const TpPlanEntry& entry) {
  return std::string(entry.pattern).starts_with("layers.");
}

}  // namespace

std::vector<TpPlanStyle> tp_plan_of(const Family& family,
                                    const std::optional<std::vector<TpPlanStyle>>& given,
                                    const SourcePlace& place) {
  std::vector<TpPlanStyle> plan;
  const auto add = [&](const TpPlanStyle& entry) {
    const bool repeats = std::any_of(plan.begin(), plan.end(), [&](const TpPlanStyle& known) {
      return entry.pattern == "model." + known.pattern;
    });
    if (!repeats) plan.push_back(entry);
  };
  if (given)
    for (const TpPlanStyle& entry : *given) add(entry);
  for (const TpPlanEntry& entry : family.tp_plan) {
    const auto same = [&](const TpPlanStyle& known) { return known.pattern == entry.pattern; };
    if (given && is_of_base_model(entry)) continue;
    const auto known = std::find_if(plan.begin(), plan.end(), same);
    if (known != plan.end())
      known->style = entry.style;  // the class's own plan comes later and wins
    else
      add({entry.pattern, entry.style, place});
  }
  return plan;
}

bool knows_all_styles(const std::vector<TpPlanStyle>& plan) {
  return std::ranges::all_of(plan, is_known);
}

std::string regex_of_tp_plan(const std::string& pattern) {
  std::string regex = ".*";
  for (const char c : pattern)
    regex += c == '.' ? std::string("\\.") : c == '*' ? std::string(".*") : std::string(1, c);
  return regex + (regex.ends_with("\\.weight") ? "$" : "\\.weight$");
}

std::vector<LayerSpec> specs_of_tp_plan(const std::vector<TpPlanStyle>& plan) {
  refuse_unknown_styles(plan);
  std::vector<LayerSpec> specs;
  for (const TpPlanStyle& entry : plan) {
    const Style& style = *find_style(entry.style);
    LayerSpec spec;
    spec.name = "tp_plan";
    spec.place = entry.place;
    spec.patterns.emplace_back(regex_of_tp_plan(entry.pattern), "tp_plan", entry.place);
    spec.type = style.type;
    spec.gather_output = style.gather_output;
    spec.grad_allreduce = style.grad_allreduce;
    specs.push_back(std::move(spec));
  }
  return specs;
}

}  // namespace shardproof
