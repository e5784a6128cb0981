#include "real/machine/versions.hpp"

#include "real/comm/mpi_process.hpp"
#include "real/cpu/matmul.hpp"

namespace shardproof::real {

std::map<std::string, std::string> engine_versions() {
  return {{"mpi", mpi_library_version()},
          {"blas", cpu::blas_library_version()},
          {"cuda", "not used"},
          {"nccl", "not used"}};
}

}  // namespace shardproof::real
