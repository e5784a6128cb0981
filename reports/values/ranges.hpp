#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "reports/values/tensor_view.hpp"

/// A tensor of any size, some of it at a time:
///
///     double sum = 0;
///     for_each_decoded(tensor, [&](Numbers some) { sum = add(sum, some); });
///
/// Row by row, in order, each element once. What is shown is gone after the call.
namespace shardproof::reports {

using ByteSpan = std::span<const std::byte>;
using Numbers = std::span<const double>;

/// At most 1 MiB of its bytes at a time: visit(first byte, bytes).
void for_each_range(const TensorView& tensor,
                    const std::function<void(std::size_t, ByteSpan)>& visit);
/// The same of two tensors of as many bytes.
void for_each_range(const TensorView& a, const TensorView& b,
                    const std::function<void(std::size_t, ByteSpan, ByteSpan)>& visit);

/// At most 65536 of its elements at a time.
void for_each_decoded(const TensorView& tensor, const std::function<void(Numbers)>& visit);
/// The same of two tensors of as many elements.
void for_each_decoded(const TensorView& a, const TensorView& b,
                      const std::function<void(Numbers, Numbers)>& visit);

/// `count` elements from `first` on, all at once: as they are stored, and decoded.
Bytes range_of(const TensorView& tensor, std::int64_t first, std::int64_t count);
std::vector<double> decoded_range(const TensorView& tensor, std::int64_t first, std::int64_t count);
/// The elements at some places, decoded: places that lie near each other are read at once.
std::vector<double> decoded_at(const TensorView& tensor, std::span<const std::int64_t> places);

}  // namespace shardproof::reports
