#pragma once

#include "real/builder/builder.hpp"

namespace shardproof::real {

/// What a micro-step begins with where several ranks share a batch.
struct DataCheck {
  ValueId tokens;        // (B, T), as the rank loaded them
  ValueId inconsistent;  // (1): not zero, on all ranks, if the ranks of any TP group differ
};

/// The segment `data_check`: all ranks of a TP group must have loaded the same tokens. Each
/// compares its own with the largest of the group's, position by position, which no exchange
/// escapes; DeepSpeed compares with those of the first rank, and in the first batch only
/// (spec-autotp 7.4). Whether any group differs is agreed on by all ranks, so that all end
/// together.
DataCheck lower_data_check(Builder& builder);

/// Appends the op that loads a micro-batch's tokens.
ValueId lower_load_tokens(Builder& builder);

}  // namespace shardproof::real
