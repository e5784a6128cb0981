#pragma once

#include <array>
#include <deque>
#include <memory>

#include "real/comm/channel.hpp"
#include "real/comm/communicator.hpp"
#include "scenarios/plan/process_grid.hpp"
#include "scenarios/settings/scenario.hpp"

namespace shardproof::real {

/// The collectives of one rank by MPI messages, in the pinned order. start() only remembers;
/// try_complete() does the work and blocks until the other members have done their part, so ranks
/// must complete the collectives of both axes in one common order.
class MpiCommunicator : public Communicator {
 public:
  /// Collective over all ranks. An MpiProcess and the device, whose tensors it sends, must live
  /// longer. Throws ScenarioError if the grid is not the size of the job, the order is not a pinned
  /// one, or the host cannot reach the device's memory; EnvironmentError if MPI fails.
  MpiCommunicator(const ProcessGrid& grid, ReductionOrder order, Device& device);

  Ticket start(const CollectiveRequest& request) override;
  bool try_complete(Ticket ticket) override;

 private:
  struct Pending {
    CollectiveRequest request;
    Event ready;  // the input is there
  };
  struct AxisState {
    std::unique_ptr<Channel> channel;
    std::int64_t started = 0;
    std::int64_t completed = 0;
    std::deque<Pending> pending;  // numbers completed .. started-1
  };
  AxisState& state(Axis axis) { return axes_[static_cast<std::size_t>(axis)]; }

  ReductionOrder order_;
  Device& device_;
  std::array<AxisState, 2> axes_;
};

}  // namespace shardproof::real
