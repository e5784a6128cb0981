#include "scenarios/config/scenario_writer.hpp"

#include <xxhash.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "scenarios/config/checkpoint_config.hpp"
#include "scenarios/config/deepspeed/deepspeed_config.hpp"
#include "scenarios/config/deepspeed/partition_config.hpp"
#include "scenarios/config/injection_config.hpp"
#include "scenarios/config/model/model_config.hpp"
#include "scenarios/config/parameter_groups.hpp"
#include "scenarios/config/trainer/client_config.hpp"
#include "scenarios/settings/deepspeed.hpp"

namespace shardproof {

namespace {

namespace fs = std::filesystem;

std::string absolute(const std::string& path) {
  return fs::absolute(path).lexically_normal().string();
}

JsonValue data_to_json(const DataConfig& data) {
  JsonValue json = JsonValue::object();
  switch (data.source) {
    case DataConfig::Source::text:
      json.set("text", absolute(data.path)).set("tokenizer", "bytes");
      break;
    case DataConfig::Source::tokens: json.set("tokens", absolute(data.path)); break;
    case DataConfig::Source::generated: json.set("generated", true); break;
  }
  if (data.padding) json.set("padding", *data.padding);
  return json.set("sequence", data.sequence);
}

// A tp_plan is of the config.json, but not of the model.
JsonValue model_config(const Scenario& scenario) {
  JsonValue config = shardproof::to_json(scenario.model);
  if (const auto& plan = scenario.parallel.partition_rules.tp_plan)
    config.set("base_model_tp_plan", shardproof::to_json(*plan));
  return config;
}

// What was given and is of no effect is not written.
DeepSpeedConfig deepspeed_of(const Scenario& scenario) {
  return {scenario.training, scenario.parallel, {}, {}, {}};
}

JsonValue to_json(const Scenario& scenario) {
  JsonValue json = JsonValue::object();
  json.set("name", scenario.name);
  const bool generated = scenario.weights == "generated";
  json.set("model", JsonValue::object()
                        .set("config", model_config(scenario))
                        .set("weights", generated ? "generated" : absolute(scenario.weights)));
  json.set("mode", name_of(scenario.mode));
  json.set("deepspeed", shardproof::to_json(deepspeed_of(scenario), scenario.mode));
  if (const JsonValue trainer = trainer_to_json(scenario.training.scheduler); !trainer.is_null())
    json.set("trainer", trainer);
  json.set("world", scenario.world());
  json.set("steps", scenario.steps);
  json.set("seed", scenario.seed);
  json.set("data", data_to_json(scenario.data));
  json.set("precision", scenario.training.working == Dtype::fp64 ? "fp64" : "from_deepspeed");
  json.set("reduction", name_of(scenario.reduction));
  JsonValue executions = JsonValue::array();
  for (const Execution execution : scenario.executions) executions.append(name_of(execution));
  json.set("executions", std::move(executions));
  json.set("real", name_of(scenario.platform));
  if (!scenario.gpu_schedule.empty()) json.set("gpu_schedule", scenario.gpu_schedule);
  json.set("uneven", scenario.parallel.partition_rules.uneven);
  json.set("cut", scenario.parallel.partition_rules.own_cut ? "own" : "autotp");
  json.set("trace", JsonValue::object()
                        .set("tier", name_of(scenario.trace_tier))
                        .set("keep", name_of(scenario.trace_keep)));
  if (scenario.shadow) json.set("shadow", *scenario.shadow);
  if (!scenario.parameter_groups.empty())
    json.set("parameter_groups", shardproof::to_json(scenario.parameter_groups));
  if (!scenario.checkpoint.save_after.empty())
    json.set("checkpoint", shardproof::to_json(scenario.checkpoint));
  if (!scenario.resume.empty()) json.set("resume", absolute(scenario.resume));
  json.set("overflow", scenario.overflow_expected ? "expected" : "unexpected");
  json.set("timeout_s", scenario.timeout_s);
  if (scenario.strict) json.set("strict", true);
  if (scenario.exact) json.set("exact", true);
  json.set("inject", shardproof::to_json(scenario.inject));
  if (scenario.notices.empty()) return json;
  JsonValue notices = JsonValue::array();
  for (const std::string& notice : scenario.notices) notices.append(notice);
  return json.set("notices", std::move(notices));
}

std::string digest(const std::string& text) {
  const XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
  char digits[33];
  std::snprintf(digits, sizeof digits, "%016llx%016llx",
                static_cast<unsigned long long>(hash.high64),
                static_cast<unsigned long long>(hash.low64));
  return digits;
}

// Names and sizes of the weight files: reading gigabytes for a name would cost more than a run.
std::string identity_of_weights(const std::string& path) {
  std::vector<fs::path> files{path};
  if (fs::is_directory(path)) {
    files.clear();
    for (const fs::directory_entry& entry : fs::directory_iterator(path))
      if (entry.path().filename().string().find(".safetensors") != std::string::npos)
        files.push_back(entry.path());
    std::sort(files.begin(), files.end());
  }
  std::string identity;
  for (const fs::path& file : files)
    identity += file.filename().string() + " " + std::to_string(fs::file_size(file)) + ";";
  return identity;
}

}  // namespace

std::string write_scenario(const Scenario& scenario) { return write_json(to_json(scenario), 2); }

std::string hashed_scenario(const Scenario& scenario) {
  JsonValue json = to_json(scenario);
  std::erase_if(json.members, [](const JsonMember& member) { return member.key == "notices"; });
  if (!scenario.data.path.empty()) {
    const char* key = scenario.data.source == DataConfig::Source::text ? "text" : "tokens";
    json.find("data")->set(key, digest(read_text_file(scenario.data.path, "the data")));
  }
  if (scenario.weights != "generated")
    json.find("model")->set("weights", identity_of_weights(scenario.weights));
  if (!scenario.resume.empty())
    json.set("resume", digest(read_text_file(scenario.resume + "/manifest.json", "the manifest")));
  return write_json(json);
}

std::string scenario_hash(const Scenario& scenario) { return digest(hashed_scenario(scenario)); }

}  // namespace shardproof
