#pragma once

// For the source files that call MPI; nobody else includes this.
// The C interface only: the header would else bring MPI-2 C++ classes and their library.
#define OMPI_SKIP_MPICXX 1
#define MPICH_SKIP_MPICXX 1
#include <mpi.h>

namespace shardproof::real {

/// Throws EnvironmentError with the call's text, the rank and MPI's own message unless `result` is
/// MPI_SUCCESS: check(MPI_Barrier(comm), "MPI_Barrier").
void check(int result, const char* call);

}  // namespace shardproof::real
