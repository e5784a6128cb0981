// The pinned ring beside MPI_Allreduce of the same numbers, in fp32: what a fixed order of
// additions costs. The ring should be at least 0.9 times as fast with 4 ranks and 4 to 64 MiB.
//
//     mpirun -n 4 build/release/tests/bench/bench_ring [ROUNDS]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "real/comm/mpi_call.hpp"
#include "real/comm/mpi_communicator.hpp"
#include "real/comm/mpi_process.hpp"
#include "real/cpu/device.hpp"

using namespace shardproof;
using namespace shardproof::real;

namespace {

// Seconds until the slowest rank is done; the quickest of `rounds` such, taken in turn with the
// other's, so that both meet the same machine.
template <class Work>
double seconds_of(Work work) {
  MPI_Barrier(MPI_COMM_WORLD);
  const double start = MPI_Wtime();
  work();
  const double own = MPI_Wtime() - start;
  double slowest = 0;
  MPI_Allreduce(&own, &slowest, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
  return slowest;
}

class Buffers {
 public:
  explicit Buffers(std::size_t bytes) : in_(bytes / sizeof(float), 1.5F), out_(in_.size()) {}

  CollectiveRequest request() {
    CollectiveRequest request;
    request.axis = Axis::dp;
    request.input = view(in_);
    request.output = view(out_);
    request.origin = "bench";
    return request;
  }
  void all_reduce_of_mpi() {
    MPI_Allreduce(in_.data(), out_.data(), static_cast<int>(in_.size()), MPI_FLOAT, MPI_SUM,
                  MPI_COMM_WORLD);
  }

 private:
  static TensorView view(std::vector<float>& values) {
    return {Dtype::fp32,
            {static_cast<std::int64_t>(values.size())},
            reinterpret_cast<std::byte*>(values.data())};
  }
  std::vector<float> in_, out_;
};

void measure(MpiCommunicator& communicator, const MpiProcess& process, std::size_t bytes,
             int rounds) {
  Buffers buffers(bytes);
  const CollectiveRequest request = buffers.request();
  double ring = 1e9, library = 1e9;
  for (int round = 0; round < rounds; ++round) {
    library = std::min(library, seconds_of([&] { buffers.all_reduce_of_mpi(); }));
    ring =
        std::min(ring, seconds_of([&] { communicator.try_complete(communicator.start(request)); }));
  }
  if (process.rank().value == 0)
    std::printf("%3zu MiB: MPI_Allreduce %8.2f ms, ring %8.2f ms: %.2f of MPI_Allreduce\n",
                bytes >> 20, library * 1e3, ring * 1e3, library / ring);
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 10;
  const MpiProcess process;
  CpuDevice device;
  MpiCommunicator communicator(ProcessGrid({.tp = 1, .dp = process.world()}), ReductionOrder::ring,
                               device);
  for (std::size_t mib = 4; mib <= 64; mib *= 2) measure(communicator, process, mib << 20, rounds);
}
