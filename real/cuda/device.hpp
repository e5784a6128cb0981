#pragma once

#include <cuda_runtime.h>

#include <array>
#include <string>
#include <vector>

#include "real/cuda/memory.hpp"
#include "real/device.hpp"

namespace shardproof::real::SHARDPROOF_GPU {

/// The first thing without a meaning that a kernel found in its data: lies on the device, read at
/// synchronize().
struct ErrorWord {
  int taken;
  std::int64_t code, value, limit, tag;
};

/// A GPU: one device of the CUDA runtime, a stream for computing and one for communication.
class CudaDevice : public Device {
 public:
  /// The GPU of that number among those that this process sees. EnvironmentError, by name, if there
  /// is none.
  explicit CudaDevice(int number);
  ~CudaDevice() override;
  CudaDevice(const CudaDevice&) = delete;
  CudaDevice& operator=(const CudaDevice&) = delete;

  const char* name() const override;
  const KernelTable& kernels() const override;
  std::string fingerprint() override;
  std::byte* allocate(std::size_t bytes) override;
  void release(std::byte* block, std::size_t bytes) override;
  bool host_accessible() const override { return false; }
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

  // For kernels and communicators.

  cudaStream_t handle(Stream stream) const { return streams_[static_cast<std::size_t>(stream)]; }
  /// Says that the work of call `tag` was asked for, with the runtime's answer: EnvironmentError, by
  /// the tag, if that is an error.
  void enqueued(std::int64_t tag, cudaError_t answer);
  Global<ErrorWord> error_word() const { return {error_word_, 1}; }
  /// Memory for the intermediate results of one kernel call at a time and stream: kWorkspaceBytes
  /// bytes, in the order of the stream.
  std::byte* workspace(Stream stream) const;
  static constexpr std::size_t kWorkspaceBytes = std::size_t{32} << 20;

 private:
  std::array<cudaStream_t, 2> streams_{};
  // ... the author of device.cu decides
  ErrorWord* error_word_ = nullptr;
};

/// A kernel of this folder is called on this device only.
inline CudaDevice& on_gpu(Device& device) { return static_cast<CudaDevice&>(device); }

}  // namespace shardproof::real::SHARDPROOF_GPU
