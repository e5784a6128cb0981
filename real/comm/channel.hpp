#pragma once

#include <cstddef>
#include <functional>
#include <span>

#include "scenarios/types.hpp"

namespace shardproof::real {

/// Messages among the members of one group, addressed by group rank. Calls block until the buffers
/// may be used again; messages between two members arrive in the order sent. Both sides know the
/// size. Errors of transport are EnvironmentErrors.
class Channel {
 public:
  virtual ~Channel() = default;
  virtual GroupRank rank() const = 0;
  virtual int size() const = 0;
  virtual void send(GroupRank to, std::span<const std::byte> message) = 0;
  virtual void receive(GroupRank from, std::span<std::byte> message) = 0;
  /// Sends and receives at once, so that a whole ring may do it without waiting for itself.
  virtual void exchange(GroupRank to, std::span<const std::byte> outgoing, GroupRank from,
                        std::span<std::byte> incoming) = 0;
  /// The same, but hands over the `size` bytes that come in, piece by piece and in order, while
  /// later ones are on their way: take(where the piece begins, the piece).
  using Take = std::function<void(std::size_t, std::span<const std::byte>)>;
  virtual void exchange_in_pieces(GroupRank to, std::span<const std::byte> outgoing, GroupRank from,
                                  std::size_t size, const Take& take);
};

/// The member `distance` places further up the ring (negative: down).
inline GroupRank neighbour(const Channel& channel, int distance) {
  const int n = channel.size();
  return GroupRank{((channel.rank().value + distance) % n + n) % n};
}

}  // namespace shardproof::real
