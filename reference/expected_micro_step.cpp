#include "reference/expected_micro_step.hpp"

#include "scenarios/trace/trace.hpp"

namespace shardproof::reference {

namespace {

using Paths = std::vector<std::string>;

std::string folder(int step, int micro) { return folder_of({Moment::Stage::step, step, micro}); }

/// One micro-step of Llama, told a second time: as names of tensors and of the functions between
/// them.
class MicroStepUnits {
 public:
  MicroStepUnits(const Scenario& scenario, int step, int micro, std::vector<Unit>& units)
      : model_(scenario.model),
        groups_(scenario.data_parallel()),
        batch_(groups_ * scenario.training.micro_batch),
        positions_(scenario.data.sequence),
        gradient_scale_(1.0 / scenario.training.accumulation),
        step_(step),
        micro_(micro),
        folder_(folder(step, micro)),
        units_(units) {}

  void forward() {
    add(UnitKind::shift_labels, {tokens()}, labels(), {batch_, positions_});
    std::string x = forward_path("model.embed_tokens", "output");
    add(UnitKind::embedding, {weight("model.embed_tokens"), tokens()}, x, hidden());
    for (std::int64_t i = 0; i < model_.num_hidden_layers; ++i) x = block_forward(layer(i), x);
    const std::string normed = norm_forward("model.norm", x);
    const std::string logits = linear_forward("lm_head", normed, model_.vocab_size, false);
    add(UnitKind::cross_entropy, {logits, labels()}, forward_path("loss", "output"), {groups_},
        {.groups = groups_});
  }

  void backward() {
    const std::string dlogits = backward_path("lm_head", "grad_output");
    add(UnitKind::cross_entropy_backward, {forward_path("lm_head", "output"), labels()}, dlogits,
        features(model_.vocab_size), {.groups = groups_, .factor = gradient_scale_});
    const std::string dnormed = backward_path("model.norm", "grad_output");
    linear_backward("lm_head", dlogits, forward_path("model.norm", "output"), dnormed,
                    Partials::none);
    const std::int64_t last = model_.num_hidden_layers - 1;
    norm_backward("model.norm", dnormed, output_of(last), gradient_of_output(last));
    for (std::int64_t i = last; i >= 0; --i) block_backward(i);
    add_gradient(UnitKind::embedding_backward, "model.embed_tokens.weight",
                 {gradient_of_output(-1), tokens()}, {.extent = model_.vocab_size});
  }

 private:
  std::string block_forward(const std::string& block, const std::string& x) {
    const std::string residual = forward_path(block, "residual");
    add(UnitKind::add, {x, attention_forward(block, x)}, residual, hidden());
    const std::string output = forward_path(block, "output");
    add(UnitKind::add, {residual, mlp_forward(block, residual)}, output, hidden());
    return output;
  }

  std::string attention_forward(const std::string& block, const std::string& x) {
    const std::string attention = block + ".self_attn";
    const bool bias = model_.attention_bias;
    const std::string normed = norm_forward(block + ".input_layernorm", x);
    const std::string q = linear_forward(attention + ".q_proj", normed, query_width(), bias);
    const std::string k = linear_forward(attention + ".k_proj", normed, key_width(), bias);
    const std::string v = linear_forward(attention + ".v_proj", normed, key_width(), bias);
    const std::string q_rotated = forward_path(attention, "query_rotated");
    const std::string k_rotated = forward_path(attention, "key_rotated");
    const std::string output = forward_path(attention, "attention");
    add(UnitKind::rotary, {q, cosines(), sines()}, q_rotated, features(query_width()), heads());
    add(UnitKind::rotary, {k, cosines(), sines()}, k_rotated, features(key_width()), heads());
    add(UnitKind::attention, {q_rotated, k_rotated, v}, output, features(query_width()), heads());
    add(UnitKind::attention_lse, {q_rotated, k_rotated}, forward_path(attention, "lse"),
        {batch_, model_.num_attention_heads, positions_}, heads());
    return linear_forward(attention + ".o_proj", output, model_.hidden_size, bias,
                          Partials::tensor_parallel);
  }

  std::string mlp_forward(const std::string& block, const std::string& x) {
    const std::string mlp = block + ".mlp";
    const std::int64_t inner = model_.intermediate_size;
    const std::string normed = norm_forward(block + ".post_attention_layernorm", x);
    const std::string gate = linear_forward(mlp + ".gate_proj", normed, inner, model_.mlp_bias);
    const std::string up = linear_forward(mlp + ".up_proj", normed, inner, model_.mlp_bias);
    const std::string activation = forward_path(mlp, "activation");
    add(UnitKind::swiglu, {gate, up}, activation, features(inner));
    return linear_forward(mlp + ".down_proj", activation, model_.hidden_size, model_.mlp_bias,
                          Partials::tensor_parallel);
  }

  void block_backward(std::int64_t index) {
    const std::string block = layer(index);
    const std::string residual = backward_path(block, "grad_residual");
    add(UnitKind::add, {gradient_of_output(index), mlp_backward(block, gradient_of_output(index))},
        residual, hidden());
    add(UnitKind::add, {residual, attention_backward(index, residual)},
        gradient_of_output(index - 1), hidden());
  }

  /// From the gradient of the branch's output to that of the norm's input.
  std::string mlp_backward(const std::string& block, const std::string& dy) {
    const std::string mlp = block + ".mlp", norm = block + ".post_attention_layernorm";
    const std::string dactivation = backward_path(mlp, "grad_activation");
    linear_backward(mlp + ".down_proj", dy, forward_path(mlp, "activation"), dactivation,
                    Partials::none);
    const Paths inputs{dactivation, forward_path(mlp + ".gate_proj", "output"),
                       forward_path(mlp + ".up_proj", "output")};
    const Shape shape = features(model_.intermediate_size);
    const std::string dgate = backward_path(mlp + ".gate_proj", "grad_output");
    const std::string dup = backward_path(mlp + ".up_proj", "grad_output");
    add(UnitKind::swiglu_backward_gate, inputs, dgate, shape);
    add(UnitKind::swiglu_backward_up, inputs, dup, shape);

    const std::string normed = forward_path(norm, "output");
    const std::string dnormed = backward_path(norm, "grad_output");
    add(UnitKind::add,
        {column_backward(mlp + ".up_proj", dup, normed),
         column_backward(mlp + ".gate_proj", dgate, normed)},
        dnormed, hidden());
    const std::string dx = backward_path(norm, "grad_input");
    norm_backward(norm, dnormed, forward_path(block, "residual"), dx);
    return dx;
  }

  std::string attention_backward(std::int64_t index, const std::string& dy) {
    const std::string attention = layer(index) + ".self_attn";
    const std::string norm = layer(index) + ".input_layernorm";
    const std::string output = forward_path(attention, "attention");
    const std::string dout = backward_path(attention, "grad_attention");
    linear_backward(attention + ".o_proj", dy, output, dout, Partials::none);

    const Paths inputs{dout,
                       forward_path(attention, "query_rotated"),
                       forward_path(attention, "key_rotated"),
                       forward_path(attention + ".v_proj", "output"),
                       output,
                       forward_path(attention, "lse")};
    const std::string dq_rotated = backward_path(attention, "grad_query_rotated");
    const std::string dk_rotated = backward_path(attention, "grad_key_rotated");
    const std::string dv = backward_path(attention + ".v_proj", "grad_output");
    add(UnitKind::attention_backward_q, inputs, dq_rotated, features(query_width()), heads());
    add(UnitKind::attention_backward_k, inputs, dk_rotated, features(key_width()), heads());
    add(UnitKind::attention_backward_v, inputs, dv, features(key_width()), heads());
    const std::string dq = backward_path(attention + ".q_proj", "grad_output");
    const std::string dk = backward_path(attention + ".k_proj", "grad_output");
    add(UnitKind::rotary_backward, {dq_rotated, cosines(), sines()}, dq, features(query_width()),
        heads());
    add(UnitKind::rotary_backward, {dk_rotated, cosines(), sines()}, dk, features(key_width()),
        heads());

    const std::string normed = forward_path(norm, "output");
    const std::string dnormed = backward_path(norm, "grad_output");
    const std::string dvk = dnormed + "_sum_1";
    add(UnitKind::add,
        {column_backward(attention + ".v_proj", dv, normed),
         column_backward(attention + ".k_proj", dk, normed)},
        dvk, hidden());
    add(UnitKind::add, {dvk, column_backward(attention + ".q_proj", dq, normed)}, dnormed,
        hidden());
    const std::string dx = backward_path(norm, "grad_input");
    norm_backward(norm, dnormed, output_of(index - 1), dx);
    return dx;
  }

  std::string norm_forward(const std::string& module, const std::string& x) {
    const std::string y = forward_path(module, "output");
    add(UnitKind::rms_norm, {x, weight(module)}, y, hidden(), {.eps = model_.rms_norm_eps});
    return y;
  }
  void norm_backward(const std::string& module, const std::string& dy, const std::string& x,
                     const std::string& dx) {
    const UnitAttributes attributes{.eps = model_.rms_norm_eps};
    add(UnitKind::rms_norm_backward_input, {dy, x, weight(module)}, dx, hidden(), attributes);
    add_gradient(UnitKind::rms_norm_backward_weight, module + ".weight", {dy, x}, attributes);
  }

  std::string linear_forward(const std::string& module, const std::string& x, std::int64_t width,
                             bool bias, Partials partials = Partials::none) {
    const std::string product = forward_path(module, bias ? "product" : "output");
    add(UnitKind::matmul, {x, weight(module)}, product, features(width), {}, partials);
    if (!bias) return product;
    const std::string output = forward_path(module, "output");
    add(UnitKind::add_bias, {product, parameter_before(step_, module + ".bias")}, output,
        features(width));
    return output;
  }
  void linear_backward(const std::string& module, const std::string& dy, const std::string& x,
                       const std::string& dx, Partials partials) {
    const Shape& shape = model_.parameter(module + ".weight").shape;
    add(UnitKind::matmul_backward_input, {dy, weight(module)}, dx, features(shape[1]), {},
        partials);
    add_gradient(UnitKind::matmul_backward_weight, module + ".weight", {dy, x}, {});
    const bool attention = module.find(".self_attn.") != std::string::npos;
    const bool mlp = module.find(".mlp.") != std::string::npos;
    if ((attention && model_.attention_bias) || (mlp && model_.mlp_bias))
      add_gradient(UnitKind::bias_backward, module + ".bias", {dy}, {});
  }
  /// Of a projection that shares its input with others: its own contribution is recorded.
  std::string column_backward(const std::string& module, const std::string& dy,
                              const std::string& x) {
    const std::string dx = backward_path(module, "grad_input");
    linear_backward(module, dy, x, dx, Partials::tensor_parallel);
    return dx;
  }

  /// The gradient of a parameter in this micro-step, and the accumulator that it enters.
  void add_gradient(UnitKind kind, const std::string& parameter, Paths inputs,
                    UnitAttributes attributes) {
    Shape shape = model_.parameter(parameter).shape;
    shape.insert(shape.begin(), groups_);
    const std::string gradient = folder_ + "/gradient/" + parameter;
    attributes.groups = groups_;
    add(kind, std::move(inputs), gradient, shape, attributes);
    const std::string accumulator = "/accumulator/" + parameter;
    // The first is added to zero, not copied: 0 + (-0) is +0.
    const std::string before = micro_ == 0 ? zero_input : folder(step_, micro_ - 1) + accumulator;
    add(UnitKind::add, {before, gradient}, folder_ + accumulator, shape);
  }

  void add(UnitKind kind, Paths inputs, const std::string& output, Shape shape,
           UnitAttributes attributes = {}, Partials partials = Partials::none) {
    units_.push_back({kind, attributes, std::move(inputs), output, std::move(shape), partials});
  }

  std::string forward_path(const std::string& module, const std::string& role) const {
    return folder_ + "/forward/" + module + "/" + role;
  }
  std::string backward_path(const std::string& module, const std::string& role) const {
    return folder_ + "/backward/" + module + "/" + role;
  }
  std::string weight(const std::string& module) const {
    return parameter_before(step_, module + ".weight");
  }
  std::string tokens() const { return folder_ + "/data/tokens"; }
  std::string labels() const { return folder_ + "/data/labels"; }
  std::string cosines() const { return "/initial/data/rotary_cos"; }
  std::string sines() const { return "/initial/data/rotary_sin"; }
  std::string layer(std::int64_t i) const { return "model.layers." + std::to_string(i); }
  /// What layer i hands on; -1 is the embedding, which stands before layer 0.
  std::string module_before(std::int64_t i) const {
    return i < 0 ? "model.embed_tokens" : layer(i);
  }
  std::string output_of(std::int64_t i) const { return forward_path(module_before(i), "output"); }
  std::string gradient_of_output(std::int64_t i) const {
    return backward_path(module_before(i), "grad_output");
  }
  Shape features(std::int64_t width) const { return {batch_, positions_, width}; }
  Shape hidden() const { return features(model_.hidden_size); }
  std::int64_t query_width() const { return model_.num_attention_heads * model_.head_dim; }
  std::int64_t key_width() const { return model_.num_key_value_heads * model_.head_dim; }
  UnitAttributes heads() const { return {.head_dim = model_.head_dim}; }

  const ModelDescription& model_;
  std::int64_t groups_, batch_, positions_;
  double gradient_scale_;
  int step_, micro_;
  std::string folder_;
  std::vector<Unit>& units_;
};

}  // namespace

std::string parameter_before(int step, const std::string& parameter) {
  const Moment moment = step == 0 ? Moment{Moment::Stage::initial, -1, -1}
                                  : Moment{Moment::Stage::step, step - 1, -1};
  return folder_of(moment) + "/parameter/" + parameter;
}

void append_micro_step(const Scenario& scenario, int step, int micro, std::vector<Unit>& units) {
  MicroStepUnits micro_step(scenario, step, micro, units);
  micro_step.forward();
  micro_step.backward();
}

}  // namespace shardproof::reference
