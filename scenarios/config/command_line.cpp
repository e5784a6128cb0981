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

// A path that an option names is one from here, not from the scenario's folder.
JsonValue path_option(const std::string& option, const std::string& path) {
  return from_option(option, fs::absolute(path).lexically_normal().string());
}

// Sequences of 64 tokens where the model allows them. What is wrong with its config is said when
// all options are applied, and with all else.
std::int64_t default_sequence(const std::string& model) {
  constexpr std::int64_t usual = 64;
  try {
    const JsonValue config = read_model_json(model);
    return std::min(usual, model_from_json(config, Mode::inference).max_position_embeddings);
  } catch (const ScenarioError&) {
    return usual;
  }
}

void set_model(JsonValue& root, const ScenarioOptions& given) {
  if (given.model.empty()) return;
  JsonValue model = JsonValue::object();
  model.set("config", path_option("--model", given.model));
  if (!has_weights(given.model)) refuse_other_weights(given.model);
  if (has_weights(given.model)) model.set("weights", path_option("--model", given.model));
  root.set("model", std::move(model));
}

JsonValue& data_of(JsonValue& root) {
  if (!root.find("data")) root.set("data", JsonValue::object().set("generated", true));
  return *root.find("data");
}

void set_data(JsonValue& root, const ScenarioOptions& given) {
  if (!given.text.empty()) {
    JsonValue& data = data_of(root);
    for (const char* other : {"tokens", "generated"})
      std::erase_if(data.members, [&](const JsonMember& member) { return member.key == other; });
    data.set("text", path_option("--text", given.text));
  }
  if (given.sequence) data_of(root).set("sequence", from_option("--sequence", *given.sequence));
}

void set_executions(JsonValue& root, const ScenarioOptions& given) {
  if (given.executions.empty()) return;
  JsonValue executions = from_option("--executions", JsonValue::array());
  for (const std::string& execution : given.executions)
    executions.append(from_option("--executions", execution));
  root.set("executions", std::move(executions));
}

// Where an edit is wrong, the place inside the option is of no help.
void set_place(JsonValue& tree, const SourcePlace& place) {
  tree.place = place;
  for (JsonValue& element : tree.elements) set_place(element, place);
  for (JsonMember& member : tree.members) {
    member.place = place;
    set_place(member.value, place);
  }
}

void add_edits(JsonValue& root, const ScenarioOptions& given) {
  if (given.inject.empty()) return;
  if (!root.find("inject")) root.set("inject", JsonValue::array());
  for (const std::string& text : given.inject) {
    JsonValue edit = parse_json(text, "--inject " + text);
    set_place(edit, {"--inject " + text});
    if (root.find("inject")->is_array()) root.find("inject")->append(std::move(edit));
  }
}

void set_options(JsonValue& root, const ScenarioOptions& given) {
  const auto set = [&root](const char* key, const std::string& value) {
    if (!value.empty()) root.set(key, from_option(std::string("--") + key, value));
  };
  set_model(root, given);
  set("name", given.name);
  if (!given.deepspeed.empty()) root.set("deepspeed", path_option("--deepspeed", given.deepspeed));
  if (given.world) root.set("world", from_option("--world", *given.world));
  if (given.steps) root.set("steps", from_option("--steps", *given.steps));
  if (given.seed) root.set("seed", from_option("--seed", *given.seed));
  set_data(root, given);
  set("mode", given.mode);
  set("precision", given.precision);
  set("reduction", given.reduction);
  set("real", given.real);
  set("cut", given.cut);
  set_executions(root, given);
  if (given.shadow) root.set("shadow", from_option("--shadow", true));
  add_edits(root, given);
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

Scenario scenario_from_command_line(const ScenarioOptions& given) {
  JsonValue root = JsonValue::object();
  root.place = {"the command line"};
  root.set("name", from_option("--name", name_of_model(given.model)));
  data_of(root);
  if (!given.sequence && is_there(given.model))
    data_of(root).set("sequence", default_sequence(given.model));
  set_options(root, given);
  return scenario_inside(std::move(root), "", given.overrides);
}

Scenario scenario_of_file(const std::string& path, const ScenarioOptions& given) {
  JsonValue root = read_json(path);
  if (root.is_object()) set_options(root, given);
  return scenario_inside(std::move(root), path, given.overrides);
}

}  // namespace shardproof
