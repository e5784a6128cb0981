#pragma once

namespace shardproof {

/// How many processors this process may use: those that it is bound to, or the share of them that
/// its control group has, rounded up. At least 1.
int usable_processors();

}  // namespace shardproof
