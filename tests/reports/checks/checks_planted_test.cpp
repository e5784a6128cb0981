#include <boost/test/unit_test.hpp>
#include <cmath>

#include "reports/checks/collectives.hpp"
#include "reports/checks/coverage.hpp"
#include "reports/checks/end_to_end.hpp"
#include "reports/checks/leaves.hpp"
#include "reports/checks/op_local.hpp"
#include "reports/checks/optimizer.hpp"
#include "reports/checks/plan.hpp"
#include "reports/checks/policy.hpp"
#include "reports/checks/replicas.hpp"
#include "reports/checks/round_trip.hpp"
#include "reports/checks/sim_real.hpp"
#include "tests/reports/checks/checks_support.hpp"
#include "tests/support/error_of.hpp"

namespace shardproof::tests {

using namespace reports;

namespace {

const std::string zero1 = "tiny-bias-tp2-dp2-zero1-bf16";
const std::string zero0 = "tiny-bias-tp2-dp2-zero0-fp32-rank_order";
const std::vector<int> all{0, 1, 2, 3};

Scenario planted(const std::string& name, Injection injection, int steps = 1) {
  Scenario scenario = sweep_scenario(name, steps);
  scenario.inject = {std::move(injection)};
  return scenario;
}

Injection set(const std::string& op, const std::string& value, std::vector<int> ranks,
              SetTime when = SetTime::output) {
  Injection injection = inject("set", op, std::move(ranks));
  injection.value = value;
  injection.when = when;
  return injection;
}

using Check = Tally (*)(const JudgeContext&);

/// The check fails, and first at this op on these ranks.
FirstDivergence expect_failure(Check check, const JudgeContext& context, const std::string& op,
                               const std::vector<int>& ranks) {
  const Tally tally = check(context);
  const FirstDivergence first = first_of(tally);
  BOOST_TEST(name_of(tally.result().outcome) == "fail", tally.name());
  BOOST_TEST(first.op == op, tally.result().reason);
  BOOST_TEST(first.ranks == ranks, boost::test_tools::per_element());
  BOOST_TEST(first.execution == "sim");
  if (!ranks.empty())
    BOOST_TEST(tally.result().reason.find("rank") != std::string::npos, tally.result().reason);
  return first;
}

FirstDivergence expect_failure(Check check, const JudgedRun& run, const std::string& op,
                               const std::vector<int>& ranks) {
  BOOST_TEST_REQUIRE(run.finished());
  return expect_failure(check, run.context(), op, ranks);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(checks_of_planted_defects)

BOOST_AUTO_TEST_CASE(policy_names_a_reduction_in_bf16_where_fp32_is_due) {
  Injection retype = inject("retype", "bucket_0/reduce/all_reduce");
  retype.dtype = "bf16";
  const JudgedRun run(planted(zero0, retype));

  const FirstDivergence first =
      expect_failure(check_policy, run, "bucket_0/reduce/all_reduce", all);

  BOOST_TEST((first.phase == Phase::reduce));
  BOOST_TEST(check_policy(run.context()).failed() == 4);
  BOOST_TEST(check_policy(run.context())
                 .result()
                 .reason.find("travels and adds in bf16 (8 significant bits), the policy says "
                              "fp32 (24 significant bits)") != std::string::npos);
  expect_failure(check_collectives, run, "bucket_0/reduce/all_reduce", all);
}

BOOST_AUTO_TEST_CASE(policy_names_a_gradient_that_is_not_divided_by_the_replicas) {
  expect_failure(check_policy, JudgedRun(planted(zero1, inject("drop", "bucket_0/reduce/divide"))),
                 "bucket_0/reduce/divide", all);
  expect_failure(check_policy, JudgedRun(planted(zero0, inject("drop", "bucket_0/reduce/scale"))),
                 "bucket_0/reduce/scale", all);
}

// Another parameter's gradient, of the same size: no shape tells.
BOOST_AUTO_TEST_CASE(policy_names_a_flat_vector_that_has_another_parameter_in_its_place) {
  Injection read = inject("read", "bucket_2/reduce/flatten");
  read.ranks = {1};
  read.index = {0};
  read.value = "accumulator/model.layers.0.mlp.up_proj.weight";
  const JudgedRun run(planted("tiny-bias-tp2-dp2-zero1-bf16", read));

  const FirstDivergence first = expect_failure(check_policy, run, "bucket_2/reduce/flatten", {1});

  BOOST_TEST_REQUIRE(first.cause.has_value());
  BOOST_TEST(first.cause->name == "another operand");
  BOOST_TEST(first.cause->known_as ==
             "it packs accumulator/model.layers.0.mlp.up_proj.weight in place 0 of its vector, "
             "where model.layers.1.mlp.up_proj.weight belongs");
}

BOOST_AUTO_TEST_CASE(policy_names_a_scale_that_no_policy_has) {
  Injection scale = inject("scale", "model.layers.1.mlp/forward/swiglu");
  scale.factor = 1 + 1e-9;

  expect_failure(check_policy, JudgedRun(planted(zero0, scale)),
                 "model.layers.1.mlp/forward/swiglu", all);
}

BOOST_AUTO_TEST_CASE(policy_holds_every_number_of_an_op_to_the_scenario) {
  const Scenario ran = sweep_scenario(zero1);
  const JudgedRun run(ran);
  const auto op_of_wrong = [&](auto change) {
    Scenario judged = ran;
    change(judged);
    return first_of(check_policy(run.context(
                        judged, reference::expected_units(judged, mean_over_replicas(judged)))))
        .op;
  };

  BOOST_TEST(op_of_wrong([](Scenario& s) { s.training.optimizer.beta1 = 0.8; }) ==
             "optimizer/update/exp_avg");
  BOOST_TEST(op_of_wrong([](Scenario& s) { s.training.optimizer.beta2 = 0.99; }) ==
             "optimizer/update/exp_avg_sq");
  BOOST_TEST(op_of_wrong([](Scenario& s) { s.training.optimizer.epsilon = 1e-6; }) ==
             "optimizer/update/adamw");
  BOOST_TEST(op_of_wrong([](Scenario& s) { s.training.optimizer.weight_decay = 0.1; }) ==
             "optimizer/update/adamw");
  BOOST_TEST(op_of_wrong([](Scenario& s) { s.training.gradient_clipping = 2; }) ==
             "optimizer/update/clip_factor");
  BOOST_TEST(op_of_wrong([](Scenario& s) { s.training.accumulation = 4; }) ==
             "loss/backward/cross_entropy_backward");
  BOOST_TEST(op_of_wrong([](Scenario& s) { s.model.rope_theta = 5e5; }) ==
             "model.rotary_emb/data/rotary_table");
  BOOST_TEST(op_of_wrong([](Scenario& s) { s.model.rms_norm_eps = 1e-6; }) ==
             "model.layers.0.input_layernorm/forward/rms_norm");
  BOOST_TEST(op_of_wrong([](Scenario& s) { s.parallel.zero_stage = 0; }) ==
             "bucket_0/reduce/divide");
}

BOOST_AUTO_TEST_CASE(plan_reports_a_partial_sum_that_is_never_reduced) {
  const std::string op = "model.layers.1.self_attn.o_proj/forward/all_reduce";
  const JudgedRun run(planted(zero1, inject("drop", op)));

  const CheckResult result = check_plan(run.context()).result();

  BOOST_TEST(name_of(result.outcome) == "fail");
  BOOST_TEST(result.reason.find(op) != std::string::npos, result.reason);
}

BOOST_AUTO_TEST_CASE(leaves_names_ranks_that_load_the_shard_of_another) {
  const JudgedRun run(
      planted(zero1, inject("swap_shards", "model.layers.0.mlp.up_proj/data/load_weight")));

  const FirstDivergence first =
      expect_failure(check_leaves, run, "model.layers.0.mlp.up_proj/data/load_weight", all);

  BOOST_TEST(first.tensor == "/initial/parameter/model.layers.0.mlp.up_proj.weight");
  BOOST_TEST(first.moment.step == -1);
  BOOST_TEST((first.phase == Phase::data));
  BOOST_TEST(first.index == (std::vector<std::int64_t>{0, 0}), boost::test_tools::per_element());
  BOOST_TEST(first.expected != first.got);
}

BOOST_AUTO_TEST_CASE(leaves_names_a_weight_that_is_nan_by_rank_and_index) {
  Injection nan = set("model.layers.0.mlp.up_proj/data/load_weight", "nan", {1, 3});
  nan.index = {2, 5};
  const JudgedRun run(planted(zero0, nan));

  const FirstDivergence first =
      expect_failure(check_leaves, run, "model.layers.0.mlp.up_proj/data/load_weight", {1, 3});

  BOOST_TEST(first.index == (std::vector<std::int64_t>{24 + 2, 5}),  // the second half of 48 rows
             boost::test_tools::per_element());
  BOOST_TEST(std::isnan(first.got));
  BOOST_TEST_REQUIRE(first.cause.has_value());
  BOOST_TEST(first.cause->name == "nan");
}

BOOST_AUTO_TEST_CASE(policy_holds_the_numbers_of_sgd_to_the_scenario) {
  const Scenario ran = sweep_scenario("sgd-momentum-tp2-dp2-zero0-fp32");
  const JudgedRun run(ran);
  const auto op_of_wrong = [&](auto change) {
    Scenario judged = ran;
    change(judged.training.optimizer);
    return first_of(check_policy(run.context(
                        judged, reference::expected_units(judged, mean_over_replicas(judged)))))
        .op;
  };

  BOOST_TEST(op_of_wrong([](OptimizerConfig& sgd) { sgd.momentum = 0.8; }) ==
             "optimizer/update/momentum");
  BOOST_TEST(op_of_wrong([](OptimizerConfig& sgd) { sgd.weight_decay = 0.02; }) ==
             "optimizer/update/decay");
}

// Both forms are one function: only their roundings tell whose a program has.
BOOST_AUTO_TEST_CASE(the_form_of_an_update_is_the_scenarios) {
  for (const char* name : {"torch-adamw-tp2-dp2-zero2-bf16-round_robin", zero1.c_str()}) {
    const Scenario ran = sweep_scenario(name);
    Scenario judged = ran;
    OptimizerConfig& optimizer = judged.training.optimizer;
    optimizer.form = optimizer.form == OptimizerConfig::Form::torch ? OptimizerConfig::Form::fused
                                                                    : OptimizerConfig::Form::torch;
    const JudgedRun run(ran);

    BOOST_TEST(check_leaves(run.context()).failed() == 0);
    BOOST_TEST(check_leaves(run.context(judged)).failed() > 0);
    const auto units = reference::expected_units(judged, mean_over_replicas(judged));
    TensorTable table(run.trace().world());
    // Unknown: the other form takes scalars that were not recorded.
    const CheckResult result = check_op_local(run.context(judged, units), table).result();
    BOOST_TEST((result.outcome != Outcome::pass), result.reason);
    BOOST_TEST(check_policy(run.context(judged, units)).failed() > 0);
  }
}

BOOST_AUTO_TEST_CASE(wrong_states_of_every_optimizer_are_named) {
  for (const auto& [scenario, name] : {std::pair{"sgd-momentum-tp2-dp2-zero0-fp32", "decay"},
                                       {"sgd-momentum-tp2-dp2-zero0-fp32", "momentum"},
                                       {"sgd-momentum-tp2-dp2-zero0-fp32", "sgd"},
                                       {"sgd-nesterov-tp1-dp3-zero1-bf16", "nesterov"},
                                       {"adam-l2-tp1-dp2-zero0-fp64", "decay"},
                                       {"torch-adam-l2-tp1-dp3-zero1-fp64-cosine", "decay"},
                                       {"torch-adam-l2-tp1-dp3-zero1-fp64-cosine", "exp_avg_sq"},
                                       {"torch-adamw-tp2-dp2-zero2-bf16-round_robin", "exp_avg"},
                                       {"torch-adamw-tp2-dp2-zero2-bf16-round_robin", "adamw"}}) {
    const std::string op = std::string("optimizer/update/") + name;
    const JudgedRun run(planted(scenario, set(op, "flip:3", {1})));
    TensorTable table(run.trace().world());
    const FirstDivergence first = first_of(check_op_local(run.context(), table));
    BOOST_TEST(first.op == op);
    BOOST_TEST(first.ranks == std::vector<int>{1}, boost::test_tools::per_element());
  }
}

// The policy keeps slopes in the compute dtype: one that is rounded to bf16 (2^-1/2 here) is wrong.
BOOST_AUTO_TEST_CASE(op_local_names_a_slope_of_a_head_that_is_rounded_to_the_working_dtype) {
  const std::string slopes = "model.alibi/data/alibi_slopes";
  Scenario scenario =
      read_scenario("../scenarios/catalog/sweep/bloom-tp2-dp2-zero1-bf16.json", {"n_head=16"});
  scenario.steps = 1;
  const JudgedRun clean(scenario);
  scenario.inject = {set(slopes, "0.70703125", {0})};
  const JudgedRun run(scenario);
  TensorTable table(scenario.world());

  BOOST_TEST(check_op_local(clean.context(), table).failed() == 0);
  const FirstDivergence first = first_of(check_op_local(run.context(), table));
  BOOST_TEST(first.op == slopes);
  BOOST_TEST(first.ranks == std::vector<int>{0}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(optimizer_demands_that_a_momentum_buffer_has_one_owner) {
  // As with stage 1, where each rank owns a part, not all of it.
  const Scenario ran = sweep_scenario("sgd-momentum-tp2-dp2-zero0-fp32");
  Scenario with_adam = ran;
  with_adam.training.optimizer.kind = OptimizerConfig::Kind::adamw;
  const JudgedRun run(ran);

  BOOST_TEST(check_optimizer(run.context()).failed() == 0);
  const Tally missing = check_optimizer(run.context(with_adam));
  BOOST_TEST(missing.result().reason.find("exp_avg") != std::string::npos, missing.result().reason);
  Scenario zero1_judge = ran;
  zero1_judge.parallel.zero_stage = 1;
  BOOST_TEST(check_optimizer(run.context(zero1_judge)).failed() > 0);
}

BOOST_AUTO_TEST_CASE(leaves_holds_a_schedule_to_the_scenario) {
  const Scenario ran = sweep_scenario("warmup-decay-tp1-dp2-zero0-fp32", 5);
  const JudgedRun run(ran);
  const auto first_wrong_step = [&](auto change) {
    Scenario judged = ran;
    change(judged.training.scheduler);
    return first_of(check_leaves(run.context(judged))).moment.step;
  };

  BOOST_TEST(check_leaves(run.context()).failed() == 0);
  BOOST_TEST(first_wrong_step([](SchedulerConfig& s) { s.lowest = 1e-9; }) == 0);
  BOOST_TEST(first_wrong_step([](SchedulerConfig& s) { s.warmup_steps = 3; }) == 2);
  BOOST_TEST(first_wrong_step([](SchedulerConfig& s) { s.total_steps = 6; }) == 4);
}

BOOST_AUTO_TEST_CASE(leaves_holds_tokens_and_scalars_to_the_scenario) {
  const Scenario ran = sweep_scenario("tiny-tp1-dp2-zero1-bf16", 2);
  Scenario other_rate = ran, other_beta = ran;
  other_rate.training.optimizer.learning_rate = 2e-3;
  other_beta.training.optimizer.beta2 = 0.99;

  const JudgedRun run(ran);
  expect_failure(check_leaves, run.context(other_rate), "optimizer/update/load_learning_rate",
                 {0, 1});
  expect_failure(check_leaves, run.context(other_beta), "optimizer/update/load_bias_correction2",
                 {0, 1});
  Scenario wrong_token = ran;
  wrong_token.inject = {set("data/data/load_tokens", "63", {1})};
  expect_failure(check_leaves, JudgedRun(wrong_token), "data/data/load_tokens", {1});
  Scenario not_zero = ran;
  not_zero.inject = {set("lm_head/data/zero_weight", "1", {0})};
  expect_failure(check_leaves, JudgedRun(not_zero), "lm_head/data/zero_weight", {0});
}

BOOST_AUTO_TEST_CASE(collectives_names_one_that_is_missing_doubled_or_in_another_group) {
  const std::string op = "model.layers.1.self_attn.o_proj/forward/all_reduce";
  Injection regroup = inject("regroup", op);
  regroup.group = "dp";

  const FirstDivergence missing =
      expect_failure(check_collectives, JudgedRun(planted(zero1, inject("drop", op))), op, all);
  BOOST_TEST(missing.moment.step == 0);
  BOOST_TEST(missing.moment.micro == 0);
  BOOST_TEST((missing.phase == Phase::forward));
  expect_failure(check_collectives, JudgedRun(planted(zero1, inject("double", op))), op + ".once",
                 all);
  expect_failure(check_collectives, JudgedRun(planted(zero1, regroup)), op, all);
}

BOOST_AUTO_TEST_CASE(collectives_holds_buckets_to_the_bucket_size_of_the_scenario) {
  const Scenario ran = sweep_scenario(zero1);
  Scenario judged = ran;
  judged.parallel.reduce_bucket_size = 500'000'000;

  expect_failure(check_collectives, JudgedRun(ran).context(judged), "bucket_0/reduce/all_reduce",
                 all);
}

// Two orders of the same parameters give each owner other slices, and every number stays right.
BOOST_AUTO_TEST_CASE(policy_holds_the_order_of_flat_vectors_to_the_scenario) {
  const Scenario ran = sweep_scenario(zero1);
  Scenario dealt = ran;
  dealt.parallel.round_robin_gradients = true;
  const auto reason = [](const JudgeContext& context) {
    return check_policy(context).result().reason;
  };
  const JudgedRun in_turn(dealt), in_order(ran);

  BOOST_TEST(check_policy(in_turn.context()).failed() == 0);
  BOOST_TEST(reason(in_turn.context(ran)).find("where the scenario says") != std::string::npos);
  BOOST_TEST(reason(in_order.context(dealt)).find("where the scenario says") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(coverage_names_tensors_that_are_missing_or_of_another_shape) {
  const Scenario ran = sweep_scenario(zero1);
  Scenario longer = ran, wider = ran;
  longer.steps = 2;
  wider.training.micro_batch = 4;

  const JudgedRun run(ran);
  const auto longer_units = reference::expected_units(longer, mean_over_replicas(longer));
  const auto wider_units = reference::expected_units(wider, mean_over_replicas(wider));

  const CheckResult missing = check_coverage(run.context(longer, longer_units)).result();
  const CheckResult shape = check_coverage(run.context(wider, wider_units)).result();

  BOOST_TEST(name_of(missing.outcome) == "fail");
  BOOST_TEST(missing.reason.find("/step/000001/") != std::string::npos, missing.reason);
  BOOST_TEST(missing.reason.ends_with("is not recorded"), missing.reason);
  BOOST_TEST(name_of(shape.outcome) == "fail");
  BOOST_TEST(shape.reason.find("on rank 0, expected (8, 12") != std::string::npos, shape.reason);
}

BOOST_AUTO_TEST_CASE(coverage_wants_what_is_replicated_on_every_rank_and_cut_alike) {
  const JudgedRun run(sweep_scenario(zero1));
  const std::string path =
      "/step/000000/micro/0/forward/model.norm/output";  // (B, T, C), cut by dp
  const auto reason_of = [&](auto change) {
    const TemporaryFolder folder;
    rewrite(run.trace().reader(), folder / "sim", change);
    const EngineTrace altered("sim", folder / "sim");
    JudgeContext context = run.context();
    context.traces = {&altered};
    return check_coverage(context).result().reason;
  };

  BOOST_TEST(reason_of([](const StoredDataset&) { return Rewritten{}; }) == "");
  BOOST_TEST(reason_of([&](const StoredDataset& dataset) {
               return Rewritten{.left_out = dataset.rank == 1 && dataset.info.path == path};
             }).ends_with(path + " is not recorded on rank 1"));
  // The second rank of each TP group says that the batch is cut in another place: each TP rank's
  // pieces cover it, but which rows a rank holds, the two do not agree on.
  const auto cut_elsewhere = [&](const StoredDataset& dataset) {
    if (dataset.rank % 2 == 0 || dataset.info.path != path) return Rewritten{};
    const Shape& full = dataset.info.full_shape;
    const std::int64_t rows = dataset.rank == 1 ? 1 : full[0] - 1;
    return Rewritten{.regions = {{{dataset.rank == 1 ? 0 : 1, 0, 0}, {rows, full[1], full[2]}}}};
  };
  BOOST_TEST(reason_of(cut_elsewhere).find(path + " is not covered") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(coverage_names_the_first_op_of_a_step_that_the_scenario_does_not_have) {
  const Scenario ran = sweep_scenario(zero1, 2);
  Scenario shorter = ran;
  shorter.steps = 1;

  const JudgedRun run(ran);
  const auto units = reference::expected_units(shorter, mean_over_replicas(shorter));
  const FirstDivergence first = expect_failure(check_coverage, run.context(shorter, units),
                                               "model.embed_tokens/data/zero_weight", all);

  BOOST_TEST(first.moment.step == 1);
}

BOOST_AUTO_TEST_CASE(replicas_names_the_rank_and_the_element_that_differ) {
  Injection flip = set("model.norm/forward/rms_norm", "flip:0", {1});
  flip.index = {1, 3, 7};
  const JudgedRun run(planted(zero1, flip));

  const FirstDivergence first =
      expect_failure(check_replicas, run, "model.norm/forward/rms_norm", {1});

  BOOST_TEST(first.tensor == "/step/000000/micro/0/forward/model.norm/output");
  BOOST_TEST(first.wrong_elements == 1);
  BOOST_TEST(first.index == (std::vector<std::int64_t>{1, 3, 7}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(replicas_holds_equal_hashes_against_their_bytes) {
  const std::string path = "/step/000000/micro/0/forward/model.norm/output";
  for (const int rank : {0, 1}) {
    const JudgedRun run(sweep_scenario(zero1));
    flip_stored_bit(run.trace().reader().folder(), rank, path);

    const std::string error = error_of([&] { check_replicas(run.context()); });

    const std::string file = "rank-0000" + std::to_string(rank) + ".h5: " + path;
    BOOST_TEST(error.find(file + ": altered") != std::string::npos, error);
  }
}

BOOST_AUTO_TEST_CASE(optimizer_names_a_weight_that_is_not_the_rounded_master) {
  const JudgedRun run(planted(zero1, set("optimizer/update/unflatten", "flip:0", {2})));

  const FirstDivergence first =
      expect_failure(check_optimizer, run, "optimizer/update/unflatten", {2});

  BOOST_TEST(first.wrong_elements == 1);
}

BOOST_AUTO_TEST_CASE(optimizer_holds_equal_hashes_against_their_bytes) {
  const std::string path = "/step/000000/parameter/model.norm.weight";
  const JudgedRun run(sweep_scenario(zero1));
  flip_stored_bit(run.trace().reader().folder(), 2, path);

  const std::string error = error_of([&] { check_optimizer(run.context()); });

  BOOST_TEST(error.find("rank-00002.h5: " + path + ": altered") != std::string::npos, error);
}

BOOST_AUTO_TEST_CASE(optimizer_names_norms_and_factors_that_ranks_do_not_share) {
  expect_failure(check_optimizer,
                 JudgedRun(planted(zero1, set("optimizer/update/clip_factor", "flip:0", {3}))),
                 "optimizer/update/clip_factor", {3});
  expect_failure(check_optimizer,
                 JudgedRun(planted(zero0, set("optimizer/update/grad_norm", "flip:0", {1}))),
                 "optimizer/update/grad_norm", {1});
}

BOOST_AUTO_TEST_CASE(optimizer_recomputes_the_norm_that_all_ranks_agree_on) {
  const std::string op = "optimizer/update/grad_norm";
  const FirstDivergence first =
      expect_failure(check_optimizer, JudgedRun(planted(zero1, set(op, "1.25", {}))), op, all);

  BOOST_TEST(first.got == 1.25);
  BOOST_TEST(first.bound > 0);
}

BOOST_AUTO_TEST_CASE(optimizer_refuses_state_that_is_owned_twice_or_divided_where_it_is_whole) {
  const Scenario divided = sweep_scenario(zero1), whole = sweep_scenario(zero0);
  Scenario judged_whole = divided, judged_divided = whole;
  judged_whole.parallel.zero_stage = 0;
  judged_divided.parallel.zero_stage = 1;

  BOOST_TEST(check_optimizer(JudgedRun(divided).context(judged_whole))
                 .result()
                 .reason.find("does not hold its whole shard") != std::string::npos);
  BOOST_TEST(check_optimizer(JudgedRun(whole).context(judged_divided))
                 .result()
                 .reason.find("does not have exactly one owner") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(round_trip_names_a_scope_that_no_sharded_layer_calls_for) {
  const Scenario ran = sweep_scenario(zero1);
  const JudgedRun run(ran);
  Scenario judged = ran;
  judged.partition.modules.clear();

  const Tally tally = check_round_trip(run.context(judged));

  BOOST_TEST(tally.compared() == run.trace().world());
  BOOST_TEST(tally.failed() == run.trace().world());
  BOOST_TEST(first_of(tally).tensor.find("/initial/round_trip") == 0u, first_of(tally).tensor);
}

BOOST_AUTO_TEST_CASE(round_trip_names_what_is_gathered_edited_cut_or_stored_wrongly) {
  const std::string q = "model.layers.0.self_attn.q_proj", up = "model.layers.1.mlp.up_proj";
  expect_failure(check_round_trip,
                 JudgedRun(planted(zero1, set(q + "/repartition/slice_weight", "flip:3", {1, 3}))),
                 q + "/repartition/slice_weight", {1, 3});
  expect_failure(check_round_trip,
                 JudgedRun(planted(zero1, set(up + "/repartition/store_bias", "flip:3", {0, 2}))),
                 up + "/repartition/store_bias", {0, 2});
  const FirstDivergence edit = expect_failure(
      check_round_trip, JudgedRun(planted(zero1, set(q + "/gather/edit_weight", "7", {}))),
      q + "/gather/edit_weight", all);
  BOOST_TEST(edit.tensor == "/initial/round_trip_edit/" + q + ".weight/edited");
}

BOOST_AUTO_TEST_CASE(sim_real_names_the_first_bit_that_differs) {
  const Scenario scenario = sweep_scenario(zero1);
  Scenario flipped = scenario;
  flipped.inject = {set("model.layers.1.mlp/forward/swiglu", "flip:1", {2})};
  const JudgedRun sim(scenario);
  const TemporaryFolder folder;
  sim::simulate(flipped, folder.path().string());
  const EngineTrace real("real", folder.path().string());
  JudgeContext context = sim.context();
  context.traces.push_back(&real);

  const Tally result = check_sim_real(context);

  const FirstDivergence first = first_of(result);
  BOOST_TEST(name_of(result.result().outcome) == "fail");
  BOOST_TEST(first.execution == "real");
  BOOST_TEST(first.op == "model.layers.1.mlp/forward/swiglu");
  BOOST_TEST(first.ranks == (std::vector<int>{2}), boost::test_tools::per_element());
  BOOST_TEST(first.wrong_elements == 1);
  BOOST_TEST(first.expected != first.got);
}

BOOST_AUTO_TEST_CASE(sim_real_holds_equal_hashes_against_their_bytes) {
  const std::string path = "/step/000000/micro/0/forward/model.norm/output";
  const Scenario scenario = sweep_scenario(zero1);
  for (const bool in_real : {false, true}) {
    const JudgedRun sim(scenario);
    const TemporaryFolder folder;
    sim::simulate(scenario, folder.path().string());
    const EngineTrace real("real", folder.path().string());
    JudgeContext context = sim.context();
    context.traces.push_back(&real);
    flip_stored_bit((in_real ? real : sim.trace()).reader().folder(), 2, path);

    const std::string error = error_of([&] { check_sim_real(context); });

    BOOST_TEST(error.find("rank-00002.h5: " + path + ": altered") != std::string::npos, error);
  }
}

BOOST_AUTO_TEST_CASE(sim_real_says_nothing_where_the_order_is_the_librarys) {
  const Scenario scenario = sweep_scenario("tiny-tp1-dp1-zero0-fp64");
  const JudgedRun run(scenario);
  JudgeContext context = run.context();
  const TemporaryFolder folder;
  sim::simulate(scenario, folder.path().string());
  const EngineTrace real("real", folder.path().string());
  context.traces.push_back(&real);
  context.policy.order = ReductionOrder::library;

  BOOST_TEST(name_of(check_sim_real(context).result().outcome) == "not_run");
}

BOOST_AUTO_TEST_CASE(end_to_end_in_fp64_fails_by_a_scale_of_one_in_ten_to_the_nine) {
  const Scenario scenario = sweep_scenario("tiny-gqa-tp2-dp2-zero1-fp64");
  Scenario scaled = scenario;
  scaled.inject = {inject("scale", "model.layers.0.mlp/forward/swiglu")};
  scaled.inject[0].factor = 1 + 1e-7;
  const JudgedRun run(scaled);
  const TemporaryFolder folder;
  reference::run_reference(scenario, header_of(scenario, Execution::reference),
                           folder.path().string());
  const TraceReader reader(folder.path().string());
  JudgeContext context = run.context();
  context.reference = &reader;

  std::vector<TrendPoint> trend;
  const CheckResult result = check_end_to_end(context, trend).result();

  BOOST_TEST(name_of(result.outcome) == "fail");
  BOOST_TEST(result.reason.find("differs by") != std::string::npos, result.reason);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shardproof::tests
