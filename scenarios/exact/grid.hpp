#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "scenarios/dtype.hpp"

namespace shardproof::exact {

/// A matrix of whole multiples of 2^exponent, row-major: element (r, c) is
/// values[r * columns + c] * 2^exponent. A vector is one row.
struct Grid {
  std::int64_t rows = 0, columns = 0;
  std::vector<std::int64_t> values;
  int exponent = 0;

  Grid() = default;
  Grid(std::int64_t r, std::int64_t c, int e)
      : rows(r), columns(c), values(static_cast<std::size_t>(r * c)), exponent(e) {}
  std::int64_t& at(std::int64_t r, std::int64_t c) {
    return values[static_cast<std::size_t>(r * columns + c)];
  }
  std::int64_t at(std::int64_t r, std::int64_t c) const {
    return values[static_cast<std::size_t>(r * columns + c)];
  }
};

/// Thrown where numbers are not exact: `what` has which of them, and what they need.
struct NotExact {
  std::string what;
};

/// The exact value of a sum of products, and how much of an accumulator it may need, whatever the
/// order of its terms: the largest sum of their magnitudes.
struct Sums {
  Grid value;
  std::int64_t largest_magnitude = 0;  // in units of 2^value.exponent
};

/// The grid of numbers that are whole multiples of a power of two. Throws NotExact.
Grid grid_of(const std::vector<double>& values, std::int64_t rows, std::int64_t columns,
             const std::string& what);

/// y[r, o] = sum_i x[r, i] w[o, i];  x[r, i] = sum_o dy[r, o] w[o, i];
/// dw[o, i] = sum_r dy[r, o] x[r, i].
Sums times_transposed(const Grid& x, const Grid& w, const std::string& what);
Sums times(const Grid& dy, const Grid& w, const std::string& what);
Sums transposed_times(const Grid& dy, const Grid& x, const std::string& what);

/// Element by element, of as many rows; of one row, that row to each.
Grid sum(const Grid& a, const Grid& b, const std::string& what);

/// All elements in one row, in units of the finest grid.
Grid joined(const std::vector<Grid>& grids, const std::string& what);

/// How many significant bits the element that needs most has.
int bits_of(const Grid& grid);
/// How many a magnitude needs.
int bits_of(std::int64_t magnitude);

/// Throws NotExact if an element is no number of the format.
void expect_stored(const Grid& grid, Dtype dtype, const std::string& what);
/// Throws NotExact if a sum, in some order, may leave an accumulator of one of the formats.
void expect_sums(const Sums& sums, const std::vector<Dtype>& accumulators, const std::string& what);

}  // namespace shardproof::exact
