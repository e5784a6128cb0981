// The ops of CpuBackend that choose experts, hand them their tokens and take those back.
#include <cstring>
#include <memory>

#include "real/cpu/backend.hpp"
#include "real/cpu/dispatch.hpp"
#include "real/cpu/experts.hpp"

namespace shardproof::real {

using namespace cpu;

namespace {

std::span<std::int64_t> choices_of(const TensorView& selected) {
  return {integers(selected), static_cast<std::size_t>(selected.elements())};
}

ExpertPlaces places(const TensorView& selected, std::span<const TensorView> rows,
                    std::int64_t width, ExpertRows order) {
  ExpertPlaces at(choices_of(selected), last_extent(selected), std::ssize(rows), order);
  for (std::size_t e = 0; e < rows.size(); ++e)
    SHARDPROOF_EXPECTS((rows[e].shape == Shape{at.rows[e], width}), "expert", e, "of rows",
                       at.rows[e], "has", to_string(rows[e].shape));
  return at;
}

// All experts' rows in the compute type.
template <class C, template <class> class Operand>
struct Converted {
  std::vector<std::unique_ptr<Operand<C>>> operands;

  Converted(Scratch& scratch, std::span<const TensorView> rows) {
    for (const TensorView& view : rows)
      operands.push_back(std::make_unique<Operand<C>>(scratch, view));
  }
  auto data() const {
    std::vector<decltype(operands[0]->data())> pointers;
    for (const auto& operand : operands) pointers.push_back(operand->data());
    return pointers;
  }
};

struct RouteExtents {
  std::int64_t tokens, experts, choices;

  RouteExtents(const TensorView& logits, const TensorView& selected, const TensorView& weights)
      : tokens(leading_rows(logits)), experts(last_extent(logits)), choices(last_extent(selected)) {
    SHARDPROOF_EXPECTS(leading_rows(selected) == tokens && weights.shape == selected.shape &&
                           choices > 0 && choices <= experts,
                       to_string(logits.shape), to_string(selected.shape),
                       to_string(weights.shape));
  }
  template <class T>
  std::span<T> row(T* data, std::int64_t token, std::int64_t width) const {
    return {data + token * width, static_cast<std::size_t>(width)};
  }
};

}  // namespace

void CpuBackend::route(View logits, View selected, View weights, RouteForm form, double factor) {
  const RouteExtents e(logits, selected, weights);
  with_compute_type(weights, [&]<class C>(C) {
    const Input<C> in(scratch_, logits);
    Output<C> out(scratch_, weights);
    for (std::int64_t n = 0; n < e.tokens; ++n) {
      const auto token = e.row(in.data(), n, e.experts);
      const auto chosen = e.row(integers(selected), n, e.choices);
      choose<C>(token, chosen);
      weigh<C>(token, chosen, form, factor, out.data() + n * e.choices);
    }
    out.store();
  });
}

void CpuBackend::route_backward(View dweights, View logits, View selected, View dlogits,
                                RouteForm form, double factor) {
  const RouteExtents e(logits, selected, dweights);
  expect_same_count(logits, dlogits);
  for (const std::int64_t expert : choices_of(selected))
    SHARDPROOF_EXPECTS(expert >= 0 && expert < e.experts, "expert", expert, "of", e.experts);
  with_compute_type(dlogits, [&]<class C>(C) {
    const Input<C> upstream(scratch_, dweights), in(scratch_, logits);
    Output<C> out(scratch_, dlogits);
    for (std::int64_t n = 0; n < e.tokens; ++n)
      weigh_backward<C>(upstream.data() + n * e.choices, e.row(in.data(), n, e.experts),
                        e.row(integers(selected), n, e.choices), form, factor,
                        out.data() + n * e.experts);
    out.store();
  });
}

void CpuBackend::moe_dispatch(View x, View selected, std::span<const TensorView> rows,
                              ExpertRows order) {
  const std::int64_t width = last_extent(x);
  const ExpertPlaces at = places(selected, rows, width, order);
  SHARDPROOF_EXPECTS(leading_rows(x) == at.tokens, to_string(x.shape), to_string(selected.shape));
  const std::size_t bytes = static_cast<std::size_t>(width) * size_bytes(x.dtype);
  for (std::size_t i = 0; i < at.expert.size(); ++i) {
    const TensorView& to = rows[static_cast<std::size_t>(at.expert[i])];
    SHARDPROOF_EXPECTS(to.dtype == x.dtype, name_of(to.dtype), name_of(x.dtype));
    std::memcpy(to.data + static_cast<std::size_t>(at.row[i]) * bytes,
                x.data + i / static_cast<std::size_t>(at.choices) * bytes, bytes);
  }
}

void CpuBackend::moe_dispatch_backward(View selected, std::span<const TensorView> drows, View dx,
                                       ExpertRows order) {
  const std::int64_t width = last_extent(dx);
  const ExpertPlaces at = places(selected, drows, width, order);
  SHARDPROOF_EXPECTS(leading_rows(dx) == at.tokens, to_string(dx.shape));
  with_compute_type(dx, [&]<class C>(C) {
    const Converted<C, Input> in(scratch_, drows);
    Output<C> out(scratch_, dx);
    combine<C>(at, width, in.data(), nullptr, out.data());
    out.store();
  });
}

void CpuBackend::moe_combine(View selected, View weights, std::span<const TensorView> rows, View y,
                             ExpertRows order) {
  const std::int64_t width = last_extent(y);
  const ExpertPlaces at = places(selected, rows, width, order);
  SHARDPROOF_EXPECTS(leading_rows(y) == at.tokens && weights.shape == selected.shape,
                     to_string(y.shape), to_string(weights.shape));
  with_compute_type(y, [&]<class C>(C) {
    const Converted<C, Input> in(scratch_, rows);
    const Input<C> w(scratch_, weights);
    Output<C> out(scratch_, y);
    combine<C>(at, width, in.data(), w.data(), out.data());
    out.store();
  });
}

void CpuBackend::moe_combine_backward(View dy, View selected, View weights,
                                      std::span<const TensorView> rows, View dweights,
                                      std::span<const TensorView> drows, ExpertRows order) {
  const std::int64_t width = last_extent(dy);
  const ExpertPlaces at = places(selected, rows, width, order);
  places(selected, drows, width, order);
  SHARDPROOF_EXPECTS(leading_rows(dy) == at.tokens && weights.shape == selected.shape &&
                         dweights.shape == selected.shape,
                     to_string(dy.shape), to_string(weights.shape), to_string(dweights.shape));
  with_compute_type(dweights, [&]<class C>(C) {
    const Converted<C, Input> in(scratch_, rows);
    const Input<C> upstream(scratch_, dy), w(scratch_, weights);
    Output<C> out(scratch_, dweights);
    const Converted<C, Output> back(scratch_, drows);
    combine_backward<C>(at, width, upstream.data(), w.data(), in.data(), out.data(), back.data());
    out.store();
    for (const auto& expert : back.operands) expert->store();
  });
}

}  // namespace shardproof::real
