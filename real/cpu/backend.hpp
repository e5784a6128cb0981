#pragma once

#include "real/backend.hpp"
#include "real/cpu/staging.hpp"

namespace shardproof::real {

/// The processor as a device: plain loops in the order documented in real/cpu/*.hpp, and OpenBLAS
/// on one thread for matrix products. Tensors of fp64, fp32 and bf16.
///
/// The compute type of an op is fp64 if its output is (a scalar or flag output: if its input is),
/// else fp32. Throws InvariantError for shapes or dtypes that an op has no meaning for, and
/// EnvironmentError if the process flushes subnormal numbers to zero.
class CpuBackend : public Backend {
 public:
  CpuBackend();

  std::byte* allocate(std::size_t bytes) override;
  void release(std::byte* block, std::size_t bytes) override;
  void copy_from_host(std::span<const std::byte> host, View to) override;
  void copy_to_host(View from, std::span<std::byte> host) override;
  void synchronize() override {}
  std::string fingerprint() override;

  void copy(View x, View y) override;
  void zero(View y) override;
  void cast(View x, View y) override;

  void rotary_table(View cos, View sin, const RotaryFrequencies& frequencies) override;
  void alibi_slopes(std::int64_t heads, std::int64_t first, View slopes) override;
  void shift_labels(View tokens, View labels,
                    std::optional<std::int64_t> padding = std::nullopt) override;
  void positions(View y) override;
  void embedding(View weight, View tokens, View y) override;
  void rms_norm(View x, View weight, View y, double eps) override;
  void layer_norm(View x, View weight, View bias, View y, double eps) override;
  void matmul(View x, View weight, View y, WeightLayout layout = WeightLayout::out_in) override;
  void add_bias(View x, View bias, View y) override;
  void rotary(View x, View cos, View sin, View y, const RotaryForm& form, bool inverse) override;
  void attention(View q, View k, View v, const TensorView* slopes, View o, View lse,
                 const AttentionForm& form) override;
  void swiglu(View gate, View up, View y) override;
  void gelu(View x, View y, GeluForm form) override;
  void add(View a, View b, View y) override;
  void split(View x, std::span<const TensorView> outputs,
             std::span<const std::int64_t> parts) override;
  void join(std::span<const TensorView> inputs, View y,
            std::span<const std::int64_t> parts) override;
  void repeat_heads(View x, View y) override;
  void sum_heads(View x, View y) override;
  void route(View logits, View selected, View weights, RouteForm form, double factor) override;
  void moe_dispatch(View x, View selected, std::span<const TensorView> rows,
                    ExpertRows order) override;
  void moe_combine(View selected, View weights, std::span<const TensorView> rows, View y,
                   ExpertRows order) override;
  void cross_entropy(View logits, View labels, View loss) override;

  void cross_entropy_backward(View logits, View labels, const TensorView* loss_scale, View dlogits,
                              double grad_scale) override;
  void matmul_backward_input(View dy, View weight, View dx,
                             WeightLayout layout = WeightLayout::out_in) override;
  void matmul_backward_weight(View dy, View x, View dweight,
                              WeightLayout layout = WeightLayout::out_in) override;
  void bias_backward(View dy, View dbias) override;
  void rms_norm_backward_input(View dy, View x, View weight, View dx, double eps) override;
  void rms_norm_backward_weight(View dy, View x, View dweight, double eps) override;
  void layer_norm_backward_input(View dy, View x, View weight, View dx, double eps) override;
  void layer_norm_backward_weight(View dy, View x, View dweight, double eps) override;
  void attention_backward(View dout, View q, View k, View v, View o, View lse,
                          const TensorView* slopes, View dq, View dk, View dv,
                          const AttentionForm& form) override;
  void swiglu_backward(View dy, View gate, View up, View dgate, View dup) override;
  void gelu_backward(View dy, View x, View dx, GeluForm form) override;
  void embedding_backward(View dy, View tokens, View dweight) override;
  void route_backward(View dweights, View logits, View selected, View dlogits, RouteForm form,
                      double factor) override;
  void moe_dispatch_backward(View selected, std::span<const TensorView> drows, View dx,
                             ExpertRows order) override;
  void moe_combine_backward(View dy, View selected, View weights, std::span<const TensorView> rows,
                            View dweights, std::span<const TensorView> drows,
                            ExpertRows order) override;

  void scale(View x, View y, double factor) override;
  void divide(View x, View y, double divisor) override;
  void multiply(View x, View scalar, View y) override;
  void negate(View x, View y) override;
  void nonfinite(std::span<const TensorView> tensors, View flag) override;
  void sum_of_squares(std::span<const Ranges> parts, View total) override;
  void square_root(View x, const TensorView* loss_scale, View y) override;
  void clip_factor(View norm, const TensorView* loss_scale, View factor, double clip) override;
  void exp_avg(View m, View g, View m_out, double beta1) override;
  void exp_avg_sq(View v, View g, View v_out, double beta2) override;
  void adamw(View p, View m, View v, View lr, View c1, View c2, View p_out, double eps,
             double weight_decay) override;
  void add_scaled(View a, View b, View y, double factor) override;
  void sgd(View p, View g, View lr, View p_out) override;
  void checksum(View x, View out) override;
  void differ(View a, View b, View flag) override;

 private:
  cpu::Scratch scratch_;
};

}  // namespace shardproof::real
