#pragma once

#include <cstddef>
#include <cstdint>

#include "real/cuda/device.hpp"
#include "scenarios/errors.hpp"

namespace shardproof::real::SHARDPROOF_GPU {

/// Divides the workspace of a call among its intermediate results, one after another. They mean
/// nothing until a kernel of the call writes them, and nothing after it.
class Workspace {
 public:
  Workspace(Device& device, const KernelCall& call)
      : begin_(on_gpu(device).workspace(call.stream)) {}

  /// `count` elements. InvariantError if there is no room left for them.
  template <class T>
  Global<T> take(std::int64_t count) {
    const std::size_t bytes = static_cast<std::size_t>(count) * sizeof(T);
    SHARDPROOF_EXPECTS(bytes <= CudaDevice::kWorkspaceBytes - used_, bytes, used_);
    T* const data = reinterpret_cast<T*>(begin_ + used_);
    used_ += (bytes + kAlignment - 1) / kAlignment * kAlignment;
    return {data, count};
  }

 private:
  static constexpr std::size_t kAlignment = 256;
  static_assert(CudaDevice::kWorkspaceBytes % kAlignment == 0);
  std::byte* begin_;
  std::size_t used_ = 0;
};

}  // namespace shardproof::real::SHARDPROOF_GPU
