// Who tests the tester: every defect that `inject` can plant must end in exit code 1, with the op
// that is at fault and the ranks that are wrong.
#include <boost/test/unit_test.hpp>
#include <set>

#include "tests/end_to_end/program.hpp"

namespace shardproof::tests {
namespace {

const std::string zero1 = "tiny-bias-tp2-dp2-zero1-bf16";
const std::string zero0 = "tiny-bias-tp2-dp2-zero0-fp32-rank_order";
const std::string fp16_static = "llama-fp16-static-tp2-dp2-zero0";
const std::string fp16_dynamic = "llama-fp16-dynamic-tp2-dp2-zero1";
const std::string fp16_sums_fp32 = "llama-fp16-static-tp2-dp2-zero1-sums_fp32";
const std::string no_shards = "llama-replicated-tp2-dp2-zero1-bf16-sums_fp32";
const std::vector<int> all{0, 1, 2, 3};
const std::string o_proj = "model.layers.1.self_attn.o_proj";

struct Planted {
  const char* what;
  std::string scenario;
  std::string inject;              // JSON
  std::string op;                  // at fault
  std::vector<int> ranks;          // wrong
  std::vector<std::string> fails;  // checks that must fail, among others
  std::string cause = "";          // the beginning of its name
};

JsonValue with(JsonValue scenario, const std::string& inject) {
  return scenario.set("inject", JsonValue::array().append(parse_json(inject, "inject")));
}

/// Sim and real share the code that plants: real runs, too, where an edit is the first of its kind.
JsonValue in_real_once(JsonValue scenario) {
  static std::set<std::string> planted;
  const JsonValue& inject = scenario.find("inject")->elements.front();
  const JsonValue* when = inject.find("when");
  const bool is_new = planted.insert(inject.find("edit")->text + (when ? when->text : "")).second;
  return is_new ? scenario : simulated(scenario);
}

void expect_named(const Planted& planted) {
  BOOST_TEST_CONTEXT(planted.what) {
    const TemporaryFolder folder;

    const JsonValue scenario = with(sweep_json(planted.scenario), planted.inject);
    const ProgramRun run =
        run_scenario(for_its_verdict(in_real_once(scenario)), folder.path().string());

    BOOST_REQUIRE_MESSAGE(run.exit_code == 1, run.exit_code << " " << run.err << run.out);
    BOOST_TEST(run.summary.find("verdict")->text == "fail");
    BOOST_REQUIRE(run.divergence().is_object());
    BOOST_TEST(run.divergence().find("op")->text == planted.op);
    BOOST_TEST(run.ranks() == planted.ranks, boost::test_tools::per_element());
    for (const std::string& check : planted.fails) BOOST_TEST(run.outcome(check) == "fail", check);
    if (!planted.cause.empty()) {
      BOOST_REQUIRE(run.divergence().find("cause")->is_object());
      BOOST_TEST(run.divergence().find("cause")->find("name")->text.starts_with(planted.cause));
    }
    BOOST_TEST(run.out.find(planted.op) != std::string::npos);
    // Whatever numbers are shown: what the judge says of it stands on the terminal, too.
    const std::string reason = run.divergence().find("reason")->text;
    BOOST_TEST(!reason.empty());
    BOOST_TEST(run.out.find("why        " + reason) != std::string::npos, run.out);
  }
}

BOOST_AUTO_TEST_SUITE(planted_defects)

BOOST_AUTO_TEST_CASE(an_all_reduce_that_did_not_happen) {
  expect_named({"dropped on all ranks",
                zero1,
                R"({"edit": "drop", "op": ")" + o_proj + R"(/forward/all_reduce", "steps": [1]})",
                o_proj + "/forward/all_reduce",
                all,
                {"plan", "collectives", "op_local"},
                "bits equal to /step/000001/micro/0/forward/" + o_proj + "/partial"});
}

// The run ends there, in sim and in real, and what it did not reach is not missing.
BOOST_AUTO_TEST_CASE(a_token_that_one_rank_of_a_tp_group_has_otherwise) {
  const Planted planted{"on one rank",
                        zero1,
                        R"({"edit": "set", "op": "data/data/load_tokens", "index": [1, 2],
                            "value": 63, "ranks": [3], "steps": [1]})",
                        "data/data/load_tokens",
                        {3},
                        {"leaves", "replicas"}};
  const TemporaryFolder folder;

  const ProgramRun run = run_scenario(
      for_its_verdict(with(sweep_json(planted.scenario), planted.inject)), folder.path().string());

  BOOST_TEST_REQUIRE(run.exit_code == 1, run.err << run.out);
  BOOST_TEST(run.divergence().find("op")->text == planted.op);
  BOOST_TEST(run.ranks() == planted.ranks, boost::test_tools::per_element());
  BOOST_TEST(run.divergence().find("step")->integer == 1);
  BOOST_TEST(run.divergence().find("micro_step")->integer == 0);
  BOOST_TEST(run.divergence().find("phase")->text == "data");
  BOOST_TEST(run.divergence().find("reason")->text.ends_with(
      "Data inconsistency within the TP group. Please check the Dataloader implementation to "
      "ensure consistency."));
  for (const char* check :
       {"collectives", "coverage", "edges", "plan_units", "optimizer", "round_trip", "sim_real"})
    BOOST_TEST(run.outcome(check) == "pass", check);
}

BOOST_AUTO_TEST_CASE(an_all_reduce_that_one_rank_left_out_is_a_mismatch) {
  const JsonValue scenario = with(sweep_json(zero1), R"({"edit": "drop", "op": ")" + o_proj +
                                                         R"(/forward/all_reduce", "ranks": [1]})");
  const TemporaryFolder folder;

  const ProgramRun run = run_scenario(for_its_verdict(simulated(scenario)), folder.path().string());

  BOOST_TEST(run.exit_code == 1);
  BOOST_TEST(run.divergence().find("op")->text == o_proj + "/forward/all_reduce");
  BOOST_TEST(run.ranks() == std::vector<int>{1}, boost::test_tools::per_element());
  BOOST_TEST(run.divergence().find("cause")->find("name")->text == "mismatch");
  BOOST_TEST(run.outcome("collectives") == "fail");
  // Who waits where: rank 0 in the op that rank 1 left out.
  BOOST_TEST(run.divergence().find("reason")->text.find("rank 0 waits in " + o_proj) !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(an_all_reduce_that_happened_twice) {
  expect_named({"doubled",
                zero1,
                R"({"edit": "double", "op": ")" + o_proj + R"(/forward/all_reduce"})",
                o_proj + "/forward/all_reduce",
                all,
                {"plan", "collectives", "op_local"}});
}

BOOST_AUTO_TEST_CASE(a_norm_of_heads_whose_gradient_is_not_summed) {
  const std::string k_norm = "model.layers.1.self_attn.k_norm";
  expect_named({"dropped on all ranks",
                "qwen3-tp_plan-tp2-dp2-zero1-bf16",
                R"({"edit": "drop", "op": ")" + k_norm + R"(/backward/all_reduce_weight"})",
                k_norm + "/backward/all_reduce_weight",
                all,
                {"plan", "collectives", "replicas", "op_local"},
                "bits equal to /step/000000/micro/0/backward/" + k_norm + "/grad_weight_partial"});
}

BOOST_AUTO_TEST_CASE(a_gathered_output_that_is_stale) {
  expect_named({"on one rank",
                "mistral-tp_plan-tp2-dp1-zero0-fp32",
                R"({"edit": "stale", "op": "lm_head/forward/all_gather", "ranks": [1]})",
                "lm_head/forward/all_gather",
                {1},
                {"replicas", "op_local", "plan_units"}});
}

BOOST_AUTO_TEST_CASE(a_padding_row_whose_gradient_is_not_zero) {
  const std::string op = "model.embed_tokens/backward/embedding_backward";
  expect_named({"on one rank",
                "pad_token-qwen2-tied-tp_plan-tp2-dp2-zero2-bf16",
                R"({"edit": "set", "op": ")" + op + R"(", "index": [0, 3], "value": 1e-30,
                    "ranks": [2], "steps": [1]})",
                op,
                {2},
                {"replicas", "op_local", "plan_units"}});
}

BOOST_AUTO_TEST_CASE(a_part_of_a_fused_projection_that_is_scaled) {
  expect_named({"the queries of one rank",
                "phi3-gqa-own-tp2-dp1-zero1-fp32",
                R"({"edit": "scale", "op": "model.layers.0.self_attn/forward/split_query",
                    "factor": 1.001, "ranks": [1]})",
                "model.layers.0.self_attn/forward/split_query",
                {1},
                {"plan", "policy", "op_local"}});
}

BOOST_AUTO_TEST_CASE(the_halves_of_a_fused_projection_that_are_swapped) {
  const std::string mlp = "model.layers.1.mlp";
  expect_named({"the gate is taken for up",
                "phi3-gqa-own-tp2-dp1-zero1-fp32",
                R"({"edit": "read", "op": ")" + mlp + R"(/forward/swiglu", "index": [0],
                    "value": "forward/)" +
                    mlp + R"(/up"})",
                mlp + "/forward/swiglu",
                {0, 1},
                {"op_local"}});
}

BOOST_AUTO_TEST_CASE(a_bias_that_is_added_before_the_reduction) {
  // The sum will hold it once a rank. It is where it is added that the program is ill-typed.
  expect_named({"bias before reduce",
                zero1,
                R"({"edit": "add_bias_before_reduce", "op": ")" + o_proj + R"(/forward/add_bias"})",
                o_proj + "/forward/add_bias.before_reduce",
                all,
                {"plan", "op_local"}});
}

BOOST_AUTO_TEST_CASE(shards_that_are_swapped) {
  expect_named({"on all ranks",
                zero1,
                R"({"edit": "swap_shards", "op": "model.layers.0.mlp.up_proj/data/load_weight"})",
                "model.layers.0.mlp.up_proj/data/load_weight",
                all,
                {"leaves"}});
  expect_named({"on one rank",
                zero1,
                R"({"edit": "swap_shards", "op": "model.layers.0.mlp.up_proj/data/load_weight",
           "ranks": [1]})",
                "model.layers.0.mlp.up_proj/data/load_weight",
                {1},
                {"plan", "leaves", "replicas"}});
}

BOOST_AUTO_TEST_CASE(a_tensor_that_is_stale) {
  expect_named({"an activation",
                zero1,
                R"({"edit": "stale", "op": "model.layers.0.self_attn/forward/attention",
                    "ranks": [2], "steps": [1]})",
                "model.layers.0.self_attn/forward/attention",
                {2},
                {"plan_units", "op_local"},
                "bits equal to /step/000000/micro/1/"});
  expect_named({"gathered parameters",
                zero1,
                R"({"edit": "stale", "op": "optimizer/update/all_gather", "ranks": [2],
                    "steps": [1]})",
                "optimizer/update/all_gather",
                {2},
                {"plan_units", "replicas"}});
}

BOOST_AUTO_TEST_CASE(a_nan) {
  expect_named({"nan",
                zero1,
                R"({"edit": "set", "op": "model.layers.0.mlp/forward/swiglu", "ranks": [3],
                    "steps": [1], "index": [0, 3, 5], "value": "nan"})",
                "model.layers.0.mlp/forward/swiglu",
                {3},
                {"plan_units"},
                "nan"});
}

// DeepSpeed divides by the scale that it has just updated; where the loss is multiplied twice, it
// is once too often for what divides.
BOOST_AUTO_TEST_CASE(a_loss_scale_that_is_not_what_the_gradients_are_divided_by) {
  expect_named({"unscaled with twice the scale",
                fp16_static,
                R"({"edit": "scale", "op": "optimizer/update/clip_factor", "factor": 0.5,
                    "steps": [1]})",
                "optimizer/update/clip_factor",
                all,
                {"policy", "op_local"}});
  expect_named({"scaled twice",
                fp16_static,
                R"({"edit": "scale", "op": "loss/backward/cross_entropy_backward", "factor": 100.0,
                    "steps": [1]})",
                "loss/backward/cross_entropy_backward",
                all,
                {"policy", "op_local"}});
  expect_named({"another scale than the scaler's",
                fp16_dynamic,
                R"({"edit": "scale", "op": "optimizer/data/load_loss_scale", "factor": 2.0,
                    "steps": [1]})",
                "optimizer/data/load_loss_scale",
                all,
                {"policy", "leaves"}});
}

BOOST_AUTO_TEST_CASE(a_rank_that_decides_by_itself_not_to_skip) {
  JsonValue scenario = sweep_json(fp16_dynamic);
  scenario.set("world", 2);
  scenario.find("deepspeed")->find("tensor_parallel")->set("autotp_size", 1);
  scenario.find("deepspeed")->find("zero_optimization")->set("stage", 0);
  for (const char* inject :
       {R"({"edit": "set", "op": "optimizer/reduce/nonfinite", "ranks": [1], "steps": [0],
            "value": 0})",
        R"({"edit": "set", "op": "optimizer/reduce/nonfinite", "ranks": [1], "steps": [0],
            "value": 0, "when": "after_record"})"})
    BOOST_TEST_CONTEXT(inject) {
      const TemporaryFolder folder;

      const ProgramRun run =
          run_scenario(for_its_verdict(with(scenario, inject)), folder.path().string());

      BOOST_REQUIRE_MESSAGE(run.exit_code == 1, run.exit_code << " " << run.err << run.out);
      BOOST_TEST(run.divergence().find("op")->text == "optimizer/reduce/nonfinite");
      BOOST_TEST(run.ranks() == std::vector<int>{1}, boost::test_tools::per_element());
      BOOST_TEST(run.outcome("optimizer") == "fail");
    }
}

BOOST_AUTO_TEST_CASE(a_step_that_is_skipped_although_nobody_expects_it) {
  JsonValue scenario = sweep_json(fp16_dynamic);
  scenario.set("overflow", "unexpected");
  const TemporaryFolder folder;

  const ProgramRun run = run_scenario(for_its_verdict(simulated(scenario)), folder.path().string());

  BOOST_TEST(run.exit_code == 1);
  BOOST_TEST(run.divergence().find("op")->text == "optimizer/reduce/nonfinite_all_reduce_tp");
  BOOST_TEST(run.outcome("optimizer") == "fail");
  BOOST_TEST(run.outcome("op_local") == "pass");
  BOOST_TEST(run.outcome("plan_units") == "pass");
}

BOOST_AUTO_TEST_CASE(a_gradient_that_is_not_divided_by_the_replicas) {
  expect_named({"zero 1",
                zero1,
                R"({"edit": "drop", "op": "bucket_3/reduce/divide"})",
                "bucket_3/reduce/divide",
                all,
                {"policy", "op_local"}});
  expect_named({"stage 0",
                zero0,
                R"({"edit": "drop", "op": "bucket_0/reduce/scale"})",
                "bucket_0/reduce/scale",
                all,
                {"policy", "op_local"}});
}

// What came of it shows at the parameters, after the last bucket: the second op is what is named.
BOOST_AUTO_TEST_CASE(an_op_that_is_one_too_many_is_named_and_not_what_reads_its_result) {
  for (const auto& [op, check] :
       {std::pair{"bucket_1/reduce/divide", "policy"}, {"bucket_1/reduce/all_reduce", "plan"}})
    expect_named({"twice",
                  zero1,
                  std::string(R"({"edit": "double", "op": ")") + op + R"("})",
                  op,
                  all,
                  {check, "op_local"}});
  expect_named({"twice in stage 0",
                zero0,
                R"({"edit": "double", "op": "bucket_0/reduce/scale"})",
                "bucket_0/reduce/scale",
                all,
                {"policy", "op_local"}});
}

BOOST_AUTO_TEST_CASE(a_checksum_is_no_number_that_is_off_by_something) {
  const std::string op = "model.layers.0.self_attn.q_proj/repartition/checksum_weight";
  const TemporaryFolder folder;

  const ProgramRun run = run_scenario(
      for_its_verdict(simulated(with(sweep_json(zero1), R"({"edit": "set", "op": ")" + op +
                                                            R"(", "ranks": [1], "value": 3})"))),
      folder.path().string());

  BOOST_TEST_REQUIRE(run.exit_code == 1, run.err << run.out);
  BOOST_TEST(run.divergence().find("op")->text == op);
  BOOST_TEST(run.ranks() == std::vector<int>{1}, boost::test_tools::per_element());
  BOOST_TEST(run.out.find("  got ") == std::string::npos, run.out);
  BOOST_TEST(run.out.find("checksum, 1 wrong element") != std::string::npos, run.out);
}

BOOST_AUTO_TEST_CASE(bytes_that_nobody_wrote_are_told_by_both_hashes) {
  const TemporaryFolder folder;

  const ProgramRun run = run_scenario(
      for_its_verdict(simulated(
          with(sweep_json(zero1),
               R"({"edit": "set", "op": "optimizer/update/unflatten", "ranks": [1], "steps": [0],
              "value": 0.5, "when": "between_steps"})"))),
      folder.path().string());

  const std::string reason = run.divergence().find("reason")->text;
  BOOST_TEST(reason.find("did not write (hash ") != std::string::npos, reason);
  BOOST_TEST(reason.find(", written ") != std::string::npos, reason);
}

BOOST_AUTO_TEST_CASE(defects_in_the_reduction_of_each_micro_step) {
  const std::string zero2 = "llama-tp2-dp2-zero2-bf16";
  expect_named({"a bucket that is not reduced in step 1",
                zero2,
                R"({"edit": "drop", "op": "bucket_2/reduce/all_reduce", "steps": [1]})",
                "bucket_2/reduce/all_reduce",
                all,
                {"plan", "collectives", "op_local"}});
  expect_named({"not divided on one rank",
                zero2,
                R"({"edit": "drop", "op": "bucket_3/reduce/divide", "ranks": [1]})",
                "bucket_3/reduce/divide",
                {1},
                {"policy"}});
  expect_named({"slices that are not added",
                zero2,
                R"({"edit": "drop", "op": "bucket_1/reduce/accumulate_slices", "ranks": [2]})",
                "bucket_1/reduce/accumulate_slices",
                {2},
                {"policy", "op_local"}});
  expect_named({"an owned slice that changes after it was shown",
                zero2,
                R"({"edit": "set", "op": "optimizer/reduce/gradients", "ranks": [3], "steps": [1],
                    "index": [7], "value": 0.5, "when": "after_record"})",
                "optimizer/reduce/gradients",
                {3},
                {"edges"}});
}

// DeepSpeed's norm of an unfused fp16 optimizer leaves out the shards of all TP ranks but the
// first; and that of its bf16 optimizer fails on a TP rank that has none.
BOOST_AUTO_TEST_CASE(a_norm_that_leaves_out_what_a_tp_rank_has) {
  const std::string squares = "optimizer/update/sum_of_squares";
  expect_named({"shards of TP rank 1 are not counted",
                zero1,
                R"({"edit": "set", "op": ")" + squares + R"(", "ranks": [1, 3], "value": 0})",
                squares,
                {1, 3},
                {"op_local", "optimizer"}});
  expect_named({"the partial norms of the TP ranks are not summed",
                zero1,
                R"({"edit": "drop", "op": "optimizer/update/grad_norm_squared_all_reduce_tp"})",
                "optimizer/update/grad_norm_squared_all_reduce_tp",
                all,
                {"plan", "collectives", "op_local", "optimizer"}});
  expect_named({"replicas are counted by TP rank 1 too",
                no_shards,
                R"({"edit": "set", "op": ")" + squares + R"(", "ranks": [1, 3], "value": 0.5})",
                squares,
                {1, 3},
                {"op_local", "optimizer"}});
}

BOOST_AUTO_TEST_CASE(a_tp_rank_without_shards_that_leaves_the_norm) {
  const std::string op = "optimizer/update/grad_norm_squared_all_reduce_tp";
  const JsonValue scenario =
      with(sweep_json(no_shards), R"({"edit": "drop", "op": ")" + op + R"(", "ranks": [1]})");
  const TemporaryFolder folder;

  const ProgramRun run = run_scenario(for_its_verdict(simulated(scenario)), folder.path().string());

  BOOST_REQUIRE_MESSAGE(run.exit_code == 1, run.exit_code << " " << run.err << run.out);
  BOOST_TEST(run.divergence().find("op")->text == op);
  BOOST_TEST(run.divergence().find("phase")->text == "update");
  BOOST_TEST(run.ranks() == std::vector<int>{1}, boost::test_tools::per_element());
  BOOST_TEST(run.outcome("collectives") == "fail");
}

// The mean is made from a cast copy, and never written back: what is updated by is a replica's own
// sum.
BOOST_AUTO_TEST_CASE(an_update_by_gradients_that_were_reduced_in_a_copy_only) {
  expect_named({"sums in fp32 of gradients in fp16",
                fp16_sums_fp32,
                R"({"edit": "read", "op": "optimizer/reduce/flatten_gradients",
                    "value": "accumulator/model.embed_tokens.weight"})",
                "optimizer/reduce/flatten_gradients",
                all,
                {"plan", "policy", "op_local"}});
  expect_named({"on one rank",
                fp16_sums_fp32,
                R"({"edit": "read", "op": "optimizer/reduce/flatten_gradients", "ranks": [0],
                    "index": [0], "value": "accumulator/model.embed_tokens.weight"})",
                "optimizer/reduce/flatten_gradients",
                {0},
                {"plan", "policy", "op_local"}});
}

BOOST_AUTO_TEST_CASE(a_reduction_in_bf16_where_the_policy_says_fp32) {
  expect_named({"retyped",
                zero0,
                R"({"edit": "retype", "op": "bucket_0/reduce/all_reduce", "dtype": "bf16"})",
                "bucket_0/reduce/all_reduce",
                all,
                {"policy"}});
}

BOOST_AUTO_TEST_CASE(a_weight_that_changes_between_two_steps) {
  expect_named({"parameter",
                zero1,
                R"({"edit": "set", "op": "optimizer/update/unflatten", "ranks": [1], "steps": [0],
                    "value": 0.5, "when": "between_steps"})",
                "optimizer/update/unflatten",
                {1},
                {"continuity"}});
  expect_named({"master",
                zero1,
                R"({"edit": "set", "op": "optimizer/update/adamw", "ranks": [1], "steps": [0],
                    "index": [7], "value": 0.5, "when": "between_steps"})",
                "optimizer/update/adamw",
                {1},
                {"continuity"}});
}

BOOST_AUTO_TEST_CASE(a_buffer_that_changes_between_producer_and_consumer) {
  expect_named({"after record",
                zero1,
                R"({"edit": "set", "op": "model.layers.0.mlp/forward/swiglu", "ranks": [3],
                    "steps": [1], "index": [0, 3, 5], "value": 0.25, "when": "after_record"})",
                "model.layers.0.mlp/forward/swiglu",
                {3},
                {"edges"}});
}

BOOST_AUTO_TEST_CASE(a_flipped_bit_a_wrong_scale_and_a_wrong_group) {
  expect_named({"flip",
                zero1,
                R"({"edit": "set", "op": "model.layers.1.mlp.gate_proj/forward/matmul",
                    "ranks": [0], "steps": [1], "index": [0, 3, 5], "value": "flip:13"})",
                "model.layers.1.mlp.gate_proj/forward/matmul",
                {0},
                {"plan_units", "op_local"}});
  expect_named({"scale",
                zero1,
                R"({"edit": "scale", "op": "model.layers.1.mlp.gate_proj/backward/all_reduce",
                    "factor": 1.01})",
                "model.layers.1.mlp.gate_proj/backward/all_reduce.scaled",
                all,
                {"op_local"}});
  expect_named({"scale on one rank",
                zero1,
                R"({"edit": "scale", "op": "model.layers.1.mlp.gate_proj/backward/all_reduce",
                    "ranks": [3], "factor": 1.01})",
                "model.layers.1.mlp.gate_proj/backward/all_reduce.scaled",
                {3},
                {"policy", "replicas"}});
  expect_named({"regroup",
                zero1,
                R"({"edit": "regroup", "op": "model.layers.1.mlp.gate_proj/backward/all_reduce",
                    "group": "dp"})",
                "model.layers.1.mlp.gate_proj/backward/all_reduce",
                all,
                {"plan", "op_local"}});
}

BOOST_AUTO_TEST_CASE(defects_in_layers_that_llama_does_not_have) {
  const std::string c_attn = "transformer.h.1.attn.c_attn";  // (in, out), cut in three blocks
  expect_named({"swapped shards of a Conv1D",
                "gpt2-tp2-dp2-zero1-bf16",
                R"({"edit": "swap_shards", "op": ")" + c_attn + R"(/data/load_weight"})",
                c_attn + "/data/load_weight",
                all,
                {"leaves"}});
  const std::string dense = "transformer.h.0.self_attention.dense";
  expect_named({"a bias before the all-reduce",
                "bloom-tp2-dp2-zero1-bf16",
                R"({"edit": "add_bias_before_reduce", "op": ")" + dense + R"(/forward/add_bias"})",
                dense + "/forward/add_bias.before_reduce",
                all,
                {"plan", "op_local"}});
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace shardproof::tests
