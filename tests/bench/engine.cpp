// A linear layer's three products on the processor: fp32 beside bare calls of OpenBLAS of the same
// shapes (at least 0.95), bf16 beside fp32 (at least 0.75 from 128 tokens on: with fewer, the
// weight's conversion costs as much as the product).
#include <memory>
#include <vector>

#include "real/cpu/device.hpp"
#include "scenarios/blas/product.hpp"
#include "tests/bench/beside.hpp"

using namespace shardproof;
using namespace shardproof::real;

namespace {

struct Sizes {
  std::int64_t tokens, I, O;
  explicit Sizes(const benchmark::State& state)
      : tokens(state.range(0)), I(state.range(1)), O(state.range(2)) {}
};

/// x, weight and output of a linear layer, in a dtype, and its kernels called on them.
class Linear {
 public:
  Linear(const Sizes& s, Dtype dtype)
      : x_(tensor(dtype, {s.tokens, s.I})),
        w_(tensor(dtype, {s.O, s.I})),
        y_(tensor(dtype, {s.tokens, s.O})) {}
  ~Linear() {
    for (const TensorView& each : {x_, w_, y_}) device_.release(each.data, each.bytes());
  }
  Linear(const Linear&) = delete;
  Linear& operator=(const Linear&) = delete;

  void call(OpKind kind) {
    const std::vector<TensorView> in = kind == OpKind::matmul ? std::vector{x_, w_}
                                       : kind == OpKind::matmul_backward_input
                                           ? std::vector{y_, w_}
                                           : std::vector{y_, x_};
    const TensorView out = kind == OpKind::matmul                  ? y_
                           : kind == OpKind::matmul_backward_input ? x_
                                                                   : w_;
    device_.kernels().find(kind)(device_, {.inputs = in, .outputs = {out}});
  }
  float* data(char which) {
    return reinterpret_cast<float*>((which == 'x' ? x_ : which == 'w' ? w_ : y_).data);
  }

 private:
  TensorView tensor(Dtype dtype, const Shape& shape) {
    TensorView view{dtype, shape, nullptr};
    view.data = device_.allocate(view.bytes());
    const std::vector<double> values(static_cast<std::size_t>(view.elements()), 0.01);
    encode(dtype, values, {view.data, view.bytes()});
    return view;
  }
  CpuDevice device_;
  TensorView x_, w_, y_;
};

void bare(const Sizes& s, Linear& on, OpKind kind) {
  float *x = on.data('x'), *w = on.data('w'), *y = on.data('y');
  if (kind == OpKind::matmul)
    blas::product(s.tokens, s.O, s.I, {x, s.I, false}, {w, s.I, true}, y);
  else if (kind == OpKind::matmul_backward_input)
    blas::product(s.tokens, s.I, s.O, {y, s.O, false}, {w, s.I, false}, x);
  else
    blas::product(s.O, s.I, s.tokens, {y, s.O, true}, {x, s.I, false}, w);
}

void fp32_beside_blas(benchmark::State& state, OpKind kind) {
  const Sizes sizes(state);
  Linear a(sizes, Dtype::fp32), b(sizes, Dtype::fp32);
  bench::beside(
      state, "of BLAS", [&] { bare(sizes, a, kind); }, [&] { b.call(kind); });
}

void bf16_beside_fp32(benchmark::State& state, OpKind kind) {
  const Sizes sizes(state);
  Linear a(sizes, Dtype::fp32), b(sizes, Dtype::bf16);
  bench::beside(
      state, "of fp32", [&] { a.call(kind); }, [&] { b.call(kind); });
}

void layers(benchmark::internal::Benchmark* b) {
  b->ArgNames({"tokens", "I", "O"});
  for (const std::int64_t tokens : {32, 128, 512})
    for (const auto& [I, O] : {std::pair<std::int64_t, std::int64_t>{1024, 1024}, {2048, 5632}})
      b->Args({tokens, I, O});
  b->UseManualTime()->Unit(benchmark::kMillisecond);
}

}  // namespace

BENCHMARK_CAPTURE(fp32_beside_blas, forward, OpKind::matmul)->Apply(layers);
BENCHMARK_CAPTURE(fp32_beside_blas, backward_input, OpKind::matmul_backward_input)->Apply(layers);
BENCHMARK_CAPTURE(fp32_beside_blas, backward_weight, OpKind::matmul_backward_weight)->Apply(layers);
BENCHMARK_CAPTURE(bf16_beside_fp32, forward, OpKind::matmul)->Apply(layers);
BENCHMARK_CAPTURE(bf16_beside_fp32, backward_input, OpKind::matmul_backward_input)->Apply(layers);
BENCHMARK_CAPTURE(bf16_beside_fp32, backward_weight, OpKind::matmul_backward_weight)->Apply(layers);
