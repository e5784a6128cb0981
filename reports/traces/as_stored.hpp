#pragma once

#include <functional>
#include <span>

#include "reports/values/tensor_view.hpp"
#include "scenarios/trace/trace.hpp"

namespace shardproof::reports {

/// The elements of a tensor that lie in a dataset's regions, in the order in which it stores them.
SharedTensor as_stored(const SharedTensor& tensor, const StoredDataset& dataset);

/// The elements of a dataset in the order in which it stores them; the reader must outlive them.
SharedTensor stored_elements(const TraceReader& reader, const StoredDataset& dataset);

/// Shows all elements, decoded, some at a time and row by row.
void for_each_range(const TensorView& tensor,
                    const std::function<void(std::span<const double>)>& visit);
/// The same of two tensors of as many elements.
void for_each_range(
    const TensorView& a, const TensorView& b,
    const std::function<void(std::span<const double>, std::span<const double>)>& visit);

}  // namespace shardproof::reports
