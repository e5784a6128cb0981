#pragma once

#include <optional>

#include "reports/compare/residual.hpp"
#include "reports/compare/signature.hpp"
#include "reports/units/judged_unit.hpp"

/// Whether what a sum of many terms rounded to is too unlikely to be rounding (docs/suspects.md).
namespace shardproof::reports {

/// A sum that is hardly what its function gives.
struct Suspicion {
  std::int64_t element = 0;  // of the result: the one that is hardest to explain
  double z = 0;              // its deviations, above `suspicious`
  double expected = 0, got = 0;
  Signature signature;  // of all elements
};

/// Whether elements of such a unit are sums whose roundings are looked at: products, column sums,
/// in fp32 accumulators. In fp64 the oracle is no sharper than what it judges.
bool is_scrutinised(const JudgedUnit& unit);

/// The element that `residual` names, added again in several orders; nullopt if rounding explains
/// it. The signature is left to be fitted.
std::optional<Suspicion> suspicion_of(const JudgedUnit& unit, const Residual& residual);

}  // namespace shardproof::reports
