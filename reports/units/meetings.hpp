#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "reports/units/held_values.hpp"

namespace shardproof::reports {

/// A collective that all members of a group have begun.
struct Meeting {
  const Op* start = nullptr;       // of the member that asks
  std::vector<SharedHeld> inputs;  // by group rank; nullptr where it is not known
};

/// The collectives of an execution: the n-th that one member of a group begins is the n-th of all.
class Meetings {
 public:
  explicit Meetings(const EngineTrace& trace)
      : trace_(trace), members_(static_cast<std::size_t>(trace.world())) {}

  /// A member begins one, with its input if it is known.
  void join(const OpOnRank& start, SharedHeld input);
  /// Whether all members have begun what `wait` waits for. True if nobody began it.
  bool ready(const OpOnRank& wait) const;
  /// What `wait` waited for; nullopt if nobody began it.
  std::optional<Meeting> leave(const OpOnRank& wait);

 private:
  using Key = std::pair<std::string, std::int64_t>;  // the group, and a number
  struct Gathering {
    std::vector<SharedHeld> inputs;
    std::vector<bool> arrived;
    std::size_t left = 0;  // members that have their result
  };
  struct Member {
    std::map<std::string, std::int64_t> started;           // by group
    std::map<ValueId, std::pair<Key, const Op*>> pending;  // by the value that is written
  };

  const Member& of(const OpOnRank& at) const { return members_[static_cast<std::size_t>(at.rank)]; }
  Member& of(const OpOnRank& at) { return members_[static_cast<std::size_t>(at.rank)]; }

  const EngineTrace& trace_;
  std::vector<Member> members_;
  std::map<Key, Gathering> gatherings_;
};

}  // namespace shardproof::reports
