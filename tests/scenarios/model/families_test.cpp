// Every family against what transformers 4.57.6 says of it: the parameters of the golden models
// (tests/oracle), and the defaults of its configuration class, listed by hand.
#include "scenarios/model/families.hpp"

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <set>

#include "scenarios/config/model/model_config.hpp"
#include "scenarios/model/model_fields.hpp"
#include "tests/support/error_of.hpp"

using namespace shardproof;
using tests::error_of;

namespace {

ModelDescription model(const std::string& members) {
  return model_from_json(parse_json("{" + members + "}", "config.json"));
}

std::string error_in(const std::string& members) {
  return error_of([&] { model(members); });
}

// As little as a family's config.json must say.
std::string least(const std::string& family) {
  const std::string type = "\"model_type\": \"" + family + "\"";
  if (family == "gpt2") return type + R"(, "resid_pdrop": 0, "embd_pdrop": 0.0, "attn_pdrop": 0)";
  if (family == "opt") return type + R"(, "dropout": 0)";
  if (family == "deepseek_v2") return type + R"(, "num_experts_per_tok": 6)";
  if (family == "chatglm") return type + R"(, "multi_query_attention": true)";
  return type;
}

std::vector<std::filesystem::path> golden_folders() {
  std::vector<std::filesystem::path> folders;
  for (const auto& entry : std::filesystem::directory_iterator("oracle/vectors"))
    if (std::filesystem::exists(entry.path() / "config.json")) folders.push_back(entry.path());
  return folders;
}

Shape shape_of(const JsonValue& list) {
  Shape shape;
  for (const JsonValue& extent : list.elements) shape.push_back(extent.integer);
  return shape;
}

// Values that differ from the default of every family, and fit each other.
JsonValue changed(const Family& family) {
  JsonValue config = parse_json("{" + least(family.model_type) + "}", "config.json");
  const std::map<std::string, std::int64_t> counts = {
      {"hidden_size", 48},        {"num_attention_heads", 6},
      {"num_key_value_heads", 3}, {"head_dim", 12},
      {"num_hidden_layers", 3},   {"vocab_size", 17},
      {"num_experts_per_tok", 1}, {"max_position_embeddings", 19},
      {"n_routed_experts", 21},   {"n_group", 7},
      {"topk_group", 2}};
  std::int64_t next = 5;
  for (const ConfigKey& key : family.keys) {
    if (key.derived) continue;
    const std::string name = key.name;
    std::int64_t count = counts.contains(name) ? counts.at(name) : next++;
    if (name == "qk_rope_head_dim") count = 12;
    if (key.relation == ConfigKey::Relation::equals)
      count = counts.at(name == "head_dim" ? "head_dim" : key.other);
    const bool divides_head = name == "rotary_pct";
    const std::string spelt = key.spelt.empty() ? name : key.spelt[0];
    if (key.kind == ConfigKey::Kind::count) config.set(spelt, count);
    if (key.kind == ConfigKey::Kind::row) config.set(spelt, 3);
    if (key.kind == ConfigKey::Kind::flag) config.set(spelt, key.absent.value == 0);
    if (key.kind == ConfigKey::Kind::positive || key.kind == ConfigKey::Kind::non_negative)
      config.set(spelt, divides_head ? 0.5 : 1.0 / static_cast<double>(next++));
  }
  if (family.rotary == RotaryKeys::ratio) config.set("_name_or_path", "THUDM/chatglm3-6b-32k");
  return config;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(families_of_models)

BOOST_AUTO_TEST_CASE(parameters_are_those_of_the_published_class_in_its_order) {
  std::set<std::string> seen;
  for (const std::filesystem::path& folder : golden_folders()) {
    BOOST_TEST_CONTEXT(folder.filename().string()) {
      const ModelDescription read = model_from_json(read_model_json(folder.string()));
      const JsonValue golden = read_json((folder / "parameters.json").string());
      seen.insert(read.family);
      BOOST_REQUIRE_EQUAL(read.parameters.size(), golden.elements.size());
      for (std::size_t i = 0; i < golden.elements.size(); ++i) {
        BOOST_TEST(read.parameters[i].name == golden.elements[i].find("name")->text);
        BOOST_TEST(to_string(read.parameters[i].shape) ==
                   to_string(shape_of(*golden.elements[i].find("shape"))));
      }
    }
  }
  BOOST_TEST(seen.size() == published_family_names().size());
}

BOOST_AUTO_TEST_CASE(defaults_are_those_of_the_published_configuration_classes) {
  struct Row {
    const char* family;
    std::map<std::string, double> values;
  };
  const std::vector<Row> rows = {
      {"llama",
       {{"vocab_size", 32000},
        {"hidden_size", 4096},
        {"intermediate_size", 11008},
        {"num_hidden_layers", 32},
        {"num_attention_heads", 32},
        {"num_key_value_heads", 32},
        {"head_dim", 128},
        {"max_position_embeddings", 2048},
        {"rms_norm_eps", 1e-6},
        {"rope_theta", 1e4},
        {"attention_bias", 0},
        {"mlp_bias", 0},
        {"tie_word_embeddings", 0}}},
      {"mistral",
       {{"vocab_size", 32000},
        {"hidden_size", 4096},
        {"intermediate_size", 14336},
        {"num_hidden_layers", 32},
        {"num_attention_heads", 32},
        {"num_key_value_heads", 8},
        {"head_dim", 128},
        {"max_position_embeddings", 131072},
        {"rms_norm_eps", 1e-6},
        {"rope_theta", 1e4},
        {"sliding_window", 4096},
        {"tie_word_embeddings", 0}}},
      {"qwen2",
       {{"vocab_size", 151936},
        {"hidden_size", 4096},
        {"intermediate_size", 22016},
        {"num_hidden_layers", 32},
        {"num_attention_heads", 32},
        {"num_key_value_heads", 32},
        {"head_dim", 128},
        {"max_position_embeddings", 32768},
        {"rms_norm_eps", 1e-6},
        {"rope_theta", 1e4},
        {"tie_word_embeddings", 0}}},
      {"qwen3",
       {{"vocab_size", 151936},
        {"hidden_size", 4096},
        {"intermediate_size", 22016},
        {"num_hidden_layers", 32},
        {"num_attention_heads", 32},
        {"num_key_value_heads", 32},
        {"head_dim", 128},
        {"max_position_embeddings", 32768},
        {"rms_norm_eps", 1e-6},
        {"rope_theta", 1e4},
        {"attention_bias", 0},
        {"tie_word_embeddings", 0}}},
      {"gemma2",
       {{"vocab_size", 256000},
        {"hidden_size", 2304},
        {"intermediate_size", 9216},
        {"num_hidden_layers", 26},
        {"num_attention_heads", 8},
        {"num_key_value_heads", 4},
        {"head_dim", 256},
        {"max_position_embeddings", 8192},
        {"rms_norm_eps", 1e-6},
        {"rope_theta", 1e4},
        {"attention_bias", 0},
        {"query_pre_attn_scalar", 256},
        {"sliding_window", 4096},
        {"final_logit_softcapping", 30},
        {"attn_logit_softcapping", 50},
        {"rms_norm_offset", 1},
        {"tie_word_embeddings", 1}}},
      {"olmo2",
       {{"vocab_size", 50304},
        {"hidden_size", 4096},
        {"intermediate_size", 11008},
        {"num_hidden_layers", 32},
        {"num_attention_heads", 32},
        {"num_key_value_heads", 32},
        {"head_dim", 128},
        {"max_position_embeddings", 2048},
        {"rms_norm_eps", 1e-5},
        {"rope_theta", 1e4},
        {"attention_bias", 0},
        {"pad_token_id", 1},
        {"tie_word_embeddings", 0}}},
      {"gemma3_text",
       {{"vocab_size", 262208},
        {"hidden_size", 2304},
        {"intermediate_size", 9216},
        {"num_hidden_layers", 26},
        {"num_attention_heads", 8},
        {"num_key_value_heads", 4},
        {"head_dim", 256},
        {"max_position_embeddings", 131072},
        {"rms_norm_eps", 1e-6},
        {"rope_theta", 1e6},
        {"rope_local_base_freq", 1e4},
        {"attention_bias", 0},
        {"query_pre_attn_scalar", 256},
        {"sliding_window", 4096},
        {"slides.0", 1},
        {"slides.4", 1},
        {"slides.5", 0},
        {"slides.25", 1},
        {"final_logit_softcapping", 0},
        {"rms_norm_offset", 1},
        {"tie_word_embeddings", 1}}},
      {"phi3",
       {{"vocab_size", 32064},
        {"hidden_size", 3072},
        {"intermediate_size", 8192},
        {"num_hidden_layers", 32},
        {"num_attention_heads", 32},
        {"num_key_value_heads", 32},
        {"head_dim", 96},
        {"max_position_embeddings", 4096},
        {"rms_norm_eps", 1e-5},
        {"rope_theta", 1e4},
        {"sliding_window", 0},
        {"tie_word_embeddings", 0}}},
      {"gpt2",
       {{"vocab_size", 50257},
        {"hidden_size", 768},
        {"intermediate_size", 3072},
        {"num_hidden_layers", 12},
        {"num_attention_heads", 12},
        {"num_key_value_heads", 12},
        {"head_dim", 64},
        {"max_position_embeddings", 1024},
        {"layer_norm_epsilon", 1e-5},
        {"tie_word_embeddings", 1}}},
      {"gpt_neox",
       {{"vocab_size", 50432},
        {"hidden_size", 6144},
        {"intermediate_size", 24576},
        {"num_hidden_layers", 44},
        {"num_attention_heads", 64},
        {"num_key_value_heads", 64},
        {"head_dim", 96},
        {"max_position_embeddings", 2048},
        {"layer_norm_epsilon", 1e-5},
        {"rope_theta", 1e4},
        {"rotary_pct", 0.25},
        {"attention_bias", 1},
        {"use_parallel_residual", 1},
        {"tie_word_embeddings", 0}}},
      {"opt",
       {{"vocab_size", 50272},
        {"hidden_size", 768},
        {"intermediate_size", 3072},
        {"num_hidden_layers", 12},
        {"num_attention_heads", 12},
        {"num_key_value_heads", 12},
        {"head_dim", 64},
        {"max_position_embeddings", 2048},
        {"first_position", 2},
        {"word_embed_proj_dim", 768},
        {"layer_norm_epsilon", 1e-5},
        {"enable_bias", 1},
        {"tie_word_embeddings", 1}}},
      {"bloom",
       {{"vocab_size", 250880},
        {"hidden_size", 64},
        {"intermediate_size", 256},
        {"num_hidden_layers", 2},
        {"num_attention_heads", 8},
        {"num_key_value_heads", 8},
        {"head_dim", 8},
        {"layer_norm_epsilon", 1e-5},
        {"tie_word_embeddings", 1}}},
      {"mixtral",
       {{"vocab_size", 32000},
        {"hidden_size", 4096},
        {"intermediate_size", 14336},
        {"num_hidden_layers", 32},
        {"num_attention_heads", 32},
        {"num_key_value_heads", 8},
        {"head_dim", 128},
        {"max_position_embeddings", 131072},
        {"rms_norm_eps", 1e-5},
        {"rope_theta", 1e6},
        {"sliding_window", 0},
        {"num_local_experts", 8},
        {"num_experts_per_tok", 2},
        {"tie_word_embeddings", 0}}},
      {"qwen3_moe",
       {{"vocab_size", 151936},
        {"hidden_size", 2048},
        {"intermediate_size", 6144},
        {"num_hidden_layers", 24},
        {"num_attention_heads", 32},
        {"num_key_value_heads", 4},
        {"head_dim", 64},
        {"max_position_embeddings", 32768},
        {"rms_norm_eps", 1e-6},
        {"rope_theta", 1e4},
        {"attention_bias", 0},
        {"num_experts", 128},
        {"num_experts_per_tok", 8},
        {"moe_intermediate_size", 768},
        {"decoder_sparse_step", 1},
        {"norm_topk_prob", 0},
        {"tie_word_embeddings", 0}}},
      {"deepseek_v2",
       {{"vocab_size", 32000},
        {"hidden_size", 4096},
        {"intermediate_size", 11008},
        {"num_hidden_layers", 32},
        {"num_attention_heads", 32},
        {"num_key_value_heads", 32},
        {"head_dim", 64},
        {"max_position_embeddings", 2048},
        {"rms_norm_eps", 1e-6},
        {"rope_theta", 1e4},
        {"attention_bias", 0},
        {"mlp_bias", 0},
        {"first_k_dense_replace", 0},
        {"kv_lora_rank", 512},
        {"q_lora_rank", 1536},
        {"n_routed_experts", 64},
        {"n_shared_experts", 2},
        {"qk_nope_head_dim", 128},
        {"qk_rope_head_dim", 64},
        {"routed_scaling_factor", 1},
        {"v_head_dim", 128},
        {"moe_intermediate_size", 1407},
        {"tie_word_embeddings", 0}}},
      {"deepseek_v3",
       {{"vocab_size", 129280},
        {"hidden_size", 7168},
        {"intermediate_size", 18432},
        {"num_hidden_layers", 61},
        {"num_attention_heads", 128},
        {"num_key_value_heads", 128},
        {"head_dim", 64},
        {"max_position_embeddings", 4096},
        {"rms_norm_eps", 1e-6},
        {"rope_theta", 1e4},
        {"attention_bias", 0},
        {"rope_interleave", 1},
        {"first_k_dense_replace", 3},
        {"kv_lora_rank", 512},
        {"q_lora_rank", 1536},
        {"n_routed_experts", 256},
        {"n_shared_experts", 1},
        {"n_group", 8},
        {"topk_group", 4},
        {"num_experts_per_tok", 8},
        {"norm_topk_prob", 1},
        {"qk_nope_head_dim", 128},
        {"qk_rope_head_dim", 64},
        {"routed_scaling_factor", 2.5},
        {"v_head_dim", 128},
        {"moe_intermediate_size", 2048},
        {"tie_word_embeddings", 0}}},
      {"chatglm",
       {{"vocab_size", 65024},
        {"hidden_size", 4096},
        {"intermediate_size", 13696},
        {"num_hidden_layers", 28},
        {"num_attention_heads", 32},
        {"num_key_value_heads", 1},
        {"head_dim", 128},
        {"max_position_embeddings", 2048},
        {"rms_norm_eps", 1e-5},
        {"rope_theta", 1e4},
        {"add_qkv_bias", 0},
        {"add_bias_linear", 0}}},
  };
  BOOST_REQUIRE_EQUAL(rows.size(), published_family_names().size());
  for (const Row& row : rows) {
    BOOST_TEST_CONTEXT(row.family) {
      const ModelDescription read = model(least(row.family));
      BOOST_TEST(read.family == row.family);
      BOOST_TEST(read.initializer_range == 0.02);
      for (const auto& [name, value] : row.values)
        BOOST_TEST(*find_value(read, name) == value, name);
    }
  }
}

BOOST_AUTO_TEST_CASE(what_is_written_reads_as_the_same_model) {
  // The same in every model of a family.
  const std::set<std::string> constants{"experts_that_rank_a_group", "first_position",
                                        "layer_norm_epsilon", "rms_norm_offset"};
  for (const Family& family : families()) {
    BOOST_TEST_CONTEXT(family.model_type) {
      const ModelDescription by_default = model(least(family.model_type));
      BOOST_TEST(hash_of(model_from_json(to_json(by_default))) == hash_of(by_default));

      const ModelDescription other = model_from_json(changed(family));
      BOOST_TEST(hash_of(model_from_json(to_json(other))) == hash_of(other));
      for (const ConfigKey& key : family.keys) {
        if (key.derived && family.model_type == "bloom") continue;  // 8 per head by accident
        if (key.derived && (constants.contains(key.name) || !family.published)) continue;
        BOOST_TEST((find_value(other, key.name) != find_value(by_default, key.name) ||
                    std::string(key.name) == "tie_word_embeddings"),
                   key.name);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(null_is_none_where_the_published_class_takes_it_so) {
  const std::string deepseek = least("deepseek_v2");
  const ModelDescription lite =
      model(deepseek + R"(, "q_lora_rank": null, "n_shared_experts": null)");
  BOOST_TEST(lite.count("q_lora_rank") == 0);
  BOOST_TEST(lite.has_parameter("model.layers.0.self_attn.q_proj.weight"));
  BOOST_TEST(!lite.has_parameter("model.layers.0.self_attn.q_a_proj.weight"));
  BOOST_TEST(!lite.has_parameter("model.layers.0.mlp.shared_experts.up_proj.weight"));
  BOOST_TEST(hash_of(model_from_json(to_json(lite))) == hash_of(lite));

  BOOST_TEST(model(least("mistral") + R"(, "sliding_window": null)").count("sliding_window") == 0);
  BOOST_TEST(model(least("mistral") + R"(, "num_key_value_heads": null)").num_key_value_heads ==
             32);
}

BOOST_AUTO_TEST_CASE(one_number_by_two_names_must_be_one_number) {
  const std::string gpt2 = least("gpt2");
  BOOST_TEST(model(gpt2 + R"(, "num_hidden_layers": 3)").num_hidden_layers == 3);
  BOOST_TEST(model(gpt2 + R"(, "n_layer": 3, "num_hidden_layers": 3)").num_hidden_layers == 3);
  BOOST_TEST(error_in(R"("n_layer": 3, "num_hidden_layers": 4, )" + gpt2) ==
             "config.json:1:37: num_hidden_layers = 4: n_layer says 3: expected the same");
  BOOST_TEST(error_in(R"("n_embd": 10, "n_head": 4, )" + gpt2) ==
             "config.json:1:1: n_head = 4 does not divide n_embd = 10");
}

BOOST_AUTO_TEST_CASE(a_default_that_is_not_neutral_must_be_overridden) {
  BOOST_TEST(error_in(R"("model_type": "gpt2")") ==
             "config.json:1:1: resid_pdrop = 0.1 (GPT2Config's default), embd_pdrop = 0.1"
             " (GPT2Config's default), attn_pdrop = 0.1 (GPT2Config's default): dropout is not"
             " implemented in training; turn it off: --override resid_pdrop=0 --override"
             " embd_pdrop=0 --override attn_pdrop=0");
  BOOST_TEST(
      error_in(R"("resid_pdrop": 0.1, "embd_pdrop": 0, "attn_pdrop": 0, "model_type": "gpt2")") ==
      "config.json:1:17: resid_pdrop = 0.1: dropout is not implemented in training; turn it"
      " off: --override resid_pdrop=0");
  BOOST_TEST(error_in(R"("model_type": "phi3", "vocab_size": 32000)") ==
             "config.json:1:1: missing key \"pad_token_id\", which is 32000 by default: no row of"
             " vocab_size = 32000; use null for none");
  BOOST_TEST(error_in(R"("model_type": "chatglm")") ==
             "config.json:1:1: missing key \"multi_query_attention\", which is false by default:"
             " query, key and value interleaved head by head are not implemented: only true");
}

BOOST_AUTO_TEST_CASE(numbers_that_do_not_fit_each_other_are_refused_with_both) {
  BOOST_TEST(error_in(R"("num_experts_per_tok": 9, "model_type": "mixtral")") ==
             "config.json:1:25: num_experts_per_tok = 9: more than num_local_experts = 8");
  BOOST_TEST(error_in(R"("model_type": "deepseek_v2")") ==
             "config.json:1:1: missing key \"num_experts_per_tok\": expected a whole number, 1 or"
             " more");
  BOOST_TEST(error_in(R"("num_key_value_heads": 8, )" + least("deepseek_v2")) ==
             "config.json:1:25: num_key_value_heads = 8: expected num_attention_heads = 32");
  const std::string v3 = least("deepseek_v3");
  BOOST_TEST(error_in(R"("n_group": 3, )" + v3) ==
             "config.json:1:1: n_group = 3 does not divide n_routed_experts = 256");
  BOOST_TEST(error_in(R"("n_group": 4, "n_routed_experts": 4, )" + v3) ==
             "config.json:1:1: experts_that_rank_a_group = 2: more than experts_of_a_group = 1");
  BOOST_TEST(error_in(R"("topk_group": 9, )" + v3) ==
             "config.json:1:16: topk_group = 9: more than n_group = 8");
  BOOST_TEST(error_in(R"("num_key_value_heads": 8, )" + v3) ==
             "config.json:1:25: num_key_value_heads = 8: expected num_attention_heads = 128");
  BOOST_TEST(
      error_in(R"("multi_query_group_num": 3, )" + least("chatglm")) ==
      "config.json:1:27: multi_query_group_num = 3: does not divide num_attention_heads = 32");
  BOOST_TEST(error_in(R"("kv_channels": 6, )" + least("chatglm")) ==
             "config.json:1:17: kv_channels = 6: rotary embeddings of half the channels need a"
             " multiple of 4");
  BOOST_TEST(error_in(R"("num_attention_heads": 6, "head_dim": 8, )" + least("mistral")) ==
             "config.json:1:1: num_key_value_heads = 8: does not divide num_attention_heads = 6");
}

BOOST_AUTO_TEST_CASE(what_a_family_does_not_have_is_refused_by_name) {
  BOOST_TEST(error_in(R"("topk_method": "group_limited_greedy", )" + least("deepseek_v2")) ==
             "config.json:1:17: topk_method = \"group_limited_greedy\": experts limited to groups"
             " are not implemented: only \"greedy\"");
  BOOST_TEST(error_in(R"("scoring_func": "softmax", )" + least("deepseek_v3")) ==
             "config.json:1:18: scoring_func = \"softmax\": transformers' DeepseekV3TopkRouter"
             " knows no other scores: only \"sigmoid\"");
  BOOST_TEST(error_in(R"("quantization_config": {"quant_method": "fp8"}, )" + least("deepseek_v3"))
                 .find("--override quantization_config=null runs the model without") !=
             std::string::npos);
  BOOST_TEST(error_in(R"("use_sliding_window": true, )" + least("qwen2")) ==
             "config.json:1:24: use_sliding_window = true: sliding-window attention is not"
             " implemented: only false");
  // As OPT-350m has both.
  BOOST_TEST(error_in(R"("do_layer_norm_before": false, )" + least("opt")) ==
             "config.json:1:26: do_layer_norm_before = false: norms behind the halves of a block,"
             " as OPT-350m has them, are not implemented: only true");
  BOOST_TEST(error_in(R"("hidden_size": 1024, "word_embed_proj_dim": 512, "num_attention_heads": 16,
                         )" +
                      least("opt")) ==
             "config.json:1:46: word_embed_proj_dim = 512: expected hidden_size = 1024");
  BOOST_TEST(
      error_in(R"("attn_logit_softcapping": 50.0, )" + least("gemma3_text")) ==
      "config.json:1:28: attn_logit_softcapping = 50.0: Gemma3Attention of transformers keeps"
      " it and never applies it: only null");
  BOOST_TEST(error_in(R"("rms_norm_eps": 1e-6, )" + least("gpt2")) ==
             "config.json:1:2: unknown key \"rms_norm_eps\": LlamaConfig of transformers reads it, "
             "GPT2Config does not; did you mean \"layer_norm_epsilon\"?");
  BOOST_TEST(error_in(R"("n_embed": 8, )" + least("gpt2")) ==
             "config.json:1:2: unknown key \"n_embed\"; did you mean \"n_embd\"?");
}

BOOST_AUTO_TEST_CASE(only_some_embeddings_have_a_padding_row) {
  const std::set<std::string> without{"gpt2", "gpt_neox", "bloom", "chatglm"};
  for (const std::string& family : published_family_names())
    BOOST_TEST(model(least(family) + R"(, "pad_token_id": 2)").padding_row().has_value() !=
                   without.contains(family),
               family);
  BOOST_TEST(*model(least("phi3")).padding_row() == 32000);
  BOOST_TEST(*model(least("opt")).padding_row() == 1);
  BOOST_TEST(*model(least("gemma2")).padding_row() == 0);
  BOOST_TEST(*model(least("olmo2")).padding_row() == 1);
  BOOST_TEST(*model(least("gemma3_text")).padding_row() == 0);
  for (const std::string& family : published_family_names())
    if (family != "phi3" && family != "olmo2" && family != "opt" && !family.starts_with("gemma"))
      BOOST_TEST(!model(least(family)).padding_row(), family);
}

// Both ways to say which layers look back over a window, and the published class's rule where both
// are given: the list decides.
BOOST_AUTO_TEST_CASE(layers_of_two_types_are_listed_or_follow_a_pattern) {
  const std::string three = least("gemma3_text") + R"(, "num_hidden_layers": 3)";
  const auto slides = [&](const std::string& keys) {
    const ModelDescription read = model(three + keys);
    BOOST_TEST(hash_of(model_from_json(to_json(read))) == hash_of(read));
    std::string text;
    for (int i = 0; i < 3; ++i) text += read.flag("slides." + std::to_string(i)) ? 's' : 'f';
    return text;
  };
  const std::string list =
      R"(, "layer_types": ["full_attention", "sliding_attention", "full_attention"])";
  BOOST_TEST(slides("") == "sss");
  BOOST_TEST(slides(R"(, "sliding_window_pattern": 2)") == "sfs");
  BOOST_TEST(slides(R"(, "sliding_window_pattern": 1)") == "fff");
  BOOST_TEST(slides(list) == "fsf");
  BOOST_TEST(slides(list + R"(, "sliding_window_pattern": 2)") == "fsf");
  BOOST_TEST(error_in(R"("layer_types": ["full_attention"], )" + three) ==
             "config.json:1:17: layer_types = [\"full_attention\"]: expected a list of 3, one of"
             " each layer");
  BOOST_TEST(error_in(R"("num_hidden_layers": 1, "layer_types": ["chunked_attention"], )" +
                      least("gemma3_text")) ==
             "config.json:1:42: layer_types = \"chunked_attention\": expected sliding_attention or"
             " full_attention");
  BOOST_TEST(error_in(R"("sliding_window_patern": 2, )" + three) ==
             "config.json:1:2: unknown key \"sliding_window_patern\"; did you mean"
             " \"sliding_window_pattern\"?");
  BOOST_TEST(!model(least("gemma2")).has_number("slides.0"));
}

BOOST_AUTO_TEST_CASE(a_rope_ratio_means_what_the_name_says) {
  const std::string four = least("chatglm") + R"(, "rope_ratio": 4)";
  const auto named = [&](const std::string& name) {
    return model(four + R"(, "_name_or_path": ")" + name + "\"");
  };
  const ModelDescription second = named("THUDM/chatglm2-6b-32k");
  BOOST_TEST(second.rope_theta == 10000);
  BOOST_TEST(second.number("rope_scaling.factor") == 4);
  BOOST_TEST(hash_of(model_from_json(to_json(second))) == hash_of(second));
  for (const char* later : {"THUDM/chatglm3-6b-32k", "./ChatGLM3-mine", "THUDM/glm-4-9b-chat"}) {
    const ModelDescription read = named(later);
    BOOST_TEST(read.rope_theta == 40000, later);
    BOOST_TEST(!read.has_number("rope_scaling.factor"), later);
    BOOST_TEST(hash_of(model_from_json(to_json(read))) == hash_of(read), later);
  }
  BOOST_TEST(model(four + R"(, "padded_vocab_size": 151552)").rope_theta == 40000);
  BOOST_TEST(model(least("chatglm") + R"(, "rope_ratio": 1)").rope_theta == 10000);
  for (const std::string& neither :
       {four, four + R"(, "_name_or_path": "from-chatglm2-to-chatglm3")"})
    BOOST_TEST(error_in(neither) ==
               "config.json:1:72: rope_ratio = 4: chatglm2's code divides positions by it,"
               " chatglm3's and GLM-4's multiply the base by it, and no key but _name_or_path tells"
               " which this is: set it to \"THUDM/chatglm2-6b-32k\", \"THUDM/chatglm3-6b-32k\" or"
               " \"THUDM/glm-4-9b\"");
}

BOOST_AUTO_TEST_CASE(a_missing_number_is_named) {
  const ModelDescription llama = model(least("llama"));
  BOOST_CHECK_EXCEPTION(llama.number("kv_lora_rank"), InvariantError, [](const auto& error) {
    return std::string(error.what()).find("kv_lora_rank") != std::string::npos;
  });
  BOOST_CHECK_THROW(model(least("mixtral")).flag("num_local_experts"), InvariantError);
  BOOST_CHECK_THROW(family_of("t5"), InvariantError);
}

BOOST_AUTO_TEST_CASE(every_module_has_one_class_and_the_shapes_that_belong_to_it) {
  const std::map<ModuleClass, std::pair<std::size_t, std::size_t>> dimensions = {
      {ModuleClass::linear, {2, 1}},
      {ModuleClass::conv1d, {2, 1}},
      {ModuleClass::embedding, {2, 0}},
      {ModuleClass::layer_norm, {1, 1}},
      {ModuleClass::rms_norm, {1, 0}}};
  for (const Family& family : families()) {
    for (const ParameterDescription& p : model_from_json(changed(family)).parameters) {
      const bool bias = p.name.ends_with(".bias");
      BOOST_TEST((bias || p.name.ends_with(".weight")), p.name);
      const auto [weight_rank, bias_rank] = dimensions.at(p.module_class);
      BOOST_TEST(p.shape.size() == (bias ? bias_rank : weight_rank), p.name);
      const bool norm =
          p.module_class == ModuleClass::layer_norm || p.module_class == ModuleClass::rms_norm;
      BOOST_TEST(norm == (p.name.find("norm") != std::string::npos ||
                          p.name.find(".ln_") != std::string::npos),
                 p.name);
    }
  }
}

// The third of three layers has experts, and with them what corrects their scores.
BOOST_AUTO_TEST_CASE(what_is_not_trained_is_stored_and_no_parameter) {
  JsonValue config = changed(family_of("deepseek_v3"));
  config.set("first_k_dense_replace", 2);
  const ModelDescription v3 = model_from_json(config);
  const std::string name = "model.layers.2.mlp.gate.e_score_correction_bias";

  BOOST_REQUIRE(v3.untrained.size() == 1U);
  BOOST_TEST(v3.untrained[0].name == name);
  BOOST_TEST(v3.untrained[0].shape == (Shape{21}), boost::test_tools::per_element());
  BOOST_TEST(!v3.has_parameter(name));
  BOOST_TEST(v3.stored().size() == v3.parameters.size() + 1);
  BOOST_TEST(v3.stored(name).shape == (Shape{21}), boost::test_tools::per_element());
  ModelDescription without = v3;
  without.untrained.clear();
  BOOST_TEST(hash_of(without) != hash_of(v3));
}

BOOST_AUTO_TEST_CASE(tp_plans_and_lists_of_blocks_name_modules_that_exist) {
  // "*" stands for one index here.
  const auto named = [](const std::string& name, std::string pattern) {
    for (std::size_t at = pattern.find('*'); at != std::string::npos; at = pattern.find('*'))
      pattern.replace(at, 1, "1");
    return name.find(pattern + ".") != std::string::npos;
  };
  for (const Family& family : families()) {
    JsonValue config = changed(family);
    if (family.published) config.set("tie_word_embeddings", false);
    std::vector<ParameterDescription> parameters = model_from_json(config).parameters;
    // Of deepseek q_proj, and layer 1 with experts; of qwen3_moe experts too.
    const bool deepseek = family.model_type.starts_with("deepseek_");
    if (deepseek) config.set("q_lora_rank", JsonValue());
    if (deepseek) config.set("first_k_dense_replace", 1);
    if (family.model_type == "qwen3_moe") config.set("decoder_sparse_step", 1);
    for (const ParameterDescription& p : model_from_json(config).parameters)
      parameters.push_back(p);
    const auto exists = [&](const std::string& pattern) {
      return std::any_of(parameters.begin(), parameters.end(),
                         [&](const ParameterDescription& p) { return named(p.name, pattern); });
    };
    for (const TpPlanEntry& entry : family.tp_plan)
      BOOST_TEST(exists(entry.pattern), entry.pattern);
    for (const BlockClass& block : family.blocks) BOOST_TEST(exists(block.list), block.list);
  }
}

BOOST_AUTO_TEST_SUITE_END()
