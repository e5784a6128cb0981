#include "scenarios/blas/kernel_check.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <sstream>
#include <vector>

#include "scenarios/errors.hpp"

namespace shardproof::blas {

namespace {

// (m, k) times (k, n). A kernel works on blocks of rows, columns and terms: there are shapes below
// one block, with a rest after whole ones, longer than the longest sum in one go, and of one row.
struct Sizes {
  int m, n, k;
};
constexpr Sizes all_sizes[] = {{1, 1, 1},    {5, 7, 3},     {1, 33, 129}, {35, 1, 67},
                               {17, 33, 65}, {19, 23, 531}, {67, 37, 41}, {771, 3, 9}};

template <class T>
constexpr const char* name_of_gemm = sizeof(T) == sizeof(float) ? "sgemm" : "dgemm";

// A stored matrix, whose rows do not follow each other without a gap.
template <class T>
struct Stored {
  std::vector<T> values;
  int leading;
};

// In [-1, 1), with all bits in use: multiples of the golden ratio, modulo 2.
template <class T>
Stored<T> stored(int rows, int columns, int first) {
  Stored<T> matrix{{}, columns + 2};
  for (int i = 0; i < rows * matrix.leading; ++i) {
    const double multiple = 0.6180339887498949 * (first + i);
    matrix.values.push_back(static_cast<T>(2 * (multiple - std::floor(multiple)) - 1));
  }
  return matrix;
}

// The rows of a matrix, or its columns, each one element after the other.
template <class T>
std::vector<std::vector<T>> lines(const Stored<T>& matrix, bool of_rows, int count, int length) {
  std::vector<std::vector<T>> all;
  for (int i = 0; i < count; ++i) {
    std::vector<T>& line = all.emplace_back();
    for (int l = 0; l < length; ++l) {
      const int at = of_rows ? i * matrix.leading + l : l * matrix.leading + i;
      line.push_back(matrix.values[static_cast<std::size_t>(at)]);
    }
  }
  return all;
}

struct Dot {
  double sum = 0;
  double allowed = 0;  // of a difference from a sum in any order
};

// Either sum is within K u S of the exact one (Jeannerod & Rump 2013); that in T is the larger.
template <class T>
Dot plain_dot(const std::vector<T>& x, const std::vector<T>& y) {
  double sum = 0, magnitude = 0;
  for (std::size_t l = 0; l < x.size(); ++l) {
    const double term = static_cast<double>(x[l]) * static_cast<double>(y[l]);
    sum += term;
    magnitude += std::abs(term);
  }
  constexpr double unit = std::numeric_limits<T>::epsilon() / 2;
  return {sum, 2.02 * static_cast<double>(x.size()) * unit * magnitude};
}

template <class T>
[[noreturn]] void fail(const Library& library, const Sizes& s, std::size_t i, std::size_t j,
                       T found, double sum) {
  std::ostringstream text;
  text.precision(std::numeric_limits<T>::max_digits10);
  text << "OpenBLAS computes wrong numbers on this machine with its kernel " << library.kernel
       << " (by " << library.chosen_by << "): " << name_of_gemm<T> << " of (" << s.m << ", " << s.k
       << ") by (" << s.k << ", " << s.n << ") gives " << found << " at (" << i << ", " << j
       << "), plain loops " << sum << "; OPENBLAS_CORETYPE=Prescott chooses its oldest kernel";
  throw EnvironmentError(text.str());
}

template <class T>
void check_product(const Library& library, Gemm<T> gemm, const Sizes& s, bool a_transposed,
                   bool b_transposed) {
  const auto transposition = [](bool transposed) { return transposed ? 112 : 111; };
  const Stored<T> a = a_transposed ? stored<T>(s.k, s.m, 1) : stored<T>(s.m, s.k, 1);
  const Stored<T> b = b_transposed ? stored<T>(s.n, s.k, 5) : stored<T>(s.k, s.n, 5);
  // What was in its memory is no part of a result.
  std::vector<T> c(static_cast<std::size_t>(s.m * s.n), std::numeric_limits<T>::quiet_NaN());
  gemm(101, transposition(a_transposed), transposition(b_transposed), s.m, s.n, s.k, T{1},
       a.values.data(), a.leading, b.values.data(), b.leading, T{0}, c.data(), s.n);
  const auto rows = lines(a, !a_transposed, s.m, s.k), columns = lines(b, b_transposed, s.n, s.k);
  for (std::size_t element = 0; element < c.size(); ++element) {
    const std::size_t i = element / columns.size(), j = element % columns.size();
    const auto [sum, allowed] = plain_dot(rows[i], columns[j]);
    if (!(std::abs(static_cast<double>(c[element]) - sum) <= allowed))
      fail(library, s, i, j, c[element], sum);
  }
}

template <class T>
void check_products(const Library& library, Gemm<T> gemm) {
  for (const Sizes& sizes : all_sizes)
    for (const bool a_transposed : {false, true})
      for (const bool b_transposed : {false, true})
        check_product(library, gemm, sizes, a_transposed, b_transposed);
}

}  // namespace

void check_kernel(const Library& library) {
  check_products(library, library.sgemm);
  check_products(library, library.dgemm);
}

}  // namespace shardproof::blas
