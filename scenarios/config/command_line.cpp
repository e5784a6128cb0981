#include "scenarios/config/command_line.hpp"

#include <algorithm>
#include <filesystem>

#include "scenarios/config/model/model_config.hpp"
#include "scenarios/config/scenario_file.hpp"
#include "scenarios/json/json_document.hpp"

namespace shardproof {

namespace {

namespace fs = std::filesystem;

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
    // Dropouts are judged when overrides have been applied.
    const ModelDescription model = model_from_json(read_model_json(given.model), Mode::inference);
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
  if (!given.real.empty()) root.set("real", from_option("--real", given.real));
  JsonValue executions = from_option("--executions", JsonValue::array());
  for (const std::string& execution : given.executions)
    executions.append(from_option("--executions", execution));
  if (!given.executions.empty()) root.set("executions", std::move(executions));
  return scenario_inside(std::move(root), "", given.overrides);
}

}  // namespace shardproof
