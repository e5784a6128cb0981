// Where Shardproof's own cut of a family decides, what it says beside the verdict, and where it
// keeps out of the way.
#include "scenarios/partition/own_cut.hpp"

#include <boost/test/unit_test.hpp>

#include "scenarios/model/families.hpp"
#include "tests/scenarios/partition/plans.hpp"

using namespace shardproof;
using namespace shardproof::tests;

namespace {

const std::string no_drops = R"("resid_pdrop": 0, "embd_pdrop": 0, "attn_pdrop": 0)";
const std::string kPreset = R"("preset_model": "phi3")";

// Q of 16 rows, K and V of so many as two of four heads have; the preset's thirds do not fit them.
ModelDescription grouped_phi3(const std::string& more = R"("num_key_value_heads": 2)") {
  return small_model("phi3", R"("pad_token_id": null, )" + more);
}
// Q of 24 rows, K and V of 12: thirds fit, and cut across heads.
ModelDescription phi3_in_thirds() {
  return grouped_phi3(R"("num_key_value_heads": 2, "head_dim": 6)");
}

std::string only_warning(const PartitionPlan& plan) {
  BOOST_REQUIRE_EQUAL(plan.warnings.size(), 1U);
  return plan.warnings.front();
}

void check_is_own(const PartitionPlan& plan, const std::string& block,
                  const std::map<std::string, std::string>& expected) {
  for (const auto& [module, style] : expected) {
    BOOST_TEST_CONTEXT(module) {
      BOOST_TEST(shown(plan, block + module) == style);
      BOOST_TEST(plan.of(block + module).rule.starts_with("own cut, .*"));
    }
  }
}

}  // namespace

BOOST_AUTO_TEST_CASE(where_autotp_raises_the_own_cut_of_the_family_decides) {
  const PartitionPlan gpt2 = plan_of(small_model("gpt2", no_drops), "");
  check_is_own(gpt2, "transformer.h.1.",
               {{"attn.c_attn", "column {8 8}{8 8}{8 8}"},
                {"attn.c_proj", "row"},
                {"mlp.c_fc", "column"},
                {"mlp.c_proj", "row"}});
  BOOST_TEST(gpt2.modules.size() == 8U);
  BOOST_TEST(only_warning(gpt2) ==
             "DeepSpeed would not run this cut, Shardproof's own of gpt2: AutoTP's heuristics are "
             "not supported for model GPT2Model");

  const std::map<std::string, std::string> phi3 = {{"self_attn.qkv_proj", "column {8 8}{4 4}{4 4}"},
                                                   {"self_attn.o_proj", "row"},
                                                   {"mlp.gate_up_proj", "column {12 12}{12 12}"},
                                                   {"mlp.down_proj", "row"}};
  const PartitionPlan by_tp_plan = plan_of(grouped_phi3(), "");
  check_is_own(by_tp_plan, "model.layers.1.", phi3);
  BOOST_TEST(only_warning(by_tp_plan) ==
             "DeepSpeed would not run this cut, Shardproof's own of phi3: the tp_plan contains "
             "unsupported partition style(s): rowwise_rep (layers.*.self_attn.o_proj)");
  const PartitionPlan by_preset = plan_of(grouped_phi3(), kPreset);
  check_is_own(by_preset, "model.layers.1.", phi3);
  BOOST_TEST(only_warning(by_preset) ==
             "DeepSpeed would not run this cut, Shardproof's own of phi3: layer "
             "model.layers.0.self_attn.qkv_proj: partition_dim size 32 not divisible by sub-param "
             "count 3");
}

BOOST_AUTO_TEST_CASE(a_cut_that_leaves_attention_whole_says_so) {
  const PartitionPlan plan = plan_of(small_model("olmo2", R"("num_key_value_heads": 2)"), "");
  check_is_own(plan, "model.layers.1.mlp.",
               {{"gate_proj", "column"}, {"up_proj", "column"}, {"down_proj", "row"}});
  BOOST_TEST(plan.modules.size() == 6U);
  BOOST_TEST(only_warning(plan) ==
             "DeepSpeed would not run this cut, Shardproof's own of olmo2 (attention stays whole, "
             "since its norms take all heads at once): the tp_plan contains unsupported partition "
             "style(s): rowwise_rep (layers.*.self_attn.o_proj)");
}

BOOST_AUTO_TEST_CASE(what_autotp_leaves_whole_the_own_cut_decides) {
  const PartitionPlan phi3 = plan_of(grouped_phi3(), R"("preset_model": "llama")");
  check_is_own(phi3, "model.layers.0.",
               {{"self_attn.qkv_proj", "column {8 8}{4 4}{4 4}"},
                {"mlp.gate_up_proj", "column {12 12}{12 12}"}});
  BOOST_TEST(phi3.of("model.layers.0.self_attn.o_proj").rule ==
             "preset llama, .*\\.self_attn\\.o_proj\\.weight$");
  BOOST_TEST(only_warning(phi3) ==
             "DeepSpeed would not run this cut, Shardproof's own of phi3: AutoTP leaves "
             "model.layers.0.self_attn.qkv_proj whole");
  const PartitionPlan gpt2 =  // not a word of a cut that cuts nothing
      plan_of(small_model("gpt2", no_drops), R"("preset_model": "llama")");
  BOOST_TEST(gpt2.modules.size() == 8U);
  BOOST_TEST(only_warning(gpt2) ==
             "DeepSpeed would not run this cut, Shardproof's own of gpt2: AutoTP leaves "
             "transformer.h.0.attn.c_attn whole");
}

BOOST_AUTO_TEST_CASE(
    where_autotp_would_cut_wrongly_it_stays_refused_unless_the_own_cut_is_asked_for) {
  BOOST_TEST(error_of_plan(phi3_in_thirds(), kPreset) ==
             "ds.json:3:17: preset phi3, .*\\.self_attn\\.qkv_proj\\.weight$: "
             "model.layers.0.self_attn.qkv_proj is cut in blocks of 16, 16, 16 features, but it "
             "consists of 24, 12, 12, so that ranks would hold parts of the wrong heads: give it a "
             "layer_spec with \"shape\": [[24, 12, 12], -1], or take Shardproof's own cut: "
             "--cut own, or \"cut\": \"own\" in the scenario");
  const PartitionPlan asked = plan_of(phi3_in_thirds(), kPreset, {.own_cut = true});
  check_is_own(asked, "model.layers.1.", {{"self_attn.qkv_proj", "column {12 12}{6 6}{6 6}"}});
  BOOST_TEST(only_warning(asked) ==
             "DeepSpeed would not run this cut, Shardproof's own of phi3: AutoTP cuts "
             "model.layers.0.self_attn.qkv_proj otherwise (preset phi3, "
             ".*\\.self_attn\\.qkv_proj\\.weight$)");
}

BOOST_AUTO_TEST_CASE(gradients_that_autotp_does_not_sum_are_summed_only_where_it_is_asked_for) {
  const std::string norm = "model.layers.1.self_attn.q_norm";
  const ModelDescription gemma3 = small_model("gemma3_text", R"("num_key_value_heads": 2)");
  const PartitionPlan autotp = plan_of(gemma3, "");
  BOOST_TEST(!autotp.of(norm).grad_allreduce);
  BOOST_TEST(only_warning(autotp).starts_with("lm_head.weight is tied to"));
  const PartitionPlan asked = plan_of(gemma3, "", {.own_cut = true});
  check_is_own(
      asked, "model.layers.1.self_attn.",
      {{"q_proj", "column"}, {"k_proj", "column"}, {"v_proj", "column"}, {"o_proj", "row"}});
  check_is_own(asked, "model.layers.0.mlp.",
               {{"gate_proj", "column"}, {"up_proj", "column"}, {"down_proj", "row"}});
  BOOST_TEST(asked.of(norm).grad_allreduce);
  BOOST_TEST(asked.of("model.layers.1.self_attn.k_norm").grad_allreduce);
  BOOST_TEST(!asked.of("model.layers.1.input_layernorm").grad_allreduce);
  BOOST_TEST(
      only_warning(asked) ==
      "DeepSpeed would not run this cut, Shardproof's own of gemma3_text: AutoTP does not sum "
      "the gradients of model.layers.0.self_attn.k_norm over the ranks of a TP group");
}

BOOST_AUTO_TEST_CASE(a_partition_config_is_obeyed_unless_the_own_cut_is_asked_for) {
  const ModelDescription gpt2 = small_model("gpt2", no_drops);
  const std::string mlp = specs(R"({"patterns": [".*c_fc"]},
    {"patterns": [".*mlp.c_proj"], "partition_type": "row"})");
  const PartitionPlan obeyed = plan_of(gpt2, mlp);
  BOOST_TEST(obeyed.modules.size() == 4U);
  BOOST_TEST(obeyed.warnings.empty());
  const PartitionPlan asked = plan_of(gpt2, mlp, {.own_cut = true});
  BOOST_TEST(asked.modules.size() == 8U);
  BOOST_TEST(only_warning(asked).ends_with("AutoTP leaves transformer.h.0.attn.c_attn whole"));
  const std::string more = specs(R"({"patterns": [".*"], "partition_type": "row"})");
  const PartitionPlan refused = plan_of(gpt2, more, {.own_cut = true});
  BOOST_TEST(only_warning(refused).find("lm_head.weight is tied to transformer.wte.weight") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(an_own_cut_that_is_autotps_has_no_line) {
  const ModelDescription phi3 = grouped_phi3(R"("num_key_value_heads": 4)");
  const PartitionPlan asked = plan_of(phi3, kPreset, {.own_cut = true});
  const PartitionPlan autotp = plan_of(phi3, kPreset);
  BOOST_TEST(asked.warnings.empty());
  BOOST_TEST(autotp.warnings.empty());
  for (const auto& [module, cut] : autotp.modules)
    BOOST_TEST((asked.of(module).widths == cut.widths));
  BOOST_TEST(autotp.of("model.layers.0.mlp.down_proj").rule.starts_with("preset phi3"));
  BOOST_TEST(asked.of("model.layers.0.mlp.down_proj").rule.starts_with("own cut"));
}

BOOST_AUTO_TEST_CASE(fewer_kv_heads_than_ranks_are_cut_as_everywhere) {
  const ModelDescription one = grouped_phi3(R"("num_key_value_heads": 1, "head_dim": 6)");
  BOOST_TEST(error_of_plan(one, "") ==
             "ds.json:2:36: tensor_parallel.autotp_size = 2 does not divide num_key_value_heads = "
             "1: model.layers.0.self_attn.o_proj cannot be cut evenly; \"uneven\": true in"
             " the scenario, or --override uneven=true, allows uneven cuts");
  const PartitionPlan uneven = plan_of(one, "", {.uneven = true});
  BOOST_TEST(shown(uneven, "model.layers.1.self_attn.qkv_proj") == "column {24 0}{6 0}{6 0}");
  BOOST_REQUIRE_EQUAL(uneven.warnings.size(), 2U);
  BOOST_TEST(uneven.warnings[1] ==
             "tensor_parallel.autotp_size = 2 is more than num_key_value_heads = 1: surplus ranks "
             "hold no share of attention");
}

BOOST_AUTO_TEST_CASE(the_families_that_have_one_are_named) {
  BOOST_TEST(families_with_own_cut() == "gemma3_text, olmo2, phi3 and gpt2");
}
