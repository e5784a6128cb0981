#pragma once

#include <memory>
#include <span>
#include <vector>

#include "reference/bounds/tiles.hpp"
#include "reports/values/byte_source.hpp"
#include "scenarios/data/region_runs.hpp"
#include "scenarios/dtype.hpp"
#include "scenarios/shape.hpp"

namespace shardproof::reports {

using reference::Box;

/// A row-major tensor whose elements lie in several places: recorded by one rank or by many, zero,
/// or moved from other tensors. It holds none of them; a box or a range of it is put together when
/// it is read.
class TensorView {
 public:
  TensorView(Dtype dtype, Shape shape);

  /// Says where some of its elements lie: these runs of it, in storage order, in `source` from byte
  /// `begin` on. What is said of no element is zero.
  void add(std::span<const Run> runs, const SharedSource& source, std::size_t begin = 0);

  Dtype dtype() const { return dtype_; }
  const Shape& shape() const { return shape_; }
  std::int64_t elements() const { return matrix_.elements(); }
  std::size_t bytes() const { return static_cast<std::size_t>(elements()) * size_; }

  /// The elements of a box, row by row, as they are stored.
  void read(const Box& box, std::span<std::byte> out) const;
  /// The same, decoded.
  void decode(const Box& box, std::vector<double>& out) const;
  /// The elements [begin, begin + out.size() / size), row by row.
  void read_range(std::int64_t begin, std::span<std::byte> out) const;

 private:
  struct Part {
    Box box;
    SharedSource source;
    std::size_t begin;  // of its first byte; its elements lie row by row
  };
  void add(const Box& box, const SharedSource& source, std::size_t begin);
  bool covers(const Box& box) const;
  void copy(const Part& part, const Box& box, std::span<std::byte> out) const;

  Dtype dtype_;
  std::size_t size_;  // of an element
  Shape shape_;
  Box matrix_;
  std::vector<Part> parts_;
  std::int64_t covered_ = 0;  // elements in parts
};
using SharedTensor = std::shared_ptr<const TensorView>;

/// A whole tensor in one place.
SharedTensor tensor_in(Dtype dtype, Shape shape, const SharedSource& source, std::size_t begin = 0);
SharedTensor zero_tensor(Dtype dtype, Shape shape);
/// All elements of a dataset, as they are stored. The reader must outlive them.
SharedTensor stored_tensor(const TraceReader& reader, const StoredDataset& dataset);
/// Its elements as bytes, row by row.
SharedSource bytes_of(SharedTensor tensor);
/// The same elements in another shape.
SharedTensor reshaped(const SharedTensor& tensor, Shape shape);
/// `count` of its elements from `begin` on, as a tensor of some shape.
SharedTensor part_of(const SharedTensor& tensor, std::int64_t begin, Shape shape);
/// The elements that lie in some regions, as a dataset of these stores them: region after region,
/// each row by row.
SharedTensor as_stored(const SharedTensor& tensor, std::span<const Region> regions);
/// The same elements in another dtype, each rounded once, when they are read.
SharedTensor rounded_to(Dtype dtype, const SharedTensor& tensor);

}  // namespace shardproof::reports
