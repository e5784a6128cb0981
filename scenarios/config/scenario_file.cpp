#include "scenarios/config/scenario_file.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "scenarios/config/checkpoint_config.hpp"
#include "scenarios/config/deepspeed/deepspeed_config.hpp"
#include "scenarios/config/deepspeed/optimizer_config.hpp"
#include "scenarios/config/deepspeed/partition_config.hpp"
#include "scenarios/config/injection_config.hpp"
#include "scenarios/config/model/dropout_keys.hpp"
#include "scenarios/config/model/model_config.hpp"
#include "scenarios/config/overrides.hpp"
#include "scenarios/config/parameter_groups.hpp"
#include "scenarios/config/scenario_checks.hpp"
#include "scenarios/config/scenario_keys.hpp"
#include "scenarios/config/trainer/client_config.hpp"
#include "scenarios/json/all_problems.hpp"
#include "scenarios/json/object_reader.hpp"
#include "scenarios/model/families.hpp"
#include "scenarios/partition/own_cut.hpp"

namespace shardproof {

namespace {

namespace fs = std::filesystem;
using Kind = ScenarioError::Kind;

std::string resolve(const fs::path& folder, const std::string& path) {
  return (folder / path).lexically_normal().string();  // an absolute path stays as it is
}

// A path in the scenario file, which has to exist.
std::string existing_path(const JsonValue& value, const std::string& name, const fs::path& folder) {
  const std::string path = resolve(folder, as_string(value, name));
  std::error_code error;
  if (!fs::exists(path, error)) refuse_value(value, name, "there is no \"" + path + "\"");
  return path;
}

// Puts the files that the scenario names in their place, so that overrides and checks see one tree.
void inline_configs(JsonValue& root, const fs::path& folder) {
  if (JsonValue* deepspeed = root.find("deepspeed"); deepspeed && deepspeed->is_string())
    *deepspeed = read_json(existing_path(*deepspeed, "deepspeed", folder));
  JsonValue* model = root.find("model");
  if (JsonValue* config = model ? model->find("config") : nullptr; config && config->is_string())
    *config = read_model_json(existing_path(*config, "model.config", folder));
}

// Its dropouts are judged apart, as of inference, where any will do.
void read_model(ObjectReader& top, const fs::path& folder, Scenario& scenario) {
  ObjectReader reader(top.require("model", "expected { \"config\": ..., \"weights\": ... }"),
                      "model");
  scenario.model = model_from_json(
      reader.require("config", "expected a Hugging Face config.json, a path or inline"),
      Mode::inference, &scenario.notices);
  const JsonValue* weights = reader.find("weights");
  const bool generated = !weights || as_string(*weights, "model.weights") == "generated";
  scenario.weights = generated ? "generated" : existing_path(*weights, "model.weights", folder);
  reader.finish();
}

// Exactly one of text, tokens and generated says where the tokens come from.
void read_data(ObjectReader& top, const fs::path& folder, DataConfig& data) {
  const JsonValue* object = top.find("data");
  if (!object) return;
  ObjectReader reader(*object, "data");
  const JsonValue* text = reader.find("text");
  const JsonValue* tokens = reader.find("tokens");
  const bool generated = reader.boolean("generated", false);
  if ((text != nullptr) + (tokens != nullptr) + generated != 1)
    throw ScenarioError(reader.place(), "data: expected exactly one of text, tokens and generated",
                        text || tokens ? Kind::conflict : Kind::missing);
  if (text) {
    data.source = DataConfig::Source::text;
    data.path = existing_path(*text, "data.text", folder);
    reader.one_of("tokenizer", "bytes", {"bytes"});
  } else if (tokens) {
    data.source = DataConfig::Source::tokens;
    data.path = existing_path(*tokens, "data.tokens", folder);
  }
  if (!data.path.empty() && !fs::is_regular_file(data.path))
    refuse_value(text ? *text : *tokens, text ? "data.text" : "data.tokens", "is not a file");
  data.sequence = reader.integer("sequence", data.sequence, {2, std::int64_t{1} << 31});
  if (const JsonValue* padding = reader.find("padding"))
    data.padding = as_integer(*padding, "data.padding", {.lowest = 0});
  reader.finish();
}

// NCCL adds in an order of its own; the messages of MPI in one that is pinned.
ReductionOrder read_reduction(ObjectReader& top, const Scenario& scenario) {
  const bool nccl = uses_nccl(scenario.platform);
  const std::string name =
      top.one_of("reduction", nccl ? "library" : "ring", {"ring", "rank_order", "tree", "library"});
  const JsonValue* given = top.find("reduction");
  const std::string real = std::string("real = ") + name_of(scenario.platform);
  if (name == "tree")
    refuse_unimplemented(*given, "reduction",
                         "not implemented: expected ring, rank_order or library");
  if (nccl && name != "library")
    refuse_value(*given, "reduction",
                 real + " adds by NCCL, in an order that cannot be pinned: expected library",
                 Kind::conflict);
  if (!nccl && name == "library" && scenario.runs(Execution::real))
    refuse_value(*given, "reduction",
                 real + " adds in an order that is pinned: expected ring or rank_order",
                 Kind::conflict);
  return *from_name<ReductionOrder>(name);
}

std::vector<Execution> read_executions(ObjectReader& top) {
  const std::vector<Execution> all{Execution::reference, Execution::sim, Execution::real};
  const JsonValue* list = top.find("executions");
  if (!list) return all;
  if (!list->is_array() || list->elements.empty())
    refuse_value(*list, "executions", "expected a list of reference, sim and real");
  std::vector<Execution> given;
  for (const JsonValue& element : list->elements)
    given.push_back(as_one_of<Execution>(element, "executions"));
  std::vector<Execution> ordered;
  for (const Execution execution : all)
    if (std::ranges::find(given, execution) != given.end()) ordered.push_back(execution);
  if (ordered.size() != given.size()) refuse_value(*list, "executions", "expected each one once");
  return ordered;
}

// What is saved, and what the run goes on from.
void read_checkpoints(ObjectReader& top, const fs::path& folder, Scenario& scenario) {
  for (const char* key : {"resume", "checkpoint"})
    if (const JsonValue* value = top.find(key); value && !scenario.trains())
      refuse_value(*value, key, "inference has no state that a checkpoint could keep",
                   Kind::conflict);
  if (const JsonValue* resume = top.find("resume")) {
    scenario.resume = existing_path(*resume, "resume", folder);
    scenario.first_step = steps_done_by(*resume, scenario.resume, scenario.steps);
  }
  if (const JsonValue* checkpoint = top.find("checkpoint"))
    scenario.checkpoint = checkpoint_from_json(*checkpoint, scenario.first_step, scenario.steps);
}

void read_trace(ObjectReader& top, Scenario& scenario) {
  const JsonValue* object = top.find("trace");
  if (!object) return;
  ObjectReader reader(*object, "trace");
  scenario.trace_tier = reader.one_of("tier", scenario.trace_tier);
  scenario.trace_keep = reader.one_of("keep", scenario.trace_keep);
  reader.finish();
}

// Whether the run has a shadow; one that can have none is not asked for it.
void read_shadow(ObjectReader& top, Scenario& scenario) {
  const JsonValue* value = top.find("shadow");
  if (!value) return;
  scenario.shadow = top.boolean("shadow", false);
  if (const std::string why = scenario.why_without_shadow(); *scenario.shadow && !why.empty())
    refuse_value(*value, "shadow", "this run can have none, since " + why + ": expected false",
                 Kind::conflict);
}

// The name becomes that of a folder of results.
std::string read_name(ObjectReader& top, const std::string& file) {
  const JsonValue* value = top.find("name");
  const std::string name = value ? as_string(*value, "name") : fs::path(file).stem().string();
  const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  });
  if (name.empty() || name.front() == '.' || !plain)
    throw ScenarioError(value ? value->place : top.place(),
                        "name = \"" + name + "\": expected letters, digits, '-', '_' and '.'");
  return name;
}

int read_world(ObjectReader& top) {
  return static_cast<int>(
      as_integer(top.require("world", "expected the number of ranks"), "world", {1, 1'000'000}));
}

std::string quoted(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "\"" : ", \"") + name + "\"";
  return text;
}

// A scenario that a run has written says what its user should know, and has been completed.
void read_notices(ObjectReader& top, Scenario& scenario) {
  const JsonValue* list = top.find("notices");
  if (!list) return;
  if (!list->is_array()) refuse_value(*list, "notices", "expected a list of strings");
  scenario.notices.clear();
  for (const JsonValue& notice : list->elements)
    scenario.notices.push_back(as_string(notice, "notices"));
}

// What is computed, and how it is divided among the ranks.
void read_deepspeed(ObjectReader& top, int world, Scenario& scenario) {
  const ClientConfig client =
      client_config(top.require("deepspeed", "expected a DeepSpeed config, a path or inline"),
                    {top.find("trainer"), top.find("optimizer")},
                    {scenario.model.hidden_size, scenario.steps, scenario.trains()});
  const DeepSpeedConfig deepspeed = deepspeed_from_json(client.deepspeed, world, scenario.mode);
  scenario.training = static_cast<const TrainingConfig&>(deepspeed);
  scenario.parallel = static_cast<const ParallelConfig&>(deepspeed);
  scenario.defaulted = deepspeed.defaulted;
  scenario.without_effect = deepspeed.without_effect;
  scenario.filled = client.filled;
  scenario.notices.insert(scenario.notices.end(), client.notices.begin(), client.notices.end());
  if (!deepspeed.ignored.empty())
    scenario.notices.push_back("DeepSpeed does not read " + quoted(deepspeed.ignored));
  if (const std::string rounding = rounding_of_update(scenario.training.optimizer);
      scenario.trains() && !rounding.empty())
    scenario.notices.push_back(rounding);
  if (client.schedule) scenario.training.scheduler = *client.schedule;
  if (!client.groups.is_null())
    scenario.parameter_groups = parameter_groups_from_json(client.groups, scenario.model);
  scenario.replicas = world / deepspeed.tensor_parallel;
  if (top.one_of("precision", "from_deepspeed", {"from_deepspeed", "fp64"}) == "fp64")
    scenario.compute_in_fp64();
}

// Whether Shardproof's own cut is asked for.
bool read_cut(ObjectReader& top, const std::string& family) {
  if (top.one_of("cut", "autotp", {"autotp", "own"}) == "autotp") return false;
  if (family_of(family).own_cut.empty())
    refuse_value(*top.find("cut"), "cut",
                 "Shardproof has no cut of its own for " + family + ", only for " +
                     families_with_own_cut() +
                     ": expected autotp, with a partition_config for another cut than AutoTP's");
  return true;
}

// What beside the DeepSpeed config says how the model is partitioned.
void read_partition_rules(ObjectReader& top, const JsonValue& root, const Scenario& scenario,
                          PartitionRules& rules) {
  const Mode mode = scenario.mode;
  rules.uneven = top.boolean("uneven", mode == Mode::inference);
  if (mode == Mode::inference && !rules.uneven)
    refuse_value(*top.find("uneven"), "uneven",
                 "inference cuts by whole heads, evenly or not: expected true, or remove the key",
                 Kind::conflict);
  rules.own_cut = read_cut(top, scenario.model.family);
  const JsonValue* plan = root.find("model")->find("config")->find("base_model_tp_plan");
  if (plan && !plan->is_null()) rules.tp_plan = tp_plan_from_json(*plan);
}

// After all else: no config is as it should be without them, so that nothing is read behind them.
void refuse_dropouts(const JsonValue& root, const Scenario& scenario) {
  ObjectReader config(*root.find("model")->find("config"), "");
  judge_dropouts(config, family_of(scenario.model.family), scenario.mode);
}

bool is_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

// In which order a simulated GPU does what its streams were asked for.
std::string read_gpu_schedule(ObjectReader& top, Platform platform) {
  const JsonValue* value = top.find("gpu_schedule");
  if (platform != Platform::cuda_simulated) {
    if (value != nullptr)
      refuse_value(*value, "gpu_schedule", "of no effect unless real is cuda_simulated",
                   Kind::conflict);
    return "";
  }
  const std::string schedule = value == nullptr ? "latest" : as_string(*value, "gpu_schedule");
  const std::string random = "random:";
  if (schedule != "latest" && schedule != "earliest" &&
      !(schedule.starts_with(random) && is_number(std::string_view(schedule).substr(7))))
    refuse_value(*value, "gpu_schedule", "expected latest, earliest or random:SEED");
  return schedule;
}

// A dynamic loss scale is found by overflowing: there a skipped step is how it works.
bool read_overflow(ObjectReader& top, const Scenario& scenario) {
  const TrainingConfig& training = scenario.training;
  const bool dynamic = training.working == Dtype::fp16 && training.loss_scale.fixed == 0;
  const bool expected =
      top.one_of("overflow", scenario.trains() && dynamic ? "expected" : "unexpected",
                 {"expected", "unexpected"}) == "expected";
  if (expected && !(scenario.trains() && training.check_grad_overflow))
    refuse_value(*top.find("overflow"), "overflow",
                 scenario.trains() ? "no step is skipped where bf16.check_grad_overflow is false"
                                   : "inference has no gradients that could overflow",
                 Kind::conflict);
  return expected;
}

Scenario read_keys(const JsonValue& root, const std::string& file) {
  const fs::path folder = fs::path(file).parent_path();
  Scenario scenario;
  scenario.file = file;
  expect_scenario_keys(root);
  ObjectReader top(root, "");
  scenario.name = read_name(top, file);
  const int world = read_world(top);
  scenario.steps = static_cast<int>(top.integer("steps", 1, {1, 1'000'000}));
  scenario.seed = static_cast<std::uint64_t>(top.integer("seed", 0, {.lowest = 0}));
  scenario.mode = top.one_of("mode", scenario.mode);
  read_model(top, folder, scenario);
  read_deepspeed(top, world, scenario);
  read_data(top, folder, scenario.data);
  scenario.executions = read_executions(top);
  scenario.platform = top.one_of("real", scenario.platform);
  scenario.reduction = read_reduction(top, scenario);
  scenario.gpu_schedule = read_gpu_schedule(top, scenario.platform);
  read_partition_rules(top, root, scenario, scenario.parallel.partition_rules);
  if (const JsonValue* json = top.find("parameter_groups")) {
    std::vector<ParameterGroup> groups = parameter_groups_from_json(*json, scenario.model);
    if (scenario.trains()) scenario.parameter_groups = std::move(groups);
  }
  read_checkpoints(top, folder, scenario);
  read_trace(top, scenario);
  read_shadow(top, scenario);
  scenario.overflow_expected = read_overflow(top, scenario);
  scenario.timeout_s = top.integer("timeout_s", scenario.timeout_s, {1, 10'000'000});
  scenario.strict = top.boolean("strict", scenario.strict);
  scenario.exact = top.boolean("exact", scenario.exact);
  if (const JsonValue* exact = top.find("exact")) scenario.exact_place = exact->place;
  if (const JsonValue* list = top.find("inject"))
    scenario.inject = injections_from_json(
        *list,
        {.world = world, .steps = scenario.steps, .micro_steps = scenario.training.accumulation});
  read_notices(top, scenario);
  refuse_dropouts(root, scenario);
  return scenario;
}

}  // namespace

Scenario read_scenario(const std::string& path, const std::vector<std::string>& overrides) {
  return scenario_inside(read_json(path), path, overrides);
}

Scenario scenario_inside(JsonValue root, const std::string& file,
                         const std::vector<std::string>& overrides) {
  if (!root.is_object()) refuse_value(root, "the scenario", "expected an object { ... }");
  const fs::path folder = fs::path(file).parent_path();
  inline_configs(root, folder);
  for (const std::string& text : overrides) apply_override(root, text);
  Scenario scenario;
  read_to_the_end(root, [&](const JsonValue& tree) { scenario = read_keys(tree, file); });
  check_scenario(scenario, root);
  scenario.partition = resolve_partition(scenario.model, scenario.parallel.partition_rules,
                                         scenario.parallel.tensor_parallel);
  check_uneven_replicas(scenario, root);
  return scenario;
}

}  // namespace shardproof
