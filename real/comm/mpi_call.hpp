#pragma once

// For the two source files that call MPI; nobody else includes this.
#include <mpi.h>

namespace shardproof::real {

/// Throws EnvironmentError with the call's text, the rank and MPI's own message unless `result` is
/// MPI_SUCCESS: check(MPI_Barrier(comm), "MPI_Barrier").
void check(int result, const char* call);

}  // namespace shardproof::real
