// A trace may hold anything, and say of it what it likes: no number ends the judge, none is passed,
// and of what follows from it no op is blamed.
#include <boost/test/unit_test.hpp>

#include "reports/checks/op_local.hpp"
#include "reports/judge.hpp"
#include "reports/units/unit_walk.hpp"
#include "tests/reports/checks/checks_support.hpp"

namespace shardproof::tests {
namespace {

using namespace reports;

const std::string zero1 = "tiny-bias-tp2-dp2-zero1-bf16";
const std::string tokens = "/step/000000/micro/0/data/tokens";

/// A copy of a trace in which a rank holds of one tensor nothing but this byte; it has a hash that
/// fits, but not the one of the log.
class Altered {
 public:
  Altered(const TraceReader& from, const std::string& path, int rank, int byte) {
    rewrite(from, folder_ / "sim", [&](const StoredDataset& dataset) {
      Rewritten rewritten;
      if (dataset.rank == rank && dataset.info.path == path)
        rewritten.filled_with = static_cast<std::byte>(byte);
      return rewritten;
    });
  }
  std::string folder() const { return folder_ / "sim"; }

 private:
  TemporaryFolder folder_;
};

const CheckResult& check_of(const Verdict& verdict, const std::string& name) {
  const auto found = std::ranges::find(verdict.checks, name, &CheckResult::name);
  BOOST_REQUIRE(found != verdict.checks.end());
  return *found;
}

BOOST_AUTO_TEST_SUITE(checks_of_altered_traces)

// Token -1, expert -1; and 0x7f7f..., which is no number of fp64.
BOOST_AUTO_TEST_CASE(no_token_and_no_choice_ends_the_judge) {
  const std::string selected =
      "/step/000000/micro/0/forward/model.layers.0.block_sparse_moe/selected";
  for (const auto& [name, path] :
       {std::pair{zero1, tokens}, {std::string("mixtral-tp2-dp2-zero1-bf16"), selected}}) {
    Scenario scenario = sweep_scenario(name);
    scenario.executions = {Execution::sim};
    const JudgedRun run(scenario);
    for (const int byte : {0x7f, 0xff})
      for (const int rank : {0, 3}) {
        const Altered altered(run.trace().reader(), path, rank, byte);

        const Verdict verdict = judge({.scenario = scenario,
                                       .reference_folder = {},
                                       .engines = {{"sim", altered.folder()}},
                                       .errors = {}});

        BOOST_TEST_CONTEXT(name << ", byte " << byte << " on rank " << rank) {
          BOOST_TEST(name_of(verdict.conclusion) == "fail");
          BOOST_TEST(name_of(check_of(verdict, "edges").outcome) == "fail");
          BOOST_TEST(name_of(check_of(verdict, "plan_units").outcome) == "unknown");
        }
      }
  }
}

// Of a trace that nothing but tensors were recorded in nobody knows what an op has read.
BOOST_AUTO_TEST_CASE(op_local_says_what_cannot_be_judged_of_what_is_recorded) {
  const JudgedRun run(sweep_scenario("tiny-tp1-dp1-zero0-fp64"));
  const Altered altered(run.trace().reader(), tokens, 0, 0xff);
  const RecordedTrace recorded("sim", TraceReader(altered.folder()));
  std::vector<reference::Unit> units = run.units();
  std::erase_if(units, [](const reference::Unit& unit) {
    return unit.kind != reference::UnitKind::embedding;
  });
  JudgeContext context = run.context(run.scenario(), units);
  context.traces = {&recorded};
  TensorTable table(1);

  const CheckResult result = check_op_local(context, table).result();

  BOOST_TEST(name_of(result.outcome) == "unknown");
  BOOST_TEST(result.reason.find("embedding of what is recorded: ") != std::string::npos,
             result.reason);
}

BOOST_AUTO_TEST_CASE(what_follows_from_altered_bytes_is_not_judged_and_blames_no_op) {
  const HandMade run(zero1, [](Program& program) {
    op_named(program.segment("micro_step"), "model.embed_tokens/forward/embedding")->recorded =
        false;
  });
  // Ranks 0 and 1 have read the same tokens, so that what follows from them is made once.
  for (const int rank : {0, 1}) {
    const Altered altered(run.trace().reader(), tokens, rank, 0xff);
    const EngineTrace trace("sim", altered.folder());
    WalkFindings findings;
    UnitMemo memo;
    TensorTable table(trace.world());

    walk_units(run.context(), trace, memo, findings, table);

    const CheckResult result = findings.plan_units.result();
    BOOST_TEST(findings.plan_units.failed() == 0, result.reason);
    BOOST_TEST(name_of(result.outcome) == "unknown");
    BOOST_TEST(findings.edges.failed() > 0);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace shardproof::tests
