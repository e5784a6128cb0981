#include "scenarios/config/model/model_config.hpp"

#include <algorithm>
#include <filesystem>

#include "scenarios/config/model/model_keys.hpp"
#include "scenarios/json/neutral_key.hpp"
#include "scenarios/model/families.hpp"
#include "scenarios/model/model_fields.hpp"

namespace shardproof {

namespace {

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

// Of PretrainedConfig, too: no family has more than the causal decoder.
const std::vector<NeutralConfigKey>& common_neutral_keys() {
  static const std::vector<NeutralConfigKey> keys = {
      {"quantization_config", "null", "quantised weights are not implemented"},
      {"is_decoder", "false", "only the causal decoder is implemented"},
      {"is_encoder_decoder", "false", "encoder-decoder models are not implemented: only false"},
      {"add_cross_attention", "false", "cross attention is not implemented: only false"},
      {"cross_attention_hidden_size", "null", "cross attention is not implemented: only null"},
      {"tie_encoder_decoder", "false", "encoder-decoder models are not implemented: only false"},
      {"chunk_size_feed_forward", "0", "a chunked feed-forward is not implemented: only 0"},
      {"pruned_heads", "{}", "pruned heads are not implemented: only {}"},
      {"use_bfloat16", "false", "the working dtype comes from the DeepSpeed config: only false"},
      {"tf_legacy_loss", "false", "only PyTorch's loss is implemented: only false"},
  };
  return keys;
}

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i)
    text += (i == 0 ? "\"" : i + 1 == names.size() ? " or \"" : ", \"") + names[i] + "\"";
  return text;
}

const Family& read_family(ObjectReader& reader) {
  const std::vector<std::string> names = family_names();
  const JsonValue& type = reader.require("model_type", "expected " + listed(names));
  return family_of(as_one_of(type, "model_type", names));
}

JsonValue written(const ConfigKey& key, double value) {
  if (key.null && !key.null->of && value == key.null->value) return JsonValue();
  if (key.kind == ConfigKey::Kind::flag) return JsonValue(value != 0);
  if (key.kind == ConfigKey::Kind::count) return JsonValue(static_cast<std::int64_t>(value));
  return JsonValue(value);
}

JsonValue written_scaling(const ModelDescription& model) {
  const std::string prefix = "rope_scaling.";
  JsonValue scaling = JsonValue::object();
  scaling.set("rope_type", model.has_number(prefix + "low_freq_factor") ? "llama3" : "linear");
  for (const auto& [name, value] : model.numbers)
    if (name.starts_with(prefix)) scaling.set(name.substr(prefix.size()), value);
  return scaling;
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
  const Family& family = read_family(reader);
  ModelDescription model;
  model.family = family.model_type;
  require_neutral_values(reader, common_neutral_keys());
  require_neutral_values(reader, family.neutral);
  accept_harmless(reader, kHarmless, nullptr);
  accept_harmless(reader, family.harmless, nullptr);
  require_known_keys(reader, family);
  read_model_keys(reader, family, model);
  read_rotary_keys(reader, family, model);
  model.parameters = family.parameters(model);
  return model;
}

JsonValue to_json(const ModelDescription& model) {
  const Family& family = family_of(model.family);
  JsonValue json = JsonValue::object();
  json.set("model_type", model.family);
  for (const ConfigKey& key : family.keys)
    if (!key.derived) json.set(published_name(key), written(key, *find_value(model, key.name)));
  for (const NeutralConfigKey& key : family.neutral)
    if (key.absent) json.set(key.key, parse_json(key.neutral, key.key));
  if (model.has_number("rope_scaling.factor")) json.set("rope_scaling", written_scaling(model));
  return json;
}

bool is_model_key(const std::string& name) {
  const auto names_it = [&](const NeutralConfigKey& key) { return name == key.key; };
  const auto reads_it = [&](const ConfigKey& key) {
    const std::vector<std::string> names = spellings(key);
    return !key.derived && std::find(names.begin(), names.end(), name) != names.end();
  };
  return name == "rope_scaling" || name == "rope_parameters" ||
         std::any_of(families().begin(), families().end(), [&](const Family& family) {
           return std::any_of(family.keys.begin(), family.keys.end(), reads_it) ||
                  std::any_of(family.neutral.begin(), family.neutral.end(), names_it);
         });
}

}  // namespace shardproof
