// What stands for real/cuda in a build without a CUDA toolkit.

#include "real/cuda/machine.hpp"
#include "scenarios/errors.hpp"

namespace shardproof::real::cuda {

void expect_machine() {
  throw EnvironmentError(
      "real = cuda: this program was built without CUDA: it needs nvcc and NCCL when it is "
      "configured; \"real\": \"cuda_simulated\" runs anywhere");
}

Machine machine(const MpiProcess&, const ProcessGrid&, ReductionOrder) {
  expect_machine();
  return {};
}

std::unique_ptr<Device> gpu(int) {
  expect_machine();
  return nullptr;
}

std::map<std::string, std::string> versions() {
  return {{"cuda", "not built"}, {"cublas", "not built"}, {"nccl", "not built"}};
}

}  // namespace shardproof::real::cuda
