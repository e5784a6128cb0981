#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "real/device.hpp"

namespace shardproof::real {

// For communicators that send from and receive into the memory of the host.

/// Throws ScenarioError, by the names of both, if the host cannot reach what lies on `device`.
void expect_host_memory(const Device& device, const std::string& communicator);

/// The tensor as messages see it. Its device must have done what it was asked for.
inline std::span<std::byte> host_bytes(const TensorView& tensor) {
  return {tensor.data, tensor.bytes()};
}

/// To where there is room for them. std::ranges::copy would copy bytes one by one: GCC 12 makes no
/// memcpy of it.
void copy_bytes(std::span<const std::byte> from, std::span<std::byte> to);

}  // namespace shardproof::real
