#pragma once

#include <cstddef>
#include <map>

#include "scenarios/dtype.hpp"
#include "scenarios/hdf5/handle.hpp"

namespace shardproof::hdf5 {

/// bf16 and fp16 are HDF5 float types of 16 bits. They serve as file and as memory type, never for
/// a conversion: HDF5 rounds halves away from zero and does not overflow to infinity.
Handle element_type(Dtype dtype);

/// Of each dtype its type, made when it is first asked for: to make one takes as long as to open a
/// dataset.
class ElementTypes {
 public:
  const Handle& of(Dtype dtype);

 private:
  std::map<Dtype, Handle> made_;
};

/// UTF-8 of a fixed number of bytes, padded with zeros.
Handle text_type(std::size_t bytes);

}  // namespace shardproof::hdf5
