#pragma once

#include "reference/bounds/bounds.hpp"

/// cap tanh(x / cap), of logits and of attention's scores.
namespace shardproof::reference {

/// What a kernel computes from an x that is off by `off`: the capped value and its slope at the
/// exact x, and how far the computed ones may be from them.
struct CappedValue {
  double value;
  double error;
  double slope;  // 1 - tanh^2
  double slope_error;

  CappedValue(double x, double off, double cap, const Arithmetic& arithmetic);
};

UnitResult replay_soft_cap(const UnitCall& unit);           // x
UnitResult replay_soft_cap_backward(const UnitCall& unit);  // dy, x

}  // namespace shardproof::reference
