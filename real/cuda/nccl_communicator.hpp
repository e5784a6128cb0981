#pragma once

#include <nccl.h>

#include <array>
#include <string>

#include "real/comm/communicator.hpp"
#include "real/comm/mpi_process.hpp"
#include "real/cuda/device.hpp"
#include "scenarios/plan/process_grid.hpp"

namespace shardproof::real::SHARDPROOF_GPU {

/// The collectives of one rank by NCCL: a communicator of all ranks, split into the TP and the DP
/// group. start() asks the request's stream for all of it, so that whatever the stream is asked for
/// next finds the output there; nothing is left for try_complete().
///
/// A sum is added in NCCL's own order, each addition rounded to the wire dtype. NCCL does not
/// promise that its largest element is NaN where a member has one: that is found here, in the order
/// of the members, from what they all sent. Where the wire is another dtype than the tensor's, what
/// travels is cast into the stream's workspace and back, piece by piece.
class NcclCommunicator : public Communicator {
 public:
  /// Collective over all ranks. The device must live longer. ScenarioError if the grid is not the
  /// size of the job; EnvironmentError if NCCL fails, or is not done within a time.
  NcclCommunicator(const ProcessGrid& grid, const MpiProcess& process, CudaDevice& device);
  ~NcclCommunicator() override;
  NcclCommunicator(const NcclCommunicator&) = delete;
  NcclCommunicator& operator=(const NcclCommunicator&) = delete;

  Ticket start(const CollectiveRequest& request) override;
  bool try_complete(Ticket ticket) override;

 private:
  struct Group {
    ncclComm_t comm = nullptr;
    int size = 1;
  };
  Group& group_of(const CollectiveRequest& request) {
    return groups_[static_cast<std::size_t>(request.axis)];
  }

  ncclComm_t split(int color, int key, const char* name);
  void on_stream(const CollectiveRequest& request);
  void meet(const CollectiveRequest& request);
  void in_pieces(const CollectiveRequest& request);
  void send_piece(const CollectiveRequest& request, std::int64_t begin, std::int64_t count,
                  const TensorView& received);
  void take_piece(const CollectiveRequest& request, std::int64_t begin, std::int64_t count,
                  const TensorView& received);
  void exchange(const CollectiveRequest& request, const TensorView& from, const TensorView& to);
  void cast(const TensorView& from, const TensorView& to, Stream stream);

  CudaDevice& device_;
  ncclComm_t world_ = nullptr;
  std::array<Group, 2> groups_;  // by axis
  std::int64_t started_ = 0;
};

/// "2.28.9".
std::string nccl_version();

}  // namespace shardproof::real::SHARDPROOF_GPU
