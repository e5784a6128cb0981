#include "real/machine/machine.hpp"

#include "real/comm/mpi_communicator.hpp"
#include "real/cpu/device.hpp"

namespace shardproof::real {

Machine processor(const MpiProcess&, const ProcessGrid& grid, ReductionOrder order) {
  Machine machine{std::make_unique<CpuDevice>(), nullptr};
  machine.communicator = std::make_unique<MpiCommunicator>(grid, order, *machine.device);
  return machine;
}

}  // namespace shardproof::real
