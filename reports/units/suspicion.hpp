#pragma once

#include <optional>

#include "reports/compare/residual.hpp"
#include "reports/compare/signature.hpp"
#include "reports/units/judged_unit.hpp"

/// Whether what a sum of many terms rounded to is too unlikely to be rounding (docs/suspects.md).
namespace shardproof::reports {

/// An element of a sum, added again in several orders.
struct Suspicion {
  std::int64_t element = 0;  // of the result
  double z = 0;              // how many deviations rounding would have to be off
  double expected = 0, got = 0;
  Signature signature = {};  // of all elements, where z is suspicious
};

/// Whether elements of such a unit are sums whose roundings are looked at: products, column sums,
/// in fp32 accumulators. In fp64 the oracle is no sharper than what it judges.
bool is_scrutinised(const JudgedUnit& unit);

/// How much of its bound an element may use before it is suspected, by the terms of one in the
/// middle; nothing where a bound is zero.
std::optional<double> suspicious_part(const JudgedUnit& unit);

/// What the element that `residual` names says.
Suspicion suspicion_of(const JudgedUnit& unit, const Residual& residual);

}  // namespace shardproof::reports
