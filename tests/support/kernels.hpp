#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "real/cpu/device.hpp"
#include "real/device.hpp"
#include "real/machine/fingerprint.hpp"
#include "scenarios/errors.hpp"

namespace shardproof::tests {

using real::KernelAttributes;
using real::KernelCall;
using real::Stream;
using real::TensorView;

/// A device whose kernels are called by their names: each method is a call of one row of its table.
/// Throws InvariantError if the row is missing.
class Kernels {
 public:
  using View = const TensorView&;
  using Views = std::span<const TensorView>;
  explicit Kernels(std::unique_ptr<real::Device> device) : device_(std::move(device)) {}

  real::Device& device() { return *device_; }
  std::byte* allocate(std::size_t bytes) { return device_->allocate(bytes); }
  void release(std::byte* block, std::size_t bytes) { device_->release(block, bytes); }
  std::string fingerprint() { return real::fingerprint_of(*device_); }
  /// Throws InvariantError if a kernel has told an error since the last time.
  void synchronize() {
    if (const auto error = device_->synchronize()) throw InvariantError(describe(*error));
  }
  void copy(View x, View y) { device_->copy(x, y, Stream::compute); }
  void zero(View y) { device_->fill(y, std::byte{0}, Stream::compute); }

  void cast(View x, View y) { call(OpKind::cast, {x}, {y}); }
  void rotary_table(View cos, View sin, const RotaryFrequencies& frequencies) {
    call(OpKind::rotary_table, {}, {cos, sin}, {.frequencies = frequencies});
  }
  void alibi_slopes(std::int64_t heads, std::int64_t first, View slopes) {
    call(OpKind::alibi_slopes, {}, {slopes}, {.heads = heads, .first_head = first});
  }
  void shift_labels(View tokens, View labels, std::optional<std::int64_t> padding = std::nullopt) {
    call(OpKind::shift_labels, {tokens}, {labels}, {.padding = padding});
  }
  void positions(View y, double first = 0) { call(OpKind::positions, {y}, {y}, {.offset = first}); }
  void embedding(View weight, View tokens, View y) {
    call(OpKind::embedding, {weight, tokens}, {y});
  }
  void rms_norm(View x, View weight, View y, double eps, double offset = 0) {
    call(OpKind::rms_norm, {x, weight}, {y}, {.eps = eps, .offset = offset});
  }
  void layer_norm(View x, View weight, View bias, View y, double eps) {
    call(OpKind::layer_norm, {x, weight, bias}, {y}, {.eps = eps});
  }
  void matmul(View x, View weight, View y, WeightLayout layout = WeightLayout::out_in) {
    call(OpKind::matmul, {x, weight}, {y}, {.weight_layout = layout});
  }
  void add_bias(View x, View bias, View y) { call(OpKind::add_bias, {x, bias}, {y}); }
  void rotary(View x, View cos, View sin, View y, const RotaryForm& form, bool inverse) {
    call(inverse ? OpKind::rotary_backward : OpKind::rotary, {x, cos, sin}, {y}, {.rotary = form});
  }
  void attention(View q, View k, View v, const TensorView* slopes, View o, View lse,
                 const AttentionForm& form) {
    call(OpKind::attention, with({q, k, v}, slopes), {o, lse}, {.attention = form});
  }
  void swiglu(View gate, View up, View y) { call(OpKind::swiglu, {gate, up}, {y}); }
  void gelu(View x, View y, GeluForm form) { call(OpKind::gelu, {x}, {y}, {.gelu = form}); }
  void relu(View x, View y) { call(OpKind::relu, {x}, {y}); }
  void relu_backward(View dy, View x, View dx) { call(OpKind::relu_backward, {dy, x}, {dx}); }
  void product(View a, View b, View y) { call(OpKind::product, {a, b}, {y}); }
  void soft_cap(View x, View y, double cap) { call(OpKind::soft_cap, {x}, {y}, {.cap = cap}); }
  void soft_cap_backward(View dy, View x, View dx, double cap) {
    call(OpKind::soft_cap_backward, {dy, x}, {dx}, {.cap = cap});
  }
  void sigmoid(View x, View y) { call(OpKind::sigmoid, {x}, {y}); }
  void sigmoid_backward(View dy, View x, View dx) { call(OpKind::sigmoid_backward, {dy, x}, {dx}); }
  void add(View a, View b, View y) { call(OpKind::add, {a, b}, {y}); }
  void split(View x, Views outputs, std::span<const std::int64_t> parts) {
    call(OpKind::split, {x}, with({}, outputs), {.parts = {parts.begin(), parts.end()}});
  }
  void join(Views inputs, View y, std::span<const std::int64_t> parts) {
    call(OpKind::join, with({}, inputs), {y}, {.parts = {parts.begin(), parts.end()}});
  }
  void repeat_heads(View x, View y) { call(OpKind::repeat_heads, {x}, {y}); }
  void sum_heads(View x, View y) { call(OpKind::sum_heads, {x}, {y}); }
  void route(View logits, View selected, View weights, RouteForm form, double factor,
             const TensorView* correction = nullptr, ExpertGroups groups = {}) {
    call(OpKind::route, with({logits}, correction), {selected, weights},
         {.factor = factor, .route = form, .expert_groups = groups});
  }
  void moe_dispatch(View x, View selected, Views rows, ExpertRows order) {
    call(OpKind::moe_dispatch, {x, selected}, with({}, rows), {.expert_rows = order});
  }
  void moe_combine(View selected, View weights, Views rows, View y, ExpertRows order) {
    call(OpKind::moe_combine, with({selected, weights}, rows), {y}, {.expert_rows = order});
  }
  void cross_entropy(View logits, View labels, View loss) {
    call(OpKind::cross_entropy, {logits, labels}, {loss});
  }

  void cross_entropy_backward(View logits, View labels, const TensorView* loss_scale, View dlogits,
                              double grad_scale) {
    call(OpKind::cross_entropy_backward, with({logits, labels}, loss_scale), {dlogits},
         {.grad_scale = grad_scale});
  }
  void squared_error(View logits, View labels, View loss) {
    call(OpKind::squared_error, {logits, labels}, {loss});
  }
  void squared_error_backward(View logits, View labels, const TensorView* loss_scale, View dlogits,
                              double grad_scale) {
    call(OpKind::squared_error_backward, with({logits, labels}, loss_scale), {dlogits},
         {.grad_scale = grad_scale});
  }
  void matmul_backward_input(View dy, View weight, View dx,
                             WeightLayout layout = WeightLayout::out_in) {
    call(OpKind::matmul_backward_input, {dy, weight}, {dx}, {.weight_layout = layout});
  }
  void matmul_backward_weight(View dy, View x, View dweight,
                              WeightLayout layout = WeightLayout::out_in) {
    call(OpKind::matmul_backward_weight, {dy, x}, {dweight}, {.weight_layout = layout});
  }
  void bias_backward(View dy, View dbias) { call(OpKind::bias_backward, {dy}, {dbias}); }
  void rms_norm_backward_input(View dy, View x, View weight, View dx, double eps,
                               double offset = 0) {
    call(OpKind::rms_norm_backward_input, {dy, x, weight}, {dx}, {.eps = eps, .offset = offset});
  }
  void rms_norm_backward_weight(View dy, View x, View dweight, double eps) {
    call(OpKind::rms_norm_backward_weight, {dy, x}, {dweight}, {.eps = eps});
  }
  void layer_norm_backward_input(View dy, View x, View weight, View dx, double eps) {
    call(OpKind::layer_norm_backward_input, {dy, x, weight}, {dx}, {.eps = eps});
  }
  void layer_norm_backward_weight(View dy, View x, View dweight, double eps) {
    call(OpKind::layer_norm_backward_weight, {dy, x}, {dweight}, {.eps = eps});
  }
  void attention_backward(View dout, View q, View k, View v, View o, View lse,
                          const TensorView* slopes, View dq, View dk, View dv,
                          const AttentionForm& form) {
    call(OpKind::attention_backward, with({dout, q, k, v, o, lse}, slopes), {dq, dk, dv},
         {.attention = form});
  }
  void swiglu_backward(View dy, View gate, View up, View dgate, View dup) {
    call(OpKind::swiglu_backward, {dy, gate, up}, {dgate, dup});
  }
  void gelu_backward(View dy, View x, View dx, GeluForm form) {
    call(OpKind::gelu_backward, {dy, x}, {dx}, {.gelu = form});
  }
  void embedding_backward(View dy, View tokens, View dweight,
                          std::optional<std::int64_t> padding = std::nullopt) {
    call(OpKind::embedding_backward, {dy, tokens}, {dweight}, {.padding = padding});
  }
  void route_backward(View dweights, View logits, View selected, View dlogits, RouteForm form,
                      double factor) {
    call(OpKind::route_backward, {dweights, logits, selected}, {dlogits},
         {.factor = factor, .route = form});
  }
  void moe_dispatch_backward(View selected, Views drows, View dx, ExpertRows order) {
    call(OpKind::moe_dispatch_backward, with({selected}, drows), {dx}, {.expert_rows = order});
  }
  void moe_combine_backward(View dy, View selected, View weights, Views rows, View dweights,
                            Views drows, ExpertRows order) {
    call(OpKind::moe_combine_backward, with({dy, selected, weights}, rows), with({dweights}, drows),
         {.expert_rows = order});
  }

  void scale(View x, View y, double factor) { call(OpKind::scale, {x}, {y}, {.factor = factor}); }
  void divide(View x, View y, double divisor) {
    call(OpKind::divide, {x}, {y}, {.divisor = divisor});
  }
  void multiply(View x, View scalar, View y) { call(OpKind::multiply, {x, scalar}, {y}); }
  void negate(View x, View y) { call(OpKind::negate, {x}, {y}); }
  void nonfinite(Views tensors, View flag) { call(OpKind::nonfinite, with({}, tensors), {flag}); }
  /// Element ranges of a tensor.
  struct Ranges {
    TensorView x;
    std::vector<KernelAttributes::Range> ranges;
  };
  void sum_of_squares(const std::vector<Ranges>& parts, View total) {
    std::vector<TensorView> inputs;
    KernelAttributes attributes;
    for (const auto& [x, ranges] : parts) {
      inputs.push_back(x);
      attributes.ranges.push_back(ranges);
    }
    call(OpKind::sum_of_squares, inputs, {total}, attributes);
  }
  void square_root(View x, const TensorView* loss_scale, View y) {
    call(OpKind::square_root, with({x}, loss_scale), {y});
  }
  void clip_factor(View norm, const TensorView* loss_scale, View factor, double clip) {
    call(OpKind::clip_factor, with({norm}, loss_scale), {factor}, {.clip = clip});
  }
  void exp_avg(View m, View g, View m_out, double beta1) {
    call(OpKind::exp_avg, {m, g}, {m_out}, {.beta = beta1});
  }
  void exp_avg_sq(View v, View g, View v_out, double beta2) {
    call(OpKind::exp_avg_sq, {v, g}, {v_out}, {.beta = beta2});
  }
  void adamw(View p, View m, View v, View lr, View c1, View c2, View p_out, double eps,
             double weight_decay) {
    call(OpKind::adamw, {p, m, v, lr, c1, c2}, {p_out}, {.eps = eps, .weight_decay = weight_decay});
  }
  void add_scaled(View a, View b, View y, double factor) {
    call(OpKind::decay, {a, b}, {y}, {.factor = factor});
  }
  void torch_exp_avg(View m, View g, View m_out, double beta1) {
    call(OpKind::torch_exp_avg, {m, g}, {m_out}, {.beta = beta1});
  }
  void torch_exp_avg_sq(View v, View g, View v_out, double beta2) {
    call(OpKind::torch_exp_avg_sq, {v, g}, {v_out}, {.beta = beta2});
  }
  /// lr, c1 and the root of c2 are fp64.
  void torch_adamw(View p, View m, View v, View lr, View c1, View root, View p_out, double eps,
                   double weight_decay) {
    call(OpKind::torch_adamw, {p, m, v, lr, c1, root}, {p_out},
         {.eps = eps, .weight_decay = weight_decay});
  }
  void torch_decay(View g, View p, View y, double factor) {
    call(OpKind::torch_decay, {g, p}, {y}, {.factor = factor});
  }
  void sgd(View p, View g, View lr, View p_out) { call(OpKind::sgd, {p, g, lr}, {p_out}); }
  void checksum(View x, View out) { call(OpKind::checksum, {x}, {out}); }
  void differ(View a, View b, View flag) { call(OpKind::differ, {a, b}, {flag}); }

 private:
  using List = std::vector<TensorView>;
  static List with(List first, Views more) {
    first.insert(first.end(), more.begin(), more.end());
    return first;
  }
  static List with(List first, const TensorView* more) {
    if (more != nullptr) first.push_back(*more);
    return first;
  }
  void call(OpKind kind, List inputs, List outputs, KernelAttributes attributes = {}) {
    const real::Kernel kernel = device_->kernels().find(kind);
    SHARDPROOF_EXPECTS(kernel != nullptr, device_->name(), "has no kernel for", name_of(kind));
    kernel(*device_, {.inputs = std::move(inputs),
                      .outputs = std::move(outputs),
                      .attributes = std::move(attributes)});
  }

  std::unique_ptr<real::Device> device_;
};

class CpuKernels : public Kernels {
 public:
  CpuKernels() : Kernels(std::make_unique<real::CpuDevice>()) {}
};

}  // namespace shardproof::tests
