// What specs do to the weights of a model: matching, cuts, refusals, warnings.
#include <boost/test/unit_test.hpp>

#include "tests/scenarios/partition/plans.hpp"

using namespace shardproof;
using namespace shardproof::tests;

BOOST_AUTO_TEST_CASE(the_first_spec_that_matches_decides_and_more_are_a_warning) {
  const PartitionPlan plan = plan_of(
      small_model("llama"), specs(R"({"patterns": [".*\\.up_proj"], "partition_type": "skip"},
        {"patterns": [".*\\.(up|gate)_proj\\.weight$"], "partition_type": "Column"},
        {"patterns": ["q_proj"]})"));
  BOOST_TEST(shown(plan, "model.layers.0.mlp.up_proj") == "replicated");
  BOOST_TEST(plan.of("model.layers.0.mlp.up_proj").rule == "layer_specs[0], .*\\.up_proj");
  BOOST_TEST(shown(plan, "model.layers.0.mlp.gate_proj") == "column");
  BOOST_TEST(shown(plan, "model.layers.0.self_attn.q_proj") == "replicated");
  BOOST_REQUIRE_EQUAL(plan.warnings.size(), 2U);
  BOOST_TEST(plan.warnings[0] ==
             "model.layers.0.mlp.up_proj.weight and 1 more: 2 specs match (layer_specs[0], "
             "layer_specs[1]), the first decides");
  BOOST_TEST(plan.warnings[1] == "layer_specs[2] matches no weight of the model");
}

BOOST_AUTO_TEST_CASE(deep_paths_are_matched_from_the_root) {
  const PartitionPlan plan =
      plan_of(small_model("llama"),
              specs(R"({"patterns": ["model\\.layers\\.\\d+\\.self_attn\\.q_proj\\.weight$"]},
               {"patterns": ["model\\.layers\\.1\\.self_attn\\.o_proj"], "partition_type": "row"})"));
  for (const char* layer : {"model.layers.0", "model.layers.1"})
    BOOST_TEST(shown(plan, std::string(layer) + ".self_attn.q_proj") == "column");
  BOOST_TEST(shown(plan, "model.layers.0.self_attn.o_proj") == "replicated");
  BOOST_TEST(shown(plan, "model.layers.1.self_attn.o_proj") == "row");
  BOOST_TEST(plan.modules.size() == 3U);
}

BOOST_AUTO_TEST_CASE(specs_may_be_of_some_model_types_only) {
  const std::string section = specs(
      R"({"patterns": [".*up_proj"], "model_types": ["Mistral", "QWEN2"]},
         {"patterns": [".*down_proj"], "partition_type": "row", "model_types": []})");
  BOOST_TEST(shown(plan_of(small_model("llama"), section), "model.layers.0.mlp.up_proj") ==
             "replicated");
  BOOST_TEST(shown(plan_of(small_model("llama"), section), "model.layers.0.mlp.down_proj") ==
             "row");
  BOOST_TEST(shown(plan_of(small_model("qwen2", R"("num_key_value_heads": 4)"), section),
                   "model.layers.0.mlp.up_proj") == "column");
}

BOOST_AUTO_TEST_CASE(strict_mode_wants_every_weight_matched_but_no_norm_and_no_embedding) {
  const std::string most = R"({"patterns": [".*(q|k|v|up|gate|o|down)_proj"],
                               "partition_type": "skip"})";
  BOOST_TEST(error_of_plan(small_model("llama"), specs(most, R"(, "strict_mode": true)")) ==
             "ds.json:2:36: No matching spec for lm_head.weight, and partition_config.strict_mode"
             " = true requires one");
  BOOST_TEST(error_of_plan(small_model("llama"),
                           specs(most + R"(, {"patterns": ["lm_head"], "gather_output": true})",
                                 R"(, "strict_mode": true)")) == "no error");
}

BOOST_AUTO_TEST_CASE(an_embedding_is_never_cut) {
  BOOST_TEST(error_of_plan(small_model("llama"), specs(R"({"patterns": [".*\\.weight$"]})")) ==
             "ds.json:3:38: layer_specs[0], .*\\.weight$: matches the embedding "
             "model.embed_tokens.weight, and each rank of a cut embedding would see a slice of the "
             "hidden state only: match it with a \"skip\" spec before");
  BOOST_TEST(error_of_plan(small_model("llama"),
                           specs(R"({"patterns": [".*embed_tokens"], "partition_type": "skip"},
                                    {"patterns": [".*\\.weight$"]})")) == "no error");
}

BOOST_AUTO_TEST_CASE(tied_weights_stay_replicated_or_are_refused) {
  const ModelDescription tied = small_model("llama", R"("tie_word_embeddings": true)");
  const PartitionPlan plan = plan_of(tied, "");
  BOOST_TEST(shown(plan, "lm_head") == "replicated");
  BOOST_TEST(shown(plan, "model.layers.0.self_attn.q_proj") == "column");
  BOOST_REQUIRE_EQUAL(plan.warnings.size(), 1U);
  BOOST_TEST(plan.warnings[0] ==
             "lm_head.weight is tied to model.embed_tokens.weight: both stay replicated, because a"
             " coupled vocabulary-parallel embedding is not supported");
  for (const char* type : {"column", "row"})
    BOOST_TEST(
        error_of_plan(tied, specs(R"({"patterns": ["lm_head"], "partition_type": ")" +
                                  std::string(type) + "\"}"))
            .find("lm_head.weight is tied to model.embed_tokens.weight, which would be cut") !=
        std::string::npos);
  BOOST_TEST(plan_of(tied, R"("preset_model": "llama")").warnings.empty());
  // Whatever the head is called.
  const PartitionPlan neox =
      plan_of(small_model("gpt_neox", R"("rotary_pct": 0.5, "tie_word_embeddings": true)"), "");
  BOOST_TEST((neox.of("embed_out").style == LayerPartition::Style::replicated));
  BOOST_TEST(neox.of("embed_out").rule.ends_with("but tied"));
  BOOST_REQUIRE(!neox.warnings.empty());
  BOOST_TEST(neox.warnings[0].starts_with("embed_out.weight is tied to gpt_neox.embed_in.weight"));
}

BOOST_AUTO_TEST_CASE(gradients_are_summed_for_whole_modules) {
  const std::string norms = specs(R"({"patterns": [".*input_layernorm"], "partition_type": "skip",
                                      "grad_allreduce": true})");
  const PartitionPlan plan = plan_of(small_model("llama"), norms);
  BOOST_TEST(shown(plan, "model.layers.1.input_layernorm") == "replicated summed");
  BOOST_TEST(shown(plan, "model.norm") == "replicated");
  const std::string half = specs(R"({"patterns": [".*\\.0\\.input_layernorm\\.weight"],
    "partition_type": "skip", "grad_allreduce": true})");
  BOOST_TEST(error_of_plan(small_model("bloom", R"("tie_word_embeddings": false)"), half)
                 .find("grad_allreduce matches 1 of the 2 parameters of "
                       "transformer.h.0.input_layernorm") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(shapes_become_blocks_of_the_right_dimension) {
  const auto cut = [](const std::string& spec) {
    return shown(plan_of(small_model("llama"), specs(spec)), "model.layers.0.mlp.up_proj");
  };
  // (24, 16)
  BOOST_TEST(cut(R"({"patterns": [".*up_proj"], "shape": [[12, 8, 4], -1]})") ==
             "column {6 6}{4 4}{2 2}");
  BOOST_TEST(cut(R"({"patterns": [".*up_proj"], "shape": [1, -1]})") == "column");
  BOOST_TEST(cut(R"({"patterns": [".*up_proj"], "shape": [3, -1, 16], "partition_dim": 1})") ==
             "column {4 4}{4 4}{4 4}");
  BOOST_TEST(cut(R"({"patterns": [".*up_proj"], "shape": [2, [2, 4], 2, 16],
                     "partition_dim": 1})") == "column {2 2}{4 4}{2 2}{4 4}");
  BOOST_TEST(
      cut(R"({"patterns": [".*up_proj"], "partition_type": "row", "shape": [-1, [6, 10]]})") ==
      "row {3 3}{5 5}");
  BOOST_TEST(cut(R"({"patterns": [".*up_proj"], "partition_type": "row", "shape": [4, 6, -1],
                     "partition_dim": 2})") == "row");
}

BOOST_AUTO_TEST_CASE(cuts_are_even_unless_the_scenario_says_otherwise) {
  const std::string both = specs(R"({"patterns": [".*up_proj"], "shape": [[15, 9], -1]},
                                    {"patterns": [".*down_proj"], "partition_type": "row"})");
  const ModelDescription odd = small_model("llama", R"("num_key_value_heads": 2)");
  BOOST_TEST(error_of_plan(odd, both) ==
             "ds.json:2:36: tensor_parallel.autotp_size = 2 does not divide the 15 output features"
             " of a sub-parameter of model.layers.0.mlp.up_proj evenly (8, 7); \"uneven\": true in"
             " the scenario, or --override uneven=true, allows uneven cuts");
  BOOST_TEST(shown(plan_of(odd, both, {.uneven = true}), "model.layers.0.mlp.up_proj") ==
             "column {8 7}{5 4}");
  BOOST_TEST(
      error_of_plan(odd, specs(R"({"patterns": [".*down_proj"], "partition_type": "row"})"),
                    {.tp = 5}) ==
      "ds.json:2:36: tensor_parallel.autotp_size = 5 does not divide the 24 input features of"
      " model.layers.0.mlp.down_proj evenly (5, 5, 5, 5, 4); \"uneven\": true in"
      " the scenario, or --override uneven=true, allows uneven cuts");
  BOOST_TEST(error_of_plan(odd, R"("preset_model": "llama", "tp": {"tp_grain_size": 16})")
                 .find("the 16 output features of model.layers.0.self_attn.q_proj evenly in grains"
                       " of tp_grain_size = 16 (16, 0)") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(heads_must_be_divided_where_attention_is_cut) {
  const ModelDescription model = small_model("llama", R"("num_key_value_heads": 2)");
  BOOST_TEST(error_of_plan(model, R"("preset_model": "llama")", {.tp = 4})
                 .find("autotp_size = 4 does not divide num_key_value_heads = 2") !=
             std::string::npos);
  const std::string mlp = specs(R"({"patterns": [".*up_proj"]},
                                   {"patterns": [".*down_proj"], "partition_type": "row"})");
  BOOST_TEST(error_of_plan(model, mlp, {.tp = 4}) == "no error");
}

// Rows D-05 and D-06 of DeepSpeed's own tests: hidden 1024, head dimension 128, 16 heads.
BOOST_AUTO_TEST_CASE(uneven_cuts_are_aligned_to_kv_heads) {
  const auto widths = [](int heads) {
    const ModelDescription model =
        small_model("qwen3", R"("head_dim": 128, "num_key_value_heads": )" + std::to_string(heads));
    ModelDescription wide = model;
    return plan_of(wide, "", {.tp = 3, .uneven = true});
  };
  const PartitionPlan four = widths(4);  // 4 query heads
  BOOST_TEST(shown(four, "model.layers.0.self_attn.q_proj") == "column {256 128 128}");
  BOOST_TEST(shown(four, "model.layers.0.self_attn.o_proj") == "row {256 128 128}");
  BOOST_TEST(shown(four, "model.layers.0.mlp.up_proj") == "column");
  BOOST_TEST(shown(four, "lm_head") == "column gathered {11 11 10}");
  BOOST_TEST(four.warnings.empty());
  const PartitionPlan two = widths(2);
  BOOST_TEST(shown(two, "model.layers.0.self_attn.q_proj") == "column {256 256 0}");
  BOOST_TEST(shown(two, "model.layers.0.self_attn.k_proj") == "column {128 128 0}");
  BOOST_REQUIRE_EQUAL(two.warnings.size(), 1U);
  BOOST_TEST(two.warnings[0] ==
             "tensor_parallel.autotp_size = 3 is more than num_key_value_heads = 2: surplus ranks"
             " hold no share of attention");
}

BOOST_AUTO_TEST_CASE(a_hostile_pattern_is_an_error_at_its_place) {
  BOOST_TEST(
      error_of_plan(small_model("llama"), specs(R"({"patterns": ["((a|.)*)*z?\\d$"]})"))
          .starts_with("ds.json:3:52: tensor_parallel.partition_config.layer_specs[0]."
                       "patterns[0] = \"((a|.)*)*z?\\d$\": matching \"model.embed_tokens.weight\""
                       " failed: match limit exceeded"));
}
