#pragma once

#include <cstddef>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "reference/bounds/replay.hpp"
#include "reports/compare/element_compare.hpp"
#include "tests/support/kernels.hpp"

/// Random runs of the engine's kernels, one for every kind of unit, to hold the bounds against.
namespace shardproof::testing {

/// A tensor as it would be recorded.
struct Stored {
  Dtype dtype = Dtype::fp32;
  Shape shape;
  std::vector<std::byte> bytes;

  Stored() = default;
  Stored(Dtype d, Shape s);
  real::TensorView view() { return {dtype, shape, bytes.data()}; }
  std::vector<double> values() const;
  void assign(std::span<const double> values);
};

/// What the elements look like.
enum class Distribution { normal, heavy_tailed, cancelling, tiny, large };
constexpr Distribution all_distributions[] = {Distribution::normal, Distribution::heavy_tailed,
                                              Distribution::cancelling, Distribution::tiny,
                                              Distribution::large};
const char* name_of(Distribution distribution);

/// Extents of the drawn tensors: B sequences of T tokens, h heads over hk, C = h * hd hidden.
struct Extents {
  std::int64_t B = 2, T = 24, h = 4, hk = 2, hd = 16, V = 96, inner = 80;
  std::int64_t C() const { return h * hd; }
};

/// A unit and the kernel that is to compute it.
struct Case {
  Dtype storage;  // what tensors are drawn in, and how; the output may be kept in another dtype
  Distribution distribution;
  reference::UnitKind kind;
  reference::UnitAttributes attributes;
  reference::UnitPrecision precision;
  std::vector<Stored> arguments;
  Shape output;
  std::function<void(tests::CpuKernels&, std::vector<Stored>&, Stored&)> run;
};

/// Draws tensors, reproducibly.
class Dice {
 public:
  explicit Dice(unsigned seed) : random_(seed) {}
  Stored tensor(Dtype dtype, Shape shape, Distribution distribution);
  Stored positive(Dtype dtype, Shape shape, Distribution distribution);
  /// (B, T) in [0, V).
  Stored tokens(std::int64_t B, std::int64_t T, std::int64_t V);

 private:
  std::mt19937_64 random_;
};

/// One or more cases of every kind of unit in one storage dtype (compute: fp64 for fp64, else
/// fp32).
std::vector<Case> all_cases(Dtype storage, Distribution distribution, const Extents& extents,
                            Dice& dice);

/// What the kernel records, and the unit's acceptance sets, for the arguments of a case.
std::vector<double> recorded(tests::CpuKernels& device, const Case& a_case);
reference::UnitResult replayed(const Case& a_case);
/// Their comparison, if the unit is sound. Only where sums may overflow is an inf or a NaN accepted
/// that is in no set.
reports::Comparison compared(tests::CpuKernels& device, const Case& a_case);
reports::Comparison compared(tests::CpuKernels& device, const Case& a_case,
                             const reference::UnitResult& replayed);
/// Whether no sound bound is known: for exponentials of numbers of which one roundoff is far more
/// than one. Every other unit must have one.
bool without_bound(const Case& a_case);

}  // namespace shardproof::testing
