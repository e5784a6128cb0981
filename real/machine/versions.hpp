#pragma once

#include <map>
#include <string>

namespace shardproof::real {

/// The libraries that the engine computes and communicates with: "mpi", "blas", "cuda", "nccl".
/// What this build does not have is "not built".
std::map<std::string, std::string> engine_versions();

}  // namespace shardproof::real
