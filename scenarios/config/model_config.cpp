#include "scenarios/config/model_config.hpp"

#include <array>
#include <filesystem>

#include "scenarios/config/neutral_key.hpp"
#include "scenarios/model/llama.hpp"

namespace shardproof {

namespace {

constexpr IntegerRange kAtLeastOne{1, std::int64_t{1} << 40};
constexpr NumberRange kPositive{.lowest = 0, .above_lowest = true};

// Keys of PretrainedConfig and of text generation: no number of a training step depends on them.
// The dtypes among them do not either, because the working dtype comes from the DeepSpeed config.
constexpr const char* kHarmless[] = {"architectures",
                                     "torch_dtype",
                                     "dtype",
                                     "transformers_version",
                                     "_name_or_path",
                                     "name_or_path",
                                     "_commit_hash",
                                     "_attn_implementation",
                                     "_attn_implementation_autoset",
                                     "_attn_implementation_internal",
                                     "_flash_attn_2_enabled",
                                     "attn_implementation",
                                     "auto_map",
                                     "bos_token_id",
                                     "eos_token_id",
                                     "sep_token_id",
                                     "decoder_start_token_id",
                                     "forced_bos_token_id",
                                     "forced_eos_token_id",
                                     "use_cache",
                                     "return_dict",
                                     "return_dict_in_generate",
                                     "output_attentions",
                                     "output_hidden_states",
                                     "output_scores",
                                     "torchscript",
                                     "finetuning_task",
                                     "id2label",
                                     "label2id",
                                     "num_labels",
                                     "problem_type",
                                     "task_specific_params",
                                     "tokenizer_class",
                                     "prefix",
                                     "suppress_tokens",
                                     "begin_suppress_tokens",
                                     "bad_words_ids",
                                     "max_length",
                                     "min_length",
                                     "do_sample",
                                     "early_stopping",
                                     "num_beams",
                                     "num_beam_groups",
                                     "num_return_sequences",
                                     "diversity_penalty",
                                     "length_penalty",
                                     "repetition_penalty",
                                     "encoder_no_repeat_ngram_size",
                                     "no_repeat_ngram_size",
                                     "exponential_decay_length_penalty",
                                     "remove_invalid_values",
                                     "temperature",
                                     "top_k",
                                     "top_p",
                                     "typical_p",
                                     "generation_config",
                                     "base_model_tp_plan",
                                     "base_model_pp_plan",
                                     "keys_to_ignore_at_inference",
                                     "max_sequence_length"};

constexpr NeutralKey kNeutral[] = {
    {"model_type", "\"llama\"", "only \"llama\" is implemented"},
    {"hidden_act", "\"silu\"", "only \"silu\" is implemented"},
    {"attention_dropout", "0", "dropout is not implemented: only 0"},
    {"hidden_dropout", "0", "dropout is not implemented: only 0"},
    {"resid_pdrop", "0", "dropout is not implemented: only 0"},
    {"embd_pdrop", "0", "dropout is not implemented: only 0"},
    {"pretraining_tp", "1", "slicing the projections again is not implemented: only 1"},
    {"tie_word_embeddings", "false",
     "tied embeddings are not implemented: the two gradients of one weight have to be added before"
     " they are reduced; use false and give lm_head.weight"},
    {"pad_token_id", "null",
     "an embedding row whose gradient is held at zero is not implemented; use null"},
    {"rope_scaling", "null", "scaled rotary embeddings are not implemented: only null"},
    {"partial_rotary_factor", "1", "partly rotated heads are not implemented: only 1"},
    {"rope_interleaved", "false", "interleaved rotary pairs are not implemented: only false"},
    {"sliding_window", "null", "sliding-window attention is not implemented: only null"},
    {"use_sliding_window", "false", "sliding-window attention is not implemented: only false"},
    {"layer_types", "null", "layers of several types are not implemented: only null"},
    {"quantization_config", "null", "quantised weights are not implemented"},
    {"is_decoder", "false", "only the causal decoder of LlamaForCausalLM is implemented"},
    {"is_encoder_decoder", "false", "encoder-decoder models are not implemented: only false"},
    {"add_cross_attention", "false", "cross attention is not implemented: only false"},
    {"cross_attention_hidden_size", "null", "cross attention is not implemented: only null"},
    {"tie_encoder_decoder", "false", "encoder-decoder models are not implemented: only false"},
    {"chunk_size_feed_forward", "0", "a chunked feed-forward is not implemented: only 0"},
    {"pruned_heads", "{}", "pruned heads are not implemented: only {}"},
    {"use_bfloat16", "false", "the working dtype comes from the DeepSpeed config: only false"},
    {"tf_legacy_loss", "false", "only PyTorch's loss is implemented: only false"},
    {"num_local_experts", "null", "mixtures of experts are not implemented"},
    {"logits_soft_cap", "null", "capped logits are not implemented"},
};

// transformers 5 moves rope_theta into an object of its own.
double read_rope_theta(ObjectReader& reader) {
  const JsonValue* theta = reader.find("rope_theta");
  const JsonValue* parameters = reader.find("rope_parameters");
  if (!parameters) return theta ? as_number(*theta, "rope_theta", kPositive) : 10000.0;
  ObjectReader rope(*parameters, "rope_parameters");
  static constexpr NeutralKey neutral[] = {
      {"rope_type", "\"default\"",
       "scaled rotary embeddings are not implemented: only \"default\""},
      {"type", "\"default\"", "scaled rotary embeddings are not implemented: only \"default\""},
      {"partial_rotary_factor", "1", "partly rotated heads are not implemented: only 1"}};
  require_neutral(rope, neutral);
  const double inner = rope.number("rope_theta", 10000.0, kPositive);
  rope.finish();
  if (theta && as_number(*theta, "rope_theta", kPositive) != inner)
    refuse_value(*theta, "rope_theta",
                 "rope_parameters.rope_theta says " + write_json(inner) + ": expected the same");
  return inner;
}

void read_heads(ObjectReader& reader, ModelDescription& model) {
  model.num_attention_heads = reader.integer("num_attention_heads", 32, kAtLeastOne);
  model.num_key_value_heads =
      reader.integer("num_key_value_heads", model.num_attention_heads, kAtLeastOne);
  if (model.num_attention_heads % model.num_key_value_heads != 0)
    refuse_value(
        *reader.find("num_key_value_heads"), "num_key_value_heads",
        "does not divide num_attention_heads = " + std::to_string(model.num_attention_heads));
  const JsonValue* head_dim = reader.find("head_dim");
  if (head_dim)
    model.head_dim = as_integer(*head_dim, "head_dim", kAtLeastOne);
  else if (model.hidden_size % model.num_attention_heads == 0)
    model.head_dim = model.hidden_size / model.num_attention_heads;
  else
    throw ScenarioError(reader.place(),
                        "num_attention_heads = " + std::to_string(model.num_attention_heads) +
                            " does not divide hidden_size = " + std::to_string(model.hidden_size) +
                            ", and there is no head_dim");
  if (model.head_dim % 2 != 0)
    throw ScenarioError(
        head_dim ? head_dim->place : reader.place(),
        "head_dim = " + std::to_string(model.head_dim) + ": rotary embeddings need an even number");
}

}  // namespace

JsonValue read_model_json(const std::string& path) {
  const std::filesystem::path given(path);
  std::error_code unreadable;  // is said by read_json
  const bool folder = std::filesystem::is_directory(given, unreadable);
  return read_json((folder ? given / "config.json" : given).string());
}

ModelDescription model_from_json(const JsonValue& config) {
  ObjectReader reader(config, "");
  ModelDescription model;
  reader.require("model_type", "expected \"llama\"");
  require_neutral(reader, kNeutral);
  accept_harmless(reader, kHarmless, nullptr);
  model.family = "llama";
  model.hidden_size = reader.integer("hidden_size", 4096, kAtLeastOne);
  model.intermediate_size = reader.integer("intermediate_size", 11008, kAtLeastOne);
  model.num_hidden_layers = reader.integer("num_hidden_layers", 32, {1, 1'000'000});
  model.vocab_size = reader.integer("vocab_size", 32000, {2, std::int64_t{1} << 31});
  model.max_position_embeddings = reader.integer("max_position_embeddings", 2048, kAtLeastOne);
  model.rms_norm_eps = reader.number("rms_norm_eps", 1e-6, kPositive);
  model.initializer_range = reader.number("initializer_range", 0.02, {.lowest = 0});
  model.rope_theta = read_rope_theta(reader);
  model.attention_bias = reader.boolean("attention_bias", false);
  model.mlp_bias = reader.boolean("mlp_bias", false);
  read_heads(reader, model);
  reader.finish();
  model.parameters = llama_parameters(model);
  return model;
}

JsonValue to_json(const ModelDescription& model) {
  JsonValue json = JsonValue::object();
  json.set("model_type", model.family);
  json.set("hidden_size", model.hidden_size);
  json.set("intermediate_size", model.intermediate_size);
  json.set("num_hidden_layers", model.num_hidden_layers);
  json.set("num_attention_heads", model.num_attention_heads);
  json.set("num_key_value_heads", model.num_key_value_heads);
  json.set("head_dim", model.head_dim);
  json.set("vocab_size", model.vocab_size);
  json.set("max_position_embeddings", model.max_position_embeddings);
  json.set("rms_norm_eps", model.rms_norm_eps);
  json.set("rope_theta", model.rope_theta);
  json.set("initializer_range", model.initializer_range);
  json.set("attention_bias", model.attention_bias);
  json.set("mlp_bias", model.mlp_bias);
  json.set("tie_word_embeddings", model.tie_word_embeddings);
  return json;
}

}  // namespace shardproof
