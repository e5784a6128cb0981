#pragma once

#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "real/comm/communicator.hpp"
#include "scenarios/errors.hpp"
#include "scenarios/plan/process_grid.hpp"
#include "scenarios/settings/scenario.hpp"

namespace shardproof::sim {

/// Two members of one group issued different collectives; what() names both.
class CollectiveMismatch : public EnvironmentError {
 public:
  using EnvironmentError::EnvironmentError;
};

/// Where the ranks of a simulated cluster meet. For each group, the k-th collective of each member
/// on that axis belongs together; it completes when all have arrived with the same kind, dtype,
/// wire, count and origin. One thread: the ranks run in turn.
class Rendezvous {
 public:
  Rendezvous(const ProcessGrid& grid, ReductionOrder order);

  real::Communicator::Ticket start(Rank rank, const real::CollectiveRequest& request);
  /// Throws CollectiveMismatch if a member arrived with something else.
  bool try_complete(Rank rank, real::Communicator::Ticket ticket);

  /// For the report of a deadlock, one line a rank:
  ///   rank 1 waits in model.layers.0.mlp.down_proj/forward/all_reduce: all_reduce_sum over tp {0,
  ///   1}, 64 x bf16, wire bf16; rank 0 has not arrived (it waits in ...)
  std::string who_waits_where() const;

 private:
  /// The k-th collective of a group: who has come with what, and the result once somebody asked.
  struct Meeting {
    std::vector<std::optional<real::CollectiveRequest>> arrivals;  // by group rank
    std::vector<bool> left;                                        // by group rank
    std::optional<std::vector<std::byte>> result;
  };
  struct Group {
    std::vector<Rank> members;
    std::deque<Meeting> meetings;
    std::int64_t first_number = 0;  // of meetings.front()
  };
  /// One rank on one axis.
  struct Place {
    std::shared_ptr<Group> group;
    GroupRank at;
    std::int64_t started = 0;
  };

  const Place& place(Rank rank, Axis axis) const;
  Meeting& meeting(Group& group, std::int64_t number) const;
  void expect_agreement(const Group& group, const Meeting& meeting) const;
  void deliver(Group& group, Meeting& meeting, GroupRank to) const;
  std::string what_it_does(Rank rank) const;
  std::string line_of(Rank rank) const;

  ProcessGrid grid_;
  ReductionOrder order_;
  std::vector<std::array<Place, 2>> places_;                      // by rank and axis
  std::vector<std::optional<real::Communicator::Ticket>> waits_;  // by rank
};

/// One rank's side of a Rendezvous, which must live longer, as must the device whose tensors it
/// takes there. Throws ScenarioError if the host cannot reach the device's memory.
class SimCommunicator : public real::Communicator {
 public:
  SimCommunicator(Rendezvous& rendezvous, Rank rank, real::Device& device);
  Ticket start(const real::CollectiveRequest& request) override;
  bool try_complete(Ticket ticket) override { return rendezvous_.try_complete(rank_, ticket); }

 private:
  Rendezvous& rendezvous_;
  Rank rank_;
  real::Device& device_;
};

}  // namespace shardproof::sim
