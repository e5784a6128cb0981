#include "scenarios/exact/grid.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "scenarios/errors.hpp"
#include "scenarios/pulse.hpp"

namespace shardproof::exact {

namespace {

constexpr std::int64_t most = std::int64_t{1} << 53;  // no format holds more

std::uint64_t size_of(std::int64_t value) {
  return static_cast<std::uint64_t>(value < 0 ? -value : value);
}

// Of numbers that stay below 2^53 each product and each sum of two fits.
std::int64_t product(std::int64_t a, std::int64_t b, const std::string& what) {
  std::int64_t result = 0;
  if (__builtin_mul_overflow(a, b, &result) || size_of(result) > static_cast<std::uint64_t>(most))
    throw NotExact{what + " needs more than 53 bits"};
  return result;
}

// Element (r, c) is the sum of the products of the pairs factors(r, c, 0) to (r, c, terms - 1).
template <class Factors>
Sums sums_of(Grid grid, std::int64_t terms, const std::string& what, const Factors& factors) {
  Sums sums{std::move(grid)};
  for (std::int64_t r = 0; r < sums.value.rows; ++r) {
    Pulse::of_this_process().beat();
    for (std::int64_t c = 0; c < sums.value.columns; ++c) {
      std::int64_t magnitude = 0;
      for (std::int64_t i = 0; i < terms; ++i) {
        const auto [a, b] = factors(r, c, i);
        if (a == 0 || b == 0) continue;
        const std::int64_t term = product(a, b, what);
        sums.value.at(r, c) += term;
        magnitude += static_cast<std::int64_t>(size_of(term));
        if (magnitude > most) throw NotExact{what + " needs more than 53 bits"};
      }
      sums.largest_magnitude = std::max(sums.largest_magnitude, magnitude);
    }
  }
  return sums;
}

// Of the last bit of a subnormal number.
int lowest_exponent(Dtype dtype) {
  const FloatFormat format = format_of(dtype);
  return format.min_exponent - format.precision + 1;
}

int trailing_zeros(std::int64_t value) { return std::countr_zero(size_of(value)); }

Grid at_exponent(Grid grid, int exponent, const std::string& what) {
  const int shift = grid.exponent - exponent;
  SHARDPROOF_EXPECTS(shift >= 0, shift);
  if (shift > 53 && std::ranges::any_of(grid.values, [](std::int64_t v) { return v != 0; }))
    throw NotExact{what + " needs more than 53 bits"};
  for (std::int64_t& value : grid.values)
    if (value != 0) value = product(value, std::int64_t{1} << shift, what);
  grid.exponent = exponent;
  return grid;
}

}  // namespace

Grid grid_of(const std::vector<double>& values, std::int64_t rows, std::int64_t columns,
             const std::string& what) {
  SHARDPROOF_EXPECTS(std::ssize(values) == rows * columns, values.size(), rows, columns);
  int exponent = 0;
  for (const double value : values) {
    int e = 0;
    const double fraction = std::frexp(value, &e);  // value = fraction 2^e, 53 bits of it
    const auto whole = static_cast<std::int64_t>(std::ldexp(fraction, 53));
    if (whole != 0) exponent = std::min(exponent, e - 53 + trailing_zeros(whole));
  }
  Grid grid(rows, columns, exponent);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double units = std::ldexp(values[i], -exponent);
    if (!(std::fabs(units) <= static_cast<double>(most)))
      throw NotExact{what + " has no grid of 53 bits"};
    grid.values[i] = static_cast<std::int64_t>(units);
  }
  return grid;
}

Sums times_transposed(const Grid& x, const Grid& w, const std::string& what) {
  SHARDPROOF_EXPECTS(x.columns == w.columns, x.columns, w.columns);
  return sums_of(Grid(x.rows, w.rows, x.exponent + w.exponent), x.columns, what,
                 [&](std::int64_t r, std::int64_t o, std::int64_t i) {
                   return std::pair(x.at(r, i), w.at(o, i));
                 });
}

Sums times(const Grid& dy, const Grid& w, const std::string& what) {
  SHARDPROOF_EXPECTS(dy.columns == w.rows, dy.columns, w.rows);
  return sums_of(Grid(dy.rows, w.columns, dy.exponent + w.exponent), w.rows, what,
                 [&](std::int64_t r, std::int64_t i, std::int64_t o) {
                   return std::pair(dy.at(r, o), w.at(o, i));
                 });
}

Sums transposed_times(const Grid& dy, const Grid& x, const std::string& what) {
  SHARDPROOF_EXPECTS(dy.rows == x.rows, dy.rows, x.rows);
  return sums_of(Grid(dy.columns, x.columns, dy.exponent + x.exponent), dy.rows, what,
                 [&](std::int64_t o, std::int64_t i, std::int64_t r) {
                   return std::pair(dy.at(r, o), x.at(r, i));
                 });
}

Grid sum(const Grid& a, const Grid& b, const std::string& what) {
  SHARDPROOF_EXPECTS(a.columns == b.columns && (b.rows == 1 || b.rows == a.rows), a.rows, b.rows);
  const int exponent = std::min(a.exponent, b.exponent);
  Grid result = at_exponent(a, exponent, what);
  const Grid other = at_exponent(b, exponent, what);
  for (std::int64_t r = 0; r < a.rows; ++r)
    for (std::int64_t c = 0; c < a.columns; ++c)
      result.at(r, c) += other.at(b.rows == 1 ? 0 : r, c);
  return result;
}

Grid joined(const std::vector<Grid>& grids, const std::string& what) {
  Grid all(1, 0, 0);
  for (const Grid& grid : grids) all.exponent = std::min(all.exponent, grid.exponent);
  for (const Grid& grid : grids) {
    const Grid finer = at_exponent(grid, all.exponent, what);
    all.values.insert(all.values.end(), finer.values.begin(), finer.values.end());
  }
  all.columns = std::ssize(all.values);
  return all;
}

int bits_of(std::int64_t magnitude) { return static_cast<int>(std::bit_width(size_of(magnitude))); }

int bits_of(const Grid& grid) {
  int bits = 0;
  for (const std::int64_t value : grid.values)
    if (value != 0) bits = std::max(bits, bits_of(value) - trailing_zeros(value));
  return bits;
}

void expect_stored(const Grid& grid, Dtype dtype, const std::string& what) {
  const FloatFormat format = format_of(dtype);
  const int bits = bits_of(grid);
  if (bits > format.precision)
    throw NotExact{what + " needs " + std::to_string(bits) + " bits, " + name_of(dtype) + " has " +
                   std::to_string(format.precision)};
  for (const std::int64_t value : grid.values)
    if (value != 0 && (grid.exponent + trailing_zeros(value) < lowest_exponent(dtype) ||
                       grid.exponent + bits_of(value) - 1 > format.max_exponent))
      throw NotExact{what + " leaves the range of " + name_of(dtype)};
}

void expect_sums(const Sums& sums, const std::vector<Dtype>& accumulators,
                 const std::string& what) {
  for (const Dtype dtype : accumulators) {
    // As many as 2^precision units are still a number.
    const int bits = bits_of(sums.largest_magnitude - (sums.largest_magnitude > 0));
    if (bits > format_of(dtype).precision)
      throw NotExact{what + " needs " + std::to_string(bits) + " bits, " + name_of(dtype) +
                     " has " + std::to_string(format_of(dtype).precision)};
    // Terms and parts of a sum may have a last bit where the whole has none.
    if (sums.largest_magnitude > 0 && sums.value.exponent < lowest_exponent(dtype))
      throw NotExact{what + " leaves the range of " + name_of(dtype)};
    expect_stored(sums.value, dtype, what);
  }
}

}  // namespace shardproof::exact
