#pragma once

#include <string>
#include <vector>

#include "real/builder/builder.hpp"

namespace shardproof::real {

/// What every rank has of its own, combined over one axis after another:
///
///   {.op = "nonfinite_all_reduce", .value = "scalar/nonfinite", .axes = {dp, tp}}
///   ops     nonfinite_all_reduce_dp, nonfinite_all_reduce_tp
///   values  scalar/nonfinite_over_dp, scalar/nonfinite
struct Combination {
  OpKind kind = OpKind::all_reduce_max;
  std::string module;
  Phase phase;
  std::string op;
  std::string value;
  std::vector<Axis> axes;  // those of one rank are left out
};

/// The combined value; `part` itself if there is nothing to combine.
ValueId lower_combination(Builder& builder, const Combination& how, ValueId part);

}  // namespace shardproof::real
