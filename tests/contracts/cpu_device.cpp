#include "real/cpu/device.hpp"
#include "tests/contracts/device_contract.hpp"
#include "tests/contracts/kernel_contract.hpp"
#include "tests/contracts/kernel_experts_contract.hpp"
#include "tests/contracts/kernel_families_contract.hpp"
#include "tests/contracts/kernel_heads_contract.hpp"
#include "tests/contracts/kernel_order_contract.hpp"

namespace shardproof::contract {

std::unique_ptr<real::Device> make_device() { return std::make_unique<real::CpuDevice>(); }

BOOST_AUTO_TEST_CASE(the_cpu_lacks_no_kernel) {
  for (const OpRow& row : op_table())
    if (const auto kernel = real::kernel_of(row.kind))
      BOOST_TEST((real::CpuDevice().kernels().find(*kernel) != nullptr), name_of(*kernel));
}

}  // namespace shardproof::contract
