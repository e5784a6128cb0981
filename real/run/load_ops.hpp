#pragma once

#include "real/run/run_op.hpp"

namespace shardproof::real {

/// The ops that bring to the device what the host knows, rounded once to the tensor's dtype.

/// This rank's shard of a parameter.
void load_parameter(const OpContext& context, const Op& op);
/// What a checkpoint holds of a value. Of a flat value: its parameters' parts, and zeros between
/// them.
void load_state(const OpContext& context, const Op& op);
/// The token ids of this micro-step.
void load_tokens(const OpContext& context, const Op& op);
/// A number that changes from step to step.
void load_scalar(const OpContext& context, const Op& op);

}  // namespace shardproof::real
