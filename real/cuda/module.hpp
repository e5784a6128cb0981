#pragma once

#include <map>
#include <string>

#include "real/machine/machine.hpp"

namespace shardproof::real {

/// The engine on GPUs as a program may have it: a library of its own beside the program, loaded by
/// whoever first asks for GPUs. CUDA's and NCCL's libraries weigh hundreds of megabytes, and the
/// program runs where they are not.
struct CudaModule {
  MakeMachine machine;
  void (*expect_machine)();
  std::map<std::string, std::string> (*versions)();
};

/// EnvironmentError, by name, if this build has none, or what it is linked with is not there.
const CudaModule& cuda_module();

/// "cuda", "cublas", "nccl": what would be loaded, or why nothing can be.
std::map<std::string, std::string> cuda_versions();

}  // namespace shardproof::real
