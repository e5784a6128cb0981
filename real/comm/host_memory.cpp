#include "real/comm/host_memory.hpp"

#include "scenarios/errors.hpp"

namespace shardproof::real {

void expect_host_memory(const Device& device, const std::string& communicator) {
  if (!device.host_accessible())
    throw ScenarioError(communicator + " sends from the host's memory, and the host cannot reach " +
                        "that of the device \"" + device.name() + "\"");
}

}  // namespace shardproof::real
