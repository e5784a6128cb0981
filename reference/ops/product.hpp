#pragma once

#include <cstdint>
#include <span>

namespace shardproof::reference {

/// One factor of a matrix product: a row-major matrix, read as it stands or transposed.
template <class T>
struct FactorOf {
  std::span<const T> values;
  std::int64_t rows = 0;  // as stored
  std::int64_t columns = 0;
  bool transposed = false;

  std::int64_t height() const { return transposed ? columns : rows; }
  std::int64_t width() const { return transposed ? rows : columns; }
  T at(std::int64_t i, std::int64_t j) const {
    return values[static_cast<std::size_t>(transposed ? j * columns + i : i * columns + j)];
  }
};
using Factor = FactorOf<double>;

/// c (a.height, b.width) = a b in fp64, by OpenBLAS, or by plain loops inside a PlainLoops scope.
/// Eight elements of every BLAS product are computed again by a plain loop; a disagreement beyond
/// what rounding explains is an InvariantError. Threads may call it at once, also where the library
/// itself may not be; a product has the same bits whatever other threads do.
void product(const Factor& a, const Factor& b, std::span<double> c);
/// The same in fp32.
void product(const FactorOf<float>& a, const FactorOf<float>& b, std::span<float> c);

/// That in fp64 by three loops, every sum from the first term to the last.
void plain_product(const Factor& a, const Factor& b, std::span<double> c);

/// While one is alive, this thread's products are plain loops: the witness for the BLAS.
class PlainLoops {
 public:
  PlainLoops();
  ~PlainLoops();
  PlainLoops(const PlainLoops&) = delete;
  PlainLoops& operator=(const PlainLoops&) = delete;

 private:
  bool outer_;
};

namespace detail {
/// Recomputes eight elements of c = a b. Throws InvariantError.
template <class T>
void spot_check(const FactorOf<T>& a, const FactorOf<T>& b, std::span<const T> c);
}  // namespace detail

}  // namespace shardproof::reference
