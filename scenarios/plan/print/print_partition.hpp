#pragma once

#include <string>

#include "scenarios/json/json_document.hpp"
#include "scenarios/settings/scenario.hpp"

namespace shardproof {

/// What tensor parallelism does with each module that a rule speaks of, layers folded, and the
/// warnings: "" where there is neither.
///
///   model.layers.{0..3}.mlp.down_proj  row  even  preset llama, .*\.mlp\.down_proj\.weight$
std::string print_partition(const Scenario& scenario);

/// What becomes of each linear layer, in the order of the model, as a list of
///
///   {"module": "model.layers.0.mlp.down_proj", "class": "LinearAllreduce", "style": "row",
///    "gather_output": false, "widths": [], "decided_by": "preset llama, ..."}
///
/// class is AutoTP's: LinearLayer and LinearAllreduce, of a weight cut in several blocks
/// SubParamLinearLayer and SubParamLinearAllreduce, of a row-parallel output projection
/// LmHeadLinearAllreduce; "Linear" is left whole. widths: block by block what each TP rank holds;
/// []: cut evenly, or not at all. decided_by is "" where no rule speaks of the layer.
JsonValue partition_json(const Scenario& scenario);

}  // namespace shardproof
