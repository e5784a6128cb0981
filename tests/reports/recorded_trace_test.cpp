// A trace with its programs and logs taken away: what another program might have recorded. What
// still runs passes, what does not says why, and the verdict is no pass.
#include <boost/test/unit_test.hpp>
#include <fstream>
#include <iterator>
#include <set>

#include "reports/checks/table.hpp"
#include "reports/judge.hpp"
#include "tests/reports/checks/checks_support.hpp"

namespace shardproof::tests {

using namespace reports;

namespace {

const std::string name = "tiny-bias-tp2-dp2-zero1-bf16";

const RewrittenLog nothing_of_an_engine{
    .header = [](TraceHeader& header) { header.program_json = header.program_hash = ""; },
    .keeps = [](int, const AccessRecord&) { return false; }};

Rewritten as_it_is(const StoredDataset&) { return {}; }

/// A simulated run of `ran`, stripped by `log`, judged as one of `judged`.
Verdict verdict_of(Scenario ran, const RewrittenLog& log) {
  const TemporaryFolder folder;
  ran.executions = {Execution::sim};
  BOOST_REQUIRE(sim::simulate(ran, folder / "whole"));
  rewrite(TraceReader(folder / "whole"), folder / "recorded", as_it_is, log);
  ran.inject.clear();
  return judge({ran, {}, {{"sim", folder / "recorded"}}, {}});
}

Outcome outcome_of(const Verdict& verdict, const std::string& check) {
  for (const CheckResult& result : verdict.checks)
    if (result.name == check) return result.outcome;
  throw std::out_of_range(check);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(recorded_traces)

BOOST_AUTO_TEST_CASE(what_needs_datasets_alone_passes_and_the_rest_says_what_it_lacks) {
  const Verdict verdict = verdict_of(sweep_scenario(name, 2), nothing_of_an_engine);

  BOOST_TEST(name_of(verdict.conclusion) == "unknown");
  BOOST_TEST(verdict.tensors.size() > 100u);  // of functions of whole tensors
  BOOST_TEST(verdict.step_errors.size() == 2u);
  BOOST_REQUIRE(verdict.checks.size() == check_table().size());
  for (std::size_t i = 0; i < verdict.checks.size(); ++i) {
    const CheckResult& result = verdict.checks[i];
    const Check& check = check_table()[i];
    if (check.needs == Needs::program_and_log) {
      BOOST_TEST(name_of(result.outcome) == "not_run", check.name);
      BOOST_TEST((result.reason.find("no program") != std::string::npos || !result.required),
                 check.name << ": " << result.reason);
    } else if (check.needs == Needs::datasets && result.name != "sim_real") {
      BOOST_TEST(name_of(result.outcome) == "pass", check.name << ": " << result.reason);
      BOOST_TEST(result.compared > 0, check.name);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_trace_without_a_log_is_one_without_a_program) {
  const Verdict verdict = verdict_of(
      sweep_scenario(name),
      {.header = [](TraceHeader&) {}, .keeps = [](int, const AccessRecord&) { return false; }});

  BOOST_TEST(name_of(verdict.conclusion) == "unknown");
  BOOST_TEST((outcome_of(verdict, "plan_units") == Outcome::not_run));
}

BOOST_AUTO_TEST_CASE(a_failing_trace_does_not_pass_when_it_is_stripped) {
  Scenario scenario = sweep_scenario(name);
  const std::string o_proj = "model.layers.1.self_attn.o_proj";
  scenario.inject = {inject("drop", o_proj + "/forward/all_reduce")};

  const Verdict verdict = verdict_of(scenario, nothing_of_an_engine);

  BOOST_TEST(name_of(verdict.conclusion) == "fail");
  BOOST_TEST((outcome_of(verdict, "op_local") == Outcome::fail));
  BOOST_REQUIRE(verdict.first_divergence.has_value());
  BOOST_TEST(verdict.first_divergence->tensor ==
             "/step/000000/micro/0/forward/" + o_proj + "/product");
  BOOST_TEST(verdict.first_divergence->op == o_proj + "/forward/all_reduce");
}

BOOST_AUTO_TEST_CASE(one_engine_among_the_traces_does_not_speak_for_the_others) {
  const TemporaryFolder folder;
  Scenario scenario = sweep_scenario(name);
  scenario.executions = {Execution::sim, Execution::real};
  BOOST_REQUIRE(sim::simulate(scenario, folder / "sim"));
  rewrite(TraceReader(folder / "sim"), folder / "recorded", as_it_is, nothing_of_an_engine);

  const Verdict verdict =
      judge({scenario, {}, {{"sim", folder / "sim"}, {"real", folder / "recorded"}}, {}});

  BOOST_TEST(name_of(verdict.conclusion) == "unknown");
  for (const char* check : {"plan", "policy", "collectives", "plan_units", "edges"})
    BOOST_TEST((outcome_of(verdict, check) == Outcome::unknown), check);
  for (const char* check : {"leaves", "coverage", "op_local", "optimizer", "sim_real"})
    BOOST_TEST((outcome_of(verdict, check) == Outcome::pass), check);
}

BOOST_AUTO_TEST_CASE(a_grid_that_has_not_as_many_ranks_is_refused) {
  BOOST_CHECK_THROW(verdict_of(sweep_scenario(name), {.header =
                                                          [](TraceHeader& header) {
                                                            header.program_json = "";
                                                            header.dp = 3;
                                                          }}),
                    ScenarioError);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(table_of_checks)

BOOST_AUTO_TEST_CASE(no_two_checks_have_one_name) {
  std::set<std::string> names;
  for (const Check& check : check_table()) BOOST_TEST(names.insert(check.name).second, check.name);
}

BOOST_AUTO_TEST_CASE(the_readme_lists_every_check_in_the_order_of_the_table) {
  std::ifstream file("../README.md");
  const std::string readme{std::istreambuf_iterator<char>(file), {}};
  std::size_t at = readme.find("The checks, in the order of the summary:");
  BOOST_REQUIRE(at != std::string::npos);
  for (const Check& check : check_table()) {
    const bool built = check.proof != Proof::unknown;
    const std::string said = built ? "**" + std::string(check.name) + "**" : check.name;
    const std::size_t found = readme.find(said, built ? at : 0);
    BOOST_TEST(found != std::string::npos, check.name);
    if (built) at = found;
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shardproof::tests
