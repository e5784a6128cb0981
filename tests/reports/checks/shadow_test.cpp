// The fp64 shadow: what of a run is in it, when it runs, that it finds what hides below the run's
// own rounding, and that it never fails a run that is right.
#include "reports/checks/shadow.hpp"

#include <filesystem>
#include <map>
#include <memory>

#include "reference/run/size.hpp"
#include "reports/judge.hpp"
#include "scenarios/driver/shadow_choice.hpp"
#include "scenarios/plan/accounts.hpp"
#include "scenarios/precision/shadow.hpp"
#include "tests/reports/checks/checks_support.hpp"
#include "tests/support/wrong_kernel.hpp"

namespace shardproof::tests {
namespace {

using namespace reports;

const std::string down_proj = "model.layers.0.mlp.down_proj";

Shadow shadow_of(const Scenario& scenario) {
  return shardproof::shadow_of(scenario, real::checked_program);
}

using Simulate = std::function<void(const Scenario&, const std::string& folder)>;

/// A run in sim, beside its shadow.
Verdict verdict_of(Scenario scenario, const Simulate& simulate) {
  scenario.executions = {Execution::sim};
  const TemporaryFolder folder;
  const Scenario shadow = shadow_of(scenario).scenario;
  simulate(scenario, folder / "sim");
  simulate(shadow, folder / "shadow");
  JudgeInput input{scenario, {}, {{"sim", folder / "sim"}}, {}};
  input.shadow = {shadow, folder / "shadow", ""};
  return judge(input);
}

Verdict verdict_of(const Scenario& scenario) {
  return verdict_of(scenario, [](const Scenario& simulated, const std::string& folder) {
    BOOST_REQUIRE(sim::simulate(simulated, folder));
  });
}

const CheckResult& check_of(const Verdict& verdict, const std::string& name) {
  return *std::ranges::find(verdict.checks, name, &CheckResult::name);
}

/// Of the shadow of a scenario alone.
CheckResult result_of_shadow(const Scenario& scenario) {
  const JudgedRun run(shadow_of(scenario).scenario);
  BOOST_REQUIRE(run.finished());
  const JudgeContext shadow = run.context();
  return check_shadow({scenario, precision_policy(scenario), {}, {}, nullptr, {&shadow}}).result();
}

/// What the ops of a kind write on rank 1 is this times what it should be, rounded.
Simulate with_factor(OpKind kind, const std::string& op, double factor) {
  return [=](const Scenario& scenario, const std::string& folder) {
    int calls = 0;
    WrongKernelDevice wrong(kind, op, [&](const real::KernelCall& call) {
      const real::TensorView& y = call.out();
      std::vector<double> values(static_cast<std::size_t>(y.elements()));
      decode(y.dtype, {y.data, y.bytes()}, values);
      for (double& value : values) value *= factor;
      encode(y.dtype, values, {y.data, y.bytes()});
      ++calls;
    });
    real::CpuDevice right;
    std::vector<real::Device*> devices(static_cast<std::size_t>(scenario.world()), &right);
    devices[1] = &wrong;
    const Program program = real::checked_program(scenario);
    BOOST_REQUIRE(!sim::simulate_program_on(devices, scenario, program, folder).failure);
    BOOST_TEST(calls > 0);
  };
}

/// The shadow fails, and nothing else does.
void expect_found_by_shadow_alone(const Verdict& verdict, const std::string& op, double factor) {
  for (const CheckResult& check : verdict.checks)
    BOOST_TEST((check.outcome == Outcome::fail) == (check.name == "shadow"),
               check.name << ": " << check.reason);
  BOOST_TEST(name_of(verdict.conclusion) == "fail");
  BOOST_REQUIRE(verdict.first_divergence.has_value());
  const FirstDivergence& first = *verdict.first_divergence;
  BOOST_TEST(first.execution == "shadow");
  BOOST_TEST(first.op == op);
  BOOST_TEST(first.ranks == std::vector<int>{1}, boost::test_tools::per_element());
  BOOST_TEST(first.error > first.bound);
  BOOST_TEST(first.error < 1e-5);
  BOOST_REQUIRE(first.cause.has_value());
  BOOST_TEST(first.cause->name == "factor");
  BOOST_TEST(first.cause->coefficient.value_or(0) - 1 == factor - 1,
             boost::test_tools::tolerance(1e-3));
  const CheckResult& shadow = check_of(verdict, "shadow");
  BOOST_TEST(shadow.compared > shadow.failed);
  BOOST_TEST(shadow.failed > 0);
  BOOST_TEST(*shadow.max_ratio > 1);
  BOOST_TEST(shadow.reason.starts_with("op_local, plan_units: shadow: rank 1 computed " + op),
             shadow.reason);
  BOOST_TEST(name_of(shadow.proof) == "sound");
}

RunCost cost_of(const Scenario& scenario) {
  return {accounts_of(real::checked_program(scenario)).trace_bytes,
          reference::size_of_reference(scenario).trace_bytes};
}

ShadowChoice choice_of(const Scenario& scenario) {
  const Shadow shadow = shadow_of(scenario);
  return choose_shadow(scenario, shadow, real::checked_program(shadow.scenario), cost_of(scenario));
}

bool leaves_out(const Shadow& shadow, const std::string& what) {
  return std::ranges::find(shadow.left_out, what) != shadow.left_out.end();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(shadows)

// ---- what is in it

BOOST_AUTO_TEST_CASE(it_is_the_first_step_of_the_same_run_with_every_dtype_fp64) {
  const Scenario scenario = sweep("llama-tp2-dp2-zero2-bf16-wire_fp16", 5);

  const Shadow shadow = shadow_of(scenario);

  BOOST_TEST(shadow.scenario.steps == 1);
  BOOST_TEST(leaves_out(shadow, "all steps but the first"));
  const PrecisionPolicy policy = precision_policy(shadow.scenario);
  for (const Dtype dtype : {policy.working, policy.compute, policy.master, policy.scalars,
                            policy.accumulate, policy.tp_wire, policy.dp_wire})
    BOOST_TEST(name_of(dtype) == "fp64");
  for (const Value& value : real::checked_program(shadow.scenario).values)
    BOOST_TEST((value.dtype == Dtype::fp64 || value.dtype == Dtype::int64 ||
                value.name.find("nonfinite") != std::string::npos ||
                value.name.find("inconsistent") != std::string::npos),
               value.name << " is " << name_of(value.dtype));
  BOOST_TEST(real::checked_program(shadow.scenario).segments.size() ==
             real::checked_program(scenario).segments.size());
}

BOOST_AUTO_TEST_CASE(asked_for_it_has_all_steps) {
  Scenario scenario = sweep("llama-tp2-dp2-zero2-bf16", 5);
  scenario.shadow = true;

  const Shadow shadow = shadow_of(scenario);

  BOOST_TEST(shadow.scenario.steps == 5);
  BOOST_TEST(shadow.left_out.empty());
}

BOOST_AUTO_TEST_CASE(what_it_cannot_have_is_left_out_and_said) {
  Scenario scenario = sweep("llama-fp16-dynamic-tp2-dp2-zero1", 4);
  scenario.checkpoint.save_after = {2};
  scenario.resume = "a checkpoint";
  scenario.first_step = 2;
  const std::string reduce = down_proj + "/forward/all_reduce";
  Injection stays = inject("drop", reduce), retyped = inject("retype", reduce),
            later = inject("drop", reduce), flipped = inject("set", reduce),
            of_fp16 = inject("drop", "optimizer/load_loss_scale");
  retyped.dtype = "fp32";
  later.steps = {3};
  flipped.value = "flip:3";
  scenario.inject = {stays, retyped, later, flipped, of_fp16};

  const Shadow shadow = shadow_of(scenario);

  BOOST_TEST(shadow.scenario.first_step == 0);
  BOOST_TEST(shadow.scenario.resume == "");
  BOOST_TEST(shadow.scenario.checkpoint.save_after.empty());
  BOOST_TEST_REQUIRE(shadow.scenario.inject.size() == 1U);
  BOOST_TEST(name_of(shadow.scenario.inject[0].edit) == "drop");
  for (const std::string& what :
       {std::string("the loss scale"), std::string("what is saved"),
        std::string("the checkpoint that the run goes on from"), "the edit retype of " + reduce,
        "the edit drop of " + reduce, "the edit set of " + reduce,
        std::string("the edit drop of optimizer/load_loss_scale")})
    BOOST_TEST(leaves_out(shadow, what), what);
}

BOOST_AUTO_TEST_CASE(a_mean_that_only_bf16_takes_after_the_sum_is_said_to_be_left_out) {
  const std::string what = "the mean as a factor after the sum";
  BOOST_TEST(leaves_out(shadow_of(sweep("llama-tp2-dp2-zero1-bf16-sums_fp32")), what));
  BOOST_TEST(!leaves_out(shadow_of(sweep("llama-tp2-dp2-zero2-bf16")), what));
}

BOOST_AUTO_TEST_CASE(runs_that_can_have_none_say_why) {
  Scenario scenario = sweep("llama-tp2-dp2-zero2-bf16");
  BOOST_TEST(scenario.why_without_shadow() == "");
  scenario.trace_tier = TraceTier::digest;
  BOOST_TEST(scenario.why_without_shadow() == "its tensors are not recorded");
  scenario.trace_tier = TraceTier::full;
  scenario.executions = {Execution::reference};
  BOOST_TEST(scenario.why_without_shadow() == "no engine runs");
  BOOST_TEST(sweep("llama-tp2-dp2-zero2-fp64").why_without_shadow() ==
             "everything is fp64 already");
}

// ---- when it runs

BOOST_AUTO_TEST_CASE(by_itself_it_runs_where_it_takes_less_than_a_third) {
  const ShadowChoice one = choice_of(sweep("llama-tp2-dp2-zero2-bf16", 1));
  const ShadowChoice many = choice_of(sweep("llama-tp2-dp2-zero2-bf16", 8));

  BOOST_TEST(!one.runs);
  BOOST_TEST(one.share > 1.0 / 3);
  BOOST_TEST(one.reason.ends_with("not less than a third: --shadow runs it"), one.reason);
  BOOST_TEST(many.runs);
  BOOST_TEST(many.share < 1.0 / 3);
  BOOST_TEST(many.share > 0);
  BOOST_TEST(many.steps == 1);
  BOOST_TEST(many.reason == "");
}

BOOST_AUTO_TEST_CASE(a_scenario_may_ask_for_it_or_do_without) {
  Scenario one = sweep("llama-tp2-dp2-zero2-bf16", 1), many = sweep("llama-tp2-dp2-zero2-bf16", 8);
  one.shadow = true;
  many.shadow = false;

  BOOST_TEST(choice_of(one).runs);
  BOOST_TEST(!choice_of(many).runs);
  BOOST_TEST(choice_of(many).reason == "\"shadow\" is false in the scenario");
}

BOOST_AUTO_TEST_CASE(an_engine_or_the_reference_less_makes_it_a_larger_part) {
  const Scenario scenario = sweep("llama-tp2-dp2-zero2-bf16", 4);
  const Program program = real::checked_program(shadow_of(scenario).scenario);
  Scenario alone = scenario;
  alone.executions = {Execution::sim};
  const RunCost cost = cost_of(scenario);

  const double all = share_of_shadow(scenario, program, cost);
  const double two = share_of_shadow(scenario, program, {cost.trace_bytes, 0});

  BOOST_TEST(two > all);
  BOOST_TEST(share_of_shadow(alone, program, {cost.trace_bytes, 0}) == 2 * two,
             boost::test_tools::tolerance(1e-12));
}

BOOST_AUTO_TEST_CASE(what_was_chosen_is_read_as_it_was_written) {
  const ShadowChoice written{true, 3, 0.25, {"what is saved"}, "because"};
  const ShadowChoice read = shadow_choice_from_json(to_json(written));
  BOOST_TEST(read.runs);
  BOOST_TEST(read.steps == 3);
  BOOST_TEST(read.share == 0.25);
  BOOST_TEST(read.left_out == written.left_out, boost::test_tools::per_element());
  BOOST_TEST(read.reason == "because");
}

// ---- what it finds

// In bf16 such a factor changes no bit, in fp32 the last ones, as rounding does.
BOOST_AUTO_TEST_CASE(a_factor_below_the_rounding_of_the_run_is_found_with_op_and_rank) {
  const std::string op = down_proj + "/forward/matmul";
  for (const auto& [name, factor] : {std::pair{"tiny-bias-tp2-dp2-zero1-bf16", 1 + 1e-9},
                                     std::pair{"qwen2-tp2-dp2-zero1-fp32", 1 + 1e-7}})
    BOOST_TEST_CONTEXT(name) {
      const Simulate simulate = with_factor(OpKind::matmul, op, factor);
      expect_found_by_shadow_alone(verdict_of(sweep(name), simulate), op, factor);
    }
}

BOOST_AUTO_TEST_CASE(a_divisor_that_is_wrong_by_a_ten_millionth_is_found) {
  const Scenario scenario = sweep("tiny-bias-tp2-dp2-zero1-bf16");
  std::string op;
  OpKind kind = OpKind::scale;
  for (const Segment& segment : real::checked_program(scenario).segments)
    for (const Op& each : segment.ops)
      if (each.phase == Phase::reduce &&
          (each.kind == OpKind::scale || each.kind == OpKind::divide))
        op = full_name(each), kind = each.kind;
  BOOST_TEST_REQUIRE(op != "");

  const Verdict verdict = verdict_of(scenario, with_factor(kind, op, 1 + 1e-7));

  BOOST_TEST(name_of(check_of(verdict, "shadow").outcome) == "fail");
  BOOST_TEST(verdict.first_divergence->execution == "shadow");
  BOOST_TEST(verdict.first_divergence->op == op);
  BOOST_TEST(verdict.first_divergence->ranks == std::vector<int>{1},
             boost::test_tools::per_element());
}

// Though the shadow's comes first.
BOOST_AUTO_TEST_CASE(what_fails_in_the_run_itself_is_named_before_what_fails_in_its_shadow) {
  const std::string later = "model.norm/forward/rms_norm";
  Scenario scenario = sweep("tiny-bias-tp2-dp2-zero1-bf16");
  scenario.inject = {inject("set", later, {0})};
  scenario.inject[0].value = "7";

  const Verdict verdict =
      verdict_of(scenario, with_factor(OpKind::matmul, down_proj + "/forward/matmul", 1 + 1e-9));

  BOOST_REQUIRE(verdict.first_divergence.has_value());
  BOOST_TEST(verdict.first_divergence->execution == "sim");
  BOOST_TEST(verdict.first_divergence->op == later);
  const std::string reason = check_of(verdict, "shadow").reason;
  BOOST_TEST(reason.find(down_proj + "/forward/matmul") != std::string::npos, reason);
}

BOOST_AUTO_TEST_CASE(a_planted_edit_is_in_the_shadow_too) {
  const std::string op = down_proj + "/forward/matmul";
  Scenario scenario = sweep("tiny-bias-tp2-dp2-zero1-bf16");
  scenario.inject = {inject("scale", op, {1})};
  scenario.inject[0].factor = 1 + 1e-9;

  const Verdict verdict = verdict_of(scenario);

  const CheckResult& shadow = check_of(verdict, "shadow");
  BOOST_TEST(name_of(shadow.outcome) == "fail");
  BOOST_TEST(shadow.reason.find(op) != std::string::npos, shadow.reason);
  BOOST_TEST(shadow.reason.find("rank 1") != std::string::npos, shadow.reason);
}

BOOST_AUTO_TEST_CASE(what_comes_to_a_standstill_in_fp64_fails) {
  Scenario scenario = sweep("tiny-bias-tp2-dp2-zero1-bf16");
  const std::string op = down_proj + "/forward/all_reduce";
  scenario.inject = {inject("drop", op, {0})};
  const TemporaryFolder folder;
  const Scenario shadow = shadow_of(scenario).scenario;
  BOOST_REQUIRE(!sim::simulate(shadow, folder.path().string()));

  const ShadowTrace trace(shadow, folder.path().string());
  const Tally tally =
      check_shadow({scenario, precision_policy(scenario), {}, {}, nullptr, {&trace.context()}});

  BOOST_TEST(name_of(tally.result().outcome) == "fail");
  BOOST_TEST(tally.result().reason.find("collectives") != std::string::npos, tally.result().reason);
  BOOST_TEST(first_of(tally).execution == "shadow");
  BOOST_TEST(first_of(tally).op == op);
}

// ---- what it does not find

BOOST_AUTO_TEST_CASE(it_passes_on_every_scenario_of_the_sweep) {
  int passed = 0;
  for (const auto& entry : std::filesystem::directory_iterator("../scenarios/catalog/sweep")) {
    const std::string name = entry.path().stem().string();
    const Scenario scenario = sweep(name);
    if (!scenario.why_without_shadow().empty()) continue;
    const CheckResult result = result_of_shadow(scenario);
    BOOST_TEST(name_of(result.outcome) == "pass", name << ": " << result.reason);
    BOOST_TEST(result.compared > 1000, name);
    BOOST_TEST(result.max_ratio.value_or(0) <= 1, name);
    ++passed;
  }
  BOOST_TEST(passed > 50);
}

BOOST_AUTO_TEST_CASE(a_run_that_is_right_passes_with_all_steps_of_its_shadow) {
  Scenario scenario = sweep("llama-fp16-dynamic-tp2-dp2-zero2-sums_fp32", 3);
  scenario.shadow = true;

  const Verdict verdict = verdict_of(scenario);

  BOOST_TEST(name_of(check_of(verdict, "shadow").outcome) == "pass");
  BOOST_TEST(name_of(verdict.conclusion) == "pass");
}

BOOST_AUTO_TEST_CASE(a_run_passes_without_it_and_says_why) {
  Scenario scenario = sweep("tiny-bias-tp2-dp2-zero1-bf16");
  scenario.executions = {Execution::sim};
  const JudgedRun run(scenario);
  JudgeInput input{scenario, {}, {{"sim", run.trace().reader().folder()}}, {}};
  input.shadow.not_run = "shadow was killed by signal 9";

  const Verdict verdict = judge(input);

  BOOST_TEST(name_of(verdict.conclusion) == "pass");
  BOOST_TEST(name_of(check_of(verdict, "shadow").outcome) == "not_run");
  BOOST_TEST(check_of(verdict, "shadow").reason == "shadow was killed by signal 9");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shardproof::tests
