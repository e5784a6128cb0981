#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "scenarios/json/json_document.hpp"
#include "scenarios/plan/program.hpp"

namespace shardproof {

/// A defect for a scenario's program, and where it must be told.
struct RandomDefect {
  JsonValue edit;                   // for the scenario's key "inject"
  std::string op;                   // that it is planted in
  std::vector<std::string> places;  // that op, and those that read what it writes, or wrote what it
                                    // reads
  /// Whether a verdict that names this op has named the defect. What an edit adds is called after
  /// the op: "all_reduce.scaled".
  bool is_at(const std::string& named_op) const;
};

/// A pure function of the program and the seed: an op, and an edit that fits it. A collective is
/// dropped, doubled, or reduces over the other axis; a weight comes from the neighbour's shard; the
/// result of anything that computes has a factor, on all ranks or on one. Nothing if the program
/// has no op for the edit that was drawn.
std::optional<RandomDefect> random_defect(const Program& program, std::uint64_t seed);

}  // namespace shardproof
