#pragma once

#include <vector>

#include "real/device.hpp"
#include "real/run/arena.hpp"
#include "real/run/inputs.hpp"
#include "scenarios/plan/program.hpp"
#include "scenarios/trace/trace.hpp"

namespace shardproof::real {

/// What an op may need beyond its operands.
struct OpContext {
  const Program& program;
  Rank rank;
  Device& device;
  const Arena& arena;
  const Inputs& inputs;
  Moment moment;
  int updates = 0;        // optimizer updates applied before this op
  double loss_scale = 1;  // of this step
  std::int64_t tag = 0;   // of the op, for a KernelError
  Stream stream = Stream::compute;
};

/// Runs one op that is no collective and no wait, on the context's stream: a kernel of the device,
/// a move of bits, or a load from the host. It may return before the device has done the work.
void run_op(const OpContext& context, const Op& op);

/// The kind of kernel that run_op calls for ops of a kind; nothing for collectives, moves and
/// loads.
std::optional<OpKind> kernel_of(OpKind kind);
/// The kinds of kernels that a program needs and a device lacks.
std::vector<OpKind> lacking_kernels(const Device& device, const Program& program);
/// Throws ScenarioError, by the names of all of them, if there are any.
void expect_kernels(const Device& device, const Program& program);

}  // namespace shardproof::real
