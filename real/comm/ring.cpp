#include "real/comm/ring.hpp"

#include "real/comm/host_memory.hpp"
#include "scenarios/errors.hpp"

namespace shardproof::real {

namespace {
/// The chunks of a buffer, as bytes.
struct Chunks {
  std::span<std::byte> buffer;
  std::size_t element_bytes;
  int count;

  std::size_t begin(int c) const {
    const std::size_t elements = buffer.size() / element_bytes;
    return static_cast<std::size_t>(c) * elements / static_cast<std::size_t>(count) * element_bytes;
  }
  std::span<std::byte> operator[](int c) const {
    return buffer.subspan(begin(c), begin(c + 1) - begin(c));
  }
};

/// Chunks go round until everyone has all of them; member r starts with chunk r complete.
void pass_round(Channel& channel, const Chunks& chunks) {
  for (int step = 0; step + 1 < channel.size(); ++step)
    channel.exchange(neighbour(channel, +1), chunks[neighbour(channel, -step).value],
                     neighbour(channel, -1), chunks[neighbour(channel, -1 - step).value]);
}
}  // namespace

void ring_all_reduce(Channel& channel, Combine combine, Dtype dtype, std::span<std::byte> buffer) {
  const Chunks chunks{buffer, size_bytes(dtype), channel.size()};
  for (int step = 0; step + 1 < channel.size(); ++step) {
    const std::span<std::byte> outgoing = chunks[neighbour(channel, -1 - step).value];
    const std::span<std::byte> own = chunks[neighbour(channel, -2 - step).value];
    channel.exchange_in_pieces(neighbour(channel, +1), outgoing, neighbour(channel, -1), own.size(),
                               [&](std::size_t begin, std::span<const std::byte> earlier) {
                                 combine_into(combine, dtype, earlier,
                                              own.subspan(begin, earlier.size()));
                               });
  }
  pass_round(channel, chunks);
}

void ring_all_gather(Channel& channel, std::span<const std::byte> input,
                     std::span<std::byte> gathered) {
  SHARDPROOF_EXPECTS(gathered.size() == input.size() * static_cast<std::size_t>(channel.size()),
                     gathered.size(), input.size(), channel.size());
  const Chunks chunks{gathered, 1, channel.size()};
  copy_bytes(input, chunks[channel.rank().value]);
  pass_round(channel, chunks);
}

}  // namespace shardproof::real
