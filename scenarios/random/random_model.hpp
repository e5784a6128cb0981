#pragma once

#include "scenarios/json/json_document.hpp"
#include "scenarios/random/dice.hpp"

/// A model of any family, a few numbers wide, that a given tensor parallelism can cut.
namespace shardproof {

/// How a model is to be cut: evenly among tp ranks, or by whole heads and whatever remains.
struct Cut {
  int tp = 1;
  bool uneven = false;
};

/// The same model under every seed is of no use: heads, widths, biases, norms, experts, windows and
/// positions are drawn, odd and prime ones wherever the family and the cut allow them.
struct RandomModel {
  JsonValue config;                                 // the config.json
  JsonValue tensor_parallel = JsonValue::object();  // of the DeepSpeed config, but for the degree
  bool own_cut = false;                             // whether the scenario asks for "cut": "own"
};

/// As many as there are families; random_model(family, ...) is of family_names()[family].
RandomModel random_model(const std::string& family, const Cut& cut, int sequence, Dice& dice);

}  // namespace shardproof
