#include "reference/llama.hpp"

#include "reference/tape.hpp"

namespace shardproof::reference {

namespace {

/// Whether a tensor's gradient is listed under its own name, or is that of the sum it is a term of.
enum class Gradient { own, of_the_sum };

class LlamaPass {
 public:
  LlamaPass(const ModelDescription& model, const Parameters& parameters, const Tokens& tokens,
            std::int64_t groups);
  MicroStepResult backward(std::int64_t groups, double gradient_scale);

 private:
  Variable attention_branch(const std::string& layer, Variable x);
  Variable mlp_branch(const std::string& layer, Variable x);
  Variable linear(const std::string& module, Variable x, Gradient gradient = Gradient::own);
  Variable norm(const std::string& module, Variable x);
  Variable parameter(const std::string& name) const { return parameters_.at(name); }
  Variable note(const std::string& module, const std::string& role, Variable x,
                Gradient gradient = Gradient::own);

  struct Noted {
    std::string module, role;
    Tensor value;
    Variable variable;
    Gradient gradient;
  };

  const ModelDescription& model_;
  RotaryTables tables_;
  Tape tape_;
  std::map<std::string, Variable> parameters_;
  std::vector<Noted> noted_;
  Variable loss_;
};

LlamaPass::LlamaPass(const ModelDescription& model, const Parameters& parameters,
                     const Tokens& tokens, std::int64_t groups)
    : model_(model),
      tables_(rotary_tables(tokens.columns(), model.head_dim, model.rope_theta)),
      tape_(groups) {
  for (const auto& [name, tensor] : parameters) parameters_[name] = tape_.leaf(tensor);

  Variable x = note("model.embed_tokens", "output",
                    tape_.embedding(parameter("model.embed_tokens.weight"), tokens));
  for (std::int64_t i = 0; i < model.num_hidden_layers; ++i) {
    const std::string layer = "model.layers." + std::to_string(i);
    x = note(layer, "residual", tape_.add(x, attention_branch(layer, x)));
    x = note(layer, "output", tape_.add(x, mlp_branch(layer, x)));
  }
  x = norm("model.norm", x);
  const std::string head = model.tie_word_embeddings ? "model.embed_tokens" : "lm_head";
  x = note("lm_head", "output", tape_.matmul(x, parameter(head + ".weight")));
  loss_ = note("loss", "output", tape_.cross_entropy(x, shift_labels(tokens)));
}

Variable LlamaPass::attention_branch(const std::string& layer, Variable x) {
  const std::string attention = layer + ".self_attn";
  x = norm(layer + ".input_layernorm", x);
  const Variable q = linear(attention + ".q_proj", x);
  const Variable k = linear(attention + ".k_proj", x);
  const Variable v = linear(attention + ".v_proj", x);
  const Variable q_rotated = note(attention, "query_rotated", tape_.rotary(q, tables_));
  const Variable k_rotated = note(attention, "key_rotated", tape_.rotary(k, tables_));
  Tape::Attention result = tape_.attention(q_rotated, k_rotated, v, model_.head_dim);
  note(attention, "attention", result.output);
  noted_.push_back({attention, "lse", std::move(result.log_sum_exp), {}, Gradient::of_the_sum});
  return linear(attention + ".o_proj", result.output, Gradient::of_the_sum);
}

Variable LlamaPass::mlp_branch(const std::string& layer, Variable x) {
  const std::string mlp = layer + ".mlp";
  x = norm(layer + ".post_attention_layernorm", x);
  const Variable gate = linear(mlp + ".gate_proj", x);
  const Variable up = linear(mlp + ".up_proj", x);
  x = note(mlp, "activation", tape_.swiglu(gate, up));
  return linear(mlp + ".down_proj", x, Gradient::of_the_sum);
}

Variable LlamaPass::linear(const std::string& module, Variable x, Gradient gradient) {
  Variable y = tape_.matmul(x, parameter(module + ".weight"));
  if (parameters_.contains(module + ".bias")) {
    note(module, "product", y, Gradient::of_the_sum);
    y = tape_.add_bias(y, parameter(module + ".bias"));
  }
  return note(module, "output", y, gradient);
}

Variable LlamaPass::norm(const std::string& module, Variable x) {
  return note(module, "output",
              tape_.rms_norm(x, parameter(module + ".weight"), model_.rms_norm_eps));
}

Variable LlamaPass::note(const std::string& module, const std::string& role, Variable x,
                         Gradient gradient) {
  noted_.push_back({module, role, tape_.value(x), x, gradient});
  return x;
}

MicroStepResult LlamaPass::backward(std::int64_t groups, double gradient_scale) {
  tape_.backward(loss_, Tensor({groups}, std::vector<double>(static_cast<std::size_t>(groups),
                                                             gradient_scale)));
  MicroStepResult result;
  for (Noted& noted : noted_)
    result.tensors.push_back(
        {"forward/" + noted.module + "/" + noted.role, std::move(noted.value)});
  // The loss comes last and its gradient is a constant.
  for (auto noted = noted_.rbegin() + 1; noted != noted_.rend(); ++noted)
    if (noted->gradient == Gradient::own)
      result.tensors.push_back(
          {"backward/" + noted->module + "/grad_" + noted->role, tape_.gradient(noted->variable)});
  for (const auto& [name, variable] : parameters_)
    result.gradients[name] = tape_.gradient(variable);
  return result;
}

}  // namespace

MicroStepResult run_micro_step(const ModelDescription& model, const Parameters& parameters,
                               const Tokens& tokens, std::int64_t groups, double gradient_scale) {
  for (const ParameterDescription& expected : model.parameters) {
    const auto found = parameters.find(expected.name);
    SHARDPROOF_EXPECTS(found != parameters.end() && found->second.shape == expected.shape,
                       expected.name, to_string(expected.shape));
  }
  return LlamaPass(model, parameters, tokens, groups).backward(groups, gradient_scale);
}

}  // namespace shardproof::reference
