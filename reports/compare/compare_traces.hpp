#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "reports/compare/element_compare.hpp"
#include "scenarios/shape.hpp"

namespace shardproof::reports {

/// One tensor of two traces, assembled to its full shape on both sides.
struct TensorComparison {
  enum class State { equal, different, not_comparable, only_a, only_b };
  std::string path;  // "/step/000000/parameter/model.norm.weight"
  std::string op;    // that wrote it, of A (of B if only B has it)
  State state = State::equal;
  std::string reason;  // of not_comparable: "full shapes (2, 8) and (4, 8)"
  Comparison bits;     // expected: A's, got: B's
  Shape first_index;   // in the full tensor, of the first element that differs
};
const char* name_of(TensorComparison::State state);

/// Two traces, tensor by tensor. What makes them comparable is the model and the names, not world,
/// grid or ZeRO stage: so the answer is bit equality and distances, never a verdict.
struct TraceComparison {
  std::string a, b;                       // folders
  std::string about_a, about_b;           // "sim, tp 2 x dp 2"
  std::vector<TensorComparison> tensors;  // in A's order of execution, then what only B has
  /// The first in order of execution that differs: index into `tensors`, or -1.
  int first_different = -1;
  /// The first that differs although all its op's inputs are equal in both: index, or -1 where no
  /// trace has a program to ask, or an input could not be compared.
  int first_different_with_equal_inputs = -1;

  std::int64_t count(TensorComparison::State state) const;
  /// 0 all that is in both is equal, 1 something differs, 2 nothing could be compared.
  int exit_code() const;
};

/// Throws ScenarioError if the traces are of different models, or one is no complete trace.
TraceComparison compare_traces(const std::string& folder_a, const std::string& folder_b);

std::string comparison_text(const TraceComparison& comparison);
/// Schema "shardproof-compare-1".
std::string comparison_json(const TraceComparison& comparison);

}  // namespace shardproof::reports
