// Keys of DeepSpeed configs as people publish them, each in a run of one layer that must pass.
#include <boost/test/unit_test.hpp>

#include "tests/end_to_end/program.hpp"

namespace shardproof::tests {
namespace {

/// A Llama of one layer on TP 2 x DP 2 in bf16.
JsonValue one_layer(const std::string& zero, const std::string& optimizer_params) {
  return parse_json(R"({
    "name": "run",
    "model": {"config": {"model_type": "llama", "hidden_size": 16, "intermediate_size": 24,
      "num_hidden_layers": 1, "num_attention_heads": 4, "num_key_value_heads": 4,
      "vocab_size": 32, "max_position_embeddings": 32}},
    "deepspeed": {"train_micro_batch_size_per_gpu": 1, "bf16": {"enabled": true},
      "zero_optimization": )" +
                        zero + R"(,
      "optimizer": {"type": "AdamW", "params": )" +
                        optimizer_params + R"(},
      "tensor_parallel": {"autotp_size": 2}},
    "world": 4, "data": {"generated": true, "sequence": 8}})",
                    "public");
}

void expect_pass(const JsonValue& scenario) {
  const TemporaryFolder folder;
  const ProgramRun run = run_scenario(scenario, folder.path().string());
  BOOST_TEST(run.exit_code == 0, run.err << run.out);
}

std::string plan_of(const JsonValue& scenario) {
  const TemporaryFolder folder;
  std::ofstream(folder / "s.json") << write_json(scenario, 2);
  const ProgramResult plan = run_program({SHARDPROOF, "plan", folder / "s.json"});
  BOOST_TEST(plan.exit_code == 0, plan.err);
  return plan.out;
}

BOOST_AUTO_TEST_SUITE(public_configs)

BOOST_AUTO_TEST_CASE(round_robin_gradients_is_of_no_effect_in_stage_0) {
  const JsonValue scenario =
      one_layer(R"({"stage": 0, "round_robin_gradients": true})", R"({"lr": 0.001})");

  expect_pass(scenario);
  BOOST_TEST(plan_of(scenario).find("  zero_optimization.round_robin_gradients\n") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(round_robin_gradients_deals_parameters_out_in_stage_2) {
  expect_pass(one_layer(R"({"stage": 2, "round_robin_gradients": true})", R"({"lr": 0.001})"));
}

BOOST_AUTO_TEST_CASE(torch_adam_runs_torchs_form) {
  expect_pass(one_layer(R"({"stage": 2})", R"({"lr": 0.001, "torch_adam": true})"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace shardproof::tests
