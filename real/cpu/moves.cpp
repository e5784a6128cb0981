// Bits moved from dtype to dtype, and bits compared.
#include <cstring>

#include "real/cpu/kernel_lists.hpp"
#include "real/cpu/operands.hpp"
#include "scenarios/trace/tensor_hash.hpp"

namespace shardproof::real::cpu {

namespace {

void cast(Device&, const KernelCall& call) { convert(call.in(0), call.out()); }

void checksum(Device&, const KernelCall& call) {
  const TensorView& out = call.out();
  SHARDPROOF_EXPECTS(out.dtype == Dtype::fp64 && out.elements() == 2, to_string(out.shape));
  const TensorView& x = call.in(0);
  const std::uint64_t hash = tensor_hash({x.data, x.bytes()});
  const double halves[2] = {static_cast<double>(hash >> 32),
                            static_cast<double>(hash & 0xffffffffU)};
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
