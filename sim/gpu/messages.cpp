#include "sim/gpu/messages.hpp"

#include <algorithm>
#include <deque>

#include "real/comm/mpi_call.hpp"
#include "scenarios/errors.hpp"

namespace shardproof::sim::gpu {

using real::check;

struct Messages::State {
  MPI_Comm comm = MPI_COMM_NULL;
  MPI_Request duplication = MPI_REQUEST_NULL;
  bool begun = false;
};

Messages::Messages() : state_(std::make_unique<State>()) {
  int begun = 0;
  check(MPI_Initialized(&begun), "MPI_Initialized");
  if (begun == 0) throw EnvironmentError("the simulated NCCL needs a process of an MPI job");
  check(MPI_Comm_rank(MPI_COMM_WORLD, &rank_), "MPI_Comm_rank");
  check(MPI_Comm_size(MPI_COMM_WORLD, &size_), "MPI_Comm_size");
}

// Where something has failed the others may not come here: then the duplicate stays.
Messages::~Messages() {
  if (std::uncaught_exceptions() == 0 && state_->comm != MPI_COMM_NULL &&
      state_->duplication == MPI_REQUEST_NULL)
    MPI_Comm_free(&state_->comm);
}

bool Messages::ready() {
  if (!state_->begun)
    check(MPI_Comm_idup(MPI_COMM_WORLD, &state_->comm, &state_->duplication), "MPI_Comm_idup");
  state_->begun = true;
  int done = 0;
  check(MPI_Test(&state_->duplication, &done, MPI_STATUS_IGNORE), "MPI_Test");
  return done != 0;
}

struct Post::State {
  struct Message {
    std::vector<std::byte> content;
    MPI_Request request = MPI_REQUEST_NULL;

    bool done() {
      int done = 0;
      check(MPI_Test(&request, &done, MPI_STATUS_IGNORE), "MPI_Test");
      return done != 0;
    }
  };
  std::deque<Message> messages;  // each stays where it is
};

Post::Post(Messages& messages) : messages_(messages), state_(std::make_unique<State>()) {}

// MPI may still write into what is under way.
Post::~Post() {
  if (!done()) static_cast<void>(state_.release());
}

void Post::send(int to, int tag, std::vector<std::byte> content) {
  State::Message& message = state_->messages.emplace_back();
  message.content = std::move(content);
  check(MPI_Isend(message.content.data(), static_cast<int>(message.content.size()), MPI_BYTE, to,
                  tag, messages_.state_->comm, &message.request),
        "MPI_Isend");
}

const std::vector<std::byte>& Post::receive(int from, int tag, std::size_t bytes) {
  State::Message& message = state_->messages.emplace_back();
  message.content.resize(bytes);
  check(MPI_Irecv(message.content.data(), static_cast<int>(bytes), MPI_BYTE, from, tag,
                  messages_.state_->comm, &message.request),
        "MPI_Irecv");
  return message.content;
}

bool Post::done() {
  return std::ranges::all_of(state_->messages, [](State::Message& m) { return m.done(); });
}

bool Post::done(const std::vector<std::byte>& content) {
  const auto here = [&](const State::Message& m) { return &m.content == &content; };
  const auto message = std::ranges::find_if(state_->messages, here);
  SHARDPROOF_EXPECTS(message != state_->messages.end(), "is no message of this post");
  return message->done();
}

}  // namespace shardproof::sim::gpu
