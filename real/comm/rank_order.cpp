#include "real/comm/rank_order.hpp"

#include <vector>

namespace shardproof::real {

void rank_order_all_reduce(Channel& channel, Combine combine, Dtype dtype,
                           std::span<std::byte> buffer) {
  const int rank = channel.rank().value;
  const int last = channel.size() - 1;
  if (rank > 0) {
    std::vector<std::byte> earlier(buffer.size());
    channel.receive(GroupRank{rank - 1}, earlier);
    combine_into(combine, dtype, earlier, buffer);
  }
  if (rank < last) {
    channel.send(GroupRank{rank + 1}, buffer);
    channel.receive(GroupRank{last}, buffer);
    return;
  }
  for (int other = 0; other < last; ++other) channel.send(GroupRank{other}, buffer);
}

}  // namespace shardproof::real
