#include "real/layers/llama.hpp"

namespace shardproof::real {

namespace {

std::string layer_name(std::size_t i) { return "model.layers." + std::to_string(i); }

ValueId add(Builder& builder, const std::string& module, const std::string& phase,
            const std::string& op, ValueId a, ValueId b, const std::string& name) {
  const ValueId sum = builder.activation(name, builder.value(a).shape[2], replicate());
  builder.append(OpKind::add, module, phase, op, {a, b}, {sum});
  return sum;
}

std::vector<LlamaBlock> make_blocks(Builder& builder) {
  std::vector<LlamaBlock> blocks;
  for (std::int64_t i = 0; i < builder.model().num_hidden_layers; ++i)
    blocks.emplace_back(builder, layer_name(static_cast<std::size_t>(i)));
  return blocks;
}

}  // namespace

LlamaBlock::LlamaBlock(Builder& builder, const std::string& module)
    : module_(module),
      input_norm_(builder, module + ".input_layernorm"),
      attention_(builder, module + ".self_attn"),
      post_norm_(builder, module + ".post_attention_layernorm"),
      mlp_(builder, module + ".mlp") {}

ValueId LlamaBlock::forward(Builder& builder, ValueId x, RotaryTable table) {
  const std::string folder = "forward/" + module_ + "/";
  const ValueId attended = attention_.forward(builder, input_norm_.forward(builder, x), table);
  const ValueId residual =
      add(builder, module_, "forward", "residual_attention", x, attended, folder + "residual");
  const ValueId mlp = mlp_.forward(builder, post_norm_.forward(builder, residual));
  return add(builder, module_, "forward", "residual_mlp", residual, mlp, folder + "output");
}

ValueId LlamaBlock::backward(Builder& builder, ValueId dy, const std::string& grad_input_name) {
  const std::string folder = "backward/" + module_ + "/";
  const ValueId through_mlp = post_norm_.backward(
      builder,
      mlp_.backward(builder, dy, "backward/" + module_ + ".post_attention_layernorm/grad_output"));
  const ValueId dresidual =
      add(builder, module_, "backward", "residual_mlp", dy, through_mlp, folder + "grad_residual");
  const ValueId through_attention = input_norm_.backward(
      builder, attention_.backward(builder, dresidual,
                                   "backward/" + module_ + ".input_layernorm/grad_output"));
  return add(builder, module_, "backward", "residual_attention", dresidual, through_attention,
             grad_input_name);
}

Llama::Llama(Builder& builder)
    : embedding_(builder, "model.embed_tokens"),
      blocks_(make_blocks(builder)),
      norm_(builder, "model.norm"),
      lm_head_(builder, "lm_head") {}

void Llama::lower_micro_step(Builder& builder, RotaryTable table) {
  const Shape batch{std::int64_t{builder.dp()} * builder.scenario().training.micro_batch,
                    builder.scenario().data.sequence};
  const auto integers = [&](const std::string& name) {
    return builder.add_value({.name = name,
                              .shape = batch,
                              .dtype = Dtype::int64,
                              .placement = {replicate(), shard(0)}});
  };
  const ValueId tokens = integers("data/tokens");
  builder.append(OpKind::load_tokens, "data", "data", "load_tokens", {}, {tokens});
  const ValueId labels = integers("data/labels");
  builder.append(OpKind::shift_labels, "data", "data", "shift_labels", {tokens}, {labels});

  ValueId x = embedding_.forward(builder, tokens);
  for (LlamaBlock& block : blocks_) x = block.forward(builder, x, table);
  const ValueId logits = lm_head_.forward(builder, norm_.forward(builder, x));
  // One loss a replica: the mean over its own labels (spec-autotp 7.9).
  const ValueId loss = builder.add_value({.name = "forward/loss/output",
                                          .shape = {builder.dp()},
                                          .dtype = builder.policy().compute,
                                          .placement = {replicate(), shard(0)}});
  builder.append(OpKind::cross_entropy, "loss", "forward", "cross_entropy", {logits, labels},
                 {loss});

  const ValueId dlogits =
      builder.activation("backward/lm_head/grad_output", builder.model().vocab_size, replicate());
  // The loss is not divided by the accumulation; the gradient that enters backward is
  // (spec-autotp 7.7.1).
  builder.append(OpKind::cross_entropy_backward, "loss", "backward", "cross_entropy_backward",
                 {logits, labels}, {dlogits},
                 {{"grad_scale", 1.0 / builder.scenario().training.accumulation}});
  ValueId dx = lm_head_.backward(builder, dlogits, "backward/model.norm/grad_output");
  dx = norm_.backward(builder, dx, "backward/" + layer_name(blocks_.size() - 1) + "/grad_output");
  for (std::size_t i = blocks_.size(); i-- > 0;)
    dx = blocks_[i].backward(builder, dx,
                             i > 0 ? "backward/" + layer_name(i - 1) + "/grad_output"
                                   : "backward/model.embed_tokens/grad_output");
  embedding_.backward(builder, dx);
}

}  // namespace shardproof::real
