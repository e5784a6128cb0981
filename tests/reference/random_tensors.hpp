#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>

#include "reference/ops/tensor.hpp"

/// Random tensors for the oracle's tests, the same in every run.
namespace shardproof::reference::testing {

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}

  Tensor tensor(Shape shape) {
    Tensor x(std::move(shape));
    for (double& value : x.values) value = normal_(engine_);
    return x;
  }
  Tokens tokens(Shape shape, std::int64_t vocabulary) {
    std::uniform_int_distribution<std::int64_t> id(0, vocabulary - 1);
    Tokens x(std::move(shape));
    for (std::int64_t& value : x.values) value = id(engine_);
    return x;
  }

 private:
  std::mt19937 engine_;
  std::normal_distribution<double> normal_;
};

inline double largest(const Tensor& x) {
  double result = 0;
  for (const double value : x.values) result = std::max(result, std::abs(value));
  return result;
}

/// The largest difference, as a fraction of the largest element of `expected`.
inline double relative_difference(const Tensor& actual, const Tensor& expected) {
  SHARDPROOF_EXPECTS(actual.shape == expected.shape, to_string(actual.shape),
                     to_string(expected.shape));
  double result = 0;
  for (std::int64_t i = 0; i < actual.size(); ++i)
    result = std::max(result, std::abs(actual[i] - expected[i]));
  return result / largest(expected);
}

}  // namespace shardproof::reference::testing
