#pragma once

#include "real/cpu/staging.hpp"
#include "real/device.hpp"

namespace shardproof::real {

/// The processor as a device: plain loops in the orders that real/cpu/*.cpp state, and OpenBLAS on
/// one thread for matrix products. Tensors of fp64, fp32, bf16 and fp16. Everything is done before
/// the call returns, so its streams are one and every event is past.
///
/// The compute type of an op is fp64 if its output is (a scalar or flag output: if its input is),
/// else fp32. Throws EnvironmentError if the process flushes subnormal numbers to zero.
class CpuDevice : public Device {
 public:
  CpuDevice();

  const char* name() const override { return "cpu"; }
  const KernelTable& kernels() const override;

  std::byte* allocate(std::size_t bytes) override;
  void release(std::byte* block, std::size_t bytes) override;
  bool host_accessible() const override { return true; }

  void copy(const TensorView& from, const TensorView& to, Stream stream) override;
  void copy_2d(const Copy2d& copy, Stream stream) override;
  void fill(const TensorView& to, std::byte value, Stream stream) override;
  void copy_from_host(std::span<const std::byte> host, const TensorView& to,
                      Stream stream) override;
  void copy_to_host(const TensorView& from, std::span<std::byte> host, Stream stream) override;

  Event record(Stream stream) override;
  void wait(Stream stream, Event event) override;
  void wait_on_host(Event event) override;
  std::optional<KernelError> synchronize() override;

  // For the kernels.
  cpu::Scratch& scratch() { return scratch_; }
  /// The first error stays.
  void tell(const KernelError& error);

 private:
  cpu::Scratch scratch_;
  std::optional<KernelError> error_;
  std::int64_t events_ = 0;
};

}  // namespace shardproof::real
