#pragma once

#include <cuda_runtime.h>

#include <array>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "real/cuda/memory.hpp"
#include "real/device.hpp"

namespace shardproof::real::SHARDPROOF_GPU {

/// Where kernels tell what has no meaning in their data. It lies on the device, and keeps what was
/// told first. A kernel takes it by value:
///
///   __global__ void embedding_kernel(..., ErrorWord errors) {
///     if (token >= V) errors.tell(KernelError::Code::token, token, V);
class ErrorWord {
 public:
  ErrorWord(unsigned long long* words, std::int64_t tag)
      : words_(words, kWords), tag_(static_cast<unsigned long long>(tag)) {}

  __device__ void tell(KernelError::Code code, std::int64_t value, std::int64_t limit) const {
    if (words_.exchange_if(0, 0ULL, 1ULL) != 0ULL) return;
    words_[1] = static_cast<unsigned long long>(code);
    words_[2] = static_cast<unsigned long long>(value);
    words_[3] = static_cast<unsigned long long>(limit);
    words_[4] = tag_;
  }

  static constexpr std::int64_t kWords = 5;  // taken, code, value, limit, tag

 private:
  Global<unsigned long long> words_;
  unsigned long long tag_;
};

class Products;

/// A GPU: one device of the CUDA runtime, a stream for computing and one for communication.
///
/// What the runtime refuses at once is an EnvironmentError that names the op; what a GPU noticed
/// later, one that names the first and the last op that it can have been: those that were asked for
/// since all was known to be done.
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
  std::map<std::string, std::string> choices() const override;
  void begin_op(const std::string& name) override;

  // For kernels and communicators.

  cudaStream_t handle(Stream stream) const { return streams_[static_cast<std::size_t>(stream)]; }
  /// Says that work of call `tag` was asked for, with the runtime's answer: EnvironmentError, with
  /// the op's name, if that is an error.
  void enqueued(std::int64_t tag, cudaError_t answer);
  ErrorWord error_word(std::int64_t tag) const { return {error_words_, tag}; }
  /// Memory for the intermediate results of one kernel call at a time and stream: kWorkspaceBytes
  /// bytes, in the order of the stream.
  std::byte* workspace(Stream stream) const {
    return workspaces_[static_cast<std::size_t>(stream)];
  }
  static constexpr std::size_t kWorkspaceBytes = std::size_t{32} << 20;
  Products& products() const { return *products_; }

 private:
  struct Recorded {
    std::int64_t number;
    cudaEvent_t event;
  };

  /// The runtime's answer to a request for work of the op that has begun.
  void asked(cudaError_t answer);
  [[noreturn]] void fail(cudaError_t answer, const std::string& op);
  /// Throws unless the device has done without error what it was waited for.
  void expect_done(cudaError_t answer);
  const Recorded* not_past(Event event) const;
  cudaEvent_t take_event();
  std::optional<KernelError> read_error_word();

  int number_;
  std::array<cudaStream_t, 2> streams_{};
  std::array<std::byte*, 2> workspaces_{};
  std::unique_ptr<Products> products_;
  unsigned long long* error_words_ = nullptr;
  unsigned long long* words_on_host_ = nullptr;  // pinned
  std::deque<Recorded> recorded_;                // not known to be past, by number
  std::vector<cudaEvent_t> free_events_;
  std::int64_t events_ = 0;
  std::string op_, first_op_, last_op_;  // begun now; asked for since all was done
};

/// A kernel of this folder is called on this device only.
inline CudaDevice& on_gpu(Device& device) { return static_cast<CudaDevice&>(device); }

}  // namespace shardproof::real::SHARDPROOF_GPU
