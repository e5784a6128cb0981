#pragma once

#include "real/comm/mpi_process.hpp"

namespace shardproof {

/// The MPI process of a test program that is started by mpirun.
const real::MpiProcess& mpi_process();

}  // namespace shardproof
