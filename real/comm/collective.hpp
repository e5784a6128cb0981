#pragma once

#include "real/comm/channel.hpp"
#include "real/comm/communicator.hpp"
#include "scenarios/settings/scenario.hpp"

namespace shardproof::real {

/// Runs one collective over a group's channel, in the pinned order (ring or rank_order; the maximum
/// always in rank order, the gather always in a ring). Values are rounded to the wire dtype before
/// they travel and cast back at the end; in a group of one they do not travel and are copied.
///
/// The members first tell one another what they are about to do; if they differ, every member
/// throws an EnvironmentError that names two of them. `number` is the collective's place in the
/// sequence of its axis. InvariantError if the sizes of input and output do not fit the kind.
void run_collective(Channel& channel, ReductionOrder order, std::int64_t number,
                    const CollectiveRequest& request);

/// Throws InvariantError unless the sizes of input and output fit the kind, the dtype and the
/// group.
void expect_well_formed(const CollectiveRequest& request, int group_size);

}  // namespace shardproof::real
