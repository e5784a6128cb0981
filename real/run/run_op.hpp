#pragma once

#include "real/backend.hpp"
#include "real/run/arena.hpp"
#include "real/run/inputs.hpp"
#include "scenarios/plan/program.hpp"
#include "scenarios/trace/trace.hpp"

namespace shardproof::real {

/// What an op may need beyond its operands.
struct OpContext {
  const Program& program;
  Rank rank;
  Backend& backend;
  const Arena& arena;
  const Inputs& inputs;
  Moment moment;
  int updates = 0;        // optimizer updates applied before this op
  double loss_scale = 1;  // of this step
};

/// Runs one op that is no collective and no wait: looks up the operands' memory and calls the
/// backend.
void run_op(const OpContext& context, const Op& op);

}  // namespace shardproof::real
