#pragma once

#include "reports/compare/signature.hpp"
#include "reports/units/judged_unit.hpp"

/// Whether what a sum of many terms rounded to is too unlikely to be rounding (docs/suspects.md).
namespace shardproof::reports {

/// An element of a sum, added again in several orders.
struct Suspicion {
  std::int64_t element = 0;  // of the result
  double z = 0;              // how many deviations rounding would have to be off
  double expected = 0, got = 0;
  double part = 0;           // of its bound that it may use before it is suspicious
  Signature signature = {};  // of all elements, where z is suspicious
};

/// Whether elements of such a unit are sums whose roundings are looked at: products, column sums,
/// in fp32 accumulators. In fp64 the oracle is no sharper than what it judges.
bool is_scrutinised(const JudgedUnit& unit);

/// What an element of the unit's result says.
Suspicion suspicion_of(const JudgedUnit& unit, std::int64_t element);

}  // namespace shardproof::reports
