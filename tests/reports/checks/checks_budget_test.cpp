#include <boost/test/unit_test.hpp>

#include "reports/checks/budget.hpp"
#include "reports/traces/assembled_tensor.hpp"
#include "tests/reports/checks/checks_support.hpp"

namespace shardproof::tests {

using namespace reports;

namespace {

CollectiveBudget budget_of(const Scenario& scenario, int tp = 0) {
  return collective_budget(scenario, GroupRank{tp});
}

const BudgetedCollective* find(const std::vector<BudgetedCollective>& all,
                               const std::string& origin) {
  for (const BudgetedCollective& c : all)
    if (c.origin == origin) return &c;
  return nullptr;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(budget_and_assembly)

// tiny-bias: C = 32, I = 48, 2 layers, V = 64, biases; B = 2, T = 12; tp = dp = 2, ZeRO 1, bf16.
BOOST_AUTO_TEST_CASE(a_micro_step_has_two_reductions_forward_and_five_backward_a_block) {
  const CollectiveBudget budget = budget_of(sweep_scenario("tiny-bias-tp2-dp2-zero1-bf16"));

  BOOST_TEST_REQUIRE(budget.micro_step.size() == 14u);
  BOOST_TEST((budget.micro_step.front() ==
              BudgetedCollective{"model.layers.0.self_attn.o_proj/forward/all_reduce", "all_reduce",
                                 "tp", "bf16", 2 * 12 * 32, 2 * 12 * 32 * 2}));
  BOOST_TEST(budget.micro_step[4].origin == "model.layers.1.mlp.up_proj/backward/all_reduce");
  BOOST_TEST(budget.micro_step.back().origin ==
             "model.layers.0.self_attn.q_proj/backward/all_reduce");
}

// Local elements of a block: q, k, v (16, 32) + 16, o (32, 16) + 32, gate, up (24, 32) + 24,
// down (32, 24) + 32, two norms of 32: 4 * 512 + 48 + 32 + 3 * 768 + 48 + 32 + 64 = 4576.
// All: 2 * 4576 + 2 * 64 * 32 + 32 = 13280, a multiple of 2 * 2; a half is 6640.
BOOST_AUTO_TEST_CASE(a_step_has_the_buckets_the_flag_the_norm_and_the_gathered_halves) {
  Scenario scenario = sweep_scenario("tiny-bias-tp2-dp2-zero1-bf16");
  scenario.parallel.reduce_bucket_size = 13280;
  const CollectiveBudget budget = budget_of(scenario);
  scenario.parallel.reduce_bucket_size = 13279;
  const CollectiveBudget two = budget_of(scenario);

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

// The embedding (2048 elements) is the last of the reverse order, after 13280 - 2048 others.
BOOST_AUTO_TEST_CASE(a_bucket_is_closed_before_it_would_exceed_its_size) {
  Scenario scenario = sweep_scenario("tiny-bias-tp2-dp2-zero1-bf16");
  const auto elements = [&](std::int64_t size) {
    scenario.parallel.reduce_bucket_size = size;
    std::vector<std::int64_t> buckets;
    for (const BudgetedCollective& c : budget_of(scenario).reduce)
      if (c.origin.starts_with("bucket_")) buckets.push_back(c.elements);
    return buckets;
  };
  // lm_head (64, 32), the norm of 32, then down_proj of the last layer: 32 + 32 * 24.
  const auto first = [&](std::int64_t size) { return elements(size).front(); };

  BOOST_TEST(first(2047) == 2048);  // alone: larger than a bucket
  BOOST_TEST(first(2048) == 2048);
  BOOST_TEST(first(2049) == 2048);
  BOOST_TEST(first(2048 + 32 - 1) == 2048);
  BOOST_TEST(first(2048 + 32) == 2048 + 32);
  BOOST_TEST(first(2048 + 32 + 1) == 2048 + 32);
  BOOST_TEST(elements(13280).size() == 1u);
  BOOST_TEST(elements(13279).size() == 2u);
}

BOOST_AUTO_TEST_CASE(stage_2_reduces_its_buckets_in_every_micro_step) {
  Scenario scenario = sweep_scenario("tiny-bias-tp2-dp2-zero1-bf16");
  scenario.parallel.reduce_bucket_size = 13279;
  const CollectiveBudget stage_1 = budget_of(scenario);
  scenario.parallel.zero_stage = 2;
  const CollectiveBudget stage_2 = budget_of(scenario);

  BOOST_TEST(stage_2.micro_step.size() == stage_1.micro_step.size() + 2);
  BOOST_TEST((stage_2.micro_step.back() == stage_1.reduce[1]));
  BOOST_TEST(stage_2.reduce.size() == 2u);  // the flag
  BOOST_TEST((stage_2.update == stage_1.update));
}

BOOST_AUTO_TEST_CASE(a_slice_is_padded_to_a_multiple_of_twice_the_replicas) {
  Scenario scenario = sweep_scenario("tiny-gqa-tp1-dp3-zero1-fp32-rank_order");
  std::int64_t elements = 0;
  for (const ParameterDescription& parameter : scenario.model.parameters)
    elements += element_count(parameter.shape);
  BOOST_TEST_REQUIRE(elements % 6 != 0);

  const CollectiveBudget budget = budget_of(scenario);

  BOOST_TEST(budget.update.back().elements == (elements / 6 + 1) * 2);
  BOOST_TEST(budget.micro_step.empty());
}

// Per pass 14 weights and 10 column biases are gathered; 14 layers agree, twice over each axis.
BOOST_AUTO_TEST_CASE(the_gathered_scopes_have_a_gather_a_parameter_and_an_agreement_a_layer) {
  const CollectiveBudget budget = budget_of(sweep_scenario("tiny-bias-tp2-dp2-zero1-bf16"));

  BOOST_TEST(budget.final_moment.size() == 24u + 14 * 4);
  BOOST_TEST(budget.initial_moment.size() == 24u + 14 * 4 + 2 * (2 + 4));
}

// gate and up (48, 32) cut 40 to 8 on two ranks, down along its inputs alike.
BOOST_AUTO_TEST_CASE(uneven_widths_pad_gathers_to_the_widest_and_leave_each_rank_its_own_slice) {
  Scenario scenario = sweep_scenario("tiny-bias-tp2-dp2-zero1-bf16");
  scenario.parallel.reduce_bucket_size = 20000;
  const std::string mlp = "model.layers.0.mlp";
  for (const char* name : {".gate_proj", ".up_proj", ".down_proj"})
    scenario.partition.modules[mlp + name].widths = {{40, 8}};
  const CollectiveBudget wide = budget_of(scenario, 0), narrow = budget_of(scenario, 1);

  for (const CollectiveBudget* budget : {&wide, &narrow}) {
    BOOST_TEST(find(budget->final_moment, mlp + ".up_proj/gather/all_gather_weight")->elements ==
               40 * 32);
    BOOST_TEST(find(budget->final_moment, mlp + ".up_proj/gather/all_gather_bias")->elements == 40);
    BOOST_TEST(find(budget->final_moment, mlp + ".down_proj/gather/all_gather_weight")->elements ==
               32 * 40);
    BOOST_TEST(find(budget->final_moment, mlp + ".down_proj/gather/all_gather_bias") == nullptr);
    BOOST_TEST((budget->micro_step == budget_of(scenario).micro_step));
  }
  // Against 13280 of an even cut: 16 features of 3 * 32 weights and 2 biases more or less.
  BOOST_TEST(find(wide.reduce, "bucket_0/reduce/all_reduce")->elements == 13280 + 16 * 98);
  BOOST_TEST(find(narrow.reduce, "bucket_0/reduce/all_reduce")->elements == 13280 - 16 * 98);
  BOOST_TEST(wide.update.back().elements == (13280 + 16 * 98) / 2);
  // Full on rank 0 alone, the bucket is closed on both.
  scenario.parallel.reduce_bucket_size = 13280;
  BOOST_TEST(find(budget_of(scenario, 1).reduce, "bucket_1/reduce/all_reduce") != nullptr);
}

BOOST_AUTO_TEST_CASE(every_block_of_a_fused_weight_is_gathered_by_itself) {
  Scenario scenario = sweep_scenario("tiny-bias-tp2-dp2-zero1-bf16");
  const std::string up = "model.layers.1.mlp.up_proj";
  scenario.partition.modules[up].widths = {{8, 8}, {20, 12}};
  const CollectiveBudget budget = budget_of(scenario);

  BOOST_TEST(find(budget.final_moment, up + "/gather/all_gather_weight") == nullptr);
  BOOST_TEST(find(budget.final_moment, up + "/gather/all_gather_weight_0")->elements == 8 * 32);
  BOOST_TEST(find(budget.final_moment, up + "/gather/all_gather_weight_1")->elements == 20 * 32);
  BOOST_TEST(find(budget.final_moment, up + "/gather/all_gather_bias_1")->elements == 20);
}

// B = 2, T = 12, C = 32, V = 64.
BOOST_AUTO_TEST_CASE(gathered_outputs_output_projections_and_summed_gradients_have_their_share) {
  Scenario scenario = sweep_scenario("tiny-bias-tp2-dp2-zero1-bf16");
  LayerPartition& head = scenario.partition.modules["lm_head"];
  head.style = LayerPartition::Style::column;
  head.gather_output = true;
  scenario.partition.modules["model.norm"].grad_allreduce = true;
  const CollectiveBudget column = budget_of(scenario);
  head = {};
  head.style = LayerPartition::Style::row;
  head.widths = {{20, 12}};
  const CollectiveBudget row = budget_of(scenario);

  BOOST_TEST(column.micro_step.size() == 14u + 3);
  BOOST_TEST(find(column.micro_step, "lm_head/forward/all_gather")->elements == 2 * 12 * 32);
  BOOST_TEST(find(column.micro_step, "lm_head/backward/all_reduce")->elements == 2 * 12 * 32);
  BOOST_TEST(find(column.micro_step, "model.norm/backward/all_reduce_weight")->elements == 32);
  BOOST_TEST(row.micro_step.size() == 14u + 3);
  BOOST_TEST(find(row.micro_step, "lm_head/forward/all_reduce")->elements == 2 * 12 * 64);
  BOOST_TEST(find(row.micro_step, "lm_head/backward/all_gather")->elements == 2 * 12 * 20);
}

BOOST_AUTO_TEST_CASE(columns_and_rows_are_cut_along_the_dimension_that_their_class_gives_them) {
  Scenario scenario = sweep_scenario("tiny-bias-tp2-dp2-zero1-bf16");
  const std::string q = "model.layers.0.self_attn.q_proj", o = "model.layers.0.self_attn.o_proj";
  const auto dimensions = [&] {
    return std::vector<int>{sharded_dimension(scenario, q + ".weight").value_or(-1),
                            sharded_dimension(scenario, q + ".bias").value_or(-1),
                            sharded_dimension(scenario, o + ".weight").value_or(-1),
                            sharded_dimension(scenario, o + ".bias").value_or(-1),
                            sharded_dimension(scenario, "model.norm.weight").value_or(-1)};
  };
  BOOST_TEST((dimensions() == std::vector<int>{0, 0, 1, -1, -1}));

  for (ParameterDescription& parameter : scenario.model.parameters)
    parameter.module_class = ModuleClass::conv1d;

  BOOST_TEST((dimensions() == std::vector<int>{1, 0, 0, -1, -1}));
}

BOOST_AUTO_TEST_CASE(one_rank_communicates_nothing) {
  const CollectiveBudget budget = budget_of(sweep_scenario("tiny-tp1-dp1-zero0-fp64"));

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
