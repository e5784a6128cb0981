#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "real/tensor_view.hpp"

namespace shardproof::real::cpu {

/// 64-byte aligned memory that a kernel borrows and gives back; the same blocks serve the next one.
class Scratch {
 public:
  struct Free {
    void operator()(std::byte* block) const;
  };
  struct Block {
    std::unique_ptr<std::byte, Free> data;
    std::size_t bytes = 0;
  };
  Block take(std::size_t bytes);
  void give_back(Block block);

 private:
  std::vector<Block> free_;
};

/// A tensor as the compute type C sees it: the tensor itself if that is its dtype, else a converted
/// copy. fp64 read as float is rounded once (only scalars beside fp32 tensors are).
template <class C>
class Input {
 public:
  Input(Scratch& scratch, const TensorView& view);
  ~Input() { scratch_.give_back(std::move(copy_)); }
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;

  const C* data() const { return data_; }

 private:
  Scratch& scratch_;
  Scratch::Block copy_;
  const C* data_;
};

/// Where a kernel writes: the tensor itself, or a buffer of compute type which store() rounds to
/// the tensor's dtype, each element once.
template <class C>
class Output {
 public:
  Output(Scratch& scratch, const TensorView& view);
  ~Output() { scratch_.give_back(std::move(copy_)); }
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  C* data() const { return data_; }
  void store();

 private:
  Scratch& scratch_;
  const TensorView view_;
  Scratch::Block copy_;
  C* data_;
};

/// Converts count elements of `from` to `to`, each rounded once to the nearest, ties to even.
void convert(const TensorView& from, const TensorView& to);

}  // namespace shardproof::real::cpu
