#include "real/machine/versions.hpp"

#include "real/comm/mpi_process.hpp"
#include "scenarios/blas/library.hpp"

namespace shardproof::real {

std::map<std::string, std::string> engine_versions() {
  return {{"mpi", mpi_library_version()},
          {"blas", blas::library().description()},
          {"cuda", "not used"},
          {"nccl", "not used"}};
}

}  // namespace shardproof::real
