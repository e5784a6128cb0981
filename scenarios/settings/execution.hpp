#pragma once

#include "scenarios/enum_names.hpp"

namespace shardproof {

/// One way to run a scenario. Whatever goes over all of them goes in this order.
enum class Execution { reference, sim, real };

template <>
struct Names<Execution> {
  static constexpr std::array all{"reference", "sim", "real"};
};

/// The machine under Execution::real.
enum class Platform { mpi, cuda };

template <>
struct Names<Platform> {
  static constexpr std::array all{"mpi", "cuda"};
};

}  // namespace shardproof
