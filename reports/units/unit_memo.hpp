#pragma once

#include <array>
#include <cstdint>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "reports/compare/element_compare.hpp"
#include "reports/compare/power.hpp"
#include "reports/units/suspicion.hpp"
#include "reports/verdict/verdict.hpp"

namespace shardproof::reports {

/// What was asked of a unit beyond its bound: of how many elements, the deviations of the one that
/// is hardest to explain, and what is not rounding.
struct Scrutiny {
  std::int64_t elements = 0;
  double z = 0;
  double part = 1;  // of their bounds that they may use before they are suspicious
  std::optional<Suspicion> suspicion = {};
};

/// What judging a unit found. `sound` is false where no bound exists.
struct UnitVerdict {
  Comparison comparison;
  Proof proof = Proof::bitwise;
  bool sound = true;
  Scrutiny scrutiny = {};
  std::optional<Power> power = {};  // nothing where no factor would have been seen, or none is one
  const char* vacuous = nullptr;    // what would not have been seen there, and why
};

class UnitJudgement;
class Hashing;

struct Claim;

/// Something that is known when the batch that it is in is finished.
struct KnownOnce {
  std::exception_ptr error = nullptr;  // a function does not take such arguments
  /// What it was made of. Unless they all hold, it is of other bytes than its key says.
  std::vector<std::shared_ptr<const Claim>> of = {};

  bool is_of_other_bytes() const;
};

/// The hash of bytes that are not recorded.
struct HashedOnce : KnownOnce {
  std::shared_ptr<Hashing> underway;
  std::uint64_t hash = 0;
};

/// The verdict on a unit.
struct JudgedOnce : KnownOnce {
  std::shared_ptr<UnitJudgement> underway;
  UnitVerdict verdict;
};

/// That some bytes are those of which a log tells the hash.
struct Claim {
  std::shared_ptr<const HashedOnce> made;
  std::uint64_t told = 0;
  /// What they follow from is not what the log tells of: then another's hash, whose key is equal,
  /// is not theirs.
  bool refuted = false;

  bool is_known() const { return made->underway == nullptr; }
  bool holds() const { return !refuted && made->error == nullptr && made->hash == told; }
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
