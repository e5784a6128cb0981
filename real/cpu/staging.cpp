#include "real/cpu/staging.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <new>
#include <type_traits>

#include "scenarios/errors.hpp"

namespace shardproof::real::cpu {

namespace {
constexpr std::align_val_t alignment{64};

/// A 16-bit number in memory. The conversions are those of scenarios/dtype, here inline so that the
/// loops over them vectorise; a test holds the two equal.
struct Bf16 {
  std::uint16_t bits;
};
struct Fp16 {
  std::uint16_t bits;
};

double widen(double value) { return value; }
float widen(float value) { return value; }
float widen(Bf16 value) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(value.bits) << 16);
}
/// The bits of an fp16 magnitude, moved to where fp32 has them, are the number times 2^-112: its
/// exponents are biased by 15, not by 127. Subnormals, too, come out right.
float widen(Fp16 value) {
  const std::uint32_t sign = (value.bits & 0x8000U) << 16;
  const std::uint32_t magnitude = value.bits & 0x7fffU;
  const float scaled = std::bit_cast<float>(magnitude << 13) * 0x1p112F;
  const std::uint32_t special = magnitude > 0x7c00U ? 0x7fc00000U : 0x7f800000U;
  return std::bit_cast<float>(
      sign | (magnitude >= 0x7c00U ? special : std::bit_cast<std::uint32_t>(scaled)));
}

Bf16 round_to_bf16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t rounded = (bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16;
  const std::uint32_t quiet_nan = (bits >> 16) | 0x0040U;
  return {static_cast<std::uint16_t>((bits & 0x7fffffffU) > 0x7f800000U ? quiet_nan : rounded)};
}

/// From 2^16 on there is only infinity. Below 2^-14 the spacing is 2^-24, as it is in fp32 beside
/// 1/2: that addition rounds. Between them the exponent's bias changes, and 13 bits are rounded
/// off.
Fp16 round_to_fp16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = (bits >> 16) & 0x8000U;
  const std::uint32_t magnitude = bits & 0x7fffffffU;
  std::uint32_t rounded = 0;
  if (magnitude > 0x7f800000U) {
    rounded = 0x7e00U;
  } else if (magnitude >= 0x47800000U) {
    rounded = 0x7c00U;
  } else if (magnitude < 0x38800000U) {
    rounded = std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) + 0.5F) - 0x3f000000U;
  } else {
    rounded = (magnitude - 0x38000000U + 0xfffU + ((magnitude >> 13) & 1U)) >> 13;
  }
  return {static_cast<std::uint16_t>(sign | rounded)};
}

/// fp64 to fp32 so that a rounding to 16 bits that follows is the only one: rounding to odd keeps
/// every tie and non-tie of the bits below apart (Boldo & Melquiond 2008).
float to_odd(double value) {
  const auto nearest = static_cast<float>(value);
  if (!std::isfinite(nearest) || static_cast<double>(nearest) == value) return nearest;
  const float toward_zero = std::fabs(static_cast<double>(nearest)) > std::fabs(value)
                                ? std::nextafter(nearest, 0.0F)
                                : nearest;
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(toward_zero) | 1U);
}
float to_odd(float value) { return value; }

template <class To, class From>
To narrow(From value) {
  if constexpr (std::is_same_v<To, Bf16>)
    return round_to_bf16(to_odd(widen(value)));
  else if constexpr (std::is_same_v<To, Fp16>)
    return round_to_fp16(to_odd(widen(value)));
  else
    return static_cast<To>(widen(value));
}

// Where the processor can, eight at a time: what is computed is the same, element by element. GCC
// chooses when the program is loaded, which sanitizers are not ready for.
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define SHARDPROOF_IN_WIDE_REGISTERS __attribute__((target_clones("avx2", "default")))
#else
#define SHARDPROOF_IN_WIDE_REGISTERS
#endif

template <class From, class To>
SHARDPROOF_IN_WIDE_REGISTERS void convert_elements(const std::byte* from, std::byte* to,
                                                   std::int64_t count) {
  const auto* source = reinterpret_cast<const From*>(from);
  auto* target = reinterpret_cast<To*>(to);
  for (std::int64_t i = 0; i < count; ++i) target[i] = narrow<To>(source[i]);
}

/// Calls `kernel` with a value of the storage type.
template <class Kernel>
void visit(Dtype dtype, Kernel kernel) {
  switch (dtype) {
    case Dtype::fp64: return kernel(double{});
    case Dtype::fp32: return kernel(float{});
    case Dtype::bf16: return kernel(Bf16{});
    case Dtype::fp16: return kernel(Fp16{});
    case Dtype::int64: SHARDPROOF_EXPECTS(false, "the CPU has no arithmetic on", name_of(dtype));
  }
}

template <class C>
constexpr Dtype dtype_of = std::is_same_v<C, double> ? Dtype::fp64 : Dtype::fp32;

template <class C>
TensorView as_compute(const TensorView& view, std::byte* data) {
  return {dtype_of<C>, view.shape, data};
}
}  // namespace

void Scratch::Free::operator()(std::byte* block) const { ::operator delete(block, alignment); }

Scratch::Block Scratch::take(std::size_t bytes) {
  const auto fits = std::find_if(free_.begin(), free_.end(),
                                 [bytes](const Block& block) { return block.bytes >= bytes; });
  if (fits == free_.end()) {
    if (!free_.empty()) free_.pop_back();  // the largest one: a larger one takes its place
    auto* memory = static_cast<std::byte*>(::operator new(bytes, alignment));
    return {std::unique_ptr<std::byte, Free>(memory), bytes};
  }
  Block block = std::move(*fits);
  free_.erase(fits);
  return block;
}

void Scratch::give_back(Block block) {
  if (!block.data) return;
  const auto place = std::find_if(free_.begin(), free_.end(), [&block](const Block& other) {
    return other.bytes >= block.bytes;
  });
  free_.insert(place,
               std::move(block));  // kept in order of size, so the smallest that fits is taken
}

void convert(const TensorView& from, const TensorView& to) {
  SHARDPROOF_EXPECTS(from.elements() == to.elements(), to_string(from.shape), to_string(to.shape));
  if (from.dtype == to.dtype) {
    if (to.bytes() != 0) std::memmove(to.data, from.data, to.bytes());
    return;
  }
  visit(from.dtype, [&](auto source) {
    visit(to.dtype, [&](auto target) {
      convert_elements<decltype(source), decltype(target)>(from.data, to.data, to.elements());
    });
  });
}

template <class C>
Input<C>::Input(Scratch& scratch, const TensorView& view) : scratch_(scratch) {
  if (view.dtype != dtype_of<C>) {
    copy_ = scratch.take(static_cast<std::size_t>(view.elements()) * sizeof(C));
    convert(view, as_compute<C>(view, copy_.data.get()));
  }
  data_ = reinterpret_cast<const C*>(copy_.data ? copy_.data.get() : view.data);
}

template <class C>
Output<C>::Output(Scratch& scratch, const TensorView& view) : scratch_(scratch), view_(view) {
  if (view.dtype != dtype_of<C>)
    copy_ = scratch.take(static_cast<std::size_t>(view.elements()) * sizeof(C));
  data_ = reinterpret_cast<C*>(copy_.data ? copy_.data.get() : view.data);
}

template <class C>
void Output<C>::store() {
  if (copy_.data) convert(as_compute<C>(view_, copy_.data.get()), view_);
}

template class Input<float>;
template class Input<double>;
template class Output<float>;
template class Output<double>;

}  // namespace shardproof::real::cpu
