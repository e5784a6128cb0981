#pragma once

#include "scenarios/enum_names.hpp"

namespace shardproof {

/// The order in which a reduction adds the members of its group (DESIGN section 4).
enum class ReductionOrder { rank_order, ring, library };

template <>
struct Names<ReductionOrder> {
  static constexpr std::array all{"rank_order", "ring", "library"};
};

}  // namespace shardproof
