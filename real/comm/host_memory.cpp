#include "real/comm/host_memory.hpp"

#include <cstring>

#include "scenarios/errors.hpp"

namespace shardproof::real {

void expect_host_memory(const Device& device, const std::string& communicator) {
  if (!device.host_accessible())
    throw ScenarioError(communicator + " sends from the host's memory, and the host cannot reach " +
                        "that of the device \"" + device.name() + "\"");
}

void copy_bytes(std::span<const std::byte> from, std::span<std::byte> to) {
  SHARDPROOF_EXPECTS(from.size() <= to.size(), from.size(), to.size());
  if (!from.empty()) std::memcpy(to.data(), from.data(), from.size());
}

}  // namespace shardproof::real
