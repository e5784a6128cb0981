#pragma once

#include <string>

namespace shardproof {

/// Whether AutoTP takes a linear layer for the model's output projection: "lm_head" or "embed_out",
/// as the whole name. As a row-parallel layer it takes its own part of a whole input, and gathers
/// the input's gradient (spec-autotp 1.10, 3.5); it is never cut by heads.
bool is_output_projection(const std::string& module);

}  // namespace shardproof
