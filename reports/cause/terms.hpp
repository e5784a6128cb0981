#pragma once

#include <optional>

#include "reports/cause/suspect.hpp"

namespace shardproof::reports {

/// A part of a sum is missing or there twice, or has a factor, or it is the sum over other ranks.
/// What the ranks brought is recorded, so that their sum can be made anew, of others.
std::optional<Cause> other_terms(const Suspect& suspect);

}  // namespace shardproof::reports
