#include "scenarios/config/model/model_config.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <fstream>
#include <set>

#include "scenarios/config/model/transformers_keys.hpp"
#include "scenarios/model/rotary_keys.hpp"
#include "tests/support/error_of.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace shardproof;
using tests::error_of;

namespace {

ModelDescription model(const std::string& members) {
  return model_from_json(parse_json("{\"model_type\": \"llama\"" + members + "}", "config.json"));
}

std::string error_in(const std::string& members) {
  return error_of([&] { model(members); });
}

// Small enough to list by hand.
constexpr const char* kSmall = R"(, "hidden_size": 8, "intermediate_size": 12,
    "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 10)";

}  // namespace

BOOST_AUTO_TEST_CASE(absent_keys_have_the_defaults_of_transformers) {
  const ModelDescription llama = model("");

  BOOST_TEST(llama.family == "llama");
  BOOST_TEST(llama.hidden_size == 4096);
  BOOST_TEST(llama.intermediate_size == 11008);
  BOOST_TEST(llama.num_hidden_layers == 32);
  BOOST_TEST(llama.num_attention_heads == 32);
  BOOST_TEST(llama.num_key_value_heads == 32);
  BOOST_TEST(llama.head_dim == 128);
  BOOST_TEST(llama.vocab_size == 32000);
  BOOST_TEST(llama.max_position_embeddings == 2048);
  BOOST_TEST(llama.rms_norm_eps == 1e-6);
  BOOST_TEST(llama.rope_theta == 10000.0);
  BOOST_TEST(llama.initializer_range == 0.02);
  BOOST_TEST(!llama.attention_bias);
  BOOST_TEST(!llama.mlp_bias);
  BOOST_TEST(!llama.tie_word_embeddings);
  BOOST_TEST(llama.parameters.size() == 3U + 32 * 9);
}

BOOST_AUTO_TEST_CASE(parameters_are_named_shaped_and_ordered_as_in_the_state_dict) {
  const ModelDescription llama =
      model(std::string(kSmall) + R"(, "head_dim": 6, "mlp_bias": true)");
  const std::vector<ParameterDescription> first_layer = {
      {"model.embed_tokens.weight", {10, 8}},
      {"model.layers.0.self_attn.q_proj.weight", {24, 8}},
      {"model.layers.0.self_attn.k_proj.weight", {12, 8}},
      {"model.layers.0.self_attn.v_proj.weight", {12, 8}},
      {"model.layers.0.self_attn.o_proj.weight", {8, 24}},
      {"model.layers.0.mlp.gate_proj.weight", {12, 8}},
      {"model.layers.0.mlp.gate_proj.bias", {12}},
      {"model.layers.0.mlp.up_proj.weight", {12, 8}},
      {"model.layers.0.mlp.up_proj.bias", {12}},
      {"model.layers.0.mlp.down_proj.weight", {8, 12}},
      {"model.layers.0.mlp.down_proj.bias", {8}},
      {"model.layers.0.input_layernorm.weight", {8}},
      {"model.layers.0.post_attention_layernorm.weight", {8}},
      {"model.layers.1.self_attn.q_proj.weight", {24, 8}}};

  BOOST_REQUIRE_EQUAL(llama.parameters.size(), 3U + 2 * 12);
  for (std::size_t i = 0; i < first_layer.size(); ++i) {
    BOOST_TEST(llama.parameters[i].name == first_layer[i].name);
    BOOST_TEST(to_string(llama.parameters[i].shape) == to_string(first_layer[i].shape));
  }
  BOOST_TEST(llama.parameters[25].name == "model.norm.weight");
  BOOST_TEST(llama.parameters[26].name == "lm_head.weight");
  BOOST_TEST((llama.parameter("lm_head.weight").shape == Shape{10, 8}));
  BOOST_CHECK_THROW(llama.parameter("lm_head.bias"), InvariantError);
}

BOOST_AUTO_TEST_CASE(attention_bias_gives_all_four_projections_a_bias) {
  const ModelDescription llama = model(std::string(kSmall) + R"(, "attention_bias": true)");

  BOOST_TEST((llama.parameter("model.layers.1.self_attn.q_proj.bias").shape == Shape{8}));
  BOOST_TEST((llama.parameter("model.layers.1.self_attn.k_proj.bias").shape == Shape{4}));
  BOOST_TEST((llama.parameter("model.layers.1.self_attn.v_proj.bias").shape == Shape{4}));
  BOOST_TEST((llama.parameter("model.layers.1.self_attn.o_proj.bias").shape == Shape{8}));
  BOOST_TEST(llama.parameters[2].name == "model.layers.0.self_attn.q_proj.bias");
}

BOOST_AUTO_TEST_CASE(a_published_config_is_read_with_its_harmless_keys) {
  // The keys that Llama-family folders on the Hugging Face hub carry.
  const ModelDescription llama = model(R"(, "architectures": ["LlamaForCausalLM"],
      "attention_dropout": 0.0, "bos_token_id": 1, "eos_token_id": [2, 3], "hidden_act": "silu",
      "hidden_size": 2048, "intermediate_size": 5632, "max_position_embeddings": 2048,
      "num_attention_heads": 32, "num_hidden_layers": 22, "num_key_value_heads": 4,
      "pretraining_tp": 1, "rms_norm_eps": 1e-05, "rope_scaling": null, "rope_theta": 500000.0,
      "tie_word_embeddings": false, "torch_dtype": "float32", "transformers_version": "4.35.0",
      "use_cache": true, "pad_token_id": null, "_name_or_path": "x", "head_dim": null)");

  BOOST_TEST(llama.head_dim == 64);
  BOOST_TEST(llama.rope_theta == 500000.0);
  BOOST_TEST(llama.rms_norm_eps == 1e-5);
}

BOOST_AUTO_TEST_CASE(rope_theta_may_stand_in_rope_parameters) {
  BOOST_TEST(
      model(R"(, "rope_parameters": {"rope_theta": 5e5, "rope_type": "default"})").rope_theta ==
      5e5);
  BOOST_TEST(
      error_in(R"(, "rope_theta": 1e4, "rope_parameters": {"rope_theta": 5e5})") ==
      "config.json:1:39: rope_theta = 1e4: rope_parameters.rope_theta says 5e+05: expected the"
      " same");
}

BOOST_AUTO_TEST_CASE(scaled_rotary_embeddings_are_read_under_either_name) {
  const ModelDescription linear = model(R"(, "rope_scaling": {"type": "linear", "factor": 2})");
  BOOST_TEST(linear.number("rope_scaling.factor") == 2);
  BOOST_TEST(!linear.has_number("rope_scaling.low_freq_factor"));

  const ModelDescription llama3 =
      model(R"(, "rope_parameters": {"rope_type": "llama3", "rope_theta": 5e5, "factor": 8.0,
      "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192})");
  BOOST_TEST(llama3.number("rope_scaling.factor") == 8);
  BOOST_TEST(llama3.number("rope_scaling.low_freq_factor") == 1);
  BOOST_TEST(llama3.number("rope_scaling.high_freq_factor") == 4);
  BOOST_TEST(llama3.count("rope_scaling.original_max_position_embeddings") == 8192);
  BOOST_TEST(llama3.rope_theta == 5e5);

  BOOST_TEST(!model(R"(, "rope_scaling": {"type": "default"})").has_number("rope_scaling.factor"));
}

BOOST_AUTO_TEST_CASE(rotary_frequencies_follow_what_was_read) {
  const RotaryFrequencies plain = rotary_frequencies(model(R"(, "rope_theta": 5e5)"), 8);
  BOOST_TEST(plain.theta == 5e5);
  BOOST_TEST((plain.scaling == RotaryScaling::none));

  const RotaryFrequencies linear =
      rotary_frequencies(model(R"(, "rope_scaling": {"type": "linear", "factor": 2})"), 8);
  BOOST_TEST((linear.scaling == RotaryScaling::linear));
  BOOST_TEST(linear.factor == 2);

  const RotaryFrequencies llama3 = rotary_frequencies(
      model(R"(, "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.5,
      "high_freq_factor": 3.0, "original_max_position_embeddings": 8192})"),
      8);
  BOOST_TEST((llama3.scaling == RotaryScaling::llama3));
  BOOST_TEST(llama3.factor == 8);
  BOOST_TEST(llama3.low == 1.5);
  BOOST_TEST(llama3.high == 3);
  BOOST_TEST(llama3.original_positions == 8192);
}

BOOST_AUTO_TEST_CASE(rotary_scaling_that_is_not_implemented_or_incomplete_is_refused) {
  const std::string scaling = R"(, "rope_scaling": {"rope_type": )";
  BOOST_TEST(error_in(scaling + R"("dynamic", "factor": 4})") ==
             "config.json:1:55: rope_scaling.rope_type = \"dynamic\": expected default, linear,"
             " llama3 or yarn");
  BOOST_TEST(error_in(scaling + R"("linear"})") ==
             "config.json:1:41: missing key \"rope_scaling.factor\": rope_type needs it");
  BOOST_TEST(error_in(scaling + R"("linear", "factor": 0.5})") ==
             "config.json:1:75: rope_scaling.factor = 0.5: expected a number of at least 1");
  BOOST_TEST(error_in(scaling + R"("linear", "factor": 2, "beta_fast": 32})") ==
             "config.json:1:78: unknown key \"rope_scaling.beta_fast\"");
  BOOST_TEST(
      error_in(scaling + R"("default"}, "rope_parameters": {"rope_theta": 1e4})") ==
      "config.json:1:41: rope_scaling = {\"rope_type\":\"default\"}: rope_parameters says the"
      " same: expected one of them");
  BOOST_TEST(error_of([] {
               model_from_json(parse_json(
                   R"({"model_type": "phi3", "rope_scaling": {"type": "linear", "factor": 2}})",
                   "config.json"));
             }) ==
             "config.json:1:49: rope_scaling.type = \"linear\": expected default or longrope");
  BOOST_TEST(error_of([] {
               model_from_json(parse_json(
                   R"({"model_type": "phi3", "rope_scaling":
 {"type": "longrope", "short_factor": [1, 2], "long_factor": 3}})",
                   "config.json"));
             }) ==
             "config.json:2:39: rope_scaling.short_factor = [1,2]: expected a list of 48 numbers");
}

BOOST_AUTO_TEST_CASE(yarn_has_the_defaults_of_transformers) {
  const std::string yarn = R"(, "rope_scaling": {"rope_type": "yarn", "factor": 4)";
  const RotaryFrequencies least =
      rotary_frequencies(model(yarn + R"(}, "max_position_embeddings": 500)"), 8);
  BOOST_TEST((least.scaling == RotaryScaling::yarn));
  BOOST_TEST(least.factor == 4);
  BOOST_TEST(least.low == 1);
  BOOST_TEST(least.high == 32);
  BOOST_TEST(least.original_positions == 500);
  BOOST_TEST(least.attention_factor == 0);
  BOOST_TEST(least.truncate);

  const ModelDescription given =
      model(yarn + R"(, "beta_fast": 3, "beta_slow": 2, "mscale": 0.5, "mscale_all_dim": 0.25,
      "attention_factor": 1.5, "truncate": false, "original_max_position_embeddings": 9})");
  const RotaryFrequencies all = rotary_frequencies(given, 8);
  BOOST_TEST(all.low == 2);
  BOOST_TEST(all.high == 3);
  BOOST_TEST(all.mscale == 0.5);
  BOOST_TEST(all.mscale_all_dim == 0.25);
  BOOST_TEST(all.attention_factor == 1.5);
  BOOST_TEST(!all.truncate);
  BOOST_TEST(all.original_positions == 9);
  BOOST_TEST(hash_of(model_from_json(to_json(given))) == hash_of(given));
}

BOOST_AUTO_TEST_CASE(yarn_needs_a_base_above_one) {
  const auto refusal = [](const std::string& members) {
    const std::string error = error_in(", " + members);
    return error.substr(std::min(error.size(), error.find("rope_theta = ")));
  };
  const std::string why = ": yarn divides by its logarithm: expected a number above 1";
  BOOST_TEST(refusal(R"("rope_theta": 1, "rope_scaling": {"type": "yarn", "factor": 4})") ==
             "rope_theta = 1" + why);
  BOOST_TEST(
      refusal(R"("rope_parameters": {"rope_type": "yarn", "factor": 4, "rope_theta": 0.5})") ==
      "rope_theta = 0.5" + why);
  BOOST_TEST(refusal(R"("rope_theta": 1, "rope_scaling": {"type": "linear", "factor": 4})") == "");
}

BOOST_AUTO_TEST_CASE(longrope_has_divisors_for_texts_of_either_length) {
  const ModelDescription phi3 =
      model_from_json(parse_json(R"({"model_type": "phi3", "hidden_size": 12,
      "num_attention_heads": 3, "original_max_position_embeddings": 16, "rope_scaling":
      {"type": "su", "short_factor": [1, 2], "long_factor": [3, 4]}})",
                                 "config.json"));
  const RotaryFrequencies of_16 = rotary_frequencies(phi3, 16);
  BOOST_TEST((of_16.scaling == RotaryScaling::longrope));
  BOOST_TEST(of_16.factor == 4096.0 / 16);
  BOOST_TEST(of_16.original_positions == 16);
  BOOST_TEST(of_16.divisors == (std::vector<double>{1, 2}), boost::test_tools::per_element());
  BOOST_TEST(rotary_frequencies(phi3, 17).divisors == (std::vector<double>{3, 4}),
             boost::test_tools::per_element());
  BOOST_TEST(hash_of(model_from_json(to_json(phi3))) == hash_of(phi3));
}

ModelDescription phi3_of_8(const std::string& members) {
  return model_from_json(parse_json(R"({"model_type": "phi3", "hidden_size": 24,
      "num_attention_heads": 3, )" + members +
                                        "}",
                                    "config.json"));
}

BOOST_AUTO_TEST_CASE(of_phi3_a_part_of_each_head_may_be_turned) {
  const std::string lists = R"("short_factor": [1, 2, 3], "long_factor": [4, 5, 6])";
  const ModelDescription mini =
      phi3_of_8(R"("partial_rotary_factor": 0.75, "original_max_position_embeddings": 16,
      "rope_scaling": {"type": "longrope", )" +
                lists + "}");
  BOOST_TEST(turned_width(mini) == 6);
  BOOST_TEST(rotary_form(mini).head_dim == 8);
  BOOST_TEST(rotary_frequencies(mini, 17).divisors == (std::vector<double>{4, 5, 6}),
             boost::test_tools::per_element());
  BOOST_TEST(hash_of(model_from_json(to_json(mini))) == hash_of(mini));
  const ModelDescription whole = phi3_of_8(R"("num_key_value_heads": 1)");
  BOOST_TEST(turned_width(whole) == 8);
  BOOST_TEST(rotary_form(whole).head_dim == 0);  // all of it
  // transformers 5 has all of it in one place.
  const std::string inside = R"("original_max_position_embeddings": 16)";
  const std::string newer = R"("rope_parameters": {"rope_type": "longrope", "rope_theta": 1e4,
      "partial_rotary_factor": 0.75, )" +
                            inside + ", " + lists + "}";
  BOOST_TEST(hash_of(phi3_of_8(newer)) == hash_of(mini));
  BOOST_TEST(hash_of(phi3_of_8(inside + ", " + newer)) == hash_of(mini));
}

BOOST_AUTO_TEST_CASE(parts_of_heads_that_are_no_pairs_or_said_twice_otherwise_are_refused) {
  const auto refusal = [](const std::string& members) {
    return error_of([&] { phi3_of_8(members); });
  };
  BOOST_TEST(refusal(R"("partial_rotary_factor": 0.7)") ==
             "partial_rotary_factor = 0.700000 turns 5 features of the 8 of a head: expected an "
             "even number, 2 or more");
  BOOST_TEST(refusal(R"("partial_rotary_factor": 2)").find("turns 16 features of the 8") !=
             std::string::npos);
  BOOST_TEST(
      refusal(R"("partial_rotary_factor": 0.5, "rope_parameters": {"partial_rotary_factor": 1})")
          .ends_with("partial_rotary_factor = 0.5: rope_parameters.partial_rotary_factor says 1: "
                     "expected the same"));
  BOOST_TEST(refusal(R"("rope_scaling": {"type": "default", "partial_rotary_factor": 0.5})")
                 .ends_with("partly rotated heads are not implemented: only 1"));
}

BOOST_AUTO_TEST_CASE(rope_parameters_may_be_given_for_each_type_of_layer) {
  const auto gemma3 = [](const std::string& members) {
    return model_from_json(
        parse_json(R"({"model_type": "gemma3_text", )" + members + "}", "config.json"));
  };
  const std::string full = R"("full_attention": {"rope_type": "linear", "factor": 8.0,
      "rope_theta": 2e6})";
  const std::string near = R"("sliding_attention": {"rope_type": "default", "rope_theta": 5e3})";
  const ModelDescription newer = gemma3(R"("rope_parameters": {)" + full + ", " + near + "}");
  BOOST_TEST(hash_of(newer) == hash_of(gemma3(R"("rope_theta": 2e6, "rope_local_base_freq": 5e3,
      "rope_scaling": {"rope_type": "linear", "factor": 8.0})")));
  BOOST_TEST(hash_of(model_from_json(to_json(newer))) == hash_of(newer));
  const auto refusal = [&](const std::string& members) {
    const std::string error = error_of([&] { gemma3(members); });
    return error.substr(std::min(error.size(), error.find(": ") + 2));
  };
  BOOST_TEST(refusal(R"("rope_parameters": {)" + full + "}") ==
             "missing key \"rope_parameters.sliding_attention\": each type of layer needs one");
  BOOST_TEST(refusal(R"("rope_parameters": {)" + full + ", " + near + R"(, "chunked": {}})") ==
             "unknown key \"rope_parameters.chunked\"");
  BOOST_TEST(
      refusal(R"("rope_local_base_freq": 1e4, "rope_parameters": {)" + full + ", " + near + "}") ==
      "rope_local_base_freq = 1e4: rope_parameters.sliding_attention.rope_theta says 5000: "
      "expected the same");
  BOOST_TEST(refusal(R"("rope_parameters": {)" + full +
                     R"(, "sliding_attention": {"rope_type": "linear", "factor": 2}})") ==
             "rope_parameters.sliding_attention.rope_type = \"linear\": scaled positions of layers "
             "that look back over a window are not implemented: only \"default\"");
}

BOOST_AUTO_TEST_CASE(scalings_that_olmo2_s_class_rejects_are_refused) {
  const auto olmo2 = [](const std::string& scaling) {
    return error_of([&] {
      const std::string text = R"({"model_type": "olmo2", )" + scaling + "}";
      const ModelDescription model = model_from_json(parse_json(text, "config.json"));
      if (hash_of(model_from_json(to_json(model))) != hash_of(model))
        throw ScenarioError("written otherwise");
    });
  };
  const std::string why =
      ": Olmo2Config of transformers takes \"type\" and \"factor\" alone, a number above 1 with a "
      "decimal point";
  BOOST_TEST(olmo2(R"("rope_scaling": {"type": "linear", "factor": 2.0})") == "no error");
  BOOST_TEST(olmo2(R"("rope_parameters": {"rope_type": "linear", "factor": 2})") == "no error");
  for (const char* scaling :
       {R"({"rope_type": "linear", "factor": 2.0})", R"({"type": "linear", "factor": 2})",
        R"({"type": "linear", "factor": 1.0})", R"({"type": "default"})"})
    BOOST_TEST(olmo2(std::string(R"("rope_scaling": )") + scaling).ends_with(why), scaling);
  BOOST_TEST(olmo2(R"("rope_scaling": {"type": "yarn", "factor": 2.0})")
                 .ends_with("rope_scaling.type = \"yarn\": expected default or linear"));
}

BOOST_AUTO_TEST_CASE(what_deepseek_s_own_code_scales_otherwise_is_a_notice) {
  std::vector<std::string> notices;
  model_from_json(parse_json(R"({"model_type": "deepseek_v2", "num_experts_per_tok": 2,
      "rope_scaling": {"type": "yarn", "factor": 40, "mscale": 0.7, "mscale_all_dim": 0.7}})",
                             "config.json"),
                  Mode::training, &notices);
  BOOST_REQUIRE(notices.size() == 1U);
  BOOST_TEST(notices[0].ends_with("run as transformers does"));
}

BOOST_AUTO_TEST_CASE(what_would_change_the_numbers_is_refused_by_name) {
  const auto message = [](const std::string& members) {
    const std::string error = error_in(", " + members);
    return error.substr(error.find(": ") + 2);
  };
  BOOST_TEST(message(R"("hidden_act": "gelu")") ==
             "hidden_act = \"gelu\": only \"silu\" is implemented");
  BOOST_TEST(message(R"("pretraining_tp": 2)") ==
             "pretraining_tp = 2: slicing the projections again is not implemented: only 1");
  BOOST_TEST(message(R"("sliding_window": 4096)") ==
             "sliding_window = 4096: sliding-window attention is not implemented: only null");
  BOOST_TEST(message(R"("layer_types": ["full_attention", "sliding_attention"])") ==
             "layer_types = [\"full_attention\",\"sliding_attention\"]: layers of several types are"
             " not implemented: only \"full_attention\"");
  BOOST_TEST(error_in(R"(, "layer_types": ["full_attention", "full_attention"])") == "no error");
}

BOOST_AUTO_TEST_CASE(all_dropouts_are_refused_at_once_in_training_and_none_in_inference) {
  const JsonValue some = parse_json(R"({"model_type": "llama", "hidden_dropout": 0.5,
      "embd_pdrop": 0.0, "attention_dropout": 0.1})",
                                    "config.json");
  BOOST_TEST(error_of([&] { model_from_json(some); }) ==
             "config.json:2:47: attention_dropout = 0.1, hidden_dropout = 0.5: dropout is not"
             " implemented in training; turn it off: --override attention_dropout=0 --override"
             " hidden_dropout=0");
  BOOST_TEST(hash_of(model_from_json(some, Mode::inference)) == hash_of(model("")));
  BOOST_TEST(is_model_key("attention_dropout"));

  const JsonValue more = parse_json(R"({"model_type": "llama", "hidden_dropout": 1.5})", "c");
  BOOST_TEST(error_of([&] { model_from_json(more, Mode::inference); }) ==
             "c:1:43: hidden_dropout = 1.5: expected a number of at least 0 and below 1");
}

BOOST_AUTO_TEST_CASE(a_padding_token_is_a_row_counted_from_either_end_as_torch_does) {
  const std::string ten = R"(, "vocab_size": 10, "pad_token_id": )";
  BOOST_TEST(!model(R"(, "vocab_size": 10)").padding_row());
  BOOST_TEST(!model(ten + "null").padding_row());
  BOOST_TEST(*model(ten + "0").padding_row() == 0);
  BOOST_TEST(*model(ten + "9").padding_row() == 9);
  BOOST_TEST(*model(ten + "-1").padding_row() == 9);
  BOOST_TEST(*model(ten + "-10").padding_row() == 0);
  for (const char* outside : {"10", "-11"})
    BOOST_TEST(error_in(ten + outside) ==
               "config.json:1:59: pad_token_id = " + std::string(outside) +
                   ": expected a whole number from -10 to 9");
  for (const char* padding : {"null", "0", "-1"}) {
    const ModelDescription read = model(ten + padding);
    BOOST_TEST(hash_of(model_from_json(to_json(read))) == hash_of(read), padding);
  }
}

BOOST_AUTO_TEST_CASE(an_unknown_key_that_no_model_reads_is_a_notice) {
  std::vector<std::string> notices;
  const JsonValue config = parse_json(R"({"model_type": "llama", "unsloth_fixed": true,
      "use_flash_attn": true, "_comment": "mine", "gradient_checkpointing": true})",
                                      "config.json");

  BOOST_TEST(hash_of(model_from_json(config, Mode::training, &notices)) == hash_of(model("")));

  const std::string end = " is read by no transformers model: ignored";
  BOOST_TEST(notices == (std::vector<std::string>{"config.json: unsloth_fixed" + end,
                                                  "config.json: use_flash_attn" + end,
                                                  "config.json: _comment" + end}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(an_unknown_key_that_may_mean_something_is_an_error) {
  // Another model's key.
  BOOST_TEST(error_in(R"(, "n_embd": 8)") ==
             "config.json:1:25: unknown key \"n_embd\": GPT2Config of transformers reads it,"
             " LlamaConfig does not");
  BOOST_TEST(error_in(R"(, "final_logit_softcapping": 30.0)") ==
             "config.json:1:25: unknown key \"final_logit_softcapping\": Gemma2Config of"
             " transformers reads it, LlamaConfig does not");
  // Our own, misspelt.
  BOOST_TEST(error_in(R"(, "rope_thetha": 1e6)") ==
             "config.json:1:25: unknown key \"rope_thetha\"; did you mean \"rope_theta\"?");
  BOOST_TEST(error_in(R"(, "atention_dropout": 0)") ==
             "config.json:1:25: unknown key \"atention_dropout\"; did you mean"
             " \"attention_dropout\"?");
}

BOOST_AUTO_TEST_CASE(the_keys_of_transformers_are_sorted_and_say_who_reads_them) {
  const auto keys = transformers_keys();
  BOOST_TEST(std::ranges::is_sorted(keys, {}, &TransformersKey::key));
  BOOST_TEST((std::ranges::adjacent_find(keys, {}, &TransformersKey::key) == keys.end()));
  const auto rope = std::ranges::find(keys, "rope_local_base_freq", &TransformersKey::key);
  BOOST_REQUIRE((rope != keys.end()));
  BOOST_TEST(rope->read_by == "Gemma3TextConfig");
}

BOOST_AUTO_TEST_CASE(a_config_for_another_class_is_refused_by_its_name) {
  const std::string classes = R"(, "architectures": )";
  BOOST_TEST(error_in(classes + R"(["LlamaForSequenceClassification"])") ==
             "config.json:1:42: architectures = [\"LlamaForSequenceClassification\"]: this tool"
             " runs the causal language model LlamaForCausalLM");
  BOOST_TEST(error_in(classes + R"(["LlamaModel"])") == "no error");
  BOOST_TEST(error_in(classes + R"(["LLaMAForCausalLM"])") == "no error");  // of the first ones
  BOOST_TEST(error_in(classes + R"(["MistralForCausalLM"])").ends_with(" LlamaForCausalLM"));

  const std::string code = R"(, "auto_map": {"AutoConfig": "configuration_x.XConfig",
 "AutoModelForCausalLM": )";
  BOOST_TEST(
      error_in(code + R"("modeling_x.XForCausalLM"})") ==
      "config.json:2:26: auto_map.AutoModelForCausalLM = \"modeling_x.XForCausalLM\": code of"
      " its own is not implemented: expected LlamaForCausalLM");
  BOOST_TEST(error_in(code + R"("me/mine--modeling_llama.LlamaForCausalLM"})") == "no error");
}

BOOST_AUTO_TEST_CASE(an_unknown_family_is_refused_with_the_list_of_those_there_are) {
  const std::string list =
      "\"llama\", \"mistral\", \"qwen2\", \"qwen3\", \"gemma2\", \"gemma3_text\", \"olmo2\", "
      "\"phi3\", "
      "\"gpt2\", \"gpt_neox\", \"opt\", \"bloom\", "
      "\"mixtral\","
      " \"qwen3_moe\", \"deepseek_v2\", \"deepseek_v3\", \"chatglm\" or \"residual_mlp\"";
  const auto error = [](const char* config) {
    return error_of([&] { model_from_json(parse_json(config, "config.json")); });
  };
  // Before the default that takes its place is found not to fit.
  BOOST_TEST(error(R"({"model_type": "mixtral", "hiden_size": 96, "num_attention_heads": 6})")
                 .find("did you mean \"hidden_size\"?") != std::string::npos);
  BOOST_TEST(error(R"({"model_type": "mistrall"})") ==
             "config.json:1:16: model_type = \"mistrall\": expected " + list);
  BOOST_TEST(error("{}") == "config.json:1:1: missing key \"model_type\": expected " + list);
  BOOST_TEST(error(R"({"model_type": "gpt_neox", "rotary_pct": 0.3})")
                 .find("turns 28 features of the 96 of a head") == std::string::npos);
  BOOST_TEST(
      error(R"({"model_type": "gpt_neox", "rotary_pct": 0.24})")
          .ends_with("turns 23 features of the 96 of a head: expected an even number, 2 or more"));
}

// As Gemma 3's larger models are published.
BOOST_AUTO_TEST_CASE(a_model_that_reads_images_too_is_refused_with_what_to_take) {
  const char* config = R"({"model_type": "gemma3",
    "architectures": ["Gemma3ForConditionalGeneration"], "boi_token_index": 255999,
    "text_config": {"hidden_size": 2560, "model_type": "gemma3_text", "num_hidden_layers": 34,
                    "rope_scaling": {"factor": 8.0, "rope_type": "linear"}},
    "vision_config": {"model_type": "siglip_vision_model"}})";
  const std::string error = error_of([&] { model_from_json(parse_json(config, "config.json")); });
  BOOST_TEST(error ==
             "config.json:1:16: model_type = \"gemma3\": models of more than texts are not"
             " implemented: take what text_config holds as a config.json of its own, with"
             " \"model_type\": \"gemma3_text\", and weights by the names of that model alone");
  const JsonValue text = *parse_json(config, "config.json").find("text_config");
  BOOST_TEST(model_from_json(text).number("rope_scaling.factor") == 8);
}

BOOST_AUTO_TEST_CASE(a_tied_head_is_no_parameter_of_its_own) {
  const ModelDescription tied = model(std::string(kSmall) + R"(, "tie_word_embeddings": true)");

  BOOST_TEST(tied.tie_word_embeddings);
  BOOST_TEST(!tied.has_parameter("lm_head.weight"));
  BOOST_TEST(tied.parameters.size() + 1 == model(kSmall).parameters.size());
}

BOOST_AUTO_TEST_CASE(heads_that_do_not_fit_are_refused_with_both_numbers) {
  BOOST_TEST(error_in(R"(, "num_attention_heads": 6, "num_key_value_heads": 4)") ==
             "config.json:1:74: num_key_value_heads = 4: does not divide num_attention_heads = 6");
  BOOST_TEST(
      error_in(R"(, "hidden_size": 100, "num_attention_heads": 8)") ==
      "config.json:1:1: num_attention_heads = 8 does not divide hidden_size = 100, and there is"
      " no head_dim");
  BOOST_TEST(error_in(R"(, "head_dim": 7)") ==
             "config.json:1:37: head_dim = 7: rotary embeddings need an even number");
  BOOST_TEST(error_in(R"(, "num_hidden_layers": 0)") ==
             "config.json:1:46: num_hidden_layers = 0: expected a whole number from 1 to 1000");
  BOOST_TEST(error_in(R"(, "hidden_sizes": 8)") ==
             "config.json:1:25: unknown key \"hidden_sizes\"; did you mean \"hidden_size\"?");
}

BOOST_AUTO_TEST_CASE(a_model_is_read_from_its_folder_and_written_back) {
  const tests::TemporaryFolder folder;
  std::ofstream(folder / "config.json") << "{\"model_type\": \"llama\"" << kSmall << "}";
  const ModelDescription llama = model_from_json(read_model_json(folder.path().string()));

  BOOST_TEST(hash_of(llama) == hash_of(model_from_json(read_model_json(folder / "config.json"))));
  BOOST_TEST(hash_of(llama) == hash_of(model_from_json(to_json(llama))));
  BOOST_TEST(hash_of(llama).size() == 32U);
}

BOOST_AUTO_TEST_CASE(every_hyper_parameter_is_part_of_the_hash) {
  std::set<std::string> hashes = {hash_of(model(kSmall))};
  int count = 1;
  for (const char* change :
       {R"("hidden_size": 16)", R"("intermediate_size": 16)", R"("num_hidden_layers": 3)",
        R"("num_attention_heads": 2)", R"("num_key_value_heads": 4)", R"("head_dim": 4)",
        R"("vocab_size": 11)", R"("max_position_embeddings": 7)", R"("rms_norm_eps": 1e-5)",
        R"("rope_theta": 1e5)", R"("initializer_range": 0.1)", R"("attention_bias": true)",
        R"("mlp_bias": true)", R"("tie_word_embeddings": true)",
        R"("rope_scaling": {"type": "linear", "factor": 2})",
        R"("rope_scaling": {"type": "linear", "factor": 3})"}) {
    JsonValue config = parse_json("{\"model_type\": \"llama\"" + std::string(kSmall) + "}", "a");
    const JsonValue changed = parse_json("{" + std::string(change) + "}", "b");
    config.set(changed.members[0].key, changed.members[0].value);
    hashes.insert(hash_of(model_from_json(config)));
    ++count;
  }

  BOOST_TEST(hashes.size() == static_cast<std::size_t>(count));
}
