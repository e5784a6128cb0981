// Cases of the positions and the attention that other families than Llama's compute.
#include <array>

#include "bounds_builder.hpp"

namespace shardproof::testing {

using reference::UnitAttributes;
using reference::UnitKind;

namespace {

RotaryFrequencies yarn(bool truncate) {
  RotaryFrequencies how{.theta = 10000, .scaling = RotaryScaling::yarn, .factor = 8};
  how.low = 0.1;
  how.high = 4;
  how.original_positions = 64;
  how.mscale = 1;
  how.mscale_all_dim = 0.5;
  how.truncate = truncate;
  return how;
}

RotaryFrequencies longrope(std::int64_t pairs) {
  RotaryFrequencies how{.theta = 10000, .scaling = RotaryScaling::longrope, .factor = 8};
  how.original_positions = 64;
  for (std::int64_t i = 0; i < pairs; ++i)
    how.divisors.push_back(1.0 + 0.7 * static_cast<double>(i + 1));
  return how;
}

}  // namespace

void Builder::other_positions() {
  const Shape table{e.T, e.hd / 4}, x{e.B, e.T, e.C()};  // half of each head is turned
  for (const RotaryFrequencies& frequencies :
       {RotaryFrequencies{.theta = 10000, .scaling = RotaryScaling::linear, .factor = 4},
        RotaryFrequencies{.theta = 10000,
        .scaling = RotaryScaling::llama3,
        .factor = 8,
        .low = 1,
        .high = 4,
        .original_positions = 64},
        yarn(true), yarn(false), longrope(e.hd / 4)}) {
    const UnitAttributes attributes{
        .head_dim = e.hd / 2, .extent = e.T, .frequencies = frequencies};
    put(UnitKind::rotary_table_cos, attributes, {}, table,
        [=](CpuKernels& d, Arguments&, Stored& y) {
          Stored other(y.dtype, y.shape);
          d.rotary_table(y.view(), other.view(), frequencies);
        });
    put(UnitKind::rotary_table_sin, attributes, {}, table,
        [=](CpuKernels& d, Arguments&, Stored& y) {
          Stored other(y.dtype, y.shape);
          d.rotary_table(other.view(), y.view(), frequencies);
        });
  }
  Stored cos(storage, table), sin(storage, table);
  CpuKernels().rotary_table(cos.view(), sin.view(), {.theta = 10000});
  for (const RotaryPairing pairing : {RotaryPairing::half, RotaryPairing::interleaved})
    for (const bool inverse : {false, true})
      put(inverse ? UnitKind::rotary_backward : UnitKind::rotary,
          {.head_dim = e.hd, .pairing = pairing}, {draw(x), cos, sin}, x,
          [=, hd = e.hd](CpuKernels& d, Arguments& a, Stored& y) {
            d.rotary(a[0].view(), a[1].view(), a[2].view(), y.view(), {hd, pairing}, inverse);
          });
  for (const std::int64_t heads : {8, 12}) {
    put(UnitKind::alibi_slopes, {.extent = heads, .heads = heads}, {}, {heads},
        [heads](CpuKernels& d, Arguments&, Stored& y) { d.alibi_slopes(heads, 0, y.view()); })
        .precision.output = compute();
    put(UnitKind::alibi_slopes, {.extent = 3, .heads = heads, .part = 5}, {}, {3},
        [heads](CpuKernels& d, Arguments&, Stored& y) { d.alibi_slopes(heads, 5, y.view()); })
        .precision.output = compute();
  }
}

namespace {

// q, k, v, o, lse and their gradients' runs, in any form.
struct AttentionCases {
  Builder& builder;
  AttentionForm form;
  bool biased;

  const Extents& e() const { return builder.e; }
  std::int64_t key_heads() const { return biased ? e().h : e().hk; }
  Shape q() const { return {e().B, e().T, e().h * form.head_dim}; }
  Shape k() const { return {e().B, e().T, key_heads() * form.head_dim}; }
  Shape v() const { return {e().B, e().T, key_heads() * form.value_dim()}; }
  Shape o() const { return {e().B, e().T, e().h * form.value_dim()}; }
  Shape rows() const { return {e().B, e().h, e().T}; }

  UnitAttributes attributes() const { return {.attention = form}; }
  void add_slopes(Arguments& arguments) const {
    if (!biased) return;
    Stored slopes(builder.compute(), {e().h});
    CpuKernels().alibi_slopes(e().h, 0, slopes.view());
    arguments.push_back(slopes);
  }

  void forward() {
    Arguments all{builder.draw(q()), builder.draw(k()), builder.draw(v())};
    add_slopes(all);
    const Shape of_lse = rows(), of_o = o(), of_v = v();
    builder.put(UnitKind::attention, attributes(), all, of_o,
                [=, how = form, dtype = builder.compute()](CpuKernels& d, Arguments& a, Stored& y) {
                  Stored lse(dtype, of_lse);
                  const auto slopes = a.size() > 3 ? a[3].view() : real::TensorView{};
                  d.attention(a[0].view(), a[1].view(), a[2].view(),
                              a.size() > 3 ? &slopes : nullptr, y.view(), lse.view(), how);
                });
    all.erase(all.begin() + 2);
    builder
        .put(UnitKind::attention_lse, attributes(), all, of_lse,
             [=, how = form](CpuKernels& d, Arguments& a, Stored& y) {
               Stored out(a[0].dtype, of_o), values(a[0].dtype, of_v);
               const auto slopes = a.size() > 2 ? a[2].view() : real::TensorView{};
               d.attention(a[0].view(), a[1].view(), values.view(),
                           a.size() > 2 ? &slopes : nullptr, out.view(), y.view(), how);
             })
        .precision.output = builder.compute();
  }

  void backward() {
    Arguments all{builder.draw(o()),
                  builder.draw(q()),
                  builder.draw(k()),
                  builder.draw(v()),
                  Stored(builder.storage, o()),
                  Stored(builder.compute(), rows())};
    add_slopes(all);
    const auto given = all.size() > 6 ? all[6].view() : real::TensorView{};
    CpuKernels().attention(all[1].view(), all[2].view(), all[3].view(), biased ? &given : nullptr,
                           all[4].view(), all[5].view(), form);
    const std::array<Shape, 3> shapes{q(), k(), v()};
    const UnitKind kinds[] = {UnitKind::attention_backward_q, UnitKind::attention_backward_k,
                              UnitKind::attention_backward_v};
    for (std::size_t which = 0; which < 3; ++which)
      builder.put(kinds[which], attributes(), all, shapes[which],
                  [=, how = form](CpuKernels& d, Arguments& a, Stored& y) {
                    Arguments gradients;
                    for (const Shape& shape : shapes) gradients.emplace_back(y.dtype, shape);
                    const auto slopes = a.size() > 6 ? a[6].view() : real::TensorView{};
                    d.attention_backward(a[0].view(), a[1].view(), a[2].view(), a[3].view(),
                                         a[4].view(), a[5].view(), a.size() > 6 ? &slopes : nullptr,
                                         gradients[0].view(), gradients[1].view(),
                                         gradients[2].view(), how);
                    y = gradients[which];
                  });
  }
};

}  // namespace

void Builder::other_attention() {
  const AttentionForm of_latent_heads{.head_dim = e.hd, .v_head_dim = e.hd / 2, .scale = 0.1};
  const AttentionForm with_window{.head_dim = e.hd, .window = 7};
  const AttentionForm plain{.head_dim = e.hd};
  for (AttentionCases cases :
       {AttentionCases{*this, of_latent_heads, false}, AttentionCases{*this, with_window, false},
        AttentionCases{*this, plain, true}}) {
    cases.forward();
    cases.backward();
  }
}

void Builder::capped_attention() {
  AttentionCases cases{*this, {.head_dim = e.hd, .cap = 5}, false};
  cases.forward();
  cases.backward();
}

}  // namespace shardproof::testing
