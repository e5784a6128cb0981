#pragma once

#include <optional>

#include "real/machine/machine.hpp"

// GPUs on which one kernel is broken, in one of the ways in which kernels are. A row of the
// device's table is replaced: the engine knows nothing of it. Built twice, as real/cuda is.

namespace shardproof::tests {

enum class PlantedKernel {
  add_without_its_last_element,       // the last block is one short
  rms_norm_with_a_divergent_barrier,  // in a branch that some threads of the block do not take
  swiglu_with_a_full_last_vector,     // four elements at a time, the last four too
  accumulate_into_the_first_bucket,   // the view of the first bucket's slice serves for all
  swiglu_on_the_wrong_stream,         // that of communication
};

}  // namespace shardproof::tests

// GPU 0 with that kernel in its table, or with its own alone.

namespace shardproof::real::cuda {
Machine planted_machine(const MpiProcess& process, const ProcessGrid& grid,
                        std::optional<tests::PlantedKernel> planted);
}  // namespace shardproof::real::cuda

namespace shardproof::real::cuda_simulated {
Machine planted_machine(const MpiProcess& process, const ProcessGrid& grid,
                        std::optional<tests::PlantedKernel> planted);
}  // namespace shardproof::real::cuda_simulated
