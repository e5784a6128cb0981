#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "reports/compare/element_compare.hpp"
#include "scenarios/shape.hpp"
#include "scenarios/trace/trace.hpp"

namespace shardproof::reports {

/// One tensor of two traces, assembled to its full shape on both sides.
struct TensorComparison {
  enum class State { equal, different, replicas_differ, not_comparable, only_a, only_b };
  std::string path;        // "/step/000000/parameter/model.norm.weight"
  std::string op_a, op_b;  // that wrote it; "" where it is not
  State state = State::equal;
  std::string reason;     // of replicas_differ, not_comparable: "full shapes (2, 8) and (4, 8)"
  bool by_value = false;  // their dtypes differ: numbers are compared, not bits
  Comparison elements;    // expected: A's, got: B's
  double largest = 0;     // |A|, of all its elements
  Shape first_index;      // in the full tensor, of the first element that differs

  /// The largest difference as a part of the largest element: what rounding makes of a tensor,
  /// where an ulp of an element near zero says nothing.
  double relative_distance() const;
};
const char* name_of(TensorComparison::State state);

/// Two traces, tensor by tensor. What makes them comparable is the model and the names, not world,
/// grid, ZeRO stage or dtype.
struct TensorsSideBySide {
  std::vector<TensorComparison> tensors;  // in A's order of execution, then what only B has
  /// The first in order of execution that differs: index into `tensors`, or -1.
  int first_different = -1;
  /// The first that differs although all its op's inputs are equal in both: index, or -1 where no
  /// trace has a program to ask, or an input could not be compared.
  int first_different_with_equal_inputs = -1;

  std::int64_t count(TensorComparison::State state) const;
};

/// Throws ScenarioError if the traces are of different models.
TensorsSideBySide compare_tensors(const TraceReader& a, const TraceReader& b);

}  // namespace shardproof::reports
