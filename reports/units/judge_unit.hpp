#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "reference/bounds/replay.hpp"
#include "reports/units/unit_memo.hpp"

namespace shardproof::reports {

/// Text that tells units of different functions or policies apart: the head of a memo key.
std::string describe(reference::UnitKind kind, const reference::UnitAttributes& attributes,
                     const reference::UnitPrecision& precision,
                     NonFinite non_finite = NonFinite::refused);

/// An argument or result of a unit as its trace tells it: equal ones have equal elements.
struct HashedTensor {
  Dtype dtype;
  Shape shape;
  std::uint64_t hash = 0;
};

std::string key_of(const HashedTensor& tensor);

/// Equal for units that are one judgement: the same function of the same arguments, the last tensor
/// being the result.
std::string memo_key(reference::UnitKind kind, const reference::UnitAttributes& attributes,
                     const reference::UnitPrecision& precision,
                     std::span<const HashedTensor> tensors, NonFinite non_finite);

/// Of what is not recorded, but follows from other tensors: `how` and from which, and what it is
/// kept as, on which its bytes depend.
std::string derived_key(const std::string& how, Dtype dtype, const Shape& shape);

/// Compares the recorded output of a unit (decoded, row-major), stored as `storage`, with its
/// acceptance set.
UnitVerdict judge_result(const reference::UnitResult& unit, Dtype storage,
                         std::span<const double> recorded,
                         NonFinite non_finite = NonFinite::refused);

}  // namespace shardproof::reports
