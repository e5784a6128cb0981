#pragma once

#include "real/run/run_op.hpp"

namespace shardproof::real {

/// The ops that only move bits: no device needs kernels for them.

void zero(const OpContext& context, const Op& op);
void copy(const OpContext& context, const Op& op);
/// Parameters one after another -> this rank's slice of the flat vector; padding is zero.
void flatten(const OpContext& context, const Op& op);
/// The whole flat vector -> each parameter of its layout.
void unflatten(const OpContext& context, const Op& op);
/// A shard -> attribute `block` of it, zeros after it up to the width of the widest rank.
void pad(const OpContext& context, const Op& op);
/// Stacked shards (n, ...), one input for each block of the cut -> the full tensor. What was padded
/// is trimmed.
void concatenate(const OpContext& context, const Op& op);
/// The full tensor -> this rank's shard, as the output's placement says.
void shard_slice(const OpContext& context, const Op& op);

}  // namespace shardproof::real
