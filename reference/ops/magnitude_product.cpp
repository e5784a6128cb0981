#include "reference/ops/magnitude_product.hpp"

#include <limits>

namespace shardproof::reference {

MagnitudeBound magnitude_bound(std::int64_t K) {
  const auto terms = static_cast<double>(K);
  const double lost = terms * 0x1p-24;  // exact, as 1 - lost is
  const double factor =
      lost < 0.5 ? 1 / (1 - lost) * (1 + 0x1p-50) : std::numeric_limits<double>::infinity();
  return {factor, terms * 0x1p-126};
}

void magnitude_product(const FactorOf<float>& a, const FactorOf<float>& b, std::span<float> c) {
  product(a, b, c);
}

}  // namespace shardproof::reference
