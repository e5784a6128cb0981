// Built for GPUs and for simulated ones.
#include "real/cuda/machine.hpp"
#include "tests/contracts/every_device.hpp"
#include "tests/contracts/kernel_sizes_contract.hpp"
#include "tests/contracts/needs_gpu.hpp"

namespace shardproof::contract {

std::unique_ptr<real::Device> make_device() { return real::SHARDPROOF_GPU::gpu(0); }

}  // namespace shardproof::contract
