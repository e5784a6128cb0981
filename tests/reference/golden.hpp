#pragma once

#include <algorithm>
#include <stdexcept>
#include <string>

#include "reference/run/micro_step.hpp"
#include "scenarios/config/model/model_config.hpp"
#include "scenarios/data/safetensors.hpp"
#include "tests/reference/random_tensors.hpp"

/// The files that tests/oracle/family_golden.py wrote: models of transformers, run once.
namespace shardproof::reference::testing {

inline const std::string golden_folder = "oracle/vectors/";

inline Tensor read_tensor(const Safetensors& file, const std::string& name) {
  const Shape& shape = file.tensors().at(name).shape;
  return Tensor(shape, file.read(name, whole(shape)));
}

/// One variant of a family, a folder under oracle/vectors.
struct Golden {
  ModelDescription model;
  Parameters parameters;
  Safetensors expected;
  Tokens tokens;

  explicit Golden(const std::string& variant)
      : model(model_from_json(read_model_json(golden_folder + variant))),
        expected(golden_folder + variant + "/expected.safetensors") {
    const Safetensors weights(golden_folder + variant + "/model.safetensors");
    for (const ParameterDescription& p : model.stored())
      parameters[p.name] = read_tensor(weights, p.name);
    const Tensor ids = read_tensor(expected, "tokens");
    tokens.shape = ids.shape;
    for (const double id : ids.values) tokens.values.push_back(static_cast<std::int64_t>(id));
  }
  MicroStepResult run(std::int64_t groups = 1, double scale = 1) const {
    return run_micro_step(model, parameters, tokens, groups, scale);
  }
};

inline const Tensor& find(const MicroStepResult& result, const std::string& name) {
  for (const NamedTensor& named : result.tensors)
    if (named.name == name) return named.tensor;
  throw std::out_of_range(name);
}

/// Largest difference over logits, loss and all gradients, each relative to its tensor's largest.
/// `logits`: the module and role of the logits. `vanishing`: what the names of parameters end in
/// whose gradient is zero: the largest of what rounding left in either takes the place of theirs.
inline double difference_from_golden(const Golden& golden, const std::string& dtype,
                                     const std::string& logits, const std::string& vanishing = "") {
  const MicroStepResult result = golden.run();
  const auto left = [&](const ParameterDescription& p) {
    return std::max(largest(Tensor(p.shape, result.gradients.at(p.name).values)),
                    largest(read_tensor(golden.expected, dtype + "/gradient/" + p.name)));
  };
  const auto differs = [&](const Tensor& found, const std::string& name) {
    return relative_difference(found, read_tensor(golden.expected, dtype + "/" + name));
  };
  double worst = std::max(differs(find(result, "forward/" + logits), "logits"),
                          differs(find(result, "forward/loss/output"), "loss"));
  for (const ParameterDescription& p : golden.model.parameters)
    worst = std::max(worst, !vanishing.empty() && p.name.ends_with(vanishing)
                                ? left(p)
                                : differs(Tensor(p.shape, result.gradients.at(p.name).values),
                                          "gradient/" + p.name));
  return worst;
}

}  // namespace shardproof::reference::testing
