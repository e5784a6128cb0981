#pragma once

#include <map>
#include <string>

namespace shardproof::real {

/// The libraries that the engine computes and communicates with on a processor: "mpi" and "blas".
/// "cuda" and "nccl" are "not used": a machine that uses them tells which.
std::map<std::string, std::string> engine_versions();

}  // namespace shardproof::real
