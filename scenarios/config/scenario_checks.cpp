#include "scenarios/config/scenario_checks.hpp"

#include <algorithm>
#include <filesystem>
#include <functional>

#include "scenarios/config/model/model_keys.hpp"
#include "scenarios/model/families.hpp"

namespace shardproof {

namespace {

// "n_positions" for GPT-2.
std::string name_of_longest(const Family& family) {
  const std::string field = "max_position_embeddings";
  for (const ConfigKey& key : family.keys)
    if (key.name == field) return published_name(key);
  return field;
}

void check_sequence(const Scenario& scenario, const JsonValue& root) {
  const std::int64_t longest = scenario.model.max_position_embeddings;
  if (scenario.data.sequence <= longest) return;
  const std::string key = name_of_longest(family_of(scenario.model.family));
  throw ScenarioError(place_in(root, "data.sequence"),
                      "data.sequence = " + std::to_string(scenario.data.sequence) +
                          ": longer than the model's " + key + " = " + std::to_string(longest));
}

void check_text(const Scenario& scenario, const JsonValue& root) {
  const SourcePlace place = place_in(root, "data.text");
  if (scenario.model.vocab_size < 256)
    throw ScenarioError(place, "byte tokens need a vocab_size of at least 256, got " +
                                   std::to_string(scenario.model.vocab_size));
  const auto size = static_cast<std::int64_t>(std::filesystem::file_size(scenario.data.path));
  if (size < scenario.data.sequence)
    throw ScenarioError(place, "\"" + scenario.data.path + "\" has " + std::to_string(size) +
                                   " bytes, fewer than one sequence of " +
                                   std::to_string(scenario.data.sequence));
}

void check_padding(const Scenario& scenario, const JsonValue& root) {
  const auto& padding = scenario.data.padding;
  if (padding && *padding >= scenario.model.vocab_size)
    throw ScenarioError(place_in(root, "data.padding"),
                        "data.padding = " + std::to_string(*padding) +
                            ": outside the vocabulary of " +
                            std::to_string(scenario.model.vocab_size));
}

// A processor does at once what a stream is asked for: there is no wait to leave out.
void check_planted_streams(const Scenario& scenario) {
  if (scenario.runs(Execution::real) && uses_nccl(scenario.platform)) return;
  for (const Injection& injection : scenario.inject)
    if (injection.edit == EditKind::drop_wait || injection.edit == EditKind::restream)
      throw ScenarioError(injection.place, std::string(name_of(injection.edit)) +
                                               " plants nothing where no GPU runs: it needs real = "
                                               "cuda or cuda_simulated");
}

// Whether ranks of a TP group hold more of a weight, or less, than others do.
bool is_cut_unevenly(const LayerPartition& layer) {
  std::vector<std::int64_t> held;
  for (const std::vector<std::int64_t>& block : layer.widths) {
    held.resize(block.size());
    for (std::size_t rank = 0; rank < block.size(); ++rank) held[rank] += block[rank];
  }
  return std::adjacent_find(held.begin(), held.end(), std::not_equal_to<>()) != held.end();
}

}  // namespace

void check_uneven_replicas(const Scenario& scenario, const JsonValue& root) {
  const bool nccl = scenario.runs(Execution::real) && uses_nccl(scenario.platform);
  if (!nccl || !scenario.trains() || scenario.data_parallel() < 3) return;
  for (const auto& [module, layer] : scenario.partition.modules)
    if (is_cut_unevenly(layer))
      throw ScenarioError(
          place_in(root, "uneven"),
          "uneven = true: " + module + " is cut unevenly, and with " +
              std::to_string(scenario.data_parallel()) +
              " replicas NCCL would add the gradients of what all TP ranks hold in another order "
              "on each of them, so that its copies part: expected two replicas at most, an even "
              "cut, or real = mpi");
}

SourcePlace place_in(const JsonValue& root, const std::string& path) {
  const JsonValue* value = &root;
  SourcePlace place = root.place;
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('.', begin), path.size());
    value = value->find(path.substr(begin, end - begin));
    if (!value) break;
    if (!value->place.file.empty()) place = value->place;
    begin = end + 1;
  }
  return place;
}

void check_scenario(const Scenario& scenario, const JsonValue& root) {
  check_planted_streams(scenario);
  check_sequence(scenario, root);
  check_padding(scenario, root);
  if (scenario.data.source == DataConfig::Source::text) check_text(scenario, root);
}

}  // namespace shardproof
