// The check `plan_units` accepts nothing in silence: what it could not judge keeps it from passing.
#include <boost/test/unit_test.hpp>

#include "reports/units/unit_walk.hpp"
#include "scenarios/json/json_document.hpp"
#include "scenarios/plan/program_json.hpp"
#include "tests/reports/checks/checks_support.hpp"

using namespace shardproof;
using namespace shardproof::reports;
using namespace shardproof::tests;

namespace {

const std::string two_ranks = "tiny-bias-tp2-dp1-zero0-fp64";

/// The walk over a copy of a run's trace.
WalkFindings walk(const JudgedRun& run, const RewrittenLog& log) {
  const TemporaryFolder folder;
  rewrite(
      run.trace().reader(), folder.path().string(),
      [](const StoredDataset&) { return Rewritten{}; }, log);
  const EngineTrace trace("sim", folder.path().string());
  WalkFindings findings;
  UnitMemo memo;
  TensorTable table(trace.world());
  walk_units(run.context(), trace, memo, findings, table);
  return findings;
}

/// The program says of the op that it records nothing.
void unrecord(TraceHeader& header, const std::string& op_name) {
  Program program = program_from_json(parse_json(header.program_json, "program"));
  for (Segment& segment : program.segments)
    for (Op& op : segment.ops)
      if (full_name(op) == op_name) op.recorded = false;
  header.program_json = program_text(program);
}

BOOST_AUTO_TEST_SUITE(plan_units)

// Also where a rank has no heads, and nothing in some buckets.
BOOST_AUTO_TEST_CASE(a_trace_as_it_was_recorded_is_judged_in_full) {
  for (const std::string& name :
       {two_ranks, std::string("llama-uneven-tp3-dp2-zero2-overlap-fp32")}) {
    const JudgedRun run(sweep_scenario(name));

    const WalkFindings findings = walk(run, {});

    BOOST_TEST(name_of(findings.plan_units.result().outcome) == "pass",
               findings.plan_units.result().reason);
  }
}

BOOST_AUTO_TEST_CASE(an_op_whose_input_nobody_recorded_is_unknown) {
  const JudgedRun run(sweep_scenario(two_ranks));

  const WalkFindings findings = walk(run, {.header = [](TraceHeader& header) {
                                       if (header.rank == 1)
                                         unrecord(header, "data/data/load_tokens");
                                     }});

  BOOST_TEST(name_of(findings.edges.result().outcome) == "pass", findings.edges.result().reason);
  const CheckResult result = findings.plan_units.result();
  BOOST_TEST(name_of(result.outcome) == "unknown");
  BOOST_TEST(result.failed == 0);
  BOOST_TEST(
      result.reason.find("data/data/tokens_max_tp was not judged on rank 1") != std::string::npos,
      result.reason);
}

// Nothing in the trace reads what the last collective of the data check brings: the run does.
BOOST_AUTO_TEST_CASE(a_collective_that_nobody_waited_for_is_missed_in_the_count) {
  const JudgedRun run(sweep_scenario(two_ranks));
  std::int64_t last = -1, due = 0;  // the last wait of rank 1 in a data check
  for (int rank = 0; rank < run.trace().world(); ++rank)
    for (const ExecutedOp& executed : run.trace().executed(rank)) {
      const Op& op = *executed.op;
      due += op.kind != OpKind::wait && row_of(op.kind).judge != Judge::leaf;
      if (rank == 1 && op.kind == OpKind::wait && executed.segment->name.starts_with("data_check"))
        last = executed.sequence;
    }
  BOOST_REQUIRE(last >= 0);

  const WalkFindings findings = walk(run, {.keeps = [&](int rank, const AccessRecord& access) {
                                       return rank != 1 || access.sequence != last;
                                     }});

  BOOST_TEST(name_of(findings.edges.result().outcome) == "pass", findings.edges.result().reason);
  const CheckResult result = findings.plan_units.result();
  BOOST_TEST(name_of(result.outcome) == "unknown");
  BOOST_TEST(result.reason == "sim: " + std::to_string(due - 1) + " of the " + std::to_string(due) +
                                  " ops that must be judged were judged");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
