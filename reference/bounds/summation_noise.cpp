#include "reference/bounds/summation_noise.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "reference/bounds/sums.hpp"

namespace shardproof::reference {

namespace {

struct Partial {
  float computed;
  double exact;
};

// Adds partial sums, and counts their squares.
class Adder {
 public:
  Partial leaf(double term) {
    const auto rounded = static_cast<float>(term);
    if (static_cast<double>(rounded) != term) squares_ += term * term;
    return {rounded, term};
  }
  Partial add(const Partial& a, const Partial& b) {
    const Partial sum{a.computed + b.computed, a.exact + b.exact};
    squares_ += sum.exact * sum.exact;
    return sum;
  }
  double squares() const { return squares_; }

 private:
  double squares_ = 0;
};

}  // namespace

SumInOrder summed_in_lanes(std::span<const double> terms, std::int64_t lanes) {
  if (terms.empty()) return {};
  Adder adder;
  const auto width = std::min(static_cast<std::size_t>(lanes), terms.size());
  std::vector<Partial> sums;
  for (std::size_t i = 0; i < width; ++i) sums.push_back(adder.leaf(terms[i]));
  for (std::size_t i = width; i < terms.size(); ++i)
    sums[i % width] = adder.add(sums[i % width], adder.leaf(terms[i]));
  for (std::size_t apart = 1; apart < width; apart *= 2)
    for (std::size_t i = 0; i + apart < width; i += 2 * apart)
      sums[i] = adder.add(sums[i], sums[i + apart]);
  return {static_cast<double>(sums[0].computed), sums[0].exact, adder.squares()};
}

SummationNoise summation_noise(std::span<const double> terms) {
  SummationNoise noise;
  double squares = 0, magnitude = 0;
  const auto look_at = [&](const SumInOrder& sum) {
    squares = std::max(squares, sum.squares);
    noise.seen = std::max(noise.seen, std::fabs(sum.computed - sum.exact));
  };
  const SumInOrder forwards = summed_in_lanes(terms, 1);
  noise.exact = forwards.exact;
  look_at(forwards);
  look_at(summed_in_lanes(std::vector<double>(terms.rbegin(), terms.rend()), 1));
  for (std::int64_t lanes = 2; lanes <= 64; lanes *= 2) look_at(summed_in_lanes(terms, lanes));
  look_at(summed_in_lanes(terms, std::ssize(terms)));
  for (const double term : terms) magnitude += std::fabs(term);
  const double q = all_representable(Dtype::fp32, terms) ? 0 : 1;
  const auto count = static_cast<double>(terms.size());
  const Arithmetic narrow = arithmetic_of(Dtype::fp32);
  noise.walk = narrow.u * std::sqrt(squares);
  noise.worst = any_order_sum(count, q, magnitude, narrow);
  noise.least = count * narrow.eta + count * oracle_arithmetic().u * magnitude;
  return noise;
}

}  // namespace shardproof::reference
