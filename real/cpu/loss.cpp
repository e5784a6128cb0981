#include <algorithm>
#include <cmath>

#include "real/cpu/kernel_lists.hpp"
#include "real/cpu/operands.hpp"

namespace shardproof::real::cpu {

namespace {

/// Tells the device of a label of V or more. What is below 0 counts for nothing.
bool labels_exist(Device& device, const KernelCall& call, const LossExtents& e) {
  const std::int64_t* labels = integers(call.in(1));
  const auto beyond = std::find_if(labels, labels + e.rows, [&](auto l) { return l >= e.V; });
  if (beyond == labels + e.rows) return true;
  on_cpu(device).tell({KernelError::Code::label, *beyond, e.V, call.tag});
  return false;
}

std::int64_t count_valid(const LossExtents& e, const std::int64_t* labels) {
  return std::count_if(labels, labels + e.rows, [](std::int64_t label) { return label >= 0; });
}

/// The largest logit of a row and the sum of the exponentials of the distances from it.
template <class C>
struct Softmax {
  C largest;
  C sum = 0;

  Softmax(const C* z, std::int64_t V) : largest(*std::max_element(z, z + V)) {
    for (std::int64_t j = 0; j < V; ++j) sum += std::exp(z[j] - largest);
  }
  C prediction(C z) const { return std::exp(z - largest) / sum; }
};

/// What is predicted where the logits themselves are held against one-hot.
template <class C>
struct PlainLogits {
  PlainLogits(const C*, std::int64_t) {}
  C prediction(C z) const { return z; }
};

/// Mean over the rows with label >= 0 of lse - logits[label], rows first to last;
/// lse = m + log(sum exp(z - m)). Without such a row the mean is NaN, as in PyTorch.
template <class C>
C cross_entropy(LossExtents extents, const C* logits, const std::int64_t* labels) {
  const std::int64_t valid = count_valid(extents, labels);
  C sum = 0;
  for (std::int64_t row = 0; row < extents.rows; ++row) {
    if (labels[row] < 0) continue;
    const C* z = logits + row * extents.V;
    const Softmax<C> softmax(z, extents.V);
    sum += (softmax.largest + std::log(softmax.sum)) - z[labels[row]];
  }
  return sum / static_cast<C>(valid);
}

void cross_entropy(Device& device, const KernelCall& call) {
  const LossExtents e(call.in(0), call.in(1));
  if (!labels_exist(device, call, e)) return;
  in_compute_type_of(call.in(0), device, call, [&](auto& o) {
    const auto loss = cross_entropy(e, o.in(0), integers(call.in(1)));
    set_scalar(call.out(), static_cast<double>(loss));
  });
}

/// dlogits = c * loss_scale * (prediction - onehot), c = grad_scale / valid rows in fp64, rounded
/// once; then every operation is.
template <class C, class Row>
void gradient(LossExtents extents, const C* logits, const std::int64_t* labels, C* dlogits,
              double grad_scale, C loss_scale) {
  const std::int64_t valid = count_valid(extents, labels);
  const C coefficient = static_cast<C>(grad_scale / static_cast<double>(valid)) * loss_scale;
  for (std::int64_t row = 0; row < extents.rows; ++row) {
    const C* z = logits + row * extents.V;
    C* dz = dlogits + row * extents.V;
    if (labels[row] < 0) {
      std::fill_n(dz, extents.V, C{0});
      continue;
    }
    const Row of_row(z, extents.V);
    for (std::int64_t j = 0; j < extents.V; ++j) {
      const C p = of_row.prediction(z[j]);
      dz[j] = coefficient * (j == labels[row] ? p - C{1} : p);
    }
  }
}

template <template <class> class Row>
void gradient(Device& device, const KernelCall& call) {
  const LossExtents e(call.in(0), call.in(1));
  expect_same_count(call.in(0), call.out());
  if (!labels_exist(device, call, e)) return;
  in_compute_type(device, call, [&]<class C>(Operands<C>& o) {
    gradient<C, Row<C>>(e, o.in(0), integers(call.in(1)), o.out(), call.attributes.grad_scale,
                        static_cast<C>(scalar_or_one(call, 2)));
  });
}

// ---- squared error -----------------------------------------------------------------------------

/// Half the mean over the rows with label >= 0 of |z - onehot|^2, rows and classes first to last.
template <class C>
C squared_error(LossExtents extents, const C* logits, const std::int64_t* labels) {
  C sum = 0;
  for (std::int64_t row = 0; row < extents.rows; ++row) {
    if (labels[row] < 0) continue;
    for (std::int64_t j = 0; j < extents.V; ++j) {
      const C distance = logits[row * extents.V + j] - (j == labels[row] ? C{1} : C{0});
      sum += distance * distance;
    }
  }
  return sum / static_cast<C>(2 * count_valid(extents, labels));
}

void squared_error(Device& device, const KernelCall& call) {
  const LossExtents e(call.in(0), call.in(1));
  if (!labels_exist(device, call, e)) return;
  in_compute_type_of(call.in(0), device, call, [&](auto& o) {
    const auto loss = squared_error(e, o.in(0), integers(call.in(1)));
    set_scalar(call.out(), static_cast<double>(loss));
  });
}

}  // namespace

std::span<const KernelRow> loss_kernels() {
  static constexpr KernelRow rows[] = {{OpKind::cross_entropy, cross_entropy},
                                       {OpKind::cross_entropy_backward, gradient<Softmax>},
                                       {OpKind::squared_error, squared_error},
                                       {OpKind::squared_error_backward, gradient<PlainLogits>}};
  return rows;
}

}  // namespace shardproof::real::cpu
