#pragma once

#include <boost/test/unit_test.hpp>
#include <cstdio>
#include <cstdlib>

#include "real/cuda/machine.hpp"
#include "scenarios/errors.hpp"

namespace shardproof::contract {

#ifndef SHARDPROOF_SIMULATED_GPU
/// Ends the program before its first case, with the exit code that CTest shows as skipped, where
/// there is no GPU.
struct NeedsGpu {
  NeedsGpu() {
    try {
      real::cuda::expect_machine();
    } catch (const EnvironmentError& error) {
      std::printf("skipped: %s\n", error.what());
      std::fflush(stdout);
      std::_Exit(77);
    }
  }
};
BOOST_TEST_GLOBAL_FIXTURE(NeedsGpu);
#endif

}  // namespace shardproof::contract
