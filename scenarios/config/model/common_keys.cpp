#include "scenarios/config/model/common_keys.hpp"

namespace shardproof {

// The dtypes among them change no number because the working dtype comes from the DeepSpeed config,
// gradient_checkpointing computes the same numbers twice, and a classifier is no causal model's.
std::span<const char* const> common_harmless_keys() {
  static constexpr const char* keys[] = {"model_type",
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
                                         "max_sequence_length",
                                         "gradient_checkpointing",
                                         "classifier_dropout"};
  return keys;
}

const std::vector<NeutralConfigKey>& common_neutral_keys() {
  static const std::vector<NeutralConfigKey> keys = {
      {"quantization_config", "null",
       "quantised weights are not implemented: --override quantization_config=null runs the model "
       "without, its weights generated or stored in bf16, fp16 or fp32"},
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

}  // namespace shardproof
