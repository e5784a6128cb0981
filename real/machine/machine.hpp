#pragma once

#include <map>
#include <memory>
#include <string>

#include "real/comm/communicator.hpp"
#include "real/comm/mpi_process.hpp"
#include "real/device.hpp"
#include "scenarios/plan/process_grid.hpp"
#include "scenarios/settings/reduction_order.hpp"

namespace shardproof::real {

/// What one rank of the real engine computes and communicates with.
struct Machine {
  std::unique_ptr<Device> device;
  std::unique_ptr<Communicator> communicator;  // of the device's memory: it goes first
  /// What a trace tells of it: "device", "driver", "cuda", "cublas", "nccl".
  std::map<std::string, std::string> properties = {};
};

/// Makes it; collective over all ranks. ScenarioError if the order is not one in which the machine
/// reduces, EnvironmentError if there is none such here.
using MakeMachine = Machine (*)(const MpiProcess& process, const ProcessGrid& grid,
                                ReductionOrder order);

/// The processor, and messages of MPI.
Machine processor(const MpiProcess& process, const ProcessGrid& grid, ReductionOrder order);

}  // namespace shardproof::real
