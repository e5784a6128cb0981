#pragma once

#include "real/run/run_op.hpp"

namespace shardproof::real {

/// The ops that only move bits between a flat vector, shards and full tensors.

/// Parameters one after another -> this rank's slice of the flat vector; padding is zero.
void flatten(const OpContext& context, const Op& op);
/// The whole flat vector -> each parameter of its layout.
void unflatten(const OpContext& context, const Op& op);
/// Stacked shards (n, ...) -> the full tensor, joined along attribute `dim`.
void concatenate(const OpContext& context, const Op& op);
/// The full tensor -> this rank's shard, as the output's placement says.
void shard_slice(const OpContext& context, const Op& op);

}  // namespace shardproof::real
