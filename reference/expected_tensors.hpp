#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "reference/replay.hpp"
#include "scenarios/config/scenario.hpp"

namespace shardproof::reference {

/// Whether a unit's result is, in a tensor-parallel run, a sum over the TP group: the outputs of
/// the row-parallel o_proj and down_proj, and the input gradients of the column-parallel q, k, v,
/// gate and up projections (spec-autotp 2.7). Only the bound of such a unit depends on it.
enum class Partials { none, tensor_parallel };

/// A reference unit: what some recorded tensor must be, given other recorded tensors.
struct Unit {
  UnitKind kind;
  UnitAttributes attributes;
  std::vector<std::string> inputs;  // trace paths, or `zero_input`
  std::string output;               // trace path
  Shape shape;                      // of the full output
  Partials partials = Partials::none;
};

/// Stands for a tensor of zeros, like the output: the moments before the first step.
inline constexpr const char* zero_input = "zero";

/// Every unit of the run in order of computation, from the scenario alone: tables, and for each
/// step forward, backward, accumulation, reduction, norm, clipping and update. Every input is a
/// leaf, an earlier output or `zero_input`; no output occurs twice. Throws ScenarioError for a
/// model that is not an untied Llama.
std::vector<Unit> expected_units(const Scenario& scenario);

/// What a run is given and computes from nothing, with full shapes: initial weights, token ids, and
/// the optimizer's scalars (learning rate and bias corrections, shape (1)).
std::vector<std::pair<std::string, Shape>> expected_leaves(const Scenario& scenario);

/// Elements of all units' outputs together: how many comparisons a complete verdict makes.
std::int64_t output_elements(const std::vector<Unit>& units);

}  // namespace shardproof::reference
