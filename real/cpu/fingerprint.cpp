#include "real/cpu/fingerprint.hpp"

#include <xxhash.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <vector>

#include "real/cpu/attention.hpp"
#include "real/cpu/matmul.hpp"

namespace shardproof::real::cpu {

namespace {
/// Numbers in [-1, 1) with all bits in use: multiples of the golden ratio, modulo 2.
template <class C>
std::vector<C> sample(std::int64_t count, std::int64_t first) {
  std::vector<C> values(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double multiple =
        0.6180339887498949 * static_cast<double>(first + static_cast<std::int64_t>(i));
    values[i] = static_cast<C>(2.0 * (multiple - std::floor(multiple)) - 1.0);
  }
  return values;
}

class Hash {
 public:
  template <class C>
  void add(const std::vector<C>& values) {
    seed_ = XXH3_64bits_withSeed(values.data(), values.size() * sizeof(C), seed_);
  }
  std::string hex() const {
    std::array<char, 17> text{};
    std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(seed_));
    return text.data();
  }

 private:
  XXH64_hash_t seed_ = 0;
};

template <class C>
void add_products(Hash& hash) {
  constexpr std::int64_t shapes[][3] = {{1, 16, 64}, {7, 5, 3}, {64, 96, 128}, {130, 33, 257}};
  for (const auto& [m, n, k] : shapes) {
    const std::vector<C> a = sample<C>(m * k, 1);
    const std::vector<C> b = sample<C>(n * k, 7);
    std::vector<C> c(static_cast<std::size_t>(m * n));
    gemm<C>(m, n, k, {a.data(), k, false}, {b.data(), k, true}, c.data());
    hash.add(c);
    gemm<C>(m, n, k, {a.data(), m, true}, {b.data(), n, false}, c.data());
    hash.add(c);
  }
}

template <class C>
void add_functions(Hash& hash) {
  std::vector<C> results;
  for (const C x : sample<C>(1000, 3)) {
    results.push_back(std::exp(C{20} * x));
    results.push_back(std::log(C{1} + x * x));
  }
  hash.add(results);
}

template <class C>
void add_attention(Hash& hash) {
  constexpr AttentionExtents e{
      .B = 1, .T = 9, .h = 4, .hk = 2, .hd = 8, .vd = 8, .form = {.head_dim = 8}};
  const std::vector<C> q = sample<C>(e.T * e.h * e.hd, 11);
  const std::vector<C> k = sample<C>(e.T * e.hk * e.hd, 13);
  const std::vector<C> v = sample<C>(e.T * e.hk * e.hd, 17);
  std::vector<C> o(q.size());
  std::vector<C> lse(static_cast<std::size_t>(e.h * e.T));
  attention<C>(e, {q.data(), k.data(), v.data()}, o.data(), lse.data());
  hash.add(o);
  hash.add(lse);
}

template <class C>
void add_all(Hash& hash) {
  add_products<C>(hash);
  add_functions<C>(hash);
  add_attention<C>(hash);
}
}  // namespace

std::string fingerprint() {
  Hash hash;
  add_all<float>(hash);
  add_all<double>(hash);
  return hash.hex();
}

}  // namespace shardproof::real::cpu
