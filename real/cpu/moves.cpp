// Bits moved from dtype to dtype, and bits compared.
#include <algorithm>
#include <bit>
#include <cstring>

#include "real/checksum.hpp"
#include "real/cpu/kernel_lists.hpp"
#include "real/cpu/operands.hpp"

namespace shardproof::real::cpu {

namespace {

static_assert(std::endian::native == std::endian::little, "words are hashed as they lie");

void cast(Device&, const KernelCall& call) { convert(call.in(0), call.out()); }

std::uint64_t checksum(std::span<const std::byte> bytes) {
  std::uint64_t hash = checksum_of_length(bytes.size());
  for (std::uint64_t index = 0; !bytes.empty(); ++index) {
    const std::size_t size = std::min(bytes.size(), sizeof(std::uint64_t));
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data(), size);
    hash += checksum_of_word(word, index);
    bytes = bytes.subspan(size);
  }
  return hash;
}

void checksum(Device&, const KernelCall& call) {
  const TensorView& out = call.out();
  SHARDPROOF_EXPECTS(out.dtype == Dtype::fp64 && out.elements() == 2, to_string(out.shape));
  const std::uint64_t hash = checksum({call.in(0).data, call.in(0).bytes()});
  const double halves[2] = {checksum_half(hash, 0), checksum_half(hash, 1)};
  std::memcpy(out.data, halves, sizeof(halves));
}

void differ(Device&, const KernelCall& call) {
  const TensorView &a = call.in(0), &b = call.in(1);
  expect_same_count(a, b);
  SHARDPROOF_EXPECTS(a.dtype == b.dtype, name_of(a.dtype), name_of(b.dtype));
  set_scalar(call.out(), std::memcmp(a.data, b.data, a.bytes()) == 0 ? 0.0 : 1.0);
}

}  // namespace

std::span<const KernelRow> move_kernels() {
  static constexpr KernelRow rows[] = {
      {OpKind::cast, cast}, {OpKind::checksum, checksum}, {OpKind::differ, differ}};
  return rows;
}

}  // namespace shardproof::real::cpu
