#include "real/cpu/heads.hpp"

#include <algorithm>

namespace shardproof::real::cpu {

void split(std::int64_t rows, std::span<const std::int64_t> parts, const std::byte* x,
           std::span<std::byte* const> outputs) {
  for (std::int64_t row = 0; row < rows; ++row)
    for (std::size_t k = 0; k < parts.size(); ++k) {
      std::copy_n(x, parts[k], outputs[k] + row * parts[k]);
      x += parts[k];
    }
}

void join(std::int64_t rows, std::span<const std::int64_t> parts,
          std::span<const std::byte* const> inputs, std::byte* y) {
  for (std::int64_t row = 0; row < rows; ++row)
    for (std::size_t k = 0; k < parts.size(); ++k)
      y = std::copy_n(inputs[k] + row * parts[k], parts[k], y);
}

void repeat_heads(std::int64_t rows, std::int64_t heads, std::int64_t width, const std::byte* x,
                  std::byte* y) {
  for (std::int64_t row = 0; row < rows; ++row, x += width)
    for (std::int64_t head = 0; head < heads; ++head) y = std::copy_n(x, width, y);
}

template <class C>
void sum_heads(std::int64_t rows, std::int64_t heads, std::int64_t width, const C* x, C* y) {
  std::fill_n(y, rows * width, C{0});
  for (std::int64_t row = 0; row < rows; ++row, y += width)
    for (std::int64_t head = 0; head < heads; ++head, x += width)
      // From the first head, not from zero: 0 + (-0) would be +0.
      for (std::int64_t i = 0; i < width; ++i) y[i] = head == 0 ? x[i] : y[i] + x[i];
}

template void sum_heads(std::int64_t, std::int64_t, std::int64_t, const float*, float*);
template void sum_heads(std::int64_t, std::int64_t, std::int64_t, const double*, double*);

}  // namespace shardproof::real::cpu
