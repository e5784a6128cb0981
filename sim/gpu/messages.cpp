#include "sim/gpu/messages.hpp"

#include <deque>

#include "real/comm/mpi_call.hpp"
#include "scenarios/errors.hpp"

namespace shardproof::sim::gpu {

using real::check;

struct Messages::State {
  MPI_Comm comm = MPI_COMM_NULL;
  MPI_Request duplication = MPI_REQUEST_NULL;
};

Messages::Messages() : state_(std::make_unique<State>()) {
  int begun = 0;
  check(MPI_Initialized(&begun), "MPI_Initialized");
  if (begun == 0) throw EnvironmentError("the simulated NCCL needs a process of an MPI job");
  check(MPI_Comm_rank(MPI_COMM_WORLD, &rank_), "MPI_Comm_rank");
  check(MPI_Comm_size(MPI_COMM_WORLD, &size_), "MPI_Comm_size");
  check(MPI_Comm_idup(MPI_COMM_WORLD, &state_->comm, &state_->duplication), "MPI_Comm_idup");
}

// Where something has failed the others may not come here: then the duplicate stays.
Messages::~Messages() {
  if (std::uncaught_exceptions() == 0 && state_->duplication == MPI_REQUEST_NULL)
    MPI_Comm_free(&state_->comm);
}

bool Messages::ready() {
  int done = 0;
  check(MPI_Test(&state_->duplication, &done, MPI_STATUS_IGNORE), "MPI_Test");
  return done != 0;
}

struct Post::State {
  std::deque<std::vector<std::byte>> contents;  // a place in it stays where it is
  std::vector<MPI_Request> requests;
};

Post::Post(Messages& messages) : messages_(messages), state_(std::make_unique<State>()) {}

// MPI may still write into what is under way.
Post::~Post() {
  int all = 0;
  MPI_Testall(static_cast<int>(state_->requests.size()), state_->requests.data(), &all,
              MPI_STATUSES_IGNORE);
  if (all == 0) static_cast<void>(state_.release());
}

void Post::send(int to, int tag, std::vector<std::byte> message) {
  const std::vector<std::byte>& content = state_->contents.emplace_back(std::move(message));
  check(MPI_Isend(content.data(), static_cast<int>(content.size()), MPI_BYTE, to, tag,
                  messages_.state_->comm, &state_->requests.emplace_back()),
        "MPI_Isend");
}

const std::vector<std::byte>& Post::receive(int from, int tag, std::size_t bytes) {
  std::vector<std::byte>& content = state_->contents.emplace_back(bytes);
  check(MPI_Irecv(content.data(), static_cast<int>(bytes), MPI_BYTE, from, tag,
                  messages_.state_->comm, &state_->requests.emplace_back()),
        "MPI_Irecv");
  return content;
}

bool Post::done() {
  int all = 0;
  check(MPI_Testall(static_cast<int>(state_->requests.size()), state_->requests.data(), &all,
                    MPI_STATUSES_IGNORE),
        "MPI_Testall");
  return all != 0;
}

}  // namespace shardproof::sim::gpu
