#include "real/cpu/device.hpp"

#include <cstring>
#include <limits>
#include <new>
#include <utility>

#include "real/cpu/kernel_lists.hpp"
#include "scenarios/blas/product.hpp"
#include "scenarios/errors.hpp"

namespace shardproof::real {

namespace {
constexpr std::align_val_t alignment{64};

/// The bounds know gradual underflow only (bounds-annex, Acceptance). `volatile` makes the
/// processor compute it here and now, in whatever mode it is in.
template <class C>
bool keeps_subnormals() {
  volatile C smallest_normal = std::numeric_limits<C>::min();
  volatile C subnormal = smallest_normal / C{4};  // 0 if results are flushed
  volatile C back = subnormal * C{4};             // 0 if operands are
  return back == smallest_normal;
}
}  // namespace

CpuDevice::CpuDevice() {
  if (!keeps_subnormals<float>() || !keeps_subnormals<double>())
    throw EnvironmentError(
        "this process flushes subnormal numbers to zero (FTZ or DAZ is on): a library built with "
        "-ffast-math may have set it");
  blas::prepare();
}

const KernelTable& CpuDevice::kernels() const {
  static const KernelTable table(
      {cpu::attention_kernels(), cpu::expert_kernels(), cpu::gelu_kernels(),
       cpu::gradient_norm_kernels(), cpu::head_kernels(), cpu::loss_kernels(),
       cpu::matmul_kernels(), cpu::move_kernels(), cpu::norm_kernels(), cpu::pointwise_kernels(),
       cpu::rotary_kernels(), cpu::token_kernels(), cpu::update_kernels()});
  return table;
}

std::byte* CpuDevice::allocate(std::size_t bytes) {
  return static_cast<std::byte*>(::operator new(bytes, alignment));
}
void CpuDevice::release(std::byte* block, std::size_t) { ::operator delete(block, alignment); }

void CpuDevice::copy(const TensorView& from, const TensorView& to, Stream) {
  SHARDPROOF_EXPECTS(from.dtype == to.dtype, name_of(from.dtype), name_of(to.dtype));
  SHARDPROOF_EXPECTS(from.elements() == to.elements(), to_string(from.shape), to_string(to.shape));
  if (from.bytes() != 0) std::memmove(to.data, from.data, from.bytes());
}

void CpuDevice::copy_2d(const Copy2d& copy, Stream) {
  if (copy.width == 0) return;
  for (std::size_t row = 0; row < copy.rows; ++row)
    std::memcpy(copy.to + row * copy.to_pitch, copy.from + row * copy.from_pitch, copy.width);
}

void CpuDevice::fill(const TensorView& to, std::byte value, Stream) {
  if (to.bytes() != 0) std::memset(to.data, std::to_integer<int>(value), to.bytes());
}

void CpuDevice::copy_from_host(std::span<const std::byte> host, const TensorView& to, Stream) {
  SHARDPROOF_EXPECTS(host.size() == to.bytes(), host.size(), to.bytes());
  if (!host.empty()) std::memcpy(to.data, host.data(), host.size());
}

void CpuDevice::copy_to_host(const TensorView& from, std::span<std::byte> host, Stream) {
  SHARDPROOF_EXPECTS(host.size() == from.bytes(), host.size(), from.bytes());
  if (!host.empty()) std::memcpy(host.data(), from.data, host.size());
}

Event CpuDevice::record(Stream) { return {++events_}; }

void CpuDevice::wait(Stream, Event event) { wait_on_host(event); }

void CpuDevice::wait_on_host(Event event) {
  SHARDPROOF_EXPECTS(0 < event.number && event.number <= events_, event.number, events_);
}

std::optional<KernelError> CpuDevice::synchronize() { return std::exchange(error_, std::nullopt); }

void CpuDevice::tell(const KernelError& error) {
  if (!error_) error_ = error;
}

}  // namespace shardproof::real
