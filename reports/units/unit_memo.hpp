#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <exception>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "reports/compare/element_compare.hpp"
#include "reports/verdict/verdict.hpp"

namespace shardproof::reports {

/// What judging a unit found. `sound` is false where no bound exists.
struct UnitVerdict {
  Comparison comparison;
  Proof proof = Proof::bitwise;
  bool sound = true;
};

class UnitJudgement;
class Hashing;

/// The hash of bytes that are not recorded, known when the batch is finished.
struct HashedOnce {
  std::shared_ptr<Hashing> underway;
  std::uint64_t hash = 0;
};

/// A unit that is judged, or will be when the batch that it is in is finished.
struct JudgedOnce {
  std::shared_ptr<UnitJudgement> underway;
  UnitVerdict verdict;
  std::exception_ptr error;  // its function does not take such arguments
  /// What must have been found of its operands, or the verdict is of other bytes than the key.
  std::vector<std::pair<std::shared_ptr<const HashedOnce>, std::uint64_t>> proofs = {};

  bool is_of_other_bytes() const {
    return underway == nullptr &&
           std::ranges::any_of(proofs, [](const auto& p) { return p.first->hash != p.second; });
  }
};

/// Units with equal functions, inputs and outputs are judged once: replicas, sim's twin in real,
/// and an op that is a function of full tensors, too. The key is the unit's description followed by
/// its inputs and output: dtypes, shapes, hashes. The same of what follows from recorded bytes and
/// is not recorded itself.
class UnitMemo {
 public:
  /// What the key stands for; empty if nobody asked before.
  std::shared_ptr<JudgedOnce>& judged(const std::string& key) { return judged_[digest(key)]; }
  std::shared_ptr<HashedOnce>& hashed(const std::string& key) { return hashed_[digest(key)]; }

 private:
  using Digest = std::array<std::uint64_t, 2>;  // a long run has a million keys
  static Digest digest(const std::string& key);

  std::map<Digest, std::shared_ptr<JudgedOnce>> judged_;
  std::map<Digest, std::shared_ptr<HashedOnce>> hashed_;
};

}  // namespace shardproof::reports
