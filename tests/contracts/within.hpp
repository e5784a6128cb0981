#pragma once

#include <boost/test/unit_test.hpp>
#include <string>

#include "tests/contracts/device_under_test.hpp"
#include "tests/contracts/naive_ops.hpp"

namespace shardproof::contract {

/// RN(f - b - e) <= r <= RN(f + b + e) with b = roundings * u * S and e the same in fp64, where RN
/// rounds to the dtype of the result.
inline void expect_within(const Values& got, const Naive& f, Dtype dtype, double roundings,
                          const std::string& what) {
  BOOST_REQUIRE(got.size() == f.value.size());
  const double u = unit_roundoff(compute_of(dtype)) + 4 * unit_roundoff(Dtype::fp64);
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double slack = roundings * u * f.magnitude[i] + 0x1p-149;
    const bool inside = round_to(dtype, f.value[i] - slack) <= got[i] &&
                        got[i] <= round_to(dtype, f.value[i] + slack);
    BOOST_TEST(inside, what << " " << name_of(dtype) << " [" << i << "]: " << got[i]
                            << ", expected " << f.value[i] << " +- " << slack);
    if (!inside) return;
  }
}

}  // namespace shardproof::contract
