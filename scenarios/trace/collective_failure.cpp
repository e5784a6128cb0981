#include "scenarios/trace/collective_failure.hpp"

#include <filesystem>

#include "scenarios/errors.hpp"
#include "scenarios/files/text_file.hpp"
#include "scenarios/json/json_document.hpp"
#include "scenarios/json/object_reader.hpp"

namespace shardproof {

namespace {
std::string file_in(const std::string& folder) { return folder + "/collective_failure.json"; }
}  // namespace

void write_collective_failure(const std::string& folder, const CollectiveFailure& failure) {
  JsonValue ranks = JsonValue::array();
  for (const int rank : failure.ranks) ranks.append(rank);
  const JsonValue json = JsonValue::object()
                             .set("kind", failure.kind)
                             .set("moment", folder_of(failure.moment))
                             .set("op", failure.op)
                             .set("phase", name_of(failure.phase))
                             .set("ranks", std::move(ranks))
                             .set("report", failure.report);
  write_text(file_in(folder), write_json(json, 2) + '\n');
}

std::optional<CollectiveFailure> read_collective_failure(const std::string& folder) {
  if (!std::filesystem::exists(file_in(folder))) return std::nullopt;
  const JsonValue json = read_json(file_in(folder));
  CollectiveFailure failure;
  const auto text = [&](const char* key) {
    const JsonValue* value = json.find(key);
    if (value == nullptr || !value->is_string())
      throw ScenarioError(json.place, std::string("expected text \"") + key + "\"");
    return value->text;
  };
  failure.kind = text("kind");
  failure.moment = moment_of(text("moment") + "/");
  failure.op = text("op");
  failure.phase = as_one_of<Phase>(*json.find("phase"), "phase");
  failure.report = text("report");
  if (const JsonValue* ranks = json.find("ranks"))
    for (const JsonValue& rank : ranks->elements)
      failure.ranks.push_back(static_cast<int>(rank.integer));
  return failure;
}

}  // namespace shardproof
