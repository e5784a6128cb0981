#pragma once

#include <string>

#include "reference/tensor.hpp"
#include "scenarios/data/safetensors.hpp"

/// The files that tests/oracle/llama_golden.py wrote.
namespace shardproof::reference::testing {

inline Tensor read_tensor(const Safetensors& file, const std::string& name) {
  const Shape& shape = file.tensors().at(name).shape;
  return Tensor(shape, file.read(name, whole(shape)));
}

}  // namespace shardproof::reference::testing
