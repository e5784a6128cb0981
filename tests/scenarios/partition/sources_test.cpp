// Which of partition_config, preset, tp_plan and heuristics decides, and what each says.
#include <boost/test/unit_test.hpp>

#include "scenarios/model/families.hpp"
#include "scenarios/partition/heuristics.hpp"
#include "scenarios/partition/presets.hpp"
#include "tests/scenarios/partition/plans.hpp"

using namespace shardproof;
using namespace shardproof::tests;

namespace {

const std::string kGlm = R"("multi_query_attention": true, "multi_query_group_num": 2,
  "kv_channels": 4, "hidden_dropout": 0, "attention_dropout": 0)";
const std::string kBloom = R"("tie_word_embeddings": false)";
const std::string kMoe = R"("num_key_value_heads": 4, "num_local_experts": 3)";
const std::string kLatent = R"("num_key_value_heads": 4, "q_lora_rank": 8, "kv_lora_rank": 8,
  "qk_nope_head_dim": 4, "qk_rope_head_dim": 4, "v_head_dim": 4, "n_routed_experts": 2,
  "num_experts_per_tok": 1, "n_shared_experts": 1, "moe_intermediate_size": 6,
  "first_k_dense_replace": 1)";

// Of each module of layer `layer` of the model, and of the head.
void check(const PartitionPlan& plan, const std::string& layer,
           const std::map<std::string, std::string>& expected) {
  for (const auto& [module, style] : expected) BOOST_TEST_CONTEXT(module)
  BOOST_TEST(shown(plan, module == "lm_head" ? module : layer + "." + module) == style);
}

}  // namespace

BOOST_AUTO_TEST_CASE(without_tensor_parallelism_nothing_is_cut) {
  BOOST_TEST(
      plan_of(small_model("llama"), R"("preset_model": "llama")", {.tp = 1}).modules.empty());
  BOOST_TEST(error_of_plan(small_model("gpt2", R"("tie_word_embeddings": true,
    "resid_pdrop": 0, "embd_pdrop": 0, "attn_pdrop": 0)"),
                           "", {.tp = 1}) == "no error");
}

BOOST_AUTO_TEST_CASE(presets_are_the_tables_of_autotp) {
  const std::map<std::string, std::string> llama = {
      {"self_attn.q_proj", "column"}, {"self_attn.k_proj", "column"},
      {"self_attn.v_proj", "column"}, {"self_attn.o_proj", "row"},
      {"mlp.gate_proj", "column"},    {"mlp.up_proj", "column"},
      {"mlp.down_proj", "row"},       {"lm_head", "replicated"}};
  check(plan_of(small_model("llama"), R"("preset_model": "LLaMA")"), "model.layers.1", llama);
  check(plan_of(small_model("qwen2", R"("num_key_value_heads": 4)"), R"("preset_model": "qwen2")"),
        "model.layers.1", llama);
  check(plan_of(small_model("bloom", kBloom), R"("preset_model": "bloom")"), "transformer.h.1",
        {{"self_attention.query_key_value", "column"},
         {"self_attention.dense", "row"},
         {"mlp.dense_h_to_4h", "column"},
         {"mlp.dense_4h_to_h", "row"}});
  check(plan_of(small_model("phi3", R"("num_key_value_heads": 4, "pad_token_id": null)"),
                R"("preset_model": "phi3")"),
        "model.layers.1",
        {{"self_attn.qkv_proj", "column {8 8}{8 8}{8 8}"},
         {"self_attn.o_proj", "row"},
         {"mlp.gate_up_proj", "column {12 12}{12 12}"},
         {"mlp.down_proj", "row"}});
  check(plan_of(small_model("mixtral", kMoe), R"("preset_model": "mixtral")"), "model.layers.1",
        {{"block_sparse_moe.gate", "replicated"},
         {"block_sparse_moe.experts.2.w1", "column"},
         {"block_sparse_moe.experts.2.w2", "row"},
         {"block_sparse_moe.experts.0.w3", "column"},
         {"self_attn.o_proj", "row"}});
  const PartitionPlan latent =
      plan_of(small_model("deepseek_v2", kLatent), R"("preset_model": "deepseek_v2")");
  check(latent, "model.layers.1",
        {{"self_attn.q_a_proj", "replicated"},
         {"self_attn.q_b_proj", "column"},
         {"self_attn.kv_a_proj_with_mqa", "replicated"},
         {"self_attn.kv_b_proj", "column"},
         {"self_attn.o_proj", "row"},
         {"mlp.gate", "replicated"},
         {"mlp.experts.1.up_proj", "column"},
         {"mlp.experts.1.down_proj", "row"},
         {"mlp.shared_experts.gate_proj", "column"},
         {"mlp.shared_experts.down_proj", "row"}});
  check(latent, "model.layers.0", {{"mlp.down_proj", "replicated"}});  // a dense layer
}

BOOST_AUTO_TEST_CASE(a_preset_says_which_rule_decided) {
  const PartitionPlan plan = plan_of(small_model("llama"), R"("preset_model": "llama")");
  BOOST_TEST(plan.of("model.layers.0.mlp.down_proj").rule ==
             "preset llama, .*\\.mlp\\.down_proj\\.weight$");
  BOOST_TEST(plan.warnings.empty());
  BOOST_TEST(plan_of(small_model("llama"), R"("preset_model": "bloom")").warnings.front() ==
             "no spec matches a weight: tensor parallelism cuts nothing");
}

// A roundtrip of split and gather would not see it: thirds of a weight whose Q, K, V differ.
BOOST_AUTO_TEST_CASE(a_fused_weight_that_would_be_cut_across_its_parts_is_refused) {
  const ModelDescription gqa =
      small_model("phi3", R"("num_key_value_heads": 1, "head_dim": 6, "pad_token_id": null)");
  BOOST_TEST(error_of_plan(gqa, R"("preset_model": "phi3")", {.uneven = true}) ==
             "ds.json:3:17: preset phi3, .*\\.self_attn\\.qkv_proj\\.weight$: "
             "model.layers.0.self_attn.qkv_proj is cut in blocks of 12, 12, 12 features, but it "
             "consists of 24, 6, 6, so that ranks would hold parts of the wrong heads: give it a "
             "layer_spec with \"shape\": [[24, 6, 6], -1], or take Shardproof's own cut: "
             "--cut own, or \"cut\": \"own\" in the scenario");
  const std::string plain = specs(R"({"patterns": [".*gate_up_proj"]})");
  BOOST_TEST(error_of_plan(gqa, plain).find("\"shape\": [[24, 24], -1]") != std::string::npos);
  const std::string thirds = specs(R"({"patterns": [".*query_key"], "shape": [3, -1]})");
  BOOST_TEST(error_of_plan(small_model("bloom", kBloom), thirds).find("with no shape") !=
             std::string::npos);
  const std::string right = specs(R"({"patterns": [".*qkv_proj"], "shape": [[24, 6, 6], -1]})");
  BOOST_TEST(shown(plan_of(gqa, right, {.uneven = true}), "model.layers.1.self_attn.qkv_proj") ==
             "column {24 0}{6 0}{6 0}");
}

BOOST_AUTO_TEST_CASE(the_tp_plan_of_the_family_is_the_default) {
  const PartitionPlan plan = plan_of(small_model("llama"), "");
  check(plan, "model.layers.1",
        {{"self_attn.q_proj", "column"}, {"mlp.down_proj", "row"}, {"lm_head", "column gathered"}});
  BOOST_TEST(plan.of("lm_head").rule == "tp_plan, .*lm_head\\.weight$");
  check(plan_of(small_model("qwen3", R"("head_dim": 4, "num_key_value_heads": 4)"), ""),
        "model.layers.1",
        {{"self_attn.q_norm", "replicated summed"},
         {"self_attn.k_norm", "replicated summed"},
         {"input_layernorm", "replicated"}});
}

BOOST_AUTO_TEST_CASE(a_config_json_may_bring_its_own_tp_plan) {
  PartitionRules rules = rules_of("", 2);
  rules.tp_plan = tp_plan_from_json(parse_json(
      R"({"layers.*.mlp.up_proj": "ColWise", "layers.*.mlp.down_proj": "rowwise"})", "c"));
  const PartitionPlan plan = resolve_partition(small_model("llama"), rules, 2);
  check(plan, "model.layers.0",
        {{"mlp.up_proj", "column"},
         {"mlp.down_proj", "row"},
         {"mlp.gate_proj", "replicated"},
         {"self_attn.q_proj", "replicated"},
         {"lm_head", "column gathered"}});
  rules.tp_plan = tp_plan_from_json(parse_json(
      "{\"a\": \"local_colwise\",\n\"b\": \"gather\", \"c\": \"gather\"}", "config.json"));
  BOOST_TEST(error_of([&] { resolve_partition(small_model("llama"), rules, 2); }) ==
             "config.json:1:7: the tp_plan contains unsupported partition style(s): "
             "local_colwise (a), gather (b); expected colwise, rowwise, colwise_rep, "
             "colwise_gather_output or replicated_with_grad_allreduce, or give a preset_model "
             "or a partition_config");
}

BOOST_AUTO_TEST_CASE(tp_plans_are_merged_and_converted_as_deepspeed_does) {
  BOOST_TEST(regex_of_tp_plan("layers.*.q_proj") == ".*layers\\..*\\.q_proj\\.weight$");
  BOOST_TEST(regex_of_tp_plan("self_attn.*.weight") == ".*self_attn\\..*\\.weight$");
  BOOST_TEST(regex_of_tp_plan("lm_head") == ".*lm_head\\.weight$");
  BOOST_TEST(regex_of_tp_plan("block_2.w1") == ".*block_2\\.w1\\.weight$");

  const Family& llama = family_of("llama");
  const auto entries = [](const std::vector<TpPlanStyle>& plan) {
    std::string text;
    for (const TpPlanStyle& entry : plan) text += entry.pattern + "=" + entry.style + " ";
    return text;
  };
  using Given = std::vector<TpPlanStyle>;
  BOOST_TEST(entries(tp_plan_of(llama,
                                Given{{"layers.*.a", "colwise", {}},
                                      {"model.layers.*.a", "rowwise", {}},
                                      {"lm_head", "rowwise", {}}},
                                {})) == "layers.*.a=colwise lm_head=colwise_rep ");
  BOOST_TEST(entries(tp_plan_of(llama, Given{}, {})) == "lm_head=colwise_rep ");
  BOOST_TEST(tp_plan_of(llama, std::nullopt, {}).size() == 8U);
  BOOST_TEST(tp_plan_of(family_of("bloom"), std::nullopt, {}).empty());

  const std::vector<LayerSpec> converted =
      specs_of_tp_plan({{"a", "colwise", {}},
                        {"b", "rowwise", {}},
                        {"c", "colwise_gather_output", {}},
                        {"d", "colwise_rep", {}},
                        {"e", "replicated_with_grad_allreduce", {}}});
  BOOST_REQUIRE_EQUAL(converted.size(), 5U);
  BOOST_TEST((converted[0].type == LayerSpec::Type::column && !converted[0].gather_output));
  BOOST_TEST((converted[1].type == LayerSpec::Type::row));
  BOOST_TEST((converted[2].gather_output && converted[3].gather_output));
  BOOST_TEST((converted[4].type == LayerSpec::Type::skip && converted[4].grad_allreduce));
}

BOOST_AUTO_TEST_CASE(heuristics_find_rows_by_the_norm_after_them_and_by_name) {
  const PartitionPlan bloom = plan_of(small_model("bloom", kBloom), "");
  check(bloom, "transformer.h.1",
        {{"self_attention.query_key_value", "column"},
         {"self_attention.dense", "row"},
         {"mlp.dense_h_to_4h", "column"},
         {"mlp.dense_4h_to_h", "row"},
         {"lm_head", "replicated"}});
  BOOST_TEST(bloom.of("transformer.h.1.mlp.dense_4h_to_h").rule ==
             "heuristics: a LayerNorm follows it");
  BOOST_TEST(bloom.of("transformer.h.0.mlp.dense_h_to_4h").rule ==
             "heuristics: no rule makes it a row");
  const PartitionPlan opt = plan_of(small_model("opt", R"("dropout": 0)"), "");
  check(opt, "model.decoder.layers.1",
        {{"self_attn.q_proj", "column"},
         {"self_attn.k_proj", "column"},
         {"self_attn.v_proj", "column"},
         {"self_attn.out_proj", "row"},
         {"fc1", "column"},
         {"fc2", "row"},
         {"lm_head", "replicated"}});
  BOOST_TEST(opt.of("model.decoder.layers.0.fc2").rule == "heuristics: a LayerNorm follows it");
  const PartitionPlan glm = plan_of(small_model("chatglm", kGlm), "");
  check(glm, "transformer.encoder.layers.1",
        {{"self_attention.query_key_value", "column {8 8}{4 4}{4 4}"},
         {"self_attention.dense", "row"},
         {"mlp.dense_h_to_4h", "column {12 12}{12 12}"},
         {"mlp.dense_4h_to_h", "row"}});
  BOOST_TEST(glm.of("transformer.encoder.layers.0.self_attention.dense").rule ==
             "heuristics: its name contains self_attention.dense");
}

BOOST_AUTO_TEST_CASE(heuristics_leave_routers_alone_and_know_experts_by_name) {
  const auto choices = [](const ModelDescription& model) {
    return heuristic_choices(model, family_of(model.family), {});
  };
  const auto mixtral = choices(small_model("mixtral", kMoe));
  BOOST_TEST(!mixtral.contains("model.layers.1.block_sparse_moe.gate"));
  BOOST_TEST(mixtral.at("model.layers.1.block_sparse_moe.experts.2.w2").is_row);
  BOOST_TEST(!mixtral.at("model.layers.1.block_sparse_moe.experts.2.w3").is_row);
  BOOST_TEST(!mixtral.contains("lm_head"));
  const auto latent = choices(small_model("deepseek_v2", kLatent));
  BOOST_TEST(!latent.contains("model.layers.1.mlp.gate"));
  BOOST_TEST(!latent.contains("model.layers.1.self_attn.q_a_proj"));
  BOOST_TEST(!latent.contains("model.layers.1.self_attn.kv_a_proj_with_mqa"));
  BOOST_TEST(!latent.at("model.layers.1.self_attn.kv_b_proj").is_row);
  BOOST_TEST(latent.at("model.layers.1.mlp.experts.1.down_proj").is_row);
  BOOST_TEST(latent.at("model.layers.1.mlp.shared_experts.down_proj").is_row);
}

BOOST_AUTO_TEST_CASE(models_that_the_heuristics_do_not_support_are_refused) {
  const ModelDescription gpt2 = small_model("gpt2", R"("resid_pdrop": 0, "embd_pdrop": 0,
    "attn_pdrop": 0, "tie_word_embeddings": false)");
  BOOST_TEST(error_of([&] {
               heuristic_choices(gpt2, family_of("gpt2"), {"ds.json", 2, 36});
             }) ==
             "ds.json:2:36: AutoTP's heuristics are not supported for model GPT2Model: give a "
             "partition_config");
  const PartitionPlan plan =
      plan_of(gpt2, specs(R"({"patterns": [".*attn.c_attn"], "shape": [3, -1]},
                             {"patterns": [".*c_proj"], "partition_type": "row"},
                             {"patterns": [".*c_fc"]})"));
  check(plan, "transformer.h.1",  // Conv1D weights are (in, out): 16 x 48, 64 x 16, 16 x 64
        {{"attn.c_attn", "column {8 8}{8 8}{8 8}"},
         {"attn.c_proj", "row"},
         {"mlp.c_fc", "column"},
         {"mlp.c_proj", "row"}});
}

BOOST_AUTO_TEST_CASE(custom_specs_come_before_the_presets_and_both_before_the_tp_plan) {
  const ModelDescription llama = small_model("llama");
  const std::string skip = R"({"patterns": [".*up_proj"], "partition_type": "skip"})";
  const std::string preset = R"("preset_model": "llama", )";
  check(plan_of(llama, preset + specs(skip)), "model.layers.0",
        {{"mlp.up_proj", "replicated"}, {"mlp.gate_proj", "column"}, {"lm_head", "replicated"}});
  check(plan_of(llama, preset + specs(skip, R"(, "use_default_specs": false)")), "model.layers.0",
        {{"mlp.up_proj", "replicated"}, {"mlp.gate_proj", "replicated"}});
  check(plan_of(llama, specs(skip)), "model.layers.0",  // without a preset nothing is merged
        {{"mlp.gate_proj", "replicated"}, {"lm_head", "replicated"}});
  check(plan_of(llama, preset + R"("partition_config": {})"), "model.layers.0",  // as if absent
        {{"mlp.up_proj", "column"}});
  const PartitionPlan none = plan_of(llama, R"("partition_config": {"layer_specs": []})");
  check(none, "model.layers.0", {{"mlp.up_proj", "replicated"}});
  BOOST_TEST(none.warnings.size() == 1U);
}
