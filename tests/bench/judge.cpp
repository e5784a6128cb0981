// Units as they are judged, with value and bound: a product beside the bare one in fp64, functions
// of elements beside a copy of their numbers.
#include <algorithm>
#include <vector>

#include "reference/bounds/replay.hpp"
#include "scenarios/blas/product.hpp"
#include "tests/bench/beside.hpp"

using namespace shardproof;
using namespace shardproof::reference;

namespace {

constexpr std::int64_t tokens = 128;
const UnitPrecision in_bf16{.output = Dtype::bf16, .compute = Dtype::fp32};

std::vector<double> numbers(std::int64_t count) {
  return std::vector<double>(static_cast<std::size_t>(count), 0.5);
}

void matmul_beside_blas(benchmark::State& state) {
  const std::int64_t n = state.range(0);
  const std::vector<double> x = numbers(tokens * n), w = numbers(n * n);
  std::vector<double> y(x.size());
  const std::vector<Operand> arguments{{{tokens, n}, x}, {{n, n}, w}};
  bench::beside(
      state, "of BLAS",
      [&] {
        blas::product(tokens, n, n, {x.data(), n, false}, {w.data(), n, true}, y.data());
      },
      [&] { benchmark::DoNotOptimize(replay(UnitKind::matmul, {}, in_bf16, arguments)); });
}

void elements_beside_a_copy(benchmark::State& state, UnitKind kind) {
  const std::int64_t n = state.range(0);
  const std::vector<double> a = numbers(tokens * n), b = a;
  std::vector<double> copied(a.size());
  const std::vector<Operand> arguments{{{tokens, n}, a}, {{tokens, n}, b}};
  bench::beside(
      state, "of a copy",
      [&] {
        std::copy(a.begin(), a.end(), copied.begin());
        benchmark::ClobberMemory();
      },
      [&] { benchmark::DoNotOptimize(replay(kind, {}, in_bf16, arguments)); });
}

void widths(benchmark::internal::Benchmark* b) {
  b->RangeMultiplier(4)->Range(256, 4096)->UseManualTime();
  b->Unit(benchmark::kMillisecond);
}

}  // namespace

BENCHMARK(matmul_beside_blas)->Apply(widths);
BENCHMARK_CAPTURE(elements_beside_a_copy, add, UnitKind::add)->Apply(widths);
BENCHMARK_CAPTURE(elements_beside_a_copy, swiglu, UnitKind::swiglu)->Apply(widths);
