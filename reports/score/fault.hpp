#pragma once

#include <optional>
#include <string>
#include <vector>

#include "scenarios/enum_names.hpp"
#include "scenarios/json/json_document.hpp"
#include "scenarios/settings/scenario.hpp"

namespace shardproof::reports {

/// What kind of thing a fault makes wrong, and so which checks are to see it (checks_of). Two kinds
/// end otherwise: what must be refused before it runs, and what is no fault and must not be
/// flagged.
enum class FaultClass {
  value,
  replica_or_leaf,
  continuity,
  plan_or_policy,
  schedule,
  checkpoint,
  refusal,
  legitimate
};

/// The checks that are there for faults of a class; none of the last two.
///
///   value            op_local, plan_units, optimizer: an op gave other numbers than its inputs do
///   replica_or_leaf  leaves, replicas: a rank was given, or keeps, other numbers than it must
///   continuity       edges, continuity: what is read is not what was written
///   plan_or_policy   plan, policy, collectives: the program does, or rounds, what it must not
///   schedule         collectives, edges, op_local, plan_units, optimizer: work done in another
///                    order, on another stream, or by a decision of one rank; it has no check of
///                    its own, it shows in what it makes wrong
///   checkpoint       continuity, round_trip, leaves: what was saved is not what is there after the
///                    load; a count that is lost shows in the scalars that follow from it
std::vector<std::string> checks_of(FaultClass of);

/// Whether the class has an op, ranks and a cause that must be named.
inline bool is_named(FaultClass of) {
  return of != FaultClass::refusal && of != FaultClass::legitimate;
}

/// Why the first wrong tensor must be said to be wrong (docs/causes.md); also right is what is told
/// as one that predicts the same numbers.
struct ExpectedCause {
  std::string name;                        // how Cause::name begins; "none": there is no cause
  std::string says;                        // what its text contains; "": anything
  std::optional<double> coefficient = {};  // within a thousandth
};

/// What must be found, written down before the fault ran first.
struct Expectation {
  std::string check;       // that must fail: one of its class
  std::string op;          // at fault
  SourcePlace op_place;    // for an op that no rank's program has
  std::vector<int> ranks;  // that are wrong
  ExpectedCause cause;
  std::string says;  // refusal: what the message contains
};

/// A real bug as something that can be run: a scenario of the catalog, changed so that it has it.
struct Fault {
  std::string id;                      // the file's name, "column-backward-not-reduced"
  std::string what;                    // one line
  std::string framework, issue, link;  // where the bug was; "" of the last: it is in a paper
  FaultClass kind = FaultClass::value;
  std::string scenario_file;
  std::vector<std::string> overrides;
  JsonValue inject;           // the edits; an empty list: the overrides are the fault
  bool only_in_real = false;  // sim has no streams, and cannot show it
  Expectation expected;
  std::string corrected;  // why the expectation was changed after it ran; "": it was not
  std::optional<Scenario> scenario = {};  // nothing of what must be refused
};

}  // namespace shardproof::reports

namespace shardproof {

template <>
struct Names<reports::FaultClass> {
  static constexpr std::array all{"value",    "replica_or_leaf", "continuity", "plan_or_policy",
                                  "schedule", "checkpoint",      "refusal",    "legitimate"};
};

}  // namespace shardproof
