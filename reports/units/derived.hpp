#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <vector>

#include "reports/units/plan_unit.hpp"
#include "reports/values/tensor_view.hpp"
#include "scenarios/plan/program.hpp"
#include "scenarios/settings/scenario.hpp"

/// Tensors that are not recorded, since their bits follow from others': made when they are read,
/// range by range. They must be of the dtype and the shape that the value has.
namespace shardproof::reports {

/// What a unit gives. `follows` becomes false if its bits do not follow from its arguments.
SharedTensor derived_result(const PlanUnit& unit, const std::vector<SharedTensor>& arguments,
                            Dtype dtype, Shape shape,
                            const std::shared_ptr<std::atomic<bool>>& follows);
/// The sum of what the members of a group brought (hop_replay.hpp); their largest.
SharedTensor derived_sum(ReductionOrder order, Dtype dtype, Dtype wire,
                         const std::vector<SharedTensor>& members,
                         const std::vector<Stretch>& in_rank_order);
SharedTensor derived_max(Dtype dtype, const std::vector<SharedTensor>& members);
/// The members' terms as rows, rounded to what travels.
SharedTensor sent_terms(Dtype wire, std::span<const SharedTensor> members);
/// Slices after an accumulate_slices (slice_sums.hpp).
SharedTensor derived_slices(const Program& program, const Op& op, Rank rank, Dtype dtype,
                            const SharedTensor& slices, const SharedTensor& bucket);
/// The hash of real/checksum.hpp, from its definition in docs/bounds.md, as two numbers of fp64.
SharedTensor derived_checksum(const SharedTensor& of);
/// 1 if some bit is another, else 0, in fp32.
SharedTensor derived_difference(const SharedTensor& a, const SharedTensor& b);

}  // namespace shardproof::reports
