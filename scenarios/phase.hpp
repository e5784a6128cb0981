#pragma once

#include <array>

#include "scenarios/enum_names.hpp"

namespace shardproof {

/// What an op is for. `checkpoint` is no op's: it names what the ranks' hosts save and load.
enum class Phase { data, forward, backward, reduce, update, gather, repartition, checkpoint };

template <>
struct Names<Phase> {
  static constexpr std::array all{"data",   "forward", "backward",    "reduce",
                                  "update", "gather",  "repartition", "checkpoint"};
};

}  // namespace shardproof
