// Cases of the ops that other families than Llama's compute.
#include "bounds_builder.hpp"

namespace shardproof::testing {

using reference::UnitAttributes;
using reference::UnitKind;

namespace {

// Rows whose mean is far larger than their spread: what LayerNorm takes off is most of them.
Stored far_from_zero(Stored x, double offset) {
  std::vector<double> values = x.values();
  for (double& value : values) value += offset;
  x.assign(values);
  return x;
}

}  // namespace

void Builder::layer_norms() {
  const Shape x{e.B, e.T, e.C()}, w{e.C()};
  constexpr double eps = 1e-5;
  const UnitAttributes attributes{.eps = eps};
  for (const double offset : {0.0, 10.0}) {
    const Stored rows = far_from_zero(draw(x), offset);
    put(UnitKind::layer_norm, attributes, {rows, draw(w), draw(w)}, x,
        [](CpuKernels& d, Arguments& a, Stored& y) {
          d.layer_norm(a[0].view(), a[1].view(), a[2].view(), y.view(), eps);
        });
    put(UnitKind::layer_norm_backward_input, attributes, {draw(x), rows, draw(w)}, x,
        [](CpuKernels& d, Arguments& a, Stored& y) {
          d.layer_norm_backward_input(a[0].view(), a[1].view(), a[2].view(), y.view(), eps);
        });
    put(UnitKind::layer_norm_backward_weight, attributes, {draw(x), rows}, w,
        [](CpuKernels& d, Arguments& a, Stored& y) {
          d.layer_norm_backward_weight(a[0].view(), a[1].view(), y.view(), eps);
        });
  }
}

void Builder::norms_of_heads() {
  const Shape x{e.B, e.T, e.C()}, w{e.hd};
  constexpr double eps = 1e-5;
  put(UnitKind::rms_norm, {.eps = eps}, {draw(x), draw(w)}, x,
      [](CpuKernels& d, Arguments& a, Stored& y) {
        d.rms_norm(a[0].view(), a[1].view(), y.view(), eps);
      });
  put(UnitKind::rms_norm_backward_input, {.eps = eps}, {draw(x), draw(x), draw(w)}, x,
      [](CpuKernels& d, Arguments& a, Stored& y) {
        d.rms_norm_backward_input(a[0].view(), a[1].view(), a[2].view(), y.view(), eps);
      });
  put(UnitKind::rms_norm_backward_weight, {.extent = e.hd, .eps = eps}, {draw(x), draw(x)}, w,
      [](CpuKernels& d, Arguments& a, Stored& y) {
        d.rms_norm_backward_weight(a[0].view(), a[1].view(), y.view(), eps);
      });
}

void Builder::gelu() {
  const Shape x{e.B, e.T, e.inner};
  for (const GeluForm form : {GeluForm::erf, GeluForm::tanh, GeluForm::tanh_bloom}) {
    put(UnitKind::gelu, {.gelu = form}, {draw(x)}, x,
        [form](CpuKernels& d, Arguments& a, Stored& y) { d.gelu(a[0].view(), y.view(), form); });
    put(UnitKind::gelu_backward, {.gelu = form}, {draw(x), draw(x)}, x,
        [form](CpuKernels& d, Arguments& a, Stored& y) {
          d.gelu_backward(a[0].view(), a[1].view(), y.view(), form);
        });
  }
}

void Builder::relu() {
  const Shape x{e.B, e.T, e.inner};
  put(UnitKind::relu, {}, {draw(x)}, x,
      [](CpuKernels& d, Arguments& a, Stored& y) { d.relu(a[0].view(), y.view()); });
  put(UnitKind::relu_backward, {}, {draw(x), draw(x)}, x,
      [](CpuKernels& d, Arguments& a, Stored& y) {
        d.relu_backward(a[0].view(), a[1].view(), y.view());
      });
}

void Builder::caps() {
  const Shape x{e.B, e.T, e.inner};
  put(UnitKind::product, {}, {draw(x), draw(x)}, x, [](CpuKernels& d, Arguments& a, Stored& y) {
    d.product(a[0].view(), a[1].view(), y.view());
  });
  for (const double cap : {3.0, 30.0}) {
    put(UnitKind::soft_cap, {.cap = cap}, {draw(x)}, x,
        [cap](CpuKernels& d, Arguments& a, Stored& y) { d.soft_cap(a[0].view(), y.view(), cap); });
    put(UnitKind::soft_cap_backward, {.cap = cap}, {draw(x), draw(x)}, x,
        [cap](CpuKernels& d, Arguments& a, Stored& y) {
          d.soft_cap_backward(a[0].view(), a[1].view(), y.view(), cap);
        });
  }
}

void Builder::sigmoids() {
  const Shape x{e.B, e.T, e.inner};
  put(UnitKind::sigmoid, {}, {draw(x)}, x,
      [](CpuKernels& d, Arguments& a, Stored& y) { d.sigmoid(a[0].view(), y.view()); });
  put(UnitKind::sigmoid_backward, {}, {draw(x), draw(x)}, x,
      [](CpuKernels& d, Arguments& a, Stored& y) {
        d.sigmoid_backward(a[0].view(), a[1].view(), y.view());
      });
}

// The weight's gradient is that of a weight that is not shifted.
void Builder::shifted_norms() {
  const Shape x{e.B, e.T, e.C()}, w{e.C()};
  constexpr double eps = 1e-5;
  put(UnitKind::rms_norm, {.eps = eps, .offset = 1}, {draw(x), draw(w)}, x,
      [](CpuKernels& d, Arguments& a, Stored& y) {
        d.rms_norm(a[0].view(), a[1].view(), y.view(), eps, 1);
      });
  put(UnitKind::rms_norm_backward_input, {.eps = eps, .offset = 1}, {draw(x), draw(x), draw(w)}, x,
      [](CpuKernels& d, Arguments& a, Stored& y) {
        d.rms_norm_backward_input(a[0].view(), a[1].view(), a[2].view(), y.view(), eps, 1);
      });
}

}  // namespace shardproof::testing
