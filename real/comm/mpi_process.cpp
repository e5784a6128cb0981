#include "real/comm/mpi_process.hpp"

#include <array>
#include <cstdlib>
#include <exception>
#include <string>

#include "real/comm/mpi_call.hpp"
#include "scenarios/errors.hpp"
#include "scenarios/pulse.hpp"

namespace shardproof::real {

void check(int result, const char* call) {
  if (result == MPI_SUCCESS) return;
  std::array<char, MPI_MAX_ERROR_STRING> message{};
  int length = 0;
  MPI_Error_string(result, message.data(), &length);
  int rank = -1;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  throw EnvironmentError(std::string(call) + " failed on rank " + std::to_string(rank) + ": " +
                         message.data());
}

MpiProcess::MpiProcess() {
  const Pulse::Waiting waiting("MPI_Init");
  int provided = 0;
  check(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided), "MPI_Init_thread");
  check(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  int rank = 0;
  check(MPI_Comm_rank(MPI_COMM_WORLD, &rank), "MPI_Comm_rank");
  check(MPI_Comm_size(MPI_COMM_WORLD, &world_), "MPI_Comm_size");
  rank_ = Rank{rank};
  Pulse::of_this_process().call("rank " + std::to_string(rank));
}

MpiProcess::~MpiProcess() {
  if (std::uncaught_exceptions() > 0) abort(3);
  const Pulse::Waiting waiting("the end of all ranks");
  MPI_Finalize();
}

bool MpiProcess::all_equal(std::uint64_t value) const {
  const Pulse::Waiting waiting("a comparison among all ranks");
  std::array<std::uint64_t, 2> ends = {value, ~value};  // the minimum of ~value is ~maximum
  check(MPI_Allreduce(MPI_IN_PLACE, ends.data(), 2, MPI_UINT64_T, MPI_MIN, MPI_COMM_WORLD),
        "MPI_Allreduce");
  return ends[0] == ~ends[1];
}

int MpiProcess::largest(int value) const {
  const Pulse::Waiting waiting("a meeting of all ranks");
  check(MPI_Allreduce(MPI_IN_PLACE, &value, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD), "MPI_Allreduce");
  return value;
}

void MpiProcess::broadcast(std::span<std::byte> bytes, Rank root) const {
  const Pulse::Waiting waiting("a broadcast to all ranks");
  check(
      MPI_Bcast(bytes.data(), static_cast<int>(bytes.size()), MPI_BYTE, root.value, MPI_COMM_WORLD),
      "MPI_Bcast");
}

int MpiProcess::rank_on_host() const {
  MPI_Comm host = MPI_COMM_NULL;
  check(
      MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, rank_.value, MPI_INFO_NULL, &host),
      "MPI_Comm_split_type");
  int rank = 0;
  check(MPI_Comm_rank(host, &rank), "MPI_Comm_rank");
  MPI_Comm_free(&host);
  return rank;
}

std::string mpi_library_version() {
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
  int length = 0;
  check(MPI_Get_library_version(text.data(), &length), "MPI_Get_library_version");
  const std::string version(text.data(), static_cast<std::size_t>(length));
  return version.substr(0, version.find(','));
}

void MpiProcess::abort(int exit_code) {
  MPI_Abort(MPI_COMM_WORLD, exit_code);
  std::abort();
}

}  // namespace shardproof::real
