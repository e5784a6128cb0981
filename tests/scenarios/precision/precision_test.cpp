#include "scenarios/precision/precision.hpp"

#include <boost/test/unit_test.hpp>
#include <map>
#include <string>

namespace shardproof {
namespace {

Scenario scenario_in(Dtype working, int zero_stage) {
  Scenario scenario;
  scenario.training.working = working;
  scenario.parallel.zero_stage = zero_stage;
  return scenario;
}

// What each kind of op stores, by hand: w working, a accumulate, c compute, m master, 4 fp32, 8
// fp64, i int64, and '-' that of its first input (or of an attribute).
const std::map<std::string, char> stored{{"load_parameter", 'w'},
                                         {"load_state", 'm'},
                                         {"load_tokens", 'i'},
                                         {"load_scalar", '-'},
                                         {"zero", '-'},
                                         {"rotary_table", 'w'},
                                         {"alibi_slopes", 'c'},
                                         {"shift_labels", 'i'},
                                         {"positions", 'i'},
                                         {"embedding", 'w'},
                                         {"rms_norm", 'w'},
                                         {"layer_norm", 'w'},
                                         {"matmul", 'w'},
                                         {"add_bias", 'w'},
                                         {"rotary", 'w'},
                                         {"attention", 'w'},
                                         {"swiglu", 'w'},
                                         {"gelu", 'w'},
                                         {"relu", 'w'},
                                         {"product", 'w'},
                                         {"soft_cap", 'w'},
                                         {"sigmoid", 'w'},
                                         {"add", '-'},
                                         {"split", 'w'},
                                         {"join", 'w'},
                                         {"repeat_heads", 'w'},
                                         {"sum_heads", 'w'},
                                         {"route", 'w'},
                                         {"moe_dispatch", 'w'},
                                         {"moe_combine", 'w'},
                                         {"cross_entropy", 'c'},
                                         {"squared_error", 'c'},
                                         {"cross_entropy_backward", 'w'},
                                         {"squared_error_backward", 'w'},
                                         {"matmul_backward_input", 'w'},
                                         {"matmul_backward_weight", 'w'},
                                         {"bias_backward", 'w'},
                                         {"rms_norm_backward_input", 'w'},
                                         {"rms_norm_backward_weight", 'w'},
                                         {"layer_norm_backward_input", 'w'},
                                         {"layer_norm_backward_weight", 'w'},
                                         {"rotary_backward", 'w'},
                                         {"attention_backward", 'w'},
                                         {"swiglu_backward", 'w'},
                                         {"gelu_backward", 'w'},
                                         {"relu_backward", 'w'},
                                         {"soft_cap_backward", 'w'},
                                         {"sigmoid_backward", 'w'},
                                         {"embedding_backward", 'w'},
                                         {"route_backward", 'w'},
                                         {"moe_dispatch_backward", 'w'},
                                         {"moe_combine_backward", 'w'},
                                         {"accumulate", 'a'},
                                         {"accumulate_slices", 'a'},
                                         {"copy", '-'},
                                         {"cast", '-'},
                                         {"flatten", '-'},
                                         {"unflatten", '-'},
                                         {"pad", '-'},
                                         {"concatenate", '-'},
                                         {"shard_slice", '-'},
                                         {"all_reduce", '-'},
                                         {"all_reduce_max", '-'},
                                         {"all_gather", '-'},
                                         {"wait", '-'},
                                         {"scale", '-'},
                                         {"divide", '-'},
                                         {"multiply", 'm'},
                                         {"negate", '-'},
                                         {"nonfinite", '4'},
                                         {"sum_of_squares", '8'},
                                         {"square_root", 'm'},
                                         {"clip_factor", 'm'},
                                         {"exp_avg", 'm'},
                                         {"exp_avg_sq", 'm'},
                                         {"adamw", 'm'},
                                         {"decay", 'm'},
                                         {"momentum", 'm'},
                                         {"nesterov", 'm'},
                                         {"sgd", 'm'},
                                         {"torch_exp_avg", 'm'},
                                         {"torch_exp_avg_sq", 'm'},
                                         {"torch_adamw", 'm'},
                                         {"torch_decay", 'm'},
                                         {"checksum", '8'},
                                         {"differ", '4'}};

struct Row {
  Dtype working, compute, master;
};

BOOST_AUTO_TEST_SUITE(precision)

BOOST_AUTO_TEST_CASE(each_op_stores_what_the_hand_written_table_says) {
  BOOST_TEST(stored.size() == op_table().size());
  for (const Row& row :
       {Row{Dtype::fp64, Dtype::fp64, Dtype::fp64}, Row{Dtype::fp32, Dtype::fp32, Dtype::fp32},
        Row{Dtype::bf16, Dtype::fp32, Dtype::fp32}, Row{Dtype::fp16, Dtype::fp32, Dtype::fp32}}) {
    const PrecisionPolicy policy = precision_policy(scenario_in(row.working, 0));
    const std::map<char, Dtype> meaning{{'w', row.working}, {'a', row.working}, {'c', row.compute},
                                        {'m', row.master},  {'4', Dtype::fp32}, {'8', Dtype::fp64},
                                        {'i', Dtype::int64}};
    for (const OpRow& op : op_table()) {
      const char letter = stored.at(op.name);
      const auto output = policy.output(op.kind);
      BOOST_TEST(output.has_value() == (letter != '-'), op.name);
      if (output) BOOST_TEST(std::string(name_of(*output)) == name_of(meaning.at(letter)), op.name);
    }
  }
}

BOOST_AUTO_TEST_CASE(collectives_travel_in_the_working_dtype_by_default) {
  for (const Dtype working : {Dtype::fp64, Dtype::fp32, Dtype::bf16, Dtype::fp16})
    for (const Axis axis : {Axis::tp, Axis::dp})
      BOOST_TEST(name_of(precision_policy(scenario_in(working, 1))
                             .wire(OpKind::all_reduce, axis, working)) == name_of(working));
}

BOOST_AUTO_TEST_CASE(gradients_travel_over_dp_in_their_own_dtype_and_nothing_else_does) {
  Scenario scenario = scenario_in(Dtype::bf16, 2);
  scenario.parallel.dp_wire = Dtype::fp32;
  const PrecisionPolicy policy = precision_policy(scenario);
  const auto wire = [&](OpKind kind, Axis axis, Dtype operand) {
    return std::string(name_of(policy.wire(kind, axis, operand)));
  };

  BOOST_TEST(wire(OpKind::all_reduce, Axis::dp, Dtype::bf16) == "fp32");
  BOOST_TEST(wire(OpKind::all_reduce, Axis::tp, Dtype::bf16) == "bf16");
  BOOST_TEST(wire(OpKind::all_gather, Axis::dp, Dtype::bf16) == "bf16");
  BOOST_TEST(wire(OpKind::all_reduce, Axis::dp, Dtype::fp64) == "fp64");
}

BOOST_AUTO_TEST_CASE(zero_1_and_2_divide_before_the_reduction_and_stage_0_multiplies_after_it) {
  for (const Dtype working : {Dtype::bf16, Dtype::fp16}) {
    BOOST_TEST(precision_policy(scenario_in(working, 2)).divide_before);
    BOOST_TEST(precision_policy(scenario_in(working, 1)).divide_before);
    BOOST_TEST(!precision_policy(scenario_in(working, 0)).divide_before);
  }
}

// Stage 1 in bf16 with fp32 accumulators is DeepSpeed's BF16_Optimizer: fp32 buffers, 1/D after.
BOOST_AUTO_TEST_CASE(fp32_accumulators_are_reduced_as_the_wrapper_of_their_stage_does) {
  struct Row {
    Dtype working;
    int stage;
    const char* wire;
    bool divide_before;
  };
  for (const Row& row : {Row{Dtype::bf16, 1, "fp32", false}, Row{Dtype::bf16, 2, "bf16", true},
                         Row{Dtype::fp16, 1, "fp16", true}, Row{Dtype::fp16, 2, "fp16", true},
                         Row{Dtype::fp32, 1, "fp32", true}}) {
    Scenario scenario = scenario_in(row.working, row.stage);
    scenario.training.accumulate = Dtype::fp32;
    const PrecisionPolicy policy = precision_policy(scenario);

    BOOST_TEST(name_of(policy.accumulate) == "fp32");
    BOOST_TEST(name_of(policy.dp_wire) == row.wire);
    BOOST_TEST(policy.divide_before == row.divide_before);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace shardproof
