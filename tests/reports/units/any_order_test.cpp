// Reductions in an order that nobody pinned, as a library's: of two members the bits follow, of
// more only a bound does.
#include <boost/test/unit_test.hpp>

#include "reports/checks/policy.hpp"
#include "reports/judge.hpp"
#include "reports/units/derived.hpp"
#include "reports/units/unit_judgement.hpp"
#include "reports/units/unit_walk.hpp"
#include "tests/reports/checks/checks_support.hpp"

namespace shardproof::tests {

using namespace reports;

namespace {

SharedTensor tensor_of(Dtype dtype, const std::vector<double>& values) {
  Bytes bytes(values.size() * size_bytes(dtype));
  encode(dtype, values, bytes);
  return tensor_in(dtype, {std::ssize(values)}, in_memory(std::move(bytes)));
}

std::vector<SharedTensor> members_of(Dtype dtype, const std::vector<std::vector<double>>& values) {
  std::vector<SharedTensor> members;
  for (const std::vector<double>& value : values) members.push_back(tensor_of(dtype, value));
  return members;
}

/// Of `got`, as the sum of what the members brought.
UnitVerdict verdict_on(const SharedTensor& got, Dtype wire,
                       const std::vector<SharedTensor>& members) {
  UnitJudgement sum({.kind = reference::UnitKind::sum,
                     .attributes = {},
                     .precision = {.output = got->dtype(), .hop = wire},
                     .arguments = {sent_terms(wire, members)},
                     .result = got});
  for (std::size_t part = 0; part < sum.parts(); ++part) sum.run(part);
  return sum.verdict();
}

/// The run was in a pinned order; the judge does not know which.
Scenario in_any_order(Scenario scenario) {
  scenario.reduction = ReductionOrder::library;
  scenario.inject.clear();
  return scenario;
}

WalkFindings walked(const JudgedRun& run, const Scenario& judged, TensorTable& table) {
  BOOST_TEST_REQUIRE(run.finished());
  WalkFindings findings;
  UnitMemo memo;
  walk_units(run.context(judged), run.trace(), memo, findings, table);
  return findings;
}

WalkFindings walked(const JudgedRun& run, const Scenario& judged) {
  TensorTable table(run.trace().world());
  return walked(run, judged, table);
}

/// One bit of what an all-reduce over TP gave, on every rank.
Scenario flipped(const std::string& name, const std::string& op, int bit) {
  Scenario scenario = sweep_scenario(name);
  scenario.inject = {inject("set", op)};
  scenario.inject[0].value = "flip:" + std::to_string(bit);
  scenario.inject[0].when = SetTime::output;
  return scenario;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(reductions_in_any_order)

BOOST_AUTO_TEST_CASE(two_members_have_the_bits_of_one_addition) {
  for (const auto& [dtype, wire] : {std::pair{Dtype::fp32, Dtype::fp32},
                                    {Dtype::bf16, Dtype::fp32},
                                    {Dtype::fp32, Dtype::bf16},
                                    {Dtype::fp64, Dtype::fp64}}) {
    const auto members = members_of(dtype, {{0.1, 1, -0.0, 3}, {0.3, 0x1p-20, -0.0, -3}});
    const SharedTensor pinned = derived_sum(ReductionOrder::ring, dtype, wire, members, {});

    const UnitVerdict verdict = verdict_on(pinned, wire, members);

    BOOST_TEST(verdict.comparison.compared == 4);
    BOOST_TEST(verdict.comparison.failed == 0, name_of(dtype) << " by " << name_of(wire));
    BOOST_TEST(name_of(verdict.proof) == "bitwise");
  }
}

BOOST_AUTO_TEST_CASE(of_three_members_every_order_is_accepted_and_nothing_far_from_all_of_them) {
  // 1 is lost beside 2^24 where it is added to it first: the three orders give 1, 0 and 0.
  const auto members = members_of(Dtype::fp32, {{1}, {0x1p24}, {-0x1p24}});
  const auto verdict = [&](double got) {
    return verdict_on(tensor_of(Dtype::fp32, {got}), Dtype::fp32, members);
  };
  const auto failed = [&](double got) { return verdict(got).comparison.failed; };

  BOOST_TEST(name_of(verdict(1).proof) == "sound");
  BOOST_TEST(failed(0) == 0);
  BOOST_TEST(failed(1) == 0);
  BOOST_TEST(failed(4) == 1);  // one addition rounds before the last: 2^-24 of 2^25 + 1
  BOOST_TEST(failed(-3) == 1);
}

BOOST_AUTO_TEST_CASE(one_member_is_what_it_sent) {
  const auto members = members_of(Dtype::fp32, {{0.1, -0.0}});
  const SharedTensor rounded = rounded_to(Dtype::fp32, rounded_to(Dtype::bf16, members[0]));

  BOOST_TEST(verdict_on(members[0], Dtype::bf16, members).comparison.failed == 0);
  BOOST_TEST(verdict_on(rounded, Dtype::bf16, members).comparison.failed == 1);
}

BOOST_AUTO_TEST_CASE(a_run_in_a_pinned_order_passes_where_any_order_is_allowed) {
  for (const char* name : {"tiny-tp4-dp1-zero0-fp32", "tiny-tp1-dp4-zero0-bf16"}) {
    Scenario scenario = sweep_scenario(name);
    scenario.executions = {Execution::sim};
    const TemporaryFolder folder;
    BOOST_TEST_REQUIRE(sim::simulate(scenario, folder / "sim"));
    const Scenario judged = in_any_order(scenario);

    const Verdict verdict = judge({.scenario = judged,
                                   .reference_folder = {},
                                   .engines = {{"sim", folder / "sim"}},
                                   .errors = {}});

    BOOST_TEST(name_of(verdict.conclusion) == "pass", name);
    for (const CheckResult& check : verdict.checks)
      if (check.name == "plan_units") BOOST_TEST(name_of(check.proof) == "sound");
  }
}

BOOST_AUTO_TEST_CASE(a_bit_is_wrong_only_beyond_the_bound_and_names_the_op) {
  const std::string name = "tiny-tp4-dp1-zero0-fp32";
  const std::string op = "model.layers.1.self_attn.o_proj/forward/all_reduce";
  const JudgedRun last_bit(flipped(name, op, 0)), high_bit(flipped(name, op, 20));
  const Scenario ring = sweep_scenario(name);

  BOOST_TEST(walked(last_bit, ring).plan_units.failed() > 0);
  BOOST_TEST(walked(last_bit, in_any_order(ring)).plan_units.failed() == 0);
  const WalkFindings findings = walked(high_bit, in_any_order(ring));
  BOOST_TEST(findings.plan_units.failed() > 0);
  const FirstDivergence first = first_of(findings.plan_units);
  BOOST_TEST(first.op == op);
  BOOST_TEST(first.bound > 0);
}

BOOST_AUTO_TEST_CASE(of_two_members_the_last_bit_is_wrong) {
  const std::string name = "tiny-bias-tp2-dp1-zero0-fp64";
  const std::string op = "model.layers.1.self_attn.o_proj/forward/all_reduce";

  const WalkFindings findings =
      walked(JudgedRun(flipped(name, op, 0)), in_any_order(sweep_scenario(name)));

  BOOST_TEST(findings.plan_units.failed() > 0);
  BOOST_TEST(first_of(findings.plan_units).op == op);
}

BOOST_AUTO_TEST_CASE(a_reduction_that_is_neither_recorded_nor_pinned_is_unknown) {
  const std::string name = "sgd-nesterov-tp1-dp3-zero1-bf16";
  const JudgedRun run(sweep_scenario(name));

  TensorTable table(run.trace().world());
  const CheckResult result =
      walked(run, in_any_order(sweep_scenario(name)), table).plan_units.result();

  const auto unknown = [](const reports::TensorRow& row) {
    return std::ranges::all_of(row.cells, &reports::TensorRow::Cell::unknown);
  };
  BOOST_TEST(std::ranges::any_of(table.rows(), unknown));
  BOOST_TEST(name_of(result.outcome) == "unknown");
  BOOST_TEST(result.reason.find("its bits do not follow from its inputs") != std::string::npos,
             result.reason);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shardproof::tests
