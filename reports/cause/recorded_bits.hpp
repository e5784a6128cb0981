#pragma once

#include <optional>

#include "reports/cause/suspect.hpp"

/// Causes that are certain: what is wrong has the bits of something else that was recorded. Hashes
/// and sizes are looked at first; bytes only of the few tensors that may explain some elements.
namespace shardproof::reports {

/// All of it: zeros; what its op read; the same name at another moment, or on another rank; any
/// other value.
std::optional<Cause> equal_bits(const Suspect& suspect);

/// Its wrong elements, which have the bits of the elements at their places elsewhere. Of a score
/// below one, some of them.
std::optional<Cause> equal_elements(const Suspect& suspect);

/// What the op at a place of its rank's order read is not what was written: the bytes changed, and
/// may be another value's now.
std::optional<Cause> changed_bytes(const Suspect& suspect, std::int64_t sequence);

}  // namespace shardproof::reports
