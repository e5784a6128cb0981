// What stands for real/cuda in a build without a CUDA toolkit.

#include "real/cuda/machine.hpp"
#include "real/cuda/module.hpp"
#include "scenarios/errors.hpp"

namespace shardproof::real {

namespace cuda {

namespace {
[[noreturn]] void refuse() {
  throw EnvironmentError(
      "real = cuda: this program was built without CUDA: it needs nvcc and NCCL when it is "
      "configured; \"real\": \"cuda_simulated\" runs anywhere");
}
}  // namespace

void expect_machine() { refuse(); }

std::unique_ptr<Device> gpu(int) { refuse(); }

}  // namespace cuda

const CudaModule& cuda_module() { cuda::refuse(); }

std::map<std::string, std::string> cuda_versions() {
  return {{"cuda", "not built"}, {"cublas", "not built"}, {"nccl", "not built"}};
}

}  // namespace shardproof::real
