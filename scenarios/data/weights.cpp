#include "scenarios/data/weights.hpp"

#include <algorithm>
#include <cmath>

#include "scenarios/data/generator.hpp"
#include "scenarios/data/region_runs.hpp"
#include "scenarios/errors.hpp"
#include "scenarios/model/families.hpp"
#include "scenarios/pulse.hpp"

namespace shardproof {

namespace {

// A checkpoint of the base model alone lacks the prefix that the model with a head puts before its
// names: "wte.weight" is transformer.wte.weight.
std::string stored_name(const ModelDescription& model, const Safetensors& stored,
                        const std::string& parameter) {
  const std::string& prefix = family_of(model.family).base_prefix;
  if (stored.tensors().contains(parameter) || !parameter.starts_with(prefix)) return parameter;
  const std::string bare = parameter.substr(prefix.size());
  return stored.tensors().contains(bare) ? bare : parameter;
}

// Some checkpoints also hold what is recomputed and no parameter (rotary frequencies, masks), a
// tied head, which is the embedding once more, or layers that transformers does not load.
bool is_redundant(const ModelDescription& model, const std::string& name) {
  const Family& family = family_of(model.family);
  if (model.tie_word_embeddings && name == family.head + ".weight") return true;
  return std::ranges::any_of(family.buffers,
                             [&](const char* buffer) { return name.ends_with(buffer); }) ||
         std::ranges::any_of(family.left_out,
                             [&](const char* prefix) { return name.starts_with(prefix); });
}

void check_fit(const ModelDescription& model, const Safetensors& stored, const std::string& path) {
  std::string faults;
  const auto add = [&](const std::string& fault) {
    faults += (faults.empty() ? "" : "; ") + fault;
  };
  std::vector<std::string> known;
  for (const ParameterDescription& parameter : model.stored()) {
    known.push_back(stored_name(model, stored, parameter.name));
    const auto found = stored.tensors().find(known.back());
    if (found == stored.tensors().end())
      add("missing " + parameter.name);
    else if (found->second.shape != parameter.shape)
      add(parameter.name + " is " + to_string(found->second.shape) + ", expected " +
          to_string(parameter.shape));
  }
  std::sort(known.begin(), known.end());
  for (const auto& [name, tensor] : stored.tensors())
    if (!std::binary_search(known.begin(), known.end(), name) && !is_redundant(model, name))
      add("extra " + name);
  if (!faults.empty())
    throw ScenarioError({path}, "the weights do not fit the model's config: " + faults);
}

// Of a number that is finite where it is stored.
std::string too_large(double value, Dtype working) {
  return std::to_string(value) + ", which " + name_of(working) + " does not hold";
}

Region element(const Shape& index) { return {index, Shape(index.size(), 1)}; }

bool is_norm_weight(const ParameterDescription& parameter) {
  return (parameter.module_class == ModuleClass::layer_norm ||
          parameter.module_class == ModuleClass::rms_norm) &&
         parameter.name.ends_with(".weight");
}

}  // namespace

Weights::Weights(const Task& task)
    : model_(task.model), path_(task.weights), working_(task.training.working), seed_(task.seed) {
  if (task.weights == "generated") return;
  stored_ = std::make_shared<const Safetensors>(task.weights);
  check_fit(model_, *stored_, task.weights);
}

std::vector<double> Weights::read(const std::string& parameter, const Region& region) const {
  const ParameterDescription& description = model_.stored(parameter);
  SHARDPROOF_EXPECTS(lies_in(region, description.shape), parameter, to_string(region));
  Pulse::of_this_process().beat();
  std::vector<double> values = stored_
                                   ? stored_->read(stored_name(model_, *stored_, parameter), region)
                                   : generate(description, region);
  for (double& value : values) value = round_to(working_, value);
  return values;
}

void Weights::expect_finite() const {
  constexpr std::int64_t at_once = 1 << 20;
  if (!stored_) return;
  for (const ParameterDescription& parameter : model_.parameters) {
    const Region all = whole(parameter.shape);
    const std::int64_t count = element_count(all);
    for (std::int64_t begin = 0; begin < count; begin += at_once)
      for (const Region& box : flat_range(all, begin, std::min(begin + at_once, count)))
        expect_finite(parameter, box);
  }
}

void Weights::expect_finite(const ParameterDescription& parameter, const Region& region) const {
  const std::vector<double> values = read(parameter.name, region);
  const auto bad =
      std::ranges::find_if_not(values, [](double value) { return std::isfinite(value); });
  if (bad == values.end()) return;
  Shape index = unravel(bad - values.begin(), region.extent);
  for (std::size_t d = 0; d < index.size(); ++d) index[d] += region.offset[d];
  const double stored =
      stored_->read(stored_name(model_, *stored_, parameter.name), element(index)).at(0);
  throw ScenarioError({path_}, parameter.name + " at index " + to_string(index) + " is " +
                                   (std::isnan(stored)   ? "NaN"
                                    : std::isinf(stored) ? "infinite"
                                                         : too_large(stored, working_)));
}

namespace {

double small_integer(const Generator& generator, const ParameterDescription& parameter,
                     std::int64_t index) {
  const bool matrix =
      parameter.name.ends_with(".weight") && parameter.module_class == ModuleClass::linear;
  const std::int64_t rarity = parameter.name == "lm_head.weight" ? 8 : 2;
  const std::int64_t drawn = generator.below(matrix ? rarity * parameter.shape[1] : 8, index);
  return drawn == 0 ? 1 : drawn == 1 ? -1 : 0;
}

}  // namespace

std::vector<double> Weights::generate(const ParameterDescription& parameter,
                                      const Region& region) const {
  const Generator generator(seed_, parameter.name);
  std::vector<double> values;
  values.reserve(static_cast<std::size_t>(element_count(region)));
  const bool norm = is_norm_weight(parameter);
  const double one =
      model_.has_number("rms_norm_offset") ? 1 - model_.number("rms_norm_offset") : 1;
  const bool integers = model_.has_number("integer_weights");
  for (const Run& run : runs_of(region, parameter.shape))
    for (std::int64_t index = run.first; index < run.first + run.count; ++index)
      values.push_back(integers ? small_integer(generator, parameter, index)
                       : norm   ? one + 0.1 * generator.uniform(index)
                                : model_.initializer_range * generator.normal(index));
  return values;
}

}  // namespace shardproof
