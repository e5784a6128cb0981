#pragma once

#include <optional>

#include "reports/cause/suspect.hpp"

/// What the bits of single elements tell beside what they must be.
namespace shardproof::reports {

/// One bit, the same of all wrong elements, is another than in what their sets hold.
std::optional<Cause> flipped_bit_of(const Suspect& suspect);

/// All that is wrong would fit into a narrower format, which what is right does not.
std::optional<Cause> fewer_bits(const Suspect& suspect);

/// The elements are right, and lie elsewhere: shifted, rows or columns in another order,
/// transposed, or the slice of another rank.
std::optional<Cause> rearranged(const Suspect& suspect);

}  // namespace shardproof::reports
