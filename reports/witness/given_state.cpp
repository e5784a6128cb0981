#include "reports/witness/given_state.hpp"

#include <algorithm>
#include <filesystem>

#include "reports/values/work.hpp"
#include "scenarios/data/generator.hpp"
#include "scenarios/errors.hpp"
#include "scenarios/files/folder_replacement.hpp"
#include "scenarios/model/families.hpp"
#include "scenarios/pulse.hpp"

namespace shardproof::reports {

namespace {

namespace fs = std::filesystem;

bool is_norm(const ParameterDescription& parameter) {
  return parameter.name.ends_with(".weight") && (parameter.module_class == ModuleClass::rms_norm ||
                                                 parameter.module_class == ModuleClass::layer_norm);
}

// Of a model with integer weights: of a bias or an embedding every eighth element is 1, and every
// eighth -1; of a matrix one in twice a row's length, in the head one in eight times that.
double integer(const Generator& numbers, const ParameterDescription& parameter,
               std::int64_t index) {
  std::int64_t one_in = 8;
  const bool embedding = parameter.module_class == ModuleClass::embedding;
  if (parameter.shape.size() == 2 && !embedding)
    one_in = parameter.shape[1] * (parameter.name.starts_with("lm_head") ? 8 : 2);
  switch (numbers.below(one_in, index)) {
    case 0: return 1;
    case 1: return -1;
    default: return 0;
  }
}

}  // namespace

GivenState::GivenState(const Scenario& scenario) : scenario_(scenario) {
  if (!scenario.resume.empty())
    checkpoint_.emplace(FolderReplacement::whole(scenario.resume));
  else if (scenario.weights != "generated")
    open_weights();
}

void GivenState::open_weights() {
  const fs::path given(scenario_.weights);
  const fs::path folder = fs::is_directory(given) ? given : given.parent_path();
  const fs::path index =
      given.extension() == ".json" ? given : folder / "model.safetensors.index.json";
  const bool one_file = fs::is_regular_file(given) && given.extension() != ".json";
  std::map<std::string, std::shared_ptr<const WholeFile>> by_file;
  const auto file = [&](const fs::path& path) {
    auto& opened = by_file[path.string()];
    if (!opened) opened = std::make_shared<const WholeFile>(path.string());
    return opened;
  };
  if (!one_file && fs::exists(index)) {
    const JsonValue root = read_json(index.string());
    if (const JsonValue* map = root.find("weight_map"))
      for (const JsonMember& tensor : map->members)
        files_[tensor.key] = file(folder / tensor.value.text);
    return;
  }
  const auto single = file(one_file ? given : folder / "model.safetensors");
  for (const auto& [name, row] : single->rows()) files_[name] = single;
}

WholeTensor GivenState::parameter(const ParameterDescription& parameter) const {
  const Dtype working = scenario_.training.working;
  if (checkpoint_) return checkpoint_->tensor("parameter/" + parameter.name);
  if (files_.empty()) return generated(parameter);
  // Some files leave out the prefix of the model without a head.
  const std::string& prefix = family_of(scenario_.model.family).base_prefix;
  auto found = files_.find(parameter.name);
  if (found == files_.end() && parameter.name.starts_with(prefix))
    found = files_.find(parameter.name.substr(prefix.size()));
  if (found == files_.end())
    throw ScenarioError({scenario_.weights}, "does not hold " + parameter.name);
  return recast(found->second->tensor(found->first), working);
}

std::map<std::string, double> GivenState::counters() const {
  return checkpoint_ ? checkpoint_->counters() : std::map<std::string, double>{};
}

// Norm weights 1 + 0.1 u, less what the model adds to them; all else initializer_range * z.
WholeTensor GivenState::generated(const ParameterDescription& parameter) const {
  Pulse::of_this_process().beat();
  const Generator numbers(scenario_.seed, parameter.name);
  const ModelDescription& model = scenario_.model;
  const bool norm = is_norm(parameter), integers = model.has_number("integer_weights");
  double added = 0;
  if (const auto offset = model.numbers.find("rms_norm_offset"); offset != model.numbers.end())
    added = offset->second;
  std::int64_t count = 1;
  for (const std::int64_t extent : parameter.shape) count *= extent;
  const Dtype working = scenario_.training.working;
  WholeTensor whole{working, parameter.shape, {}};
  whole.bytes.resize(static_cast<std::size_t>(count) * size_bytes(working));
  constexpr std::int64_t at_once = 1 << 14;
  run_parts(static_cast<std::size_t>((count + at_once - 1) / at_once), [&](std::size_t part) {
    const std::int64_t begin = static_cast<std::int64_t>(part) * at_once;
    std::vector<double> some;
    for (std::int64_t i = begin; i < std::min(count, begin + at_once); ++i)
      some.push_back(integers ? integer(numbers, parameter, i)
                     : norm   ? (1 - added) + 0.1 * numbers.uniform(i)
                              : model.initializer_range * numbers.normal(i));
    const std::size_t size = size_bytes(working);
    encode(
        working, some,
        std::span(whole.bytes).subspan(static_cast<std::size_t>(begin) * size, some.size() * size));
  });
  return whole;
}

}  // namespace shardproof::reports
