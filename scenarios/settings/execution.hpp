#pragma once

#include "scenarios/enum_names.hpp"

namespace shardproof {

/// One way to run a scenario. Whatever goes over all of them goes in this order.
enum class Execution { reference, sim, real };

template <>
struct Names<Execution> {
  static constexpr std::array all{"reference", "sim", "real"};
};

/// The machine under Execution::real: processors and MPI, GPUs and NCCL, or the engine for GPUs on
/// simulated ones.
enum class Platform { mpi, cuda, cuda_simulated };

template <>
struct Names<Platform> {
  static constexpr std::array all{"mpi", "cuda", "cuda_simulated"};
};

/// Whether it adds in an order of its own, which no scenario can pin.
constexpr bool uses_nccl(Platform platform) { return platform != Platform::mpi; }

}  // namespace shardproof
