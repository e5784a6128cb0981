// The layers that Llama does not have, cut over a TP group, against the same layers on one rank:
// Conv1D weights, fused and interleaved projections, LayerNorm, GELU, learned positions, ALiBi.
#include <boost/test/unit_test.hpp>

#include "real/lowering/ill_typed.hpp"
#include "real/models/network.hpp"
#include "real/run/rank_run.hpp"
#include "tests/real/layer_runs.hpp"
#include "tests/support/error_of.hpp"

namespace shardproof::tests {
namespace {

using real::Network;

constexpr std::int64_t V = 17, C = 6, I = 10, T = 12;
constexpr std::int64_t H = 6, hd = 4;  // layer_scenario's heads are 4 wide

ParameterDescription conv1d(const std::string& name, const Shape& shape) {
  return {name, shape, ModuleClass::conv1d};
}
ParameterDescription linear(const std::string& name, const Shape& shape) {
  return {name, shape, ModuleClass::linear};
}

// One block as GPT-2's, all biases there; lm_head is tied.
SmallModel gpt2_block(const Widths& qkv, const Widths& heads, const Widths& inner) {
  return {{{"wte.weight", {V, C}, ModuleClass::embedding},
           {"wpe.weight", {T + 3, C}, ModuleClass::embedding},
           {"ln.weight", {C}, ModuleClass::layer_norm},
           {"ln.bias", {C}, ModuleClass::layer_norm},
           conv1d("c_attn.weight", {C, 3 * H * hd}),
           conv1d("c_attn.bias", {3 * H * hd}),
           conv1d("c_proj.weight", {H * hd, C}),
           conv1d("c_proj.bias", {C}),
           conv1d("mlp.c_fc.weight", {C, I}),
           conv1d("mlp.c_fc.bias", {I}),
           conv1d("mlp.c_proj.weight", {I, C}),
           conv1d("mlp.c_proj.bias", {C})},
          [](Network& net, ValueId tokens) {
            ValueId x = net.add("net", "embeddings", net.embedding("wte", tokens),
                                net.embedding("wpe", net.positions()));
            const auto qkv =
                net.split("attn", {"query", "key", "value"},
                          net.linear("c_attn", net.layer_norm("ln", x)), {H * hd, H * hd, H * hd});
            const ValueId y = net.attention("attn", qkv[0], qkv[1], qkv[2]);
            x = net.add("net", "residual", x, net.linear("c_proj", y));
            const ValueId inner = net.gelu("mlp", net.linear("mlp.c_fc", x), GeluForm::tanh);
            return net.linear("lm_head", net.linear("mlp.c_proj", inner), "wte");
          },
          {{"c_attn", column(qkv)},
           {"c_proj", row(heads)},
           {"mlp.c_fc", column(inner)},
           {"mlp.c_proj", row(inner)}}};
}

// Attention as BLOOM's: query, key and value side by side within each head, and ALiBi.
SmallModel bloom_attention(const Widths& fused, const Widths& heads) {
  return {{{"embed.weight", {V, C}, ModuleClass::embedding},
           linear("query_key_value.weight", {3 * H * hd, C}),
           linear("query_key_value.bias", {3 * H * hd}),
           linear("dense.weight", {C, H * hd}),
           linear("dense.bias", {C})},
          [](Network& net, ValueId tokens) {
            const ValueId x = net.embedding("embed", tokens);
            const auto qkv = net.split("attn", {"query", "key", "value"},
                                       net.linear("query_key_value", x), {hd, hd, hd});
            const ValueId y = net.attention("attn", qkv[0], qkv[1], qkv[2], {.head_dim = hd},
                                            net.alibi_slopes(qkv[0]));
            return net.linear("lm_head", net.linear("dense", y), "embed");
          },
          {{"query_key_value", column(fused)}, {"dense", row(heads)}}};
}

// Positions that begin at the third row of their table, and a ReLU, as OPT's.
SmallModel opt_mlp(const Widths& inner) {
  return {{{"embed.weight", {V, C}, ModuleClass::embedding},
           {"places.weight", {T + 2, C}, ModuleClass::embedding},
           linear("fc1.weight", {I, C}),
           linear("fc1.bias", {I}),
           linear("fc2.weight", {C, I}),
           linear("fc2.bias", {C})},
          [](Network& net, ValueId tokens) {
            const ValueId x = net.add("net", "embeddings", net.embedding("embed", tokens),
                                      net.embedding("places", net.positions(2)));
            return net.linear("lm_head", net.linear("fc2", net.relu("mlp", net.linear("fc1", x))),
                              "embed");
          },
          {{"fc1", column(inner)}, {"fc2", row(inner)}}};
}

Scenario scenario_of(const SmallModel& model, const Grid& grid) {
  Scenario scenario = layer_scenario(model, grid);
  scenario.model.numbers["layer_norm_epsilon"] = 1e-5;
  return scenario;
}

void check_against_one_rank(const SmallModel& model, const Grid& grid) {
  BOOST_TEST_CONTEXT("tp " << grid.tp << " dp " << grid.dp) {
    const LayerRun whole(scenario_of(model, {1, grid.dp, grid.zero}), model.forward);
    const LayerRun cut(scenario_of(model, grid), model.forward);
    for (const TypeProblem& problem : cut.problems()) BOOST_TEST(problem.message == "", problem.op);
    BOOST_TEST_REQUIRE(cut.problems().empty());
    std::string where;
    const double difference = largest_difference(whole, cut, &where);
    BOOST_TEST(difference < 1e-12, where << " differs by " << difference);
  }
}

// Heads of queries that are normed each by itself, as Qwen3's.
SmallModel normed_heads(std::int64_t heads, const Widths& widths) {
  LayerPartition summed;
  summed.grad_allreduce = true;
  return {{{"embed.weight", {V, C}, ModuleClass::embedding},
           linear("q_proj.weight", {heads * hd, C}),
           {"q_norm.weight", {hd}, ModuleClass::rms_norm},
           linear("o_proj.weight", {C, heads * hd})},
          [](Network& net, ValueId tokens) {
            const ValueId q = net.linear("q_proj", net.embedding("embed", tokens));
            return net.linear("lm_head", net.linear("o_proj", net.rms_norm("q_norm", q)), "embed");
          },
          {{"q_proj", column(widths)}, {"q_norm", summed}, {"o_proj", row(widths)}}};
}

BOOST_AUTO_TEST_SUITE(layers_of_families)

BOOST_AUTO_TEST_CASE(a_block_of_gpt2_is_the_unsharded_one_in_even_uneven_and_zero_widths) {
  const std::vector<std::int64_t> two{8, 16}, none{12, 12, 0};
  check_against_one_rank(gpt2_block({{12, 12}, {12, 12}, {12, 12}}, {}, {}), {2, 2, 1});
  check_against_one_rank(gpt2_block({two, two, two}, {two}, {{7, 3}}), {2, 1, 0});
  check_against_one_rank(gpt2_block({none, none, none}, {none}, {{5, 0, 5}}), {3, 1, 1});
}

BOOST_AUTO_TEST_CASE(positions_of_opt_begin_at_the_third_row_and_its_mlp_is_the_unsharded_one) {
  check_against_one_rank(opt_mlp({}), {2, 1, 0});
  check_against_one_rank(opt_mlp({{7, 3}}), {2, 2, 1});
  const SmallModel model = opt_mlp({});
  const LayerRun run(scenario_of(model, {2, 1, 0}), model.forward);
  const std::vector<double> places = run.tensor("/step/000000/micro/0/data/positions");
  BOOST_TEST((places[0] == 2 && places[T - 1] == T + 1));
  const std::vector<double> gradient = run.tensor("/step/000000/micro/0/gradient/places.weight");
  BOOST_TEST(
      std::all_of(gradient.begin(), gradient.begin() + 2 * C, [](double g) { return g == 0; }));
  BOOST_TEST(gradient[2 * C] != 0);
}

BOOST_AUTO_TEST_CASE(heads_of_bloom_are_the_unsharded_ones_each_with_its_own_slope) {
  check_against_one_rank(bloom_attention({}, {}), {3, 1, 0});
  check_against_one_rank(bloom_attention({{12, 60}}, {{4, 20}}), {2, 2, 1});
  check_against_one_rank(bloom_attention({{36, 36, 0}}, {{12, 12, 0}}), {3, 1, 0});
  const SmallModel model = bloom_attention({}, {});
  const LayerRun run(scenario_of(model, {3, 1, 0}), model.forward);
  const std::vector<double> slopes = run.tensor("/initial/data/alibi_slopes");
  const std::vector<double> of_six{0.25, 0.0625, 0.015625, 0.00390625, 0.5, 0.125};
  BOOST_TEST(slopes == of_six, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(heads_that_are_cut_otherwise_have_slopes_of_their_own) {
  SmallModel model = bloom_attention({}, {});
  model.parameters.push_back(linear("whole.query_key_value.weight", {3 * H * hd, C}));
  model.parameters.push_back(linear("whole.dense.weight", {C, H * hd}));
  model.forward = [](Network& net, ValueId tokens) {
    ValueId x = net.embedding("embed", tokens);
    for (const std::string layer : {"", "whole."}) {
      const auto qkv = net.split(layer + "attn", {"query", "key", "value"},
                                 net.linear(layer + "query_key_value", x), {hd, hd, hd});
      const ValueId y = net.attention(layer + "attn", qkv[0], qkv[1], qkv[2], {.head_dim = hd},
                                      net.alibi_slopes(qkv[0]));
      x = net.linear(layer + "dense", y);
    }
    return net.linear("lm_head", x, "embed");
  };
  check_against_one_rank(model, {2, 1, 0});
}

BOOST_AUTO_TEST_CASE(norms_of_heads_are_the_unsharded_ones_and_the_only_head_may_lie_on_one_rank) {
  check_against_one_rank(normed_heads(3, {{8, 4}}), {2, 1, 0});
  check_against_one_rank(normed_heads(1, {{4, 0}}), {2, 1, 0});
  check_against_one_rank(normed_heads(1, {{0, 0, 4}}), {3, 2, 1});

  const SmallModel halves = normed_heads(1, {});
  BOOST_TEST(!LayerRun(layer_scenario(halves, {2, 1, 0}), halves.forward).problems().empty());
}

BOOST_AUTO_TEST_CASE(a_cut_through_a_head_is_refused) {
  const SmallModel model = bloom_attention({{34, 38}}, {{12, 12}});
  BOOST_TEST(error_of([&] {
               real::lower(scenario_of(model, {2, 1, 0}), model.forward);
             }).ends_with("shard(2: 34 38): a cut goes through a head of 12"));
}

BOOST_AUTO_TEST_CASE(a_value_that_nobody_uses_is_named) {
  SmallModel model = bloom_attention({}, {});
  model.forward = [](Network& net, ValueId tokens) {
    const ValueId x = net.embedding("embed", tokens);
    net.linear("query_key_value", x);
    return net.linear("lm_head", x, "embed");
  };
  std::string message;
  try {
    real::lower(scenario_of(model, {2, 1, 0}), model.forward);
  } catch (const InvariantError& error) {
    message = error.what();
  }
  BOOST_TEST(message.ends_with("got forward/query_key_value/output is used by nobody"), message);
}

BOOST_AUTO_TEST_CASE(a_preset_that_does_not_fit_is_told_with_a_way_out) {
  const auto error = [](const char* name, const std::string& preset) {
    Scenario scenario = sweep(name);
    scenario.parallel.partition_rules.preset = preset;
    lay_out(scenario, 2, 1);
    return error_of([&] { real::checked_program(scenario); });
  };
  const std::string qwen = error("qwen3-tp_plan-tp2-dp2-zero1-bf16", "qwen2");
  BOOST_TEST(qwen.find("self_attn.k_norm cannot take what model.layers.1.self_attn.k_proj gives, "
                       "which is cut by columns (preset qwen2") != std::string::npos,
             qwen);
  BOOST_TEST(qwen.find("leave preset_model \"qwen2\" away, so that the model's tp_plan decides") !=
                 std::string::npos,
             qwen);
  BOOST_TEST(error("deepseek_v2-tp_plan-tp2-dp1-zero0-fp64", "deepseek_v2")
                 .find("leave preset_model \"deepseek_v2\" away") != std::string::npos);
  // Neither by another preset nor by a tp_plan that AutoTP refuses.
  const std::string v3 = error("deepseek_v3-preset-tp2-dp2-zero1-bf16", "llama");
  BOOST_TEST(v3.find("write \"preset_model\": \"deepseek_v2\"") != std::string::npos, v3);
  const std::string olmo2 = error("olmo2-own-tp2-dp2-zero1-bf16", "llama");
  BOOST_TEST(olmo2.find("away") == std::string::npos, olmo2);
  BOOST_TEST(olmo2.find("--cut own") != std::string::npos, olmo2);
  BOOST_TEST(error("qwen3-tp_plan-tp2-dp2-zero1-bf16", "") == "no error");
}

BOOST_AUTO_TEST_CASE(a_tp_plan_that_cuts_what_is_needed_whole_is_told_with_a_preset_that_does_not) {
  Scenario scenario = sweep("deepseek_v2-tp2-dp2-zero1-bf16");
  scenario.parallel.partition_rules.preset = "";
  lay_out(scenario, 2, 1);
  const std::string error = error_of([&] { real::checked_program(scenario); });

  BOOST_TEST(
      error.find("model.layers.0.self_attn.q_a_layernorm cannot take what "
                 "model.layers.0.self_attn.q_a_proj gives, which is cut by columns (tp_plan") !=
          std::string::npos,
      error);
  BOOST_TEST(error.find("write \"preset_model\": \"deepseek_v2\" in tensor_parallel, or a "
                        "partition_config that skips model.layers.0.self_attn.q_a_proj") !=
                 std::string::npos,
             error);
}

// Gemma 3's own, which says nothing of the norms of heads: their gradients would not be summed.
BOOST_AUTO_TEST_CASE(a_tp_plan_that_forgets_the_norms_of_heads_is_told_what_does_not_fit) {
  Scenario scenario = sweep("gemma3_text-partition_config-tp2-dp2-zero1-bf16");
  scenario.parallel.partition_rules.custom.reset();
  lay_out(scenario, 2, 1);
  const std::string error = error_of([&] { real::checked_program(scenario); });

  BOOST_TEST(
      error.find("model.layers.1.self_attn.k_norm cannot take what "
                 "model.layers.1.self_attn.k_proj gives, which is cut by columns (tp_plan") !=
          std::string::npos,
      error);
  BOOST_TEST(error.find("write a partition_config that skips model.layers.1.self_attn.k_proj") !=
                 std::string::npos,
             error);
}

BOOST_AUTO_TEST_CASE(where_no_cut_is_at_fault_no_user_is_told_to_change_one) {
  const Scenario scenario = sweep("qwen3-tp_plan-tp2-dp2-zero1-bf16");
  const Program program = real::checked_program(scenario);
  const std::vector<TypeProblem> problems{
      {"decide", "loss is partial: ranks could decide differently"}};
  const std::string error = error_of([&] { real::refuse_ill_typed(scenario, program, problems); });

  BOOST_TEST(
      error.find("a fault of Shardproof's and not of the scenario: decide") != std::string::npos,
      error);
  BOOST_TEST(error.find("preset") == std::string::npos, error);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace shardproof::tests
