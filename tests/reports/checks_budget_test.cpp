#include <boost/test/unit_test.hpp>

#include "reports/assembled_tensor.hpp"
#include "reports/budget.hpp"
#include "tests/reports/checks_support.hpp"

namespace shardproof::tests {

using namespace reports;

BOOST_AUTO_TEST_SUITE(budget_and_assembly)

// tiny-bias: C = 32, I = 48, 2 layers, V = 64, biases; B = 2, T = 12; tp = dp = 2, ZeRO 1, bf16.
BOOST_AUTO_TEST_CASE(a_micro_step_has_two_reductions_forward_and_five_backward_a_block) {
  const CollectiveBudget budget = collective_budget(sweep_scenario("tiny-bias-tp2-dp2-zero1-bf16"));

  BOOST_TEST_REQUIRE(budget.micro_step.size() == 14u);
  BOOST_TEST((budget.micro_step.front() ==
              BudgetedCollective{"model.layers.0.self_attn.o_proj/forward/all_reduce", "all_reduce",
                                 "tp", "bf16", 2 * 12 * 32, 2 * 12 * 32 * 2}));
  BOOST_TEST(budget.micro_step[4].origin == "model.layers.1.mlp.gate_proj/backward/all_reduce");
  BOOST_TEST(budget.micro_step.back().origin ==
             "model.layers.0.self_attn.v_proj/backward/all_reduce");
}

// Local elements of a block: q, k, v (16, 32) + 16, o (32, 16) + 32, gate, up (24, 32) + 24,
// down (32, 24) + 32, two norms of 32: 4 * 512 + 48 + 32 + 3 * 768 + 48 + 32 + 64 = 4576.
// All: 2 * 4576 + 2 * 64 * 32 + 32 = 13280, a multiple of 2 * 2; a half is 6640.
BOOST_AUTO_TEST_CASE(a_step_has_the_buckets_the_flag_the_norm_and_the_gathered_halves) {
  Scenario scenario = sweep_scenario("tiny-bias-tp2-dp2-zero1-bf16");
  scenario.training.reduce_bucket_size = 13280;
  const CollectiveBudget budget = collective_budget(scenario);
  scenario.training.reduce_bucket_size = 13279;
  const CollectiveBudget two = collective_budget(scenario);

  BOOST_TEST_REQUIRE(budget.reduce.size() == 3u);
  BOOST_TEST((budget.reduce[0] == BudgetedCollective{"bucket_0/reduce/all_reduce", "all_reduce",
                                                     "dp", "bf16", 13280, 26560}));
  BOOST_TEST(budget.reduce[1].origin == "optimizer/reduce/nonfinite_all_reduce_dp");
  BOOST_TEST(budget.reduce[1].bytes == 4);
  BOOST_TEST(budget.reduce[2].group == "tp");
  BOOST_TEST_REQUIRE(two.reduce.size() == 4u);
  BOOST_TEST(two.reduce[0].elements == 13280 - 2048);  // all but the embedding, the first parameter
  BOOST_TEST(two.reduce[1].elements == 2048);
  BOOST_TEST_REQUIRE(budget.update.size() == 3u);
  BOOST_TEST(budget.update[0].dtype == "fp64");
  BOOST_TEST((budget.update[2] == BudgetedCollective{"optimizer/update/all_gather", "all_gather",
                                                     "dp", "bf16", 6640, 13280}));
}

BOOST_AUTO_TEST_CASE(a_slice_is_padded_to_a_multiple_of_twice_the_replicas) {
  Scenario scenario = sweep_scenario("tiny-gqa-tp1-dp3-zero1-fp32-rank_order");
  std::int64_t elements = 0;
  for (const ParameterDescription& parameter : scenario.model.parameters)
    elements += element_count(parameter.shape);
  BOOST_TEST_REQUIRE(elements % 6 != 0);

  const CollectiveBudget budget = collective_budget(scenario);

  BOOST_TEST(budget.update.back().elements == (elements / 6 + 1) * 2);
  BOOST_TEST(budget.micro_step.empty());
}

// Per pass 14 weights and 10 column biases are gathered; 14 layers agree, twice over each axis.
BOOST_AUTO_TEST_CASE(the_gathered_scopes_have_a_gather_a_parameter_and_an_agreement_a_layer) {
  const CollectiveBudget budget = collective_budget(sweep_scenario("tiny-bias-tp2-dp2-zero1-bf16"));

  BOOST_TEST(budget.final_moment.size() == 24u + 14 * 4);
  BOOST_TEST(budget.initial_moment.size() == 24u + 14 * 4 + 2 * (2 + 4));
}

BOOST_AUTO_TEST_CASE(one_rank_communicates_nothing) {
  const CollectiveBudget budget = collective_budget(sweep_scenario("tiny-tp1-dp1-zero0-fp64"));

  for (const auto* part : {&budget.initial_moment, &budget.micro_step, &budget.reduce,
                           &budget.update, &budget.final_moment})
    BOOST_TEST(part->empty());
}

BOOST_AUTO_TEST_CASE(a_tensor_is_seen_by_its_own_copy_then_that_of_the_same_tp_index) {
  Scenario scenario = sweep_scenario("tiny-bias-tp2-dp2-zero1-bf16");
  Injection set = inject("set", "model.norm/forward/rms_norm", {1});  // replica of rank 0; dp 0
  set.value = "1000";
  scenario.inject = {set};
  const JudgedRun run(scenario);
  const TraceReader& reader = run.trace().reader();
  const std::string path = "/step/000000/micro/0/forward/model.norm/output";
  const auto first_element = [&](int rank) { return assemble(reader, path, rank).values.at(0); };

  BOOST_TEST(first_element(1) == 1000);  // its own
  BOOST_TEST(first_element(3) == 1000);  // of dp 0 it holds nothing: rank 1 has its TP index
  BOOST_TEST(first_element(0) != 1000);
  BOOST_TEST(first_element(2) == first_element(0));
  BOOST_TEST(assembly_key(reader, path, 0) == assembly_key(reader, path, 2));
  BOOST_TEST(assembly_key(reader, path, 0) != assembly_key(reader, path, 3));
}

BOOST_AUTO_TEST_CASE(a_tensor_that_is_not_there_says_so) {
  const JudgedRun run(sweep_scenario("tiny-tp1-dp1-zero0-fp64"));

  BOOST_TEST(assemble(run.trace().reader(), "/initial/nothing", 0).problem ==
             "/initial/nothing is not recorded");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shardproof::tests
