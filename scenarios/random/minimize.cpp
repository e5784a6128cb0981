#include "scenarios/random/minimize.hpp"

#include <algorithm>
#include <optional>

#include "scenarios/config/scenario_file.hpp"

namespace shardproof {

namespace {

// What a scenario is called and what ran it, which says nothing of why it fails.
bool is_kept(const std::string& key) {
  return key == "name" || key == "executions" || key == "model_type" || key == "edit" ||
         key == "op";
}

// Of one value in a scenario: each thing that can be put in its place. `whole` shows the scenario
// with it.
using Show = std::function<void(JsonValue value)>;

void shrink(const JsonValue& value, const Show& whole);

void shrink_number(const JsonValue& value, const Show& whole) {
  if (!value.is_integer || value.integer < 2) return;
  whole(JsonValue(1));
  if (value.integer > 3) whole(JsonValue(value.integer / 2));
  if (value.integer > 2) whole(JsonValue(value.integer - 1));
}

void shrink_array(const JsonValue& value, const Show& whole) {
  for (std::size_t i = 0; i < value.elements.size(); ++i) {
    JsonValue less = value;
    less.elements.erase(less.elements.begin() + static_cast<std::ptrdiff_t>(i));
    whole(std::move(less));
  }
  for (std::size_t i = 0; i < value.elements.size(); ++i)
    shrink(value.elements[i], [&](JsonValue part) {
      JsonValue changed = value;
      changed.elements[i] = std::move(part);
      whole(std::move(changed));
    });
}

void shrink_object(const JsonValue& value, const Show& whole) {
  for (std::size_t i = 0; i < value.members.size(); ++i) {
    if (is_kept(value.members[i].key)) continue;
    JsonValue less = value;
    less.members.erase(less.members.begin() + static_cast<std::ptrdiff_t>(i));
    whole(std::move(less));
  }
  for (const JsonMember& member : value.members) {
    if (is_kept(member.key)) continue;
    shrink(member.value, [&](JsonValue part) {
      JsonValue changed = value;
      changed.set(member.key, std::move(part));
      whole(std::move(changed));
    });
  }
}

void shrink(const JsonValue& value, const Show& whole) {
  if (value.is_number()) return shrink_number(value, whole);
  if (value.is_array()) return shrink_array(value, whole);
  if (value.is_object()) return shrink_object(value, whole);
}

JsonValue* at(JsonValue& scenario, std::initializer_list<const char*> path) {
  JsonValue* value = &scenario;
  for (const char* key : path)
    if (value != nullptr) value = value->find(key);
  return value;
}

// "model.layers.0.mlp" for "model.layers.12.mlp".
std::string with_first_number_zero(const std::string& name) {
  constexpr const char* digits = "0123456789";
  const std::size_t begin = name.find_first_of(digits);
  if (begin == std::string::npos) return name;
  const std::size_t end = std::min(name.find_first_not_of(digits, begin), name.size());
  return name.substr(0, begin) + "0" + name.substr(end);
}

// Ranks are of a grid: less of one of its axes is less of the world.
void show_smaller_grids(const JsonValue& scenario, const Show& show) {
  JsonValue fewer = scenario;
  JsonValue* world = fewer.find("world");
  JsonValue* tp = at(fewer, {"deepspeed", "tensor_parallel", "autotp_size"});
  if (world == nullptr || tp == nullptr || !world->is_integer || !tp->is_integer) return;
  const std::int64_t ranks = world->integer, cuts = tp->integer;
  if (cuts < 1 || ranks % cuts != 0) return;
  const std::int64_t replicas = ranks / cuts;
  for (const auto& [new_cuts, new_replicas] : {std::pair{std::int64_t{1}, std::int64_t{1}},
                                               {cuts, std::int64_t{1}},
                                               {std::int64_t{1}, replicas},
                                               {cuts, replicas / 2},
                                               {cuts / 2, replicas},
                                               {cuts, replicas - 1},
                                               {cuts - 1, replicas}}) {
    if (new_cuts < 1 || new_replicas < 1 || new_cuts * new_replicas >= ranks) continue;
    *world = new_cuts * new_replicas;
    *tp = new_cuts;
    show(fewer);
  }
}

// A defect in a layer that is left out is moved to the one that stays.
void show_one_layer(JsonValue scenario, const Show& show) {
  JsonValue* config = at(scenario, {"model", "config"});
  for (const char* key : {"num_hidden_layers", "num_layers", "n_layer"}) {
    JsonValue* layers = config == nullptr ? nullptr : config->find(key);
    if (layers == nullptr || !layers->is_integer || layers->integer < 2) continue;
    *layers = 1;
    if (JsonValue* defects = scenario.find("inject"))
      for (JsonValue& defect : defects->elements)
        if (JsonValue* op = defect.find("op"); op != nullptr && op->is_string())
          *op = with_first_number_zero(op->text);
    show(scenario);
  }
}

// Nothing if it is no scenario, or a greater one in some way: a key that is left out has a default.
std::optional<Effort> lesser_effort(const JsonValue& candidate, const Effort& than) {
  try {
    const Effort effort = effort_of(candidate);
    return effort.is_less_than(than) ? std::optional(effort) : std::nullopt;
  } catch (const ScenarioError&) {
    return std::nullopt;
  }
}

}  // namespace

bool Effort::is_less_than(const Effort& other) const {
  return weights <= other.weights && work <= other.work &&
         (weights < other.weights || work < other.work || text < other.text);
}

Effort effort_of(const JsonValue& scenario) {
  const Scenario read = scenario_inside(scenario, "");
  Effort effort;
  for (const ParameterDescription& parameter : read.model.parameters)
    effort.weights += element_count(parameter.shape);
  effort.work = read.data.sequence * read.training.micro_batch;
  for (const int times : {read.steps, read.training.accumulation, read.world()})
    effort.work *= times;
  effort.text = write_json(scenario).size();
  return effort;
}

std::vector<JsonValue> smaller_than(const JsonValue& scenario) {
  std::vector<JsonValue> all;
  const Show keep = [&](JsonValue smaller) { all.push_back(std::move(smaller)); };
  show_smaller_grids(scenario, keep);
  show_one_layer(scenario, keep);
  shrink(scenario, keep);
  return all;
}

Minimized minimize(const JsonValue& scenario, const RunScenario& run, int most_runs,
                   const std::function<void(const Minimized& so_far, const Effort&)>& tell) {
  Minimized least{scenario, run(scenario), 1};
  const Outcome way = least.outcome;
  if (way.is_pass() || way.verdict == "refused") return least;
  Effort effort = effort_of(scenario);
  // What could not be done is not tried again before something else was done behind it.
  for (std::size_t at = 0, since = 0;;) {
    const std::vector<JsonValue> candidates = smaller_than(least.scenario);
    if (candidates.empty() || since >= candidates.size()) return least;
    const JsonValue& candidate = candidates[at % candidates.size()];
    ++since;
    const std::optional<Effort> less = lesser_effort(candidate, effort);
    if (!less) {
      ++at;
      continue;
    }
    if (least.runs == most_runs) {
      least.ended = false;
      return least;
    }
    ++least.runs;
    Outcome outcome = run(candidate);
    if (!is_same_way(outcome, way)) {
      ++at;
      continue;
    }
    least.scenario = candidate;
    least.outcome = std::move(outcome);
    effort = *less;
    since = 0;
    if (tell) tell(least, effort);
  }
}

}  // namespace shardproof
