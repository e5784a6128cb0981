#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "scenarios/model/model_description.hpp"

namespace shardproof {

/// The value of a key that a config.json does not give: value, value * of, value * of / divided_by.
///
///   {4096}                                     4096
///   {4, "hidden_size"}                         four times the hidden size
///   {1, "hidden_size", "num_attention_heads"}  the hidden size over the heads, which must divide
///                                              it
struct Fallback {
  double value = 0;
  const char* of = nullptr;
  const char* divided_by = nullptr;
};

/// One hyper-parameter of a family: what its config.json calls it, and which values it may have.
struct ConfigKey {
  // count: a whole number from lowest to highest; positive, non_negative: any number; row: one of
  // as many rows as `other` says, from the end where it is negative, as in torch; kNoRow: none
  enum class Kind { count, positive, non_negative, flag, row };
  enum class Relation { none, divides, equals, at_most };

  const char* name;                     // of the ModelDescription's field or number
  std::vector<const char*> spelt = {};  // in config.json, the published spelling first; {}: `name`
  Kind kind = Kind::count;
  Fallback absent = {};               // as the published configuration class has it
  std::optional<Fallback> null = {};  // where null means something else than absent
  bool derived = false;               // no key of config.json: always `absent`
  std::int64_t lowest = 1;
  std::int64_t highest = 1 << 20;      // so that no product of three overflows
  Relation relation = Relation::none;  // to the value of `other`, which stands further up
  const char* other = nullptr;
  std::int64_t multiple_of = 1;
  const char* reason = nullptr;  // why it has to be a multiple
};
inline constexpr double kNoRow = -1;

/// A probability of dropping elements: nothing in inference, and in training only 0 is implemented.
struct DropoutKey {
  const char* key;
  double absent = 0;  // the published default
};

/// A key of which one value is implemented, because any other would change the numbers.
struct NeutralConfigKey {
  const char* key;
  const char* neutral;           // JSON; of a list, over and over, as many as there are
  const char* reason;            // why another is refused
  const char* absent = nullptr;  // JSON: the published default, if that is not the neutral value
};

/// One entry of a Hugging Face tp_plan: "layers.*.self_attn.q_proj" is "colwise".
struct TpPlanEntry {
  const char* pattern;
  const char* style;
};

/// One rule of a cut of Shardproof's own, in the terms of a partition_config: which weights, how,
/// and what parts the output features of a fused one consist of.
struct OwnCutRule {
  enum class Type { column, row, summed };  // summed: whole, but its gradient is a sum over ranks
  enum class Parts { one, query_key_value, halves };  // Q, K and V as many rows as their heads have

  const char* pattern;  // as of a layer_spec: of "<module>.weight"
  Type type = Type::column;
  Parts parts = Parts::one;
};

/// The class of the elements of a list of modules: AutoTP's heuristics look at one of each.
struct BlockClass {
  const char* list;   // "model.layers"; "*" stands for an index
  const char* block;  // "LlamaDecoderLayer"
};

/// Which keys of config.json say how rotary positions are scaled.
enum class RotaryKeys {
  none,      // there is no rotary key at all
  scalable,  // rope_theta, rope_scaling, rope_parameters: "default", "linear", "llama3", "yarn"
  longrope,  // the same three: "default" and "longrope"
  linear,    // the same three: "default" and "linear"
  ratio      // rope_ratio, which means one thing or the other (model_keys.hpp)
};

/// A model family as data: how it is configured and what its parameters are called. Never a
/// formula, and never which output feeds which input.
struct Family {
  std::string model_type;    // in config.json: "llama"
  std::string preset;        // AutoTP's preset_model; "": it has none for this family
  bool published = true;     // false: of nobody's making but Shardproof's
  std::string causal_class;  // as transformers calls them: "LlamaForCausalLM"
  std::string base_class;    // "LlamaModel"
  std::vector<BlockClass> blocks;
  std::vector<TpPlanEntry> tp_plan;  // as transformers publishes it, the head's last; {}: none
  /// Where AutoTP raises or leaves a module whole (partition/own_cut.hpp); {}: there is none.
  std::vector<OwnCutRule> own_cut = {};
  const char* own_cut_leaves = nullptr;  // "attention stays whole: ...", for people
  std::string head = "lm_head";          // the output layer, whose weight may be the embedding's
  std::string base_prefix;           // of names that a checkpoint of the base model lacks: "model."
  std::vector<const char*> buffers;  // ends of names that are stored beside parameters, but derived
  std::vector<const char*> left_out = {};  // beginnings of names that transformers does not load
  RotaryKeys rotary = RotaryKeys::none;
  bool mixed_layers = false;  // layer_types says which of them look back over a window
  std::vector<ConfigKey> keys;
  std::vector<DropoutKey> dropouts;
  std::vector<NeutralConfigKey> neutral;
  std::vector<const char*> harmless;  // keys that change no number, beside those of every model
  std::vector<ParameterDescription> (*parameters)(const ModelDescription&) = nullptr;
  std::vector<ParameterDescription> (*untrained)(const ModelDescription&) = nullptr;  // of some
};

}  // namespace shardproof
