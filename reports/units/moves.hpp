#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "scenarios/plan/program.hpp"

namespace shardproof::reports {

/// True for ops whose output is their inputs' bits, moved: what they must write is derived here, by
/// the regions that each value's placement gives a rank.
bool is_move(OpKind kind);

/// The bytes that a moving op must write on `rank`, one vector per output, from its inputs' bytes.
std::vector<std::vector<std::byte>> moved_bytes(
    const Program& program, const Op& op, Rank rank,
    std::span<const std::vector<std::byte>* const> inputs);

}  // namespace shardproof::reports
