#pragma once

#include <string>

#include "real/builder/builder.hpp"

namespace shardproof::real {

/// Where the ops and values of a gather stand: ops `module`/`phase`/all_gather`suffix`, values
/// `folder`stacked.
struct GatherNames {
  std::string module;
  Phase phase;
  std::string suffix;  // "_weight", or empty
  std::string folder;  // ends in '/'
};

/// Appends the gather over tp of a value that is cut along one dimension to `full` (replicated over
/// tp), as AutoTP gathers a shard (spec-autotp 1.2, 5.3): block by block, each rank's part padded
/// with zeros to the widest where they differ, one all-gather, the padding trimmed, every part put
/// in its place. Of several blocks, names end in the block's number: all_gather_weight_1. A group
/// of one rank copies.
///
///   even, one block:    all_gather, concatenate
///   else:               (pad, all_gather) for each block, concatenate
void lower_gather_shards(Builder& builder, ValueId shard, ValueId full, const GatherNames& names);

}  // namespace shardproof::real
