// Causal attention, a block for each query, or, in the gradients of keys and values, for each key:
//
//   s = scale * (q . k), capped where there is a cap, + slope * j, m = max s, p = exp(s - m), l = sum p, o = (sum p v) / l,
//   lse = m + log l
//   p = exp(s - lse), dP = dout . v, D = dout . o, dS = scale * (p * (dP - D)), times 1 - t^2 where
//   a score is cap * t,
//   dq = sum dS k over keys, dk = sum dS q and dv = sum p dout over the heads of the group and in
//   each over the queries
//
// Vaswani et al. 2017, arXiv:1706.03762, eq. 1; Dao et al. 2022, arXiv:2205.14135, B.4; ALiBi's
// bias is that of real/cpu/attention.hpp. Scores are not stored: each thread computes that of its
// own key (or query), kThreads of them at a time, and again where they are needed again. Sums over
// features and those over keys and queries run from first to last; l is the sum over the threads,
// each with every kThreads-th key, of block_sum. Nothing is added by two blocks: no atomics.
#include <cmath>

#include "real/attention_extents.hpp"
#include "real/cuda/functions.hpp"
#include "real/cuda/kernel_lists.hpp"
#include "real/cuda/launch.hpp"

namespace shardproof::real::SHARDPROOF_GPU {

namespace {

/// A token of one head of one sequence.
struct Token {
  std::int64_t b;
  std::int64_t head;
  std::int64_t t;

  /// Row `row` of (B, heads, T).
  __device__ Token(std::int64_t row, std::int64_t heads, std::int64_t T)
      : b(row / T / heads), head(row / T % heads), t(row % T) {}
};

template <class C>
struct Attention {
  AttentionExtents e;
  C scale;
  C cap;  // 0: none
  Input<C> q;
  Input<C> k;
  Input<C> v;
  Input<C> slopes;  // null: none

  /// q, k, v are inputs `first` and the next two, slopes input number `slopes`, if there is one.
  Attention(const KernelCall& call, const AttentionExtents& extents, std::size_t first,
            std::size_t slopes_at)
      : e(extents),
        scale(static_cast<C>(e.form.score_scale())),
        cap(static_cast<C>(e.form.cap)),
        q(call.in(first)),
        k(call.in(first + 1)),
        v(call.in(first + 2)) {
    if (!call.has_input(slopes_at)) return;
    expect_slopes(call.in(slopes_at), e);
    slopes = Input<C>(call.in(slopes_at));
  }

  __device__ std::int64_t query_at(const Token& query) const {
    return e.queries().at(query.b, query.t, query.head);
  }
  __device__ std::int64_t output_at(const Token& query) const {
    return e.outputs().at(query.b, query.t, query.head);
  }
  /// Of the key, and of the value, at position j that a query sees.
  __device__ std::int64_t key_at(const Token& query, std::int64_t j) const {
    return e.keys().at(query.b, j, query.head / (e.h / e.hk));
  }
  __device__ std::int64_t value_at(const Token& query, std::int64_t j) const {
    return e.values().at(query.b, j, query.head / (e.h / e.hk));
  }

  /// What a cap is multiplied by, or where there is none, the score without a slope.
  __device__ C bare_score(const Token& query, std::int64_t j) const {
    const std::int64_t from = query_at(query), to = key_at(query, j);
    C sum = 0;
    for (std::int64_t d = 0; d < e.hd; ++d) sum += q[from + d] * k[to + d];
    sum *= scale;
    return cap == C{0} ? sum : tanh_of(sum / cap);
  }
  __device__ C score_from(C bare, const Token& query, std::int64_t j) const {
    const C sum = cap == C{0} ? bare : cap * bare;
    return slopes.is_null() ? sum : sum + slopes[query.head] * static_cast<C>(j);
  }
  __device__ C score(const Token& query, std::int64_t j) const {
    return score_from(bare_score(query, j), query, j);
  }
};

/// How many of `count` things are left for a block from `begin` on.
__device__ inline int next_part(std::int64_t begin, std::int64_t count) {
  return count - begin < kThreads ? static_cast<int>(count - begin) : kThreads;
}

template <class C>
__global__ void attention_kernel(Attention<C> a, Output<C> o, Output<C> lse) {
  __shared__ Shared<C, kThreads> p;
  const AttentionExtents& e = a.e;
  const int thread = static_cast<int>(threadIdx.x);
  for (std::int64_t row = blockIdx.x; row < e.B * e.h * e.T; row += gridDim.x) {
    const Token query(row, e.h, e.T);
    const std::int64_t first = e.form.first_key(query.t), keys = query.t + 1 - first;
    C largest = -INFINITY;
    for (std::int64_t j = thread; j < keys; j += kThreads)
      largest = larger(largest, a.score(query, first + j));
    largest = block_max(largest);

    C sum = 0;
    for (std::int64_t begin = 0; begin < e.vd; begin += kThreads) {
      const std::int64_t feature = begin + thread;
      C weighted = 0;
      for (std::int64_t j = 0; j < keys; j += kThreads) {
        const int part = next_part(j, keys);
        const C mine = thread < part ? exp_of(a.score(query, first + j + thread) - largest) : C{0};
        p[thread] = mine;
        if (begin == 0) sum += mine;
        __syncthreads();
        if (feature < e.vd)
          for (int i = 0; i < part; ++i)
            weighted += p[i] * a.v[a.value_at(query, first + j + i) + feature];
        __syncthreads();  // before the next probabilities
      }
      if (begin == 0) sum = block_sum(sum);
      if (feature < e.vd) o.set(a.output_at(query) + feature, weighted / sum);
    }
    if (thread == 0) lse.set(row, largest + log_of(sum));
  }
}

template <class C>
struct AttentionBackward {
  Attention<C> a;
  Input<C> dout;
  Input<C> o;
  Input<C> lse;

  struct Gradient {
    C p;
    C ds;
  };
  /// Of the score of the key at position j.
  __device__ Gradient of(const Token& query, std::int64_t j) const {
    const std::int64_t output = a.output_at(query), value = a.value_at(query, j);
    C dp = 0, D = 0;
    for (std::int64_t d = 0; d < a.e.vd; ++d) {
      const C upstream = dout[output + d];
      dp += upstream * a.v[value + d];
      D += upstream * o[output + d];
    }
    const std::int64_t row = (query.b * a.e.h + query.head) * a.e.T + query.t;
    const C bare = a.bare_score(query, j);
    const C p = exp_of(a.score_from(bare, query, j) - lse[row]);
    const C ds = a.scale * (p * (dp - D));
    return {p, a.cap == C{0} ? ds : ds * (C{1} - bare * bare)};
  }
};

template <class C>
__global__ void query_gradients_kernel(AttentionBackward<C> from, Output<C> dq) {
  __shared__ Shared<C, kThreads> ds;
  const Attention<C>& a = from.a;
  const AttentionExtents& e = a.e;
  const int thread = static_cast<int>(threadIdx.x);
  for (std::int64_t row = blockIdx.x; row < e.B * e.h * e.T; row += gridDim.x) {
    const Token query(row, e.h, e.T);
    const std::int64_t first = e.form.first_key(query.t), keys = query.t + 1 - first;
    for (std::int64_t begin = 0; begin < e.hd; begin += kThreads) {
      const std::int64_t feature = begin + thread;
      C sum = 0;
      for (std::int64_t j = 0; j < keys; j += kThreads) {
        const int part = next_part(j, keys);
        if (thread < part) ds[thread] = from.of(query, first + j + thread).ds;
        __syncthreads();
        if (feature < e.hd)
          for (int i = 0; i < part; ++i)
            sum += ds[i] * a.k[a.key_at(query, first + j + i) + feature];
        __syncthreads();  // before the next gradients
      }
      if (feature < e.hd) dq.set(a.query_at(query) + feature, sum);
    }
  }
}

template <class C>
__global__ void key_gradients_kernel(AttentionBackward<C> from, Output<C> dk, Output<C> dv) {
  __shared__ Shared<C, kThreads> p;
  __shared__ Shared<C, kThreads> ds;
  const Attention<C>& a = from.a;
  const AttentionExtents& e = a.e;
  const int thread = static_cast<int>(threadIdx.x);
  const std::int64_t features = e.hd > e.vd ? e.hd : e.vd;
  for (std::int64_t row = blockIdx.x; row < e.B * e.hk * e.T; row += gridDim.x) {
    const Token key(row, e.hk, e.T);
    const std::int64_t queries = e.form.last_query(key.t, e.T) + 1 - key.t;
    for (std::int64_t begin = 0; begin < features; begin += kThreads) {
      const std::int64_t feature = begin + thread;
      C key_sum = 0, value_sum = 0;
      for (std::int64_t in_group = 0; in_group < e.h / e.hk; ++in_group)
        for (std::int64_t i = 0; i < queries; i += kThreads) {
          Token query = key;
          query.head = key.head * (e.h / e.hk) + in_group;
          const int part = next_part(i, queries);
          if (thread < part) {
            query.t = key.t + i + thread;
            const auto gradient = from.of(query, key.t);
            p[thread] = gradient.p;
            ds[thread] = gradient.ds;
          }
          __syncthreads();
          for (int n = 0; n < part; ++n) {
            query.t = key.t + i + n;
            if (feature < e.hd) key_sum += ds[n] * a.q[a.query_at(query) + feature];
            if (feature < e.vd) value_sum += p[n] * from.dout[a.output_at(query) + feature];
          }
          __syncthreads();  // before the next gradients
        }
      if (feature < e.hd) dk.set(e.keys().at(key.b, key.t, key.head) + feature, key_sum);
      if (feature < e.vd) dv.set(e.values().at(key.b, key.t, key.head) + feature, value_sum);
    }
  }
}

/// With n the largest power of two <= heads, 2^(-8 i/n) for i = 1 ... n, then every other one of
/// those for 2n heads: 2^(-4 i/n) for i = 1, 3, 5 ...
__global__ void alibi_slopes_kernel(std::int64_t n, std::int64_t first, std::int64_t count,
                                    Output<double> slopes) {
  for (std::int64_t i = first_element(); i < count; i += grid_threads()) {
    const std::int64_t head = first + i;
    const auto power = static_cast<double>(head < n ? head + 1 : 2 * (head - n) + 1);
    slopes.set(i, std::exp2((head < n ? -8.0 : -4.0) * power / static_cast<double>(n)));
  }
}

void alibi_slopes(Device& device, const KernelCall& call) {
  const std::int64_t heads = call.attributes.heads, first = call.attributes.first_head;
  const std::int64_t count = call.out().elements();
  SHARDPROOF_EXPECTS(first >= 0 && first + count <= heads, first, to_string(call.out().shape),
                     heads);
  std::int64_t n = 1;
  while (2 * n <= heads) n *= 2;
  launch_elements(device, call, count, alibi_slopes_kernel, n, first, count,
                  Output<double>(call.out()));
}

void attention(Device& device, const KernelCall& call) {
  const TensorView &o = call.out(0), &lse = call.out(1);
  const AttentionExtents e =
      attention_extents(call.in(0), call.in(1), call.in(2), lse, call.attributes.attention);
  expect_like_output(o, e);
  in_compute_type_of(o, [&]<class C>(C) {
    launch_rows(device, call, e.B * e.h * e.T, attention_kernel<C>, Attention<C>(call, e, 0, 3),
                Output<C>(o), Output<C>(lse));
  });
}

void attention_backward(Device& device, const KernelCall& call) {
  const TensorView &dout = call.in(0), &o = call.in(4), &lse = call.in(5);
  const AttentionExtents e =
      attention_extents(call.in(1), call.in(2), call.in(3), lse, call.attributes.attention);
  for (std::size_t i = 0; i < 3; ++i) expect_same_count(call.out(i), call.in(i + 1));
  expect_like_output(dout, e);
  expect_like_output(o, e);
  in_compute_type_of(call.out(), [&]<class C>(C) {
    const AttentionBackward<C> from{Attention<C>(call, e, 1, 6), Input<C>(dout), Input<C>(o),
                                    Input<C>(lse)};
    launch_rows(device, call, e.B * e.h * e.T, query_gradients_kernel<C>, from,
                Output<C>(call.out(0)));
    launch_rows(device, call, e.B * e.hk * e.T, key_gradients_kernel<C>, from,
                Output<C>(call.out(1)), Output<C>(call.out(2)));
  });
}

}  // namespace

std::span<const KernelRow> attention_kernels() {
  static constexpr KernelRow rows[] = {{OpKind::alibi_slopes, alibi_slopes},
                                       {OpKind::attention, attention},
                                       {OpKind::attention_backward, attention_backward}};
  return rows;
}

}  // namespace shardproof::real::SHARDPROOF_GPU
