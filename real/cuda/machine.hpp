#pragma once

#include <map>
#include <string>

#include "real/machine/machine.hpp"

// The GPU as a machine, for who composes a program: no header of CUDA is needed here. What is built
// from this folder is built twice: for GPUs, where there is a toolkit, and for the simulated one.

namespace shardproof::real::cuda {

/// GPU = the rank's number on its host modulo the GPUs that this process sees; NCCL among them.
///
/// NCCL takes one rank a GPU. For tests on one GPU the environment variable
/// SHARDPROOF_RANKS_SHARE_A_GPU=1 lets several have it, by the slowest of NCCL's ways.
Machine machine(const MpiProcess& process, const ProcessGrid& grid, ReductionOrder order);
/// The GPU of that number alone. EnvironmentError, by name, if there is none.
std::unique_ptr<Device> gpu(int number);
/// Throws EnvironmentError, by name, if this host has no GPU.
void expect_machine();
/// "cuda", "cublas", "nccl": of what is loaded.
std::map<std::string, std::string> versions();

}  // namespace shardproof::real::cuda

namespace shardproof::real::cuda_simulated {

Machine machine(const MpiProcess& process, const ProcessGrid& grid, ReductionOrder order);
std::unique_ptr<Device> gpu(int number);

}  // namespace shardproof::real::cuda_simulated
