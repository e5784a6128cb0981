#pragma once

#include "real/comm/channel.hpp"
#include "real/comm/communicator.hpp"

namespace shardproof::real {

/// The members tell one another what they are about to do. Throws EnvironmentError, on every
/// member, if they do not all say the same: without this a collective that one rank left out would
/// hang, or worse, pair up with the next one of equal size.
void announce(Channel& channel, std::int64_t number, const CollectiveRequest& request);

}  // namespace shardproof::real
