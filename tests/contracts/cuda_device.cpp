#include "real/cuda/machine.hpp"
#include "tests/contracts/device_contract.hpp"
#include "tests/contracts/kernel_contract.hpp"
#include "tests/contracts/kernel_experts_contract.hpp"
#include "tests/contracts/kernel_families_contract.hpp"
#include "tests/contracts/kernel_heads_contract.hpp"
#include "tests/contracts/kernel_sizes_contract.hpp"
#include "tests/contracts/needs_gpu.hpp"

namespace shardproof::contract {

std::unique_ptr<real::Device> make_device() { return real::cuda::gpu(0); }

BOOST_AUTO_TEST_CASE(it_lacks_no_kernel) {
  const auto device = make_device();
  for (const OpRow& row : op_table())
    if (const auto kernel = real::kernel_of(row.kind))
      BOOST_TEST((device->kernels().find(*kernel) != nullptr), name_of(*kernel));
}

}  // namespace shardproof::contract
