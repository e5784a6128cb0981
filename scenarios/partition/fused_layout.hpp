#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "scenarios/model/model_description.hpp"

namespace shardproof {

/// The sub-parameters that the output features of a fused module of `model` consist of: each has to
/// be cut by itself, or a rank would hold a piece of the queries where it needs keys.
///
///   qkv_proj, query_key_value, c_attn     Q, K, V    as many rows as their heads have
///   the same of BLOOM                     one        its rows are interleaved head by head
///   gate_up_proj, ChatGLM's dense_h_to_4h gate, up
///   all others                            none: they are not fused
///
/// Source: DeepSpeed, module_inject/fusedqkv_utils.py.
std::vector<std::int64_t> fused_blocks(const ModelDescription& model, const std::string& module,
                                       std::int64_t output_features);

/// The last part of a module's path: "q_proj".
std::string own_name(const std::string& module);

}  // namespace shardproof
