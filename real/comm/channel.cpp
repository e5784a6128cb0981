#include "real/comm/channel.hpp"

#include <vector>

namespace shardproof::real {

void Channel::exchange_in_pieces(GroupRank to, std::span<const std::byte> outgoing, GroupRank from,
                                 std::size_t size, const Take& take) {
  std::vector<std::byte> incoming(size);
  exchange(to, outgoing, from, incoming);
  take(0, incoming);
}

}  // namespace shardproof::real
