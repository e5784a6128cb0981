#pragma once

#include <map>
#include <string>

namespace shardproof {

/// What two runs must have in common for the bits of one to be those of the other, in five parts:
///
///   task      model, weights, data, training: whatever the other parts do not name
///   grid      ranks, and how ZeRO divides among them
///   cut       which layers are cut, and where
///   policy    dtypes, the order of sums, the machine
///   program   what the engine made of all that
///
/// How a run is named, recorded, started and limited is no part of it, and neither are planted
/// defects: it is for the digests to find those.
class RunIdentity {
 public:
  /// `scenario`: hashed_scenario of it.
  RunIdentity(const std::string& scenario, const std::string& program_hash);

  /// The hash of each part, as 16 hex digits.
  const std::map<std::string, std::string>& hashes() const { return hashes_; }
  /// "policy (reduction: "ring" and "rank_order")": the first part that differs, with the first key
  /// of it and what it was and is; "" if none does.
  std::string difference(const RunIdentity& other) const;

 private:
  std::map<std::string, std::map<std::string, std::string>> keys_;  // of each part
  std::map<std::string, std::string> hashes_;
};

}  // namespace shardproof
