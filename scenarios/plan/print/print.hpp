#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "scenarios/json/json_document.hpp"
#include "scenarios/plan/accounts.hpp"
#include "scenarios/plan/program.hpp"
#include "scenarios/settings/scenario.hpp"

namespace shardproof {

/// What `shardproof plan` prints: the grid, who owns what, every collective with its bytes, memory,
/// the size of the trace, where the run rounds, the DeepSpeed keys that were defaulted, the hash.
std::string print_plan(const Program& program, const Accounts& accounts, const Scenario& scenario);

/// `shardproof plan --json`: {schema, grid, partition, warnings, parameters, collectives, memory,
/// trace_bytes, program_hash}, schema "shardproof-plan-1". Nothing is folded.
JsonValue plan_json(const Program& program, const Accounts& accounts, const Scenario& scenario);

/// `shardproof plan --ops` of a scenario: every op of a rank by the name that an edit of "inject"
/// takes, and its kind, segment by segment.
std::string print_op_names(const Program& program);

/// `shardproof plan --ops` of none: the table of the kinds of op.
std::string print_ops();

/// A parameter as one rank holds it.
struct OwnedParameter {
  std::string name;
  const Value* value = nullptr;  // in the program
  std::int64_t bytes = 0;        // on one rank; of an uneven cut, on the TP rank that has most
  std::int64_t least_bytes = 0;  // on the TP rank that has least
};
/// In the order of the program, which is that of the model.
std::vector<OwnedParameter> owned_parameters(const Program& program);

}  // namespace shardproof
