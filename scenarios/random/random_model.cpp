#include "scenarios/random/random_model.hpp"

#include <functional>
#include <map>

namespace shardproof {

namespace {

/// Draws sizes that the cut allows, and fills in a config.json.
class Draft {
 public:
  Draft(const Cut& cut, int sequence, Dice& dice) : cut_(cut), sequence_(sequence), dice_(dice) {}

  // A width that is cut: any, or a multiple of tp.
  int cut_width(int low, int high) {
    const int step = cut_.uneven ? 1 : cut_.tp;
    return step * dice_.between((low + step - 1) / step, std::max(high, low + step) / step);
  }

  struct Heads {
    int queries, keys;
  };
  // KV heads first: each of them serves one, two or three queries.
  Heads heads(int most_queries_per_key = 3) {
    const int keys = cut_.uneven || cut_.tp == 1 ? dice_.between(1, 4)
                     : cut_.tp > 2               ? cut_.tp
                                                 : cut_.tp * dice_.between(1, 2);
    const int groups = keys > 4 ? 1 : dice_.between(1, most_queries_per_key);
    return {keys * groups, keys};
  }

  template <typename Value>
  Draft& set(const char* key, Value value) {
    model_.config.set(key, value);
    return *this;
  }
  Draft& flag(const char* key, int percent = 50) { return set(key, dice_.chance(percent)); }

  // Positions may end with the sequence.
  int positions() { return sequence_ + dice_.one_of<int>({0, 1, 20}); }
  int layers() { return dice_.between(1, 2); }
  double deviation() { return dice_.one_of<double>({0.02, 0.1, 0.3}); }
  double epsilon() { return dice_.one_of<double>({1e-5, 1e-6}); }
  // A vocabulary whose head is cut.
  int vocabulary() { return cut_width(17, 67); }

  Draft& preset(const char* name) {
    model_.tensor_parallel.set("preset_model", name);
    return *this;
  }
  Draft& own_cut(int percent) {
    model_.own_cut = dice_.chance(percent);
    return *this;
  }
  Draft& padding_row(int vocabulary, int percent = 30) {
    if (dice_.chance(percent)) return set("pad_token_id", dice_.between(0, vocabulary - 1));
    return set("pad_token_id", JsonValue());
  }

  RandomModel take() { return std::move(model_); }
  Dice& dice() { return dice_; }
  const Cut& cut() const { return cut_; }
  int sequence() const { return sequence_; }

 private:
  const Cut& cut_;
  int sequence_;
  Dice& dice_;
  RandomModel model_{JsonValue::object()};
};

void scale_positions(Draft& draft, int turned) {
  Dice& dice = draft.dice();
  JsonValue scaling = JsonValue::object().set("factor", dice.one_of<double>({2, 3.5}));
  const int original = std::max(4, draft.sequence() / 2);
  switch (dice.between(0, turned >= 4 ? 3 : 1)) {
    case 0: return;
    case 1: scaling.set("rope_type", "linear"); break;
    case 2:
      scaling.set("rope_type", "llama3").set("low_freq_factor", 1.0).set("high_freq_factor", 4.0);
      scaling.set("original_max_position_embeddings", original);
      break;
    default:
      scaling.set("rope_type", "yarn").set("beta_fast", 4.0);
      scaling.set("original_max_position_embeddings", original);
  }
  draft.set("rope_scaling", std::move(scaling));
}

// What Llama and its descendants have in common. Their tp_plans cut the head too, their presets do
// not: the vocabulary is one that can be cut. head_dim is even, since positions turn pairs.
Draft& decoder(Draft& draft, int most_queries_per_key = 3) {
  Dice& dice = draft.dice();
  const Draft::Heads heads = draft.heads(most_queries_per_key);
  const int vocabulary = draft.vocabulary();
  draft.set("num_attention_heads", heads.queries).set("num_key_value_heads", heads.keys);
  draft.set("head_dim", 2 * dice.between(1, 4)).set("hidden_size", dice.between(7, 31));
  draft.set("intermediate_size", draft.cut_width(9, 37)).set("num_hidden_layers", draft.layers());
  draft.set("vocab_size", vocabulary).set("max_position_embeddings", draft.positions());
  draft.set("rms_norm_eps", draft.epsilon()).set("initializer_range", draft.deviation());
  draft.set("rope_theta", dice.one_of<double>({500, 10'000, 1e6})).flag("tie_word_embeddings");
  return draft.padding_row(vocabulary);
}

void llama(Draft& draft) {
  decoder(draft).flag("attention_bias").flag("mlp_bias");
  scale_positions(draft, 4);
  if (draft.dice().chance(60)) draft.preset("llama");
}

void mistral(Draft& draft) {
  decoder(draft).set("sliding_window", draft.dice().between(1, draft.sequence() + 1));
  if (draft.dice().chance(50)) draft.preset("llama");
}

void qwen2(Draft& draft) {
  decoder(draft);
  if (draft.dice().chance(50)) draft.preset("qwen2");
}

void qwen3(Draft& draft) { decoder(draft).flag("attention_bias"); }

Draft& gemma(Draft& draft) {
  Dice& dice = draft.dice();
  decoder(draft).flag("attention_bias").set("hidden_activation", "gelu_pytorch_tanh");
  draft.set("query_pre_attn_scalar", dice.between(3, 9));
  draft.set("sliding_window", dice.between(1, draft.sequence() + 1));
  if (dice.chance(50)) draft.set("final_logit_softcapping", dice.one_of<double>({1, 30}));
  return draft;
}

void gemma2(Draft& draft) {
  gemma(draft);
  if (draft.dice().chance(70))
    draft.set("attn_logit_softcapping", draft.dice().one_of<double>({0.5, 50}));
}

// By the tp_plan its ranks would not agree about the gradients of the norms of heads.
void gemma3(Draft& draft) {
  gemma(draft).set("sliding_window_pattern", draft.dice().between(1, 2));
  draft.set("rope_local_base_freq", 10'000.0).own_cut(100);
}

void olmo2(Draft& draft) { decoder(draft).flag("attention_bias").own_cut(50); }

JsonValue divisors(Dice& dice, int count) {
  JsonValue list = JsonValue::array();
  for (int i = 0; i < count; ++i) list.append(1.0 + 0.25 * dice.between(0, 12));
  return list;
}

// The preset cuts query, key and value in thirds: only where they are of one width.
void phi3(Draft& draft) {
  Dice& dice = draft.dice();
  const bool thirds = dice.chance(40);
  decoder(draft, thirds ? 1 : 3);
  const int pairs = dice.between(1, 4);
  const Draft::Heads heads = draft.heads(thirds ? 1 : 3);
  draft.set("num_attention_heads", heads.queries).set("num_key_value_heads", heads.keys);
  draft.set("hidden_size", heads.queries * 2 * pairs).set("head_dim", 2 * pairs);
  draft.set("sliding_window",
            dice.chance(40) ? JsonValue(dice.between(1, draft.sequence())) : JsonValue());
  const bool part = dice.chance(40) && pairs == 4;
  if (part) draft.set("partial_rotary_factor", 0.75);
  if (dice.chance(40))
    draft.set("original_max_position_embeddings", std::max(2, draft.sequence() / 2))
        .set("max_position_embeddings", draft.sequence() + 20)
        .set("rope_scaling", JsonValue::object()
                                 .set("type", "longrope")
                                 .set("short_factor", divisors(dice, part ? 3 : pairs))
                                 .set("long_factor", divisors(dice, part ? 3 : pairs)));
  if (thirds)
    draft.preset("phi3");
  else
    draft.own_cut(60);
}

// Families of before Llama: the hidden width is that of all heads, every layer has its bias.
Draft::Heads hidden_of_heads(Draft& draft, const char* heads_key, const char* hidden_key,
                             int lowest_head, int highest_head) {
  const Draft::Heads heads = draft.heads(1);
  draft.set(heads_key, heads.queries);
  draft.set(hidden_key, heads.queries * draft.dice().between(lowest_head, highest_head));
  return heads;
}

void gpt2(Draft& draft) {
  hidden_of_heads(draft, "n_head", "n_embd", 3, 7);
  draft.set("n_layer", draft.layers()).set("n_positions", draft.positions());
  draft.set("n_inner", draft.cut_width(9, 37)).set("vocab_size", draft.dice().between(17, 67));
  draft.set("layer_norm_epsilon", draft.epsilon()).set("initializer_range", draft.deviation());
  for (const char* dropout : {"attn_pdrop", "embd_pdrop", "resid_pdrop"}) draft.set(dropout, 0.0);
  draft.flag("tie_word_embeddings").own_cut(30);
}

void gpt_neox(Draft& draft) {
  Dice& dice = draft.dice();
  const Draft::Heads heads = draft.heads(1);
  const int pairs = dice.between(1, 3);
  draft.set("num_attention_heads", heads.queries).set("hidden_size", heads.queries * 4 * pairs);
  draft.set("rotary_pct", dice.one_of<double>({0.5, 1.0}));
  draft.set("intermediate_size", draft.cut_width(9, 37)).set("num_hidden_layers", draft.layers());
  draft.set("vocab_size", draft.vocabulary()).set("max_position_embeddings", draft.positions());
  draft.set("layer_norm_eps", draft.epsilon()).set("initializer_range", draft.deviation());
  draft.set("rotary_emb_base", 10'000).flag("use_parallel_residual").flag("attention_bias");
  draft.flag("tie_word_embeddings");
}

void opt(Draft& draft) {
  hidden_of_heads(draft, "num_attention_heads", "hidden_size", 3, 7);
  const int vocabulary = draft.dice().between(17, 67);
  draft.set("ffn_dim", draft.cut_width(9, 37)).set("num_hidden_layers", draft.layers());
  draft.set("vocab_size", vocabulary).set("max_position_embeddings", draft.positions());
  draft.set("init_std", draft.deviation()).set("dropout", 0.0).flag("enable_bias", 70);
  draft.flag("tie_word_embeddings").padding_row(vocabulary);
}

void bloom(Draft& draft) {
  hidden_of_heads(draft, "n_head", "hidden_size", 3, 7);
  draft.set("n_layer", draft.layers()).set("vocab_size", draft.dice().between(17, 67));
  draft.set("layer_norm_epsilon", draft.epsilon()).set("initializer_range", draft.deviation());
  draft.set("attention_dropout", 0.0).set("hidden_dropout", 0.0).flag("tie_word_embeddings");
  draft.preset("bloom");
}

void mixtral(Draft& draft) {
  Dice& dice = draft.dice();
  // The tp_plan cuts the router's output too.
  const int experts = draft.cut_width(2, 5);
  decoder(draft).set("num_local_experts", experts);
  draft.set("num_experts_per_tok", dice.between(1, std::min(experts, 3)));
  draft.set("sliding_window", JsonValue());
  if (dice.chance(60)) draft.preset("mixtral");
}

void qwen3_moe(Draft& draft) {
  Dice& dice = draft.dice();
  const int experts = dice.between(2, 5);
  decoder(draft).flag("attention_bias").set("num_experts", experts);
  draft.set("num_experts_per_tok", dice.between(1, std::min(experts, 3)));
  draft.set("moe_intermediate_size", draft.cut_width(3, 11));
  draft.set("decoder_sparse_step", dice.between(1, 2)).flag("norm_topk_prob");
}

// Latent attention: as many keys as queries, whose turned part is a width of its own.
void latent_attention(Draft& draft) {
  Dice& dice = draft.dice();
  decoder(draft, 1);
  const int turned = 2 * dice.between(1, 3);
  draft.set("qk_rope_head_dim", turned).set("head_dim", turned);
  draft.set("qk_nope_head_dim", dice.between(3, 7)).set("v_head_dim", dice.between(3, 7));
  draft.set("kv_lora_rank", dice.between(3, 9)).flag("attention_bias");
  draft.set("first_k_dense_replace", dice.between(0, 2));
  draft.set("moe_intermediate_size", draft.cut_width(3, 7));
  draft.set("routed_scaling_factor", dice.one_of<double>({1.0, 2.5}));
}

// A preset knows queries by way of q_a_proj alone: of q_proj it leaves all heads on each rank.
bool needs_query_rank(Draft& draft) { return draft.cut().tp > 1; }

// The tp_plan would cut what q_a_layernorm takes whole.
void deepseek_v2(Draft& draft) {
  Dice& dice = draft.dice();
  latent_attention(draft);
  const bool by_plan = dice.chance(30);
  const int experts = dice.between(2, 5);
  draft.set("n_routed_experts", experts).set("topk_method", "greedy");
  draft.set("num_experts_per_tok", dice.between(1, std::min(experts, 3)));
  draft.set("n_shared_experts", dice.between(1, 2));
  const bool direct = by_plan || (!needs_query_rank(draft) && dice.chance(50));
  draft.set("q_lora_rank", direct ? JsonValue() : JsonValue(dice.between(3, 9)));
  if (!by_plan) draft.preset("deepseek_v2");
}

void deepseek_v3(Draft& draft) {
  Dice& dice = draft.dice();
  latent_attention(draft);
  const int groups = dice.between(1, 3), chosen = dice.between(1, groups);
  const int experts = groups * dice.between(2, 3);
  draft.set("n_group", groups).set("topk_group", chosen).set("n_routed_experts", experts);
  draft.set("num_experts_per_tok", dice.between(1, chosen * experts / groups));
  draft.set("n_shared_experts", dice.between(1, 2)).flag("norm_topk_prob").flag("rope_interleave");
  const bool direct = !needs_query_rank(draft) && dice.chance(50);
  draft.set("q_lora_rank", direct ? JsonValue() : JsonValue(dice.between(3, 9)));
  draft.preset("deepseek_v2");
}

// The preset cuts query, key and value in thirds; AutoTP's heuristics know better.
void chatglm(Draft& draft) {
  Dice& dice = draft.dice();
  const bool thirds = dice.chance(40);
  const Draft::Heads heads = draft.heads(thirds ? 1 : 3);
  draft.set("num_attention_heads", heads.queries).set("multi_query_attention", true);
  draft.set("multi_query_group_num", heads.keys).set("kv_channels", 4 * dice.between(1, 2));
  draft.set("hidden_size", dice.between(7, 31)).set("num_layers", draft.layers());
  draft.set("ffn_hidden_size", draft.cut_width(9, 37)).set("seq_length", draft.positions());
  draft.set("padded_vocab_size", dice.between(17, 67)).set("layernorm_epsilon", draft.epsilon());
  draft.set("initializer_range", draft.deviation()).flag("add_qkv_bias").flag("add_bias_linear");
  draft.set("hidden_dropout", 0.0).set("attention_dropout", 0.0);
  if (thirds) draft.preset("chatglm");
}

const std::map<std::string, std::function<void(Draft&)>>& drafts() {
  static const std::map<std::string, std::function<void(Draft&)>> all = {
      {"llama", llama},
      {"mistral", mistral},
      {"qwen2", qwen2},
      {"qwen3", qwen3},
      {"gemma2", gemma2},
      {"gemma3_text", gemma3},
      {"olmo2", olmo2},
      {"phi3", phi3},
      {"gpt2", gpt2},
      {"gpt_neox", gpt_neox},
      {"opt", opt},
      {"bloom", bloom},
      {"mixtral", mixtral},
      {"qwen3_moe", qwen3_moe},
      {"deepseek_v2", deepseek_v2},
      {"deepseek_v3", deepseek_v3},
      {"chatglm", chatglm}};
  return all;
}

}  // namespace

RandomModel random_model(const std::string& family, const Cut& cut, int sequence, Dice& dice) {
  Draft draft(cut, sequence, dice);
  draft.set("model_type", family.c_str());
  drafts().at(family)(draft);
  return draft.take();
}

}  // namespace shardproof
