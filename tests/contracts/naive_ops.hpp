#pragma once

// Straightforward evaluations in fp64, each returning the value f of every element and a magnitude
// S such that a kernel computing in precision u may be off by at most about k * u * S before its
// last rounding, k being the number of roundings on the longest path (bounds-annex.md).

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace shardproof::contract {

struct Naive {
  std::vector<double> value;
  std::vector<double> magnitude;

  explicit Naive(std::int64_t count)
      : value(static_cast<std::size_t>(count)), magnitude(static_cast<std::size_t>(count)) {}
  void add(std::int64_t i, double term) { add(i, term, std::fabs(term)); }
  void add(std::int64_t i, double term, double size) {
    value[static_cast<std::size_t>(i)] += term;
    magnitude[static_cast<std::size_t>(i)] += size;
  }
};

/// Reads a tensor by flat index.
using Reader = const std::vector<double>&;
inline double at(Reader x, std::int64_t i) { return x[static_cast<std::size_t>(i)]; }

/// c[m][n] = sum over k of a(m, k) * b(k, n).
template <class A, class B>
Naive naive_product(std::int64_t M, std::int64_t N, std::int64_t K, A a, B b) {
  Naive c(M * N);
  for (std::int64_t m = 0; m < M; ++m)
    for (std::int64_t n = 0; n < N; ++n)
      for (std::int64_t k = 0; k < K; ++k) c.add(m * N + n, a(m, k) * b(k, n));
  return c;
}

inline double naive_rms(Reader x, std::int64_t row, std::int64_t H, double eps) {
  double sum = 0;
  for (std::int64_t i = 0; i < H; ++i) sum += at(x, row * H + i) * at(x, row * H + i);
  return std::sqrt(sum / static_cast<double>(H) + eps);
}

inline Naive naive_rms_norm(std::int64_t rows, std::int64_t H, Reader x, Reader w, double eps) {
  Naive y(rows * H);
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t i = 0; i < H; ++i)
      y.add(r * H + i, at(w, i) * at(x, r * H + i) / naive_rms(x, r, H, eps));
  return y;
}

/// By the quotient rule, not by the kernel's formula:
/// dy_j w_j x_j / rms has d/dx_i = [i=j] w_j dy_j / rms - w_j dy_j x_j x_i / (H rms^3).
inline Naive naive_rms_norm_backward_input(std::int64_t rows, std::int64_t H, Reader dy, Reader x,
                                           Reader w, double eps) {
  Naive dx(rows * H);
  for (std::int64_t r = 0; r < rows; ++r) {
    const double rms = naive_rms(x, r, H, eps);
    for (std::int64_t i = 0; i < H; ++i) {
      dx.add(r * H + i, at(dy, r * H + i) * at(w, i) / rms);
      for (std::int64_t j = 0; j < H; ++j)
        dx.add(r * H + i, -at(dy, r * H + j) * at(w, j) * at(x, r * H + j) * at(x, r * H + i) /
                              (static_cast<double>(H) * rms * rms * rms));
    }
  }
  return dx;
}

inline Naive naive_rms_norm_backward_weight(std::int64_t rows, std::int64_t H, Reader dy, Reader x,
                                            double eps) {
  Naive dw(H);
  for (std::int64_t r = 0; r < rows; ++r)
    for (std::int64_t i = 0; i < H; ++i)
      dw.add(i, at(dy, r * H + i) * at(x, r * H + i) / naive_rms(x, r, H, eps));
  return dw;
}

struct NaiveAttention {
  std::int64_t B, T, h, hk, hd;
  Reader q, k, v;

  std::int64_t of_q(std::int64_t b, std::int64_t t, std::int64_t head, std::int64_t d) const {
    return ((b * T + t) * h + head) * hd + d;
  }
  std::int64_t of_k(std::int64_t b, std::int64_t t, std::int64_t head, std::int64_t d) const {
    return ((b * T + t) * hk + head * hk / h) * hd + d;
  }
  double score(std::int64_t b, std::int64_t head, std::int64_t i, std::int64_t j) const {
    double sum = 0;
    for (std::int64_t d = 0; d < hd; ++d)
      sum += at(q, of_q(b, i, head, d)) * at(k, of_k(b, j, head, d));
    return sum / std::sqrt(static_cast<double>(hd));
  }
  double lse(std::int64_t b, std::int64_t head, std::int64_t i) const {
    double sum = 0;
    for (std::int64_t j = 0; j <= i; ++j) sum += std::exp(score(b, head, i, j));
    return std::log(sum);
  }
  double probability(std::int64_t b, std::int64_t head, std::int64_t i, std::int64_t j) const {
    return j > i ? 0 : std::exp(score(b, head, i, j) - lse(b, head, i));
  }

  template <class Visit>
  void for_each_pair(Visit visit) const {
    for (std::int64_t b = 0; b < B; ++b)
      for (std::int64_t head = 0; head < h; ++head)
        for (std::int64_t i = 0; i < T; ++i)
          for (std::int64_t j = 0; j <= i; ++j) visit(b, head, i, j);
  }

  Naive output() const {
    Naive o(B * T * h * hd);
    for_each_pair([&](auto b, auto head, auto i, auto j) {
      const double p = probability(b, head, i, j);
      for (std::int64_t d = 0; d < hd; ++d)
        o.add(of_q(b, i, head, d), p * at(v, of_k(b, j, head, d)));
    });
    return o;
  }

  /// Through the full Jacobian of the softmax: dS_ij = sum_m p_ij ([j=m] - p_im) dP_im.
  struct Gradients {
    Naive dq, dk, dv;
  };
  Gradients backward(Reader dout) const {
    Gradients g{Naive(B * T * h * hd), Naive(B * T * hk * hd), Naive(B * T * hk * hd)};
    const auto d_probability = [&](auto b, auto head, auto i, auto m) {
      double sum = 0;
      for (std::int64_t d = 0; d < hd; ++d)
        sum += at(dout, of_q(b, i, head, d)) * at(v, of_k(b, m, head, d));
      return sum;
    };
    for_each_pair([&](auto b, auto head, auto i, auto j) {
      const double p = probability(b, head, i, j);
      double ds = 0;
      double size = 0;
      for (std::int64_t m = 0; m <= i; ++m) {
        const double term =
            p * ((j == m ? 1.0 : 0.0) - probability(b, head, i, m)) * d_probability(b, head, i, m);
        ds += term;
        size += std::fabs(term);
      }
      ds /= std::sqrt(static_cast<double>(hd));
      size = (size + p) * 4;  // p: dP and D are sums of products of numbers below 2
      for (std::int64_t d = 0; d < hd; ++d) {
        const auto qi = of_q(b, i, head, d);
        const auto kj = of_k(b, j, head, d);
        g.dq.add(qi, ds * at(k, kj), size * std::fabs(at(k, kj)));
        g.dk.add(kj, ds * at(q, qi), size * std::fabs(at(q, qi)));
        g.dv.add(kj, p * at(dout, qi));
      }
    });
    return g;
  }
};

}  // namespace shardproof::contract
