#include "reports/checks/table.hpp"

#include "reports/checks/collectives.hpp"
#include "reports/checks/coverage.hpp"
#include "reports/checks/end_to_end.hpp"
#include "reports/checks/exact.hpp"
#include "reports/checks/leaves.hpp"
#include "reports/checks/op_local.hpp"
#include "reports/checks/optimizer.hpp"
#include "reports/checks/plan.hpp"
#include "reports/checks/policy.hpp"
#include "reports/checks/progress.hpp"
#include "reports/checks/replicas.hpp"
#include "reports/checks/round_trip.hpp"
#include "reports/checks/shadow.hpp"
#include "reports/checks/sim_real.hpp"
#include "reports/verdict/first_divergence.hpp"
#include "scenarios/checkpoint/hash.hpp"
#include "scenarios/errors.hpp"
#include "scenarios/pulse.hpp"

namespace shardproof::reports {

namespace {

// ---- where a check has something to say

std::string always(const Scenario&) { return ""; }

std::string in_training(const Scenario& scenario) {
  return scenario.trains() ? "" : "inference trains nothing";
}

std::string of_digests(const Scenario& scenario) {
  return scenario.trace_tier == TraceTier::digest ? "" : "what is recorded is judged itself";
}

std::string of_several_ranks(const Scenario& scenario) {
  return scenario.world() > 1 ? "" : "one rank has no replicas";
}

std::string of_exact_numbers(const Scenario& scenario) {
  return scenario.exact ? "" : "only an exact scenario has one right bit everywhere";
}

std::string of_narrow_sums(const Scenario& scenario) {
  return scenario.training.working != Dtype::fp64
             ? ""
             : "in fp64 the oracle is no sharper than what it would suspect";
}

// ---- when it is required

bool required(const Scenario&) { return true; }
bool never(const Scenario&) { return false; }
bool if_strict(const Scenario& scenario) { return scenario.strict; }
bool with_reference(const Scenario& scenario) { return scenario.runs(Execution::reference); }
bool if_exact(const Scenario& scenario) { return scenario.exact; }
bool of_hashes_alone(const Scenario& scenario) { return scenario.trace_tier == TraceTier::digest; }
bool with_sim_and_real(const Scenario& scenario) {
  return scenario.runs(Execution::sim) && scenario.runs(Execution::real);
}

// ---- what runs it

template <Tally (*check)(const JudgeContext&)>
Tally run(Judging& judging) {
  return check(judging.context);
}

const WalkFindings& walk_of(Judging& judging) {
  if (!judging.walk) {
    judging.walk.emplace();
    for (const EngineTrace* trace : judging.context.engines())
      walk_units(judging.context, *trace, judging.memo, *judging.walk, judging.table);
  }
  return *judging.walk;
}

template <Tally WalkFindings::*tally>
Tally run(Judging& judging) {
  return walk_of(judging).*tally;
}

Tally op_local(Judging& judging) {
  return check_op_local(judging.context, judging.memo, judging.table);
}
Tally end_to_end(Judging& judging) { return check_end_to_end(judging.context, judging.trend); }

// Where there is one, only hashes were recorded, and no other check is run beside it.
Tally baseline(Judging&) {
  Tally tally("baseline", Proof::bitwise);
  tally.not_run("it is no check of what was recorded in full");
  return tally;
}
Tally suspects(Judging& judging) {
  return walk_of(judging).suspects.tally(judging.context.scenario.strict);
}

// Where several speak of one op, the sharpest is heard: which bytes changed, then what an op may
// not be, then an op on its own rank, then a function of full tensors, then what is only compared
// with something else. A wrong number of collectives is a symptom.
constexpr auto bitwise = Proof::bitwise;
constexpr auto data = Needs::datasets;
constexpr auto engine = Needs::program_and_log;
constexpr auto shadow = only_in_shadow;
constexpr bool too = true, not_in_shadow = false;
constexpr Check table[] = {
    {"plan", bitwise, engine, 11, not_in_shadow, always, required, run<check_plan>},
    {"policy", bitwise, engine, 3, too, always, required, run<check_policy>},
    {"leaves", bitwise, data, 0, too, always, required, run<check_leaves>},
    {"collectives", bitwise, engine, symptom, too, always, required, run<check_collectives>},
    {"coverage", bitwise, data, 10, too, always, required, run<check_coverage>},
    {"edges", bitwise, engine, 1, too, always, required, run<&WalkFindings::edges>},
    {"replicas", bitwise, data, 7, too, of_several_ranks, required, run<check_replicas>},
    {"continuity", bitwise, engine, 2, too, always, required, run<&WalkFindings::continuity>},
    {"op_local", bitwise, data, 5, too, always, required, op_local},
    {"plan_units", bitwise, engine, 4, too, always, required, run<&WalkFindings::plan_units>},
    {"optimizer", bitwise, data, 6, too, in_training, required, run<check_optimizer>},
    {"round_trip", bitwise, engine, 8, not_in_shadow, always, required, run<check_round_trip>},
    {"sim_real", bitwise, data, 9, not_in_shadow, always, with_sim_and_real, run<check_sim_real>},
    {"baseline", bitwise, Needs::baseline, 11, not_in_shadow, of_digests, of_hashes_alone,
     baseline},
    {"shadow", bitwise, engine, shadow, not_in_shadow, always, never, run<check_shadow>},
    {"exact", bitwise, Needs::reference, 6, not_in_shadow, of_exact_numbers, if_exact,
     run<check_exact>},
    {"progress", Proof::statistical, Needs::reference, 12, not_in_shadow, in_training,
     with_reference, run<check_progress>},
    {"suspects", Proof::statistical, engine, 11, not_in_shadow, of_narrow_sums, if_strict,
     suspects},
    {"end_to_end", Proof::statistical, Needs::reference, 11, not_in_shadow, always, with_reference,
     end_to_end},
};

}  // namespace

std::span<const Check> check_table() { return table; }

std::vector<std::string> check_names() {
  std::vector<std::string> names;
  for (const Check& check : table) names.push_back(check.name);
  return names;
}

Tally run_check(const Check& check, Judging& judging) {
  Tally silent(check.name, check.proof);
  if (const std::string reason = check.nothing_to_say(judging.context.scenario); !reason.empty()) {
    silent.not_required(reason);
    return silent;
  }
  const bool of_engines = check.needs == Needs::program_and_log;
  if (of_engines && judging.context.engines().empty()) {
    silent.not_run("the trace has no program and no log");
    return silent;
  }
  Pulse::of_this_process().work_on(std::string("the check ") + check.name);
  Tally tally = check.run(judging);
  SHARDPROOF_EXPECTS(tally.name() == check.name, tally.name(), check.name);
  for (const RecordedTrace* trace : judging.context.traces)
    if (of_engines && trace->engine() == nullptr)
      tally.unknown(trace->execution() + ": the trace has no program and no log");
  return tally;
}

std::string judge_identity() {
  std::string text;
  for (const Check& check : table)
    text += std::string(check.name) + " " + name_of(check.proof) + " " +
            std::to_string(static_cast<int>(check.needs)) + "\n";
  return std::to_string(judge_version) + "-" + to_hex(hash_of_text(text));
}

}  // namespace shardproof::reports
