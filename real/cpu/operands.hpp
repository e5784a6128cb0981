#pragma once

#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "real/cpu/device.hpp"
#include "real/extents.hpp"
#include "scenarios/errors.hpp"

namespace shardproof::real::cpu {

/// A kernel of this folder is called on this device only.
inline CpuDevice& on_cpu(Device& device) { return static_cast<CpuDevice&>(device); }

/// The tensors of one call as the compute type C sees them, each converted when it is asked for.
/// What was asked for as an output is rounded to its tensor's dtype by store().
template <class C>
class Operands {
 public:
  Operands(Device& device, const KernelCall& call)
      : scratch_(on_cpu(device).scratch()),
        call_(call),
        inputs_(call.inputs.size()),
        outputs_(call.outputs.size()) {}

  const C* in(std::size_t i) {
    std::optional<Input<C>>& input = inputs_.at(i);
    if (!input) input.emplace(scratch_, call_.in(i));
    return input->data();
  }
  const C* in_if_there(std::size_t i) { return call_.has_input(i) ? in(i) : nullptr; }
  /// All from number i on.
  std::vector<const C*> inputs_from(std::size_t i) {
    std::vector<const C*> all;
    for (; call_.has_input(i); ++i) all.push_back(in(i));
    return all;
  }

  C* out(std::size_t i = 0) {
    std::optional<Output<C>>& output = outputs_.at(i);
    if (!output) output.emplace(scratch_, call_.out(i));
    return output->data();
  }
  std::vector<C*> outputs_from(std::size_t i) {
    std::vector<C*> all;
    for (; i < outputs_.size(); ++i) all.push_back(out(i));
    return all;
  }
  void store() {
    for (std::optional<Output<C>>& output : outputs_)
      if (output) output->store();
  }

 private:
  Scratch& scratch_;
  const KernelCall& call_;
  std::vector<std::optional<Input<C>>> inputs_;
  std::vector<std::optional<Output<C>>> outputs_;
};

/// Calls compute(operands) in the compute type of a tensor: double for fp64, else float.
template <class Compute>
void in_compute_type_of(const TensorView& like, Device& device, const KernelCall& call,
                        Compute compute) {
  const auto run = [&]<class C>(C) {
    Operands<C> operands(device, call);
    compute(operands);
    operands.store();
  };
  like.dtype == Dtype::fp64 ? run(double{}) : run(float{});
}

/// In that of the first output.
template <class Compute>
void in_compute_type(Device& device, const KernelCall& call, Compute compute) {
  in_compute_type_of(call.out(), device, call, compute);
}

/// y[i] = f(a[i], b[i], ...) over the first N inputs.
template <std::size_t N, class F>
void elementwise(Device& device, const KernelCall& call, F f) {
  for (std::size_t k = 0; k < N; ++k) expect_same_count(call.in(k), call.out());
  in_compute_type(device, call, [&]<class C>(Operands<C>& o) {
    const std::int64_t count = call.out().elements();
    const auto loop = [&]<std::size_t... k>(std::index_sequence<k...>) {
      const std::array<const C*, N> x{o.in(k)...};
      C* y = o.out();
      for (std::int64_t i = 0; i < count; ++i) y[i] = f(x[k][i]...);
    };
    loop(std::make_index_sequence<N>());
  });
}

/// Token ids or labels.
inline std::int64_t* integers(const TensorView& view) {
  SHARDPROOF_EXPECTS(view.dtype == Dtype::int64, name_of(view.dtype));
  return reinterpret_cast<std::int64_t*>(view.data);
}

/// The value of a one-element tensor.
inline double scalar_of(const TensorView& view) {
  expect_scalar(view);
  double value = 0;
  decode(view.dtype, {view.data, view.bytes()}, {&value, 1});
  return value;
}

/// That of input i, or 1 if there is none.
inline double scalar_or_one(const KernelCall& call, std::size_t i) {
  return call.has_input(i) ? scalar_of(call.in(i)) : 1.0;
}

/// Writes a one-element tensor: one rounding to its dtype.
inline void set_scalar(const TensorView& view, double value) {
  expect_scalar(view);
  encode(view.dtype, {&value, 1}, {view.data, view.bytes()});
}

}  // namespace shardproof::real::cpu
