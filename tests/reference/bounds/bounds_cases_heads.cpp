// Cases of features by heads and blocks, and of weights that lie (I, O).
#include "bounds_builder.hpp"

namespace shardproof::testing {

using reference::UnitAttributes;
using reference::UnitKind;

void Builder::positions_of_tokens() {
  for (const double first : {0.0, 2.0})
    put(UnitKind::positions, {.offset = first}, {dice.tokens(e.B, e.T, e.V)}, {e.B, e.T},
        [first](CpuKernels& d, Arguments&, Stored& y) { d.positions(y.view(), first); })
        .precision.output = Dtype::int64;
}

// Queries, keys and values side by side: once in each head, once as three blocks.
void Builder::splits() {
  const std::vector<std::int64_t> in_heads{3, 5, 2}, blocks{3 * e.h, 5 * e.h, 2 * e.h};
  const Shape fused{e.B, e.T, 10 * e.h};
  for (const std::vector<std::int64_t>& parts : {in_heads, blocks}) {
    Arguments apart;
    for (const std::int64_t width : blocks) apart.push_back(draw({e.B, e.T, width}));
    for (std::size_t part = 0; part < parts.size(); ++part)
      put(UnitKind::split, {.parts = parts, .part = static_cast<std::int64_t>(part)}, {draw(fused)},
          apart[part].shape, [=](CpuKernels& d, Arguments& a, Stored& y) {
            Arguments outputs;
            for (const Stored& like : apart) outputs.emplace_back(y.dtype, like.shape);
            std::vector<real::TensorView> views;
            for (Stored& output : outputs) views.push_back(output.view());
            d.split(a[0].view(), views, parts);
            y = outputs[part];
          });
    put(UnitKind::join, {.parts = parts}, apart, fused,
        [parts](CpuKernels& d, Arguments& a, Stored& y) {
          std::vector<real::TensorView> views;
          for (Stored& input : a) views.push_back(input.view());
          d.join(views, y.view(), parts);
        });
  }
}

void Builder::repeated_heads() {
  const Shape one{e.B, e.T, e.hd}, all{e.B, e.T, e.C()};
  put(UnitKind::repeat_heads, {.extent = e.h}, {draw(one)}, all,
      [](CpuKernels& d, Arguments& a, Stored& y) { d.repeat_heads(a[0].view(), y.view()); });
  for (const std::int64_t width : {e.hd, e.C() / 2})
    put(UnitKind::sum_heads, {.head_dim = width}, {draw(all)}, {e.B, e.T, width},
        [](CpuKernels& d, Arguments& a, Stored& y) { d.sum_heads(a[0].view(), y.view()); });
}

void Builder::weights_in_out() {
  const Shape x{e.B, e.T, e.inner}, y{e.B, e.T, e.C()}, weight{e.inner, e.C()};
  constexpr WeightLayout layout = WeightLayout::in_out;
  const UnitAttributes attributes{.weight_layout = layout};
  put(UnitKind::matmul, attributes, {draw(x), draw(weight)}, y,
      [](CpuKernels& d, Arguments& a, Stored& out) {
        d.matmul(a[0].view(), a[1].view(), out.view(), layout);
      });
  put(UnitKind::matmul_backward_input, attributes, {draw(y), draw(weight)}, x,
      [](CpuKernels& d, Arguments& a, Stored& out) {
        d.matmul_backward_input(a[0].view(), a[1].view(), out.view(), layout);
      });
  put(UnitKind::matmul_backward_weight, attributes, {draw(y), draw(x)}, weight,
      [](CpuKernels& d, Arguments& a, Stored& out) {
        d.matmul_backward_weight(a[0].view(), a[1].view(), out.view(), layout);
      });
}

}  // namespace shardproof::testing
