#include "scenarios/settings/scenario.hpp"

#include <algorithm>
#include <filesystem>

#include "scenarios/config/checkpoint_config.hpp"
#include "scenarios/config/deepspeed/deepspeed_config.hpp"
#include "scenarios/config/deepspeed/partition_config.hpp"
#include "scenarios/config/injection_config.hpp"
#include "scenarios/config/model/model_config.hpp"
#include "scenarios/config/overrides.hpp"
#include "scenarios/config/parameter_groups.hpp"
#include "scenarios/config/scenario_checks.hpp"
#include "scenarios/json/object_reader.hpp"

namespace shardproof {

namespace {

namespace fs = std::filesystem;

const std::vector<std::string> kExecutions = {"reference", "sim", "real"};

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

void read_model(ObjectReader& top, const fs::path& folder, Scenario& scenario) {
  ObjectReader reader(top.require("model", "expected { \"config\": ..., \"weights\": ... }"),
                      "model");
  scenario.model = model_from_json(
      reader.require("config", "expected a Hugging Face config.json, a path or inline"));
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
    throw ScenarioError(reader.place(), "data: expected exactly one of text, tokens and generated");
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

ReductionOrder read_reduction(ObjectReader& top) {
  const std::string name =
      top.one_of("reduction", "ring", {"ring", "rank_order", "tree", "library"});
  if (name == "tree" || name == "library")
    refuse_value(*top.find("reduction"), "reduction",
                 "not implemented: expected ring or rank_order");
  return name == "ring" ? ReductionOrder::ring : ReductionOrder::rank_order;
}

std::vector<std::string> read_executions(ObjectReader& top) {
  const JsonValue* list = top.find("executions");
  if (!list) return kExecutions;
  if (!list->is_array() || list->elements.empty())
    refuse_value(*list, "executions", "expected a list of reference, sim and real");
  std::vector<std::string> given;
  for (const JsonValue& element : list->elements)
    given.push_back(as_one_of(element, "executions", kExecutions));
  std::vector<std::string> ordered;
  for (const std::string& execution : kExecutions)
    if (std::find(given.begin(), given.end(), execution) != given.end())
      ordered.push_back(execution);
  if (ordered.size() != given.size()) refuse_value(*list, "executions", "expected each one once");
  return ordered;
}

// What is saved, and what the run goes on from.
void read_checkpoints(ObjectReader& top, const fs::path& folder, Scenario& scenario) {
  for (const char* key : {"resume", "checkpoint"})
    if (const JsonValue* value = top.find(key); value && !scenario.trains())
      refuse_value(*value, key, "inference has no state that a checkpoint could keep");
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
  scenario.trace_tier = reader.one_of("tier", "full", {"full"});
  scenario.trace_keep = reader.one_of("keep", "always", {"always", "failed", "never"});
  reader.finish();
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

Mode read_mode(ObjectReader& top) {
  return top.one_of("mode", "training", {"training", "inference"}) == "training" ? Mode::training
                                                                                 : Mode::inference;
}

// What beside the DeepSpeed config says how the model is partitioned.
void read_partition_rules(ObjectReader& top, const JsonValue& root, Mode mode,
                          PartitionRules& rules) {
  rules.uneven = top.boolean("uneven", mode == Mode::inference);
  if (mode == Mode::inference && !rules.uneven)
    refuse_value(*top.find("uneven"), "uneven",
                 "inference cuts by whole heads, evenly or not: expected true, or remove the key");
  const JsonValue* plan = root.find("model")->find("config")->find("base_model_tp_plan");
  if (plan && !plan->is_null()) rules.tp_plan = tp_plan_from_json(*plan);
}

// Keys of which only one value is implemented so far.
void read_single_choices(ObjectReader& top, Scenario& scenario) {
  scenario.real = top.one_of("real", "mpi", {"mpi", "cuda"});
  if (scenario.real == "cuda")
    refuse_value(*top.find("real"), "real", "CUDA is not implemented: expected mpi");
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
                                   : "inference has no gradients that could overflow");
  return expected;
}

Scenario scenario_from_json(JsonValue root, const fs::path& folder, const std::string& file,
                            const std::vector<std::string>& overrides) {
  if (!root.is_object()) refuse_value(root, "the scenario", "expected an object { ... }");
  inline_configs(root, folder);
  for (const std::string& text : overrides) apply_override(root, text);
  Scenario scenario;
  scenario.file = file;
  ObjectReader top(root, "");
  scenario.name = read_name(top, file);
  scenario.world = static_cast<int>(
      as_integer(top.require("world", "expected the number of ranks"), "world", {1, 1'000'000}));
  scenario.steps = static_cast<int>(top.integer("steps", 1, {1, 1'000'000}));
  scenario.seed = static_cast<std::uint64_t>(top.integer("seed", 0, {.lowest = 0}));
  read_model(top, folder, scenario);
  scenario.mode = read_mode(top);
  scenario.training =
      training_from_json(top.require("deepspeed", "expected a DeepSpeed config, a path or inline"),
                         scenario.world, scenario.mode);
  if (top.one_of("precision", "from_deepspeed", {"from_deepspeed", "fp64"}) == "fp64") {
    scenario.training.working = Dtype::fp64;
    scenario.training.accumulate = scenario.training.dp_wire = std::nullopt;
  }
  read_data(top, folder, scenario.data);
  scenario.reduction = read_reduction(top);
  scenario.executions = read_executions(top);
  read_single_choices(top, scenario);
  read_partition_rules(top, root, scenario.mode, scenario.training.partition_rules);
  if (const JsonValue* json = top.find("parameter_groups")) {
    std::vector<ParameterGroup> groups = parameter_groups_from_json(*json, scenario.model);
    if (scenario.trains()) scenario.parameter_groups = std::move(groups);
  }
  read_checkpoints(top, folder, scenario);
  read_trace(top, scenario);
  scenario.overflow_expected = read_overflow(top, scenario);
  scenario.timeout_s = top.integer("timeout_s", scenario.timeout_s, {1, 10'000'000});
  if (const JsonValue* list = top.find("inject"))
    scenario.inject = injections_from_json(*list, scenario.world, scenario.steps);
  top.finish();
  check_scenario(scenario, root);
  scenario.partition = resolve_partition(scenario.model, scenario.training.partition_rules,
                                         scenario.training.tensor_parallel);
  return scenario;
}

// A value whose errors are reported as "--world: ...".
JsonValue from_option(const std::string& option, JsonValue value) {
  value.place = {option};
  return value;
}

// False where it cannot be known; whoever opens the path says why.
bool is_there(const fs::path& path) {
  std::error_code unreadable;
  return fs::exists(path, unreadable);
}

bool has_weights(const fs::path& model) {
  return is_there(model / "model.safetensors") || is_there(model / "model.safetensors.index.json");
}

// Weights in a form that is not read must not be replaced by generated ones in silence.
void refuse_other_weights(const fs::path& model) {
  for (const char* name : {"pytorch_model.bin", "pytorch_model.bin.index.json"})
    if (is_there(model / name))
      throw ScenarioError(
          "--model: " + (model / name).string() +
          ": weights are read from safetensors only; convert them, or move the file "
          "away to run with generated weights");
}

JsonValue model_from_options(const CommandLineScenario& given) {
  JsonValue model = JsonValue::object();
  model.set("config", from_option("--model", given.model));
  if (!has_weights(given.model)) refuse_other_weights(given.model);
  if (has_weights(given.model)) model.set("weights", from_option("--model", given.model));
  return model;
}

// Sequences of 64 tokens where the model allows them.
JsonValue data_from_options(const CommandLineScenario& given) {
  JsonValue data = JsonValue::object();
  if (given.text.empty())
    data.set("generated", true);
  else
    data.set("text", from_option("--text", given.text));
  if (given.sequence) {
    data.set("sequence", from_option("--sequence", *given.sequence));
  } else if (is_there(given.model)) {
    const ModelDescription model = model_from_json(read_model_json(given.model));
    data.set("sequence", std::min<std::int64_t>(64, model.max_position_embeddings));
  }
  return data;
}

std::string name_of_model(const std::string& path) {
  const fs::path given = fs::absolute(path).lexically_normal();
  const fs::path folder = fs::is_directory(given) ? given : given.parent_path();
  std::string name = (folder.has_filename() ? folder : folder.parent_path()).filename().string();
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '-' && c != '_' && c != '.') c = '-';
  return name.empty() || name.front() == '.' ? "model" : name;
}

}  // namespace

const char* name_of(Mode mode) { return mode == Mode::training ? "training" : "inference"; }

const char* name_of(ReductionOrder order) {
  switch (order) {
    case ReductionOrder::rank_order: return "rank_order";
    case ReductionOrder::ring: return "ring";
    case ReductionOrder::library: return "library";
  }
  SHARDPROOF_EXPECTS(false, static_cast<int>(order));
  return "";
}

bool Scenario::runs(const std::string& execution) const {
  return std::find(executions.begin(), executions.end(), execution) != executions.end();
}

Scenario read_scenario(const std::string& path, const std::vector<std::string>& overrides) {
  return scenario_from_json(read_json(path), fs::path(path).parent_path(), path, overrides);
}

Scenario scenario_inside(JsonValue document, const std::string& file,
                         const std::vector<std::string>& overrides) {
  return scenario_from_json(std::move(document), fs::path(file).parent_path(), file, overrides);
}

Scenario scenario_from_command_line(const CommandLineScenario& given) {
  JsonValue root = JsonValue::object();
  root.place = {"the command line"};
  root.set("name",
           from_option("--name", given.name.empty() ? name_of_model(given.model) : given.name));
  root.set("model", model_from_options(given));
  root.set("deepspeed", from_option("--deepspeed", given.deepspeed));
  root.set("world", from_option("--world", given.world));
  if (given.steps) root.set("steps", from_option("--steps", *given.steps));
  if (given.seed) root.set("seed", from_option("--seed", *given.seed));
  root.set("data", data_from_options(given));
  if (!given.mode.empty()) root.set("mode", from_option("--mode", given.mode));
  if (!given.precision.empty()) root.set("precision", from_option("--precision", given.precision));
  if (!given.reduction.empty()) root.set("reduction", from_option("--reduction", given.reduction));
  JsonValue executions = from_option("--executions", JsonValue::array());
  for (const std::string& execution : given.executions)
    executions.append(from_option("--executions", execution));
  if (!given.executions.empty()) root.set("executions", std::move(executions));
  return scenario_from_json(std::move(root), "", "", given.overrides);
}

}  // namespace shardproof
