#include "scenarios/config/checkpoint_config.hpp"

#include <algorithm>
#include <filesystem>

#include "scenarios/json/object_reader.hpp"

namespace shardproof {

namespace {

std::vector<int> read_save_after(const JsonValue& list, IntegerRange steps) {
  const std::string name = "checkpoint.save_after";
  if (!list.is_array() || list.elements.empty())
    refuse_value(list, name, "expected a list of counts of steps");
  std::vector<int> counts;
  for (const JsonValue& element : list.elements) {
    counts.push_back(static_cast<int>(as_integer(element, name, steps)));
    if (counts.size() > 1 && counts[counts.size() - 2] >= counts.back())
      refuse_value(element, name, "expected each count once, in ascending order");
  }
  return counts;
}

}  // namespace

CheckpointConfig checkpoint_from_json(const JsonValue& json, int first_step, int steps) {
  ObjectReader reader(json, "checkpoint");
  const IntegerRange range{first_step + 1, steps};
  CheckpointConfig checkpoint;
  checkpoint.save_after =
      read_save_after(reader.require("save_after", "expected a list of counts of steps"), range);
  if (const JsonValue* value = reader.find("resume_after")) {
    const std::string name = reader.name("resume_after");
    checkpoint.resume_after = static_cast<int>(as_integer(*value, name, range));
    if (std::ranges::find(checkpoint.save_after, checkpoint.resume_after) ==
        checkpoint.save_after.end())
      refuse_value(*value, name, "expected one of save_after: nothing is saved after that step");
  }
  checkpoint.consolidated = reader.boolean("consolidated", false);
  reader.finish();
  return checkpoint;
}

JsonValue to_json(const CheckpointConfig& checkpoint) {
  JsonValue counts = JsonValue::array();
  for (const int count : checkpoint.save_after) counts.append(count);
  JsonValue json = JsonValue::object().set("save_after", std::move(counts));
  if (checkpoint.resume_after > 0) json.set("resume_after", checkpoint.resume_after);
  return json.set("consolidated", checkpoint.consolidated);
}

int steps_done_by(const JsonValue& value, const std::string& folder, int steps) {
  const std::string manifest = folder + "/manifest.json";
  if (!std::filesystem::exists(manifest))
    refuse_value(value, "resume", "is no checkpoint: it holds no manifest.json");
  const JsonValue root = read_json(manifest);
  const JsonValue* done = root.find("steps_done");
  if (done == nullptr || !done->is_integer)
    refuse_value(value, "resume", "is no checkpoint: its manifest.json tells no steps_done");
  if (done->integer >= steps)
    refuse_value(value, "resume",
                 "its run has done " + std::to_string(done->integer) +
                     " steps: expected steps to be more than that, got " + std::to_string(steps));
  return static_cast<int>(done->integer);
}

}  // namespace shardproof
