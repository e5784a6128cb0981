#include "scenarios/data/weights.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <set>

#include "scenarios/config/model/model_config.hpp"
#include "scenarios/model/families.hpp"
#include "tests/support/error_of.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace shardproof;
using tests::error_of;
using tests::TemporaryFolder;

namespace {

Task small_task(Dtype working) {
  Task task;
  task.weights = "generated";
  task.seed = 42;
  task.training.working = working;
  ModelDescription& model = task.model;
  model.family = "llama";
  model.hidden_size = 8;
  model.intermediate_size = 12;
  model.num_hidden_layers = 1;
  model.num_attention_heads = 4;
  model.num_key_value_heads = 2;
  model.head_dim = 2;
  model.vocab_size = 10;
  model.max_position_embeddings = 16;
  model.initializer_range = 0.5;
  model.attention_bias = model.mlp_bias = true;
  model.parameters = llama_family().parameters(model);
  return task;
}

Task small_gpt2() {
  Task task;
  task.training.working = Dtype::fp64;
  task.model = model_from_json(parse_json(R"({"model_type": "gpt2", "n_embd": 4, "n_head": 2,
      "n_layer": 1, "n_positions": 6, "vocab_size": 5, "resid_pdrop": 0, "embd_pdrop": 0,
      "attn_pdrop": 0})",
                                          "config.json"));
  return task;
}

Task small_deepseek_v3() {
  Task task;
  task.training.working = Dtype::bf16;
  task.model = model_from_json(parse_json(R"({"model_type": "deepseek_v3", "hidden_size": 4,
      "num_hidden_layers": 1, "num_attention_heads": 1, "num_key_value_heads": 1, "vocab_size": 5,
      "q_lora_rank": null, "kv_lora_rank": 2, "qk_nope_head_dim": 2, "qk_rope_head_dim": 2,
      "v_head_dim": 2, "n_routed_experts": 4, "n_group": 2, "topk_group": 1,
      "num_experts_per_tok": 1, "moe_intermediate_size": 2, "first_k_dense_replace": 0,
      "initializer_range": 0.5})",
                                          "config.json"));
  return task;
}

std::vector<TensorToStore> checkpoint_of(const Task& task) {
  std::vector<TensorToStore> tensors;
  double next = 0;
  for (const ParameterDescription& parameter : task.model.stored()) {
    std::vector<double> values(static_cast<std::size_t>(element_count(parameter.shape)));
    for (double& value : values) value = (next += 1.0) + 0x1p-20;
    TensorToStore tensor{parameter.name, Dtype::fp64, parameter.shape, {}};
    tensor.bytes.resize(values.size() * 8);
    encode(Dtype::fp64, values, tensor.bytes);
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_weight_that_is_no_number_is_refused_with_file_tensor_and_index) {
  const TemporaryFolder folder;
  Task task = small_task(Dtype::fp16);
  task.weights = folder / "model.safetensors";
  std::vector<TensorToStore> tensors = checkpoint_of(task);
  for (TensorToStore& tensor : tensors)  // small enough for fp16
    encode(Dtype::fp64, std::vector<double>(tensor.bytes.size() / 8, 0.25), tensor.bytes);
  const std::string name = "model.layers.0.mlp.down_proj.weight";
  const auto at = std::ranges::find(tensors, name, &TensorToStore::name);
  const auto refusal = [&](double value) {
    encode(Dtype::fp64, std::span(&value, 1), std::span(at->bytes).subspan(8 * 15, 8));
    write_safetensors(task.weights, tensors);
    return error_of([&] { Weights(task).expect_finite(); });
  };

  BOOST_TEST(refusal(0.5) == "no error");
  const std::string place = task.weights + ": " + name + " at index (1, 3) is ";
  BOOST_TEST(refusal(std::nan("")) == place + "NaN");
  BOOST_TEST(refusal(-INFINITY) == place + "infinite");
  BOOST_TEST(refusal(1e6) == place + "1000000.000000, which fp16 does not hold");
  task.weights = "generated";
  Weights(task).expect_finite();
}

BOOST_AUTO_TEST_CASE(a_region_of_generated_weights_is_that_region_of_the_whole) {
  const Task task = small_task(Dtype::fp32);
  const Weights weights(task);
  const std::string name = "model.layers.0.self_attn.q_proj.weight";
  const std::vector<double> full = weights.read(name, whole({8, 8}));
  const std::vector<double> part = weights.read(name, {{2, 3}, {4, 2}});

  for (std::size_t row = 0; row < 4; ++row)
    for (std::size_t column = 0; column < 2; ++column)
      BOOST_TEST(part[row * 2 + column] == full[(row + 2) * 8 + column + 3]);
}

BOOST_AUTO_TEST_CASE(generated_weights_are_rounded_to_the_working_dtype) {
  const Weights exact(small_task(Dtype::fp64)), rounded(small_task(Dtype::bf16));
  int changed = 0;
  for (const ParameterDescription& parameter : small_task(Dtype::fp64).model.parameters) {
    const auto before = exact.read(parameter.name, whole(parameter.shape));
    const auto after = rounded.read(parameter.name, whole(parameter.shape));
    for (std::size_t i = 0; i < before.size(); ++i) {
      BOOST_REQUIRE_EQUAL(after[i], round_to(Dtype::bf16, before[i]));
      changed += after[i] != before[i];
    }
  }
  BOOST_TEST(changed > 100);
}

BOOST_AUTO_TEST_CASE(norms_start_near_one_and_biases_are_small_but_not_zero) {
  const Weights weights(small_task(Dtype::fp64));
  const auto norm = weights.read("model.norm.weight", whole({8}));
  const auto bias = weights.read("model.layers.0.mlp.up_proj.bias", whole({12}));
  const auto matrix = weights.read("lm_head.weight", whole({10, 8}));

  BOOST_TEST(std::set<double>(norm.begin(), norm.end()).size() == 8U);
  for (const double value : norm) BOOST_TEST((value >= 1.0 && value < 1.1));
  for (const double value : bias) BOOST_TEST((value != 0 && std::fabs(value) < 0.5 * 4.9));
  double squares = 0;
  for (const double value : matrix) squares += value * value;
  BOOST_TEST(std::sqrt(squares / 80) > 0.3);
  BOOST_TEST(std::sqrt(squares / 80) < 0.7);
}

BOOST_AUTO_TEST_CASE(a_region_outside_the_parameter_breaks_an_invariant) {
  const Weights weights(small_task(Dtype::fp64));
  BOOST_CHECK_THROW(weights.read("model.norm.weight", {{1}, {8}}), InvariantError);
  BOOST_CHECK_THROW(weights.read("model.norm.weight", whole({8, 1})), InvariantError);
  BOOST_CHECK_THROW(weights.read("model.no_such.weight", whole({8})), InvariantError);
}

BOOST_AUTO_TEST_CASE(stored_weights_are_cast_to_the_working_dtype_and_nan_passes_through) {
  const TemporaryFolder folder;
  Task task = small_task(Dtype::fp32);
  task.weights = folder / "model.safetensors";
  auto tensors = checkpoint_of(task);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  encode(Dtype::fp64, std::span(&nan, 1), std::span(tensors[0].bytes).first(8));
  write_safetensors(task.weights, tensors);
  const Weights weights(task);

  const auto embedding = weights.read("model.embed_tokens.weight", whole({10, 8}));
  BOOST_TEST(std::isnan(embedding[0]));
  BOOST_TEST(embedding[1] == round_to(Dtype::fp32, 2 + 0x1p-20));
  BOOST_TEST(embedding[79] == round_to(Dtype::fp32, 80 + 0x1p-20));
  BOOST_TEST(embedding[79] != 80 + 0x1p-20);
}

BOOST_AUTO_TEST_CASE(weights_that_do_not_fit_the_config_are_named_all_at_once) {
  const TemporaryFolder folder;
  Task task = small_task(Dtype::fp32);
  task.weights = folder / "model.safetensors";
  auto tensors = checkpoint_of(task);
  tensors[0].shape = {8, 10};  // the embedding, transposed
  tensors.back().name = "lm_head.wieght";
  write_safetensors(task.weights, tensors);

  BOOST_TEST(error_of([&] { Weights{task}; }, folder.path().string() + "/") ==
             "model.safetensors: the weights do not fit the model's config: "
             "model.embed_tokens.weight is (8, 10), expected (10, 8); missing lm_head.weight; "
             "extra lm_head.wieght");
}

BOOST_AUTO_TEST_CASE(the_rotary_frequencies_of_old_checkpoints_are_no_extra_weights) {
  const TemporaryFolder folder;
  Task task = small_task(Dtype::fp32);
  task.weights = folder.path().string();
  auto tensors = checkpoint_of(task);
  tensors.push_back({"model.layers.0.self_attn.rotary_emb.inv_freq",
                     Dtype::fp32,
                     {1},
                     std::vector<std::byte>(4)});
  write_safetensors(folder / "model.safetensors", tensors);

  BOOST_TEST(error_of([&] { Weights{task}; }) == "no error");
}

BOOST_AUTO_TEST_CASE(norms_of_every_kind_start_near_one_and_their_biases_do_not) {
  Task task = small_gpt2();
  task.weights = "generated";
  const Weights weights(task);

  for (const double value : weights.read("transformer.h.0.ln_1.weight", whole({4})))
    BOOST_TEST((value >= 1.0 && value < 1.1));
  for (const double value : weights.read("transformer.h.0.ln_1.bias", whole({4})))
    BOOST_TEST((value != 0 && std::fabs(value) < 0.02 * 4.9));
  for (const double value : weights.read("transformer.h.0.attn.c_attn.bias", whole({12})))
    BOOST_TEST((value != 0 && std::fabs(value) < 0.02 * 4.9));
}

BOOST_AUTO_TEST_CASE(a_checkpoint_may_lack_the_prefix_and_hold_masks_and_a_tied_head) {
  const TemporaryFolder folder;
  Task task = small_gpt2();
  task.weights = folder.path().string();
  auto tensors = checkpoint_of(task);
  double ln_f = 0;  // the last two tensors are ln_f's weight and bias
  decode(Dtype::fp64, std::span(tensors[tensors.size() - 2].bytes).first(8), std::span(&ln_f, 1));
  for (TensorToStore& tensor : tensors)
    tensor.name = tensor.name.substr(std::string("transformer.").size());
  const auto add = [&](const char* name, Shape shape) {
    std::vector<std::byte> bytes(static_cast<std::size_t>(element_count(shape)) * 4);
    tensors.push_back({name, Dtype::fp32, std::move(shape), std::move(bytes)});
  };
  add("h.0.attn.bias", {1, 1, 6, 6});
  add("lm_head.weight", {5, 4});
  write_safetensors(folder / "model.safetensors", tensors);

  BOOST_TEST(Weights(task).read("transformer.ln_f.weight", {{0}, {1}})[0] == ln_f);

  add("h.0.attn.scale", {1});
  write_safetensors(folder / "model.safetensors", tensors);
  BOOST_TEST(error_of([&] { Weights{task}; }, folder.path().string()) ==
             ": the weights do not fit the model's config: extra h.0.attn.scale");
}

BOOST_AUTO_TEST_CASE(what_is_not_trained_is_generated_and_read_as_weights_are) {
  const std::string name = "model.layers.0.mlp.gate.e_score_correction_bias";
  Task task = small_deepseek_v3();
  task.weights = "generated";
  for (const double value : Weights(task).read(name, whole({4})))
    BOOST_TEST((value != 0 && std::fabs(value) < 0.5 * 4.9));

  const TemporaryFolder folder;
  task.weights = folder.path().string();
  auto tensors = checkpoint_of(task);
  BOOST_TEST(tensors.back().name == name);
  const std::vector<double> given{0.5, -0.25, 1 + 0x1p-20, 3};
  encode(Dtype::fp64, given, tensors.back().bytes);
  // Of layer 61, which transformers does not load, and of no other.
  tensors.push_back(
      {"model.layers.61.eh_proj.weight", Dtype::fp32, {1}, std::vector<std::byte>(4)});
  write_safetensors(folder / "model.safetensors", tensors);
  BOOST_TEST(Weights(task).read(name, whole({4})) == (std::vector<double>{0.5, -0.25, 1, 3}),
             boost::test_tools::per_element());

  tensors.back().name = "model.layers.1.eh_proj.weight";
  tensors[tensors.size() - 2].name = "elsewhere";
  write_safetensors(folder / "model.safetensors", tensors);
  BOOST_TEST(error_of([&] { Weights{task}; }, folder.path().string()) ==
             ": the weights do not fit the model's config: missing " + name +
                 "; extra elsewhere; extra model.layers.1.eh_proj.weight");
}
