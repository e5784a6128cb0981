#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "scenarios/plan/program.hpp"

namespace shardproof {

/// Which ops of a run stand next to each other: one writes a value that the other reads. A
/// collective and its wait are one op.
///
///   o_proj/forward/matmul -> partial -> o_proj/forward/all_reduce -> output -> .../add_bias
///   are_next(matmul, all_reduce), are_next(all_reduce, add_bias); not are_next(matmul, add_bias)
class OpNeighbours {
 public:
  /// A program that some rank runs: planted edits give ranks programs of their own.
  void add(const Program& program);
  /// Of all programs together.
  std::vector<std::string> names() const;
  /// Also of an op and itself, whether a program has it or not.
  bool are_next(const std::string& a, const std::string& b) const;
  /// Those next to an op of the programs, itself, and those that write what it writes.
  std::vector<std::string> names_beside(const std::string& op) const;

 private:
  struct Access {
    std::set<ValueId> reads, writes;
  };
  /// Whether some program has both ops, and they are so.
  bool have(const std::string& a, const std::string& b,
            bool (*are_so)(const Access& a, const Access& b)) const;

  std::vector<std::map<std::string, Access>> programs_;
};

}  // namespace shardproof
