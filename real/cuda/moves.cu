// Bits moved from dtype to dtype, and bits compared.
#include "real/checksum.hpp"
#include "real/cuda/bits.hpp"
#include "real/cuda/elementwise.hpp"
#include "real/cuda/kernel_lists.hpp"
#include "real/cuda/partials.hpp"

namespace shardproof::real::SHARDPROOF_GPU {

namespace {

template <class C>
struct Same {
  __device__ C operator()(C x) const { return x; }
};

/// By way of fp64 where one of the two is: exact, but for the one rounding when it is stored.
void cast(Device& device, const KernelCall& call) {
  const TensorView &x = call.in(0), &y = call.out();
  expect_same_count(x, y);
  if (x.dtype == y.dtype) return device.copy(x, y, call.stream);
  for (const TensorView* view : {&x, &y})
    SHARDPROOF_EXPECTS(view->dtype != Dtype::int64, "a GPU has no arithmetic on int64");
  in_compute_type_of(x.dtype == Dtype::fp64 ? x : y,
                     [&]<class C>(C) { elementwise<1>(device, call, Same<C>{}); });
}

/// Eight bytes as a little-endian number, filled up with zeros beyond the last element.
template <class Bits>
__device__ std::uint64_t word_of(Global<const Bits> x, std::int64_t elements, std::int64_t index) {
  constexpr int per_word = 8 / sizeof(Bits);
  std::uint64_t word = 0;
  for (int k = 0; k < per_word; ++k) {
    const std::int64_t i = index * per_word + k;
    if (i < elements) word |= static_cast<std::uint64_t>(x[i]) << (k * (64 / per_word) % 64);
  }
  return word;
}

template <class Bits>
__global__ void add_hashes_kernel(std::int64_t elements, std::int64_t words, Global<const Bits> x,
                                  Global<std::uint64_t> sums) {
  std::uint64_t sum = 0;
  for (std::int64_t i = first_element(); i < words; i += grid_threads())
    sum += checksum_of_word(word_of(x, elements, i), static_cast<std::uint64_t>(i));
  add_to_partial(sums, sum);
}

__global__ void store_hash_kernel(std::uint64_t bytes, Global<std::uint64_t> sums,
                                  Output<double> halves) {
  const std::uint64_t hash = checksum_of_length(bytes) + sum_of_partials(sums);
  if (threadIdx.x < 2) halves.set(threadIdx.x, checksum_half(hash, static_cast<int>(threadIdx.x)));
}

void checksum(Device& device, const KernelCall& call) {
  const TensorView& out = call.out();
  SHARDPROOF_EXPECTS(out.dtype == Dtype::fp64 && out.elements() == 2, to_string(out.shape));
  const TensorView& x = call.in(0);
  const Global<std::uint64_t> sums = cleared_partials<std::uint64_t>(device, call);
  in_bits_of(x, [&]<class Bits>(Bits) {
    const auto words = static_cast<std::int64_t>((x.bytes() + 7) / 8);
    launch_partials(device, call, words, add_hashes_kernel<Bits>, x.elements(), words,
                    bits_of<Bits>(x), sums);
  });
  launch_blocks(device, call, 1, store_hash_kernel, static_cast<std::uint64_t>(x.bytes()), sums,
                Output<double>(out));
}

/// Counts threads that found a difference.
template <class Bits>
__global__ void count_differing_kernel(std::int64_t count, Global<const Bits> a,
                                       Global<const Bits> b, Global<std::int64_t> counts) {
  bool found = false;
  for (std::int64_t i = first_element(); i < count; i += grid_threads())
    found = found || a[i] != b[i];
  add_to_partial(counts, found ? std::int64_t{1} : std::int64_t{0});
}

void differ(Device& device, const KernelCall& call) {
  const TensorView &a = call.in(0), &b = call.in(1);
  expect_same_count(a, b);
  SHARDPROOF_EXPECTS(a.dtype == b.dtype, name_of(a.dtype), name_of(b.dtype));
  expect_scalar(call.out());
  const Global<std::int64_t> counts = cleared_partials<std::int64_t>(device, call);
  in_bits_of(a, [&]<class Bits>(Bits) {
    launch_partials(device, call, a.elements(), count_differing_kernel<Bits>, a.elements(),
                    bits_of<Bits>(a), bits_of<Bits>(b), counts);
  });
  launch_blocks(device, call, 1, any_kernel<double>, counts, Output<double>(call.out()));
}

}  // namespace

std::span<const KernelRow> move_kernels() {
  static constexpr KernelRow rows[] = {
      {OpKind::cast, cast}, {OpKind::checksum, checksum}, {OpKind::differ, differ}};
  return rows;
}

}  // namespace shardproof::real::SHARDPROOF_GPU
