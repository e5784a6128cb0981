#include "real/comm/mpi_communicator.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "real/comm/collective.hpp"
#include "real/comm/host_memory.hpp"
#include "real/comm/mpi_call.hpp"
#include "scenarios/errors.hpp"
#include "scenarios/pulse.hpp"

namespace shardproof::real {

namespace {
/// A group as an MPI communicator of its own.
class MpiChannel : public Channel {
 public:
  MpiChannel(int color, int key) {
    check(MPI_Comm_split(MPI_COMM_WORLD, color, key, &comm_), "MPI_Comm_split");
    check(MPI_Comm_set_errhandler(comm_, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
    int rank = 0;
    check(MPI_Comm_rank(comm_, &rank), "MPI_Comm_rank");
    check(MPI_Comm_size(comm_, &size_), "MPI_Comm_size");
    rank_ = GroupRank{rank};
  }
  ~MpiChannel() override { MPI_Comm_free(&comm_); }
  MpiChannel(const MpiChannel&) = delete;
  MpiChannel& operator=(const MpiChannel&) = delete;

  GroupRank rank() const override { return rank_; }
  int size() const override { return size_; }

  void send(GroupRank to, std::span<const std::byte> message) override {
    post_send(to, message);
    finish();
  }
  void receive(GroupRank from, std::span<std::byte> message) override {
    post_receive(from, message);
    finish();
  }
  void exchange(GroupRank to, std::span<const std::byte> outgoing, GroupRank from,
                std::span<std::byte> incoming) override {
    post_receive(from, incoming);
    post_send(to, outgoing);
    finish();
  }
  void exchange_in_pieces(GroupRank to, std::span<const std::byte> outgoing, GroupRank from,
                          std::size_t size, const Take& take) override {
    const auto bytes_of = [size](std::size_t piece) {
      return std::min(small_piece_bytes, size - piece * small_piece_bytes);
    };
    const std::size_t pieces = (size + small_piece_bytes - 1) / small_piece_bytes;
    const std::size_t ahead = std::min<std::size_t>(pieces_ahead, pieces);
    incoming_.resize(ahead * small_piece_bytes);
    std::array<MPI_Request, pieces_ahead> coming;
    const auto place_of = [this](std::size_t piece) {
      return std::span(incoming_).subspan(piece % pieces_ahead * small_piece_bytes);
    };
    const auto expect = [&](std::size_t piece) {
      receive_piece(from, place_of(piece).first(bytes_of(piece)), coming[piece % pieces_ahead]);
    };
    for (std::size_t piece = 0; piece < ahead; ++piece) expect(piece);
    post_send(to, outgoing, small_piece_bytes);
    for (std::size_t piece = 0; piece < pieces; ++piece) {
      check(MPI_Wait(&coming[piece % pieces_ahead], MPI_STATUS_IGNORE), "MPI_Wait");
      Pulse::of_this_process().beat();
      take(piece * small_piece_bytes, place_of(piece).first(bytes_of(piece)));
      if (piece + ahead < pieces) expect(piece + ahead);
    }
    finish();
  }

 private:
  // MPI counts in int: longer messages go in pieces, which arrive in order. Small enough to be
  // heard of now and then on a slow network.
  static constexpr std::size_t piece_bytes = std::size_t{1} << 25;
  // Those that are worked on while others come: they fit in a cache together.
  static constexpr std::size_t small_piece_bytes = std::size_t{1} << 20, pieces_ahead = 2;

  void post_send(GroupRank to, std::span<const std::byte> message,
                 std::size_t longest = piece_bytes) {
    for (std::size_t at = 0; at < message.size(); at += longest) {
      const auto piece = message.subspan(at, std::min(longest, message.size() - at));
      check(MPI_Isend(piece.data(), static_cast<int>(piece.size()), MPI_BYTE, to.value, 0, comm_,
                      &requests_.emplace_back()),
            "MPI_Isend");
    }
  }
  void post_receive(GroupRank from, std::span<std::byte> message) {
    for (std::size_t at = 0; at < message.size(); at += piece_bytes) {
      const auto piece = message.subspan(at, std::min(piece_bytes, message.size() - at));
      receive_piece(from, piece, requests_.emplace_back());
    }
  }
  void receive_piece(GroupRank from, std::span<std::byte> piece, MPI_Request& request) {
    check(MPI_Irecv(piece.data(), static_cast<int>(piece.size()), MPI_BYTE, from.value, 0, comm_,
                    &request),
          "MPI_Irecv");
  }
  void finish() {
    for (std::size_t left = requests_.size(); left > 0; --left) {
      int done = 0;
      check(MPI_Waitany(static_cast<int>(requests_.size()), requests_.data(), &done,
                        MPI_STATUS_IGNORE),
            "MPI_Waitany");
      Pulse::of_this_process().beat();
    }
    requests_.clear();
  }

  MPI_Comm comm_ = MPI_COMM_NULL;
  GroupRank rank_;
  int size_ = 1;
  std::vector<MPI_Request> requests_;
  std::vector<std::byte> incoming_;  // pieces_ahead of them
};

/// Ranks whose other coordinate is equal form the group along `axis`, ordered along it.
std::unique_ptr<Channel> channel_along(const ProcessGrid& grid, Rank rank, Axis axis) {
  const Axis other = axis == Axis::tp ? Axis::dp : Axis::tp;
  return std::make_unique<MpiChannel>(grid.group_rank(rank, other).value,
                                      grid.group_rank(rank, axis).value);
}
}  // namespace

MpiCommunicator::MpiCommunicator(const ProcessGrid& grid, ReductionOrder order, Device& device)
    : order_(order), device_(device) {
  expect_host_memory(device, "real = mpi");
  int rank = 0;
  int world = 0;
  check(MPI_Comm_rank(MPI_COMM_WORLD, &rank), "MPI_Comm_rank");
  check(MPI_Comm_size(MPI_COMM_WORLD, &world), "MPI_Comm_size");
  if (world != grid.world())
    throw ScenarioError("the scenario has world = " + std::to_string(grid.world()) +
                        ", but the launcher started " + std::to_string(world) + " ranks");
  if (order == ReductionOrder::library)
    throw ScenarioError("reduction = library: real = mpi has ring and rank_order only");
  for (const Axis axis : {Axis::tp, Axis::dp})
    state(axis).channel = channel_along(grid, Rank{rank}, axis);
}

// A ticket is the collective's number on its axis, and which axis.
Communicator::Ticket MpiCommunicator::start(const CollectiveRequest& request) {
  AxisState& axis = state(request.axis);
  expect_well_formed(request, axis.channel->size());
  axis.pending.push_back({request, device_.record(request.stream)});
  return 2 * axis.started++ + static_cast<Ticket>(request.axis);
}

bool MpiCommunicator::try_complete(Ticket ticket) {
  AxisState& axis = axes_[static_cast<std::size_t>(ticket % 2)];
  const std::int64_t number = ticket / 2;
  SHARDPROOF_EXPECTS(ticket >= 0 && number < axis.started, ticket, axis.started);
  while (axis.completed <= number) {
    const auto& [request, ready] = axis.pending.front();
    device_.wait_on_host(ready);
    run_collective(*axis.channel, order_, axis.completed, request);
    axis.pending.pop_front();
    ++axis.completed;
  }
  return true;
}

}  // namespace shardproof::real
