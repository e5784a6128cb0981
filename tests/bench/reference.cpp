// The oracle's products beside bare calls of OpenBLAS (what the spot checks cost), and sums of
// magnitudes in fp32 beside those in fp64 (at least 1.5 times as fast).
#include <vector>

#include "reference/ops/magnitude_product.hpp"
#include "scenarios/blas/product.hpp"
#include "tests/bench/beside.hpp"

using namespace shardproof;
using namespace shardproof::reference;

namespace {

constexpr std::int64_t rows = 128;

template <class T>
struct Matrices {
  explicit Matrices(std::int64_t n)
      : x(static_cast<std::size_t>(rows * n), T{0.5}),
        w(static_cast<std::size_t>(n * n), T{0.25}),
        y(x.size()),
        n(n) {}
  FactorOf<T> left() const { return {x, rows, n}; }
  FactorOf<T> right() const { return {w, n, n, true}; }
  std::vector<T> x, w, y;
  std::int64_t n;
};

void product_beside_blas(benchmark::State& state) {
  Matrices<double> m(state.range(0));
  bench::beside(
      state, "of BLAS",
      [&] {
        blas::product(rows, m.n, m.n, {m.x.data(), m.n, false}, {m.w.data(), m.n, true},
                      m.y.data());
      },
      [&] { product(m.left(), m.right(), m.y); });
}

void magnitudes_beside_fp64(benchmark::State& state) {
  Matrices<double> in_fp64(state.range(0));
  Matrices<float> in_fp32(state.range(0));
  bench::beside(
      state, "of fp64", [&] { product(in_fp64.left(), in_fp64.right(), in_fp64.y); },
      [&] { magnitude_product(in_fp32.left(), in_fp32.right(), in_fp32.y); });
}

}  // namespace

BENCHMARK(product_beside_blas)->RangeMultiplier(4)->Range(64, 1024)->UseManualTime();
BENCHMARK(magnitudes_beside_fp64)->RangeMultiplier(4)->Range(64, 1024)->UseManualTime();
