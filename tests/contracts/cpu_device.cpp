#include "real/cpu/device.hpp"
#include "tests/contracts/every_device.hpp"
#include "tests/contracts/kernel_order_contract.hpp"

namespace shardproof::contract {

std::unique_ptr<real::Device> make_device() { return std::make_unique<real::CpuDevice>(); }

}  // namespace shardproof::contract
