#pragma once

#include <cstddef>
#include <span>

#include "scenarios/dtype.hpp"

namespace shardproof::real {

/// How two members' values become one.
enum class Combine { sum, max };

/// own[i] = earlier[i] (+ or max) own[i], rounded to `dtype`. A NaN on either side gives the
/// positive quiet NaN without payload; of two zeros max keeps the earlier. Integers have a max and
/// no sum.
void combine_into(Combine combine, Dtype dtype, std::span<const std::byte> earlier,
                  std::span<std::byte> own);

}  // namespace shardproof::real
