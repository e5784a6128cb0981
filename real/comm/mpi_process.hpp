#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "scenarios/types.hpp"

namespace shardproof::real {

/// This process as one rank of an MPI job, from construction to destruction. At most one exists.
///
/// The destructor waits for all ranks. A rank that fails while others may wait for it must report
/// and abort() instead; one that leaves by an exception aborts the job with exit code 3.
class MpiProcess {
 public:
  /// Throws EnvironmentError if MPI cannot start.
  MpiProcess();
  ~MpiProcess();
  MpiProcess(const MpiProcess&) = delete;
  MpiProcess& operator=(const MpiProcess&) = delete;

  Rank rank() const { return rank_; }
  int world() const { return world_; }
  /// True if all ranks pass the same value (say, the hash of their program). Collective.
  bool all_equal(std::uint64_t value) const;
  /// The largest of all ranks' values. Collective.
  int largest(int value) const;
  /// The root's bytes, as many on every rank. Collective.
  void broadcast(std::span<std::byte> bytes, Rank root) const;
  /// The number of this rank among those of its host. Collective.
  int rank_on_host() const;
  /// Ends every rank of the job: for a rank that failed while others wait for it.
  [[noreturn]] static void abort(int exit_code);

 private:
  Rank rank_;
  int world_ = 1;
};

/// The MPI library's own line about itself; needs no MpiProcess.
std::string mpi_library_version();

}  // namespace shardproof::real
