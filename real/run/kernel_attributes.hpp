#pragma once

#include "real/kernels.hpp"
#include "scenarios/plan/program.hpp"

namespace shardproof::real {

/// What an op's kernel needs beyond its tensors, on `rank`: out of the op's attributes, and out of
/// how its values are cut. Throws InvariantError if the op lacks what its kind needs.
KernelAttributes kernel_attributes(const Program& program, const Op& op, Rank rank);

}  // namespace shardproof::real
