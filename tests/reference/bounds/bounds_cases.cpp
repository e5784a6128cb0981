#include <algorithm>
#include <cmath>
#include <set>

#include "bounds_builder.hpp"

namespace shardproof::testing {

using reference::UnitAttributes;
using reference::UnitKind;

Stored::Stored(Dtype d, Shape s)
    : dtype(d),
      shape(std::move(s)),
      bytes(static_cast<std::size_t>(element_count(shape)) * size_bytes(dtype)) {}

std::vector<double> Stored::values() const {
  std::vector<double> result(bytes.size() / size_bytes(dtype));
  decode(dtype, bytes, result);
  return result;
}

void Stored::assign(std::span<const double> values) { encode(dtype, values, bytes); }

const char* name_of(Distribution distribution) {
  constexpr const char* names[] = {"normal", "heavy-tailed", "cancelling", "tiny", "large"};
  return names[static_cast<std::size_t>(distribution)];
}

Stored Dice::tensor(Dtype dtype, Shape shape, Distribution distribution) {
  Stored stored(dtype, std::move(shape));
  std::vector<double> values(static_cast<std::size_t>(element_count(stored.shape)));
  std::normal_distribution<double> normal;
  // Tiny: among the subnormals, or sums there. Large: far from one; in fp16, sums overflow.
  const bool half = dtype == Dtype::fp16, wide = dtype == Dtype::fp64;
  const int lowest = half ? -20 : wide ? -1040 : -128, highest = half ? 6 : wide ? 300 : 40;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double x = normal(random_);
    switch (distribution) {
      case Distribution::normal: values[i] = x; break;
      case Distribution::heavy_tailed: values[i] = x * std::exp(2 * normal(random_)); break;
      // Pairs that nearly annul each other: sums far smaller than their terms.
      case Distribution::cancelling:
        values[i] = i % 2 == 0 ? 8 * x : -values[i - 1] * (1 + 0x1p-7 * x);
        break;
      case Distribution::tiny: values[i] = std::ldexp(x, lowest); break;
      case Distribution::large: values[i] = std::ldexp(x, highest); break;
    }
    if (half) values[i] = std::clamp(values[i], -65504.0, 65504.0);
  }
  stored.assign(values);
  return stored;
}

Stored Dice::positive(Dtype dtype, Shape shape, Distribution distribution) {
  Stored stored = tensor(dtype, std::move(shape), distribution);
  std::vector<double> values = stored.values();
  for (double& value : values) value = std::fabs(value);
  stored.assign(values);
  return stored;
}

Stored Dice::tokens(std::int64_t B, std::int64_t T, std::int64_t V) {
  Stored stored(Dtype::int64, {B, T});
  std::vector<double> values(static_cast<std::size_t>(B * T));
  // Few distinct tokens, so that rows are seen never, once, twice and often.
  for (double& value : values) {
    const auto a = static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(V));
    const auto b = static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(V));
    value = static_cast<double>(a * b / V);
  }
  stored.assign(values);
  return stored;
}

void Builder::movement() {
  const Shape x{e.B, e.T, e.C()};
  put(UnitKind::copy, {}, {draw(x)}, x,
      [](CpuKernels& d, Arguments& a, Stored& y) { d.copy(a[0].view(), y.view()); });
  put(UnitKind::cast, {}, {dice.tensor(compute(), x, distribution)}, x,
      [](CpuKernels& d, Arguments& a, Stored& y) { d.cast(a[0].view(), y.view()); });
  put(UnitKind::shift_labels, {}, {dice.tokens(e.B, e.T, e.V)}, {e.B, e.T},
      [](CpuKernels& d, Arguments& a, Stored& y) { d.shift_labels(a[0].view(), y.view()); })
      .precision.output = Dtype::int64;
  put(UnitKind::embedding, {}, {draw({e.V, e.C()}), dice.tokens(e.B, e.T, e.V)}, x,
      [](CpuKernels& d, Arguments& a, Stored& y) {
        d.embedding(a[0].view(), a[1].view(), y.view());
      });
  put(UnitKind::embedding_backward, {.extent = e.V}, {draw(x), dice.tokens(e.B, e.T, e.V)},
      {e.V, e.C()}, [](CpuKernels& d, Arguments& a, Stored& y) {
        d.embedding_backward(a[0].view(), a[1].view(), y.view());
      });
}

void Builder::single_roundings() {
  const Shape x{e.B, e.T, e.C()};
  put(UnitKind::add, {}, {draw(x), draw(x)}, x,
      [](CpuKernels& d, Arguments& a, Stored& y) { d.add(a[0].view(), a[1].view(), y.view()); });
  put(UnitKind::add_bias, {}, {draw(x), draw({e.C()})}, x,
      [](CpuKernels& d, Arguments& a, Stored& y) {
        d.add_bias(a[0].view(), a[1].view(), y.view());
      });
  put(UnitKind::scale, {.factor = 1.0 / 3}, {draw(x)}, x,
      [](CpuKernels& d, Arguments& a, Stored& y) { d.scale(a[0].view(), y.view(), 1.0 / 3); });
  put(UnitKind::divide, {.factor = 7}, {draw(x)}, x,
      [](CpuKernels& d, Arguments& a, Stored& y) { d.divide(a[0].view(), y.view(), 7); });
  put(UnitKind::multiply, {}, {draw(x), dice.tensor(compute(), {1}, Distribution::normal)}, x,
      [](CpuKernels& d, Arguments& a, Stored& y) {
        d.multiply(a[0].view(), a[1].view(), y.view());
      });
  put(UnitKind::negate, {}, {draw(x)}, x,
      [](CpuKernels& d, Arguments& a, Stored& y) { d.negate(a[0].view(), y.view()); });
}

void Builder::products() {
  const Shape x{e.B, e.T, e.inner}, y{e.B, e.T, e.C()};
  put(UnitKind::matmul, {}, {draw(x), draw({e.C(), e.inner})}, y,
      [](CpuKernels& d, Arguments& a, Stored& out) {
        d.matmul(a[0].view(), a[1].view(), out.view());
      });
  put(UnitKind::matmul_backward_input, {}, {draw(y), draw({e.C(), e.inner})}, x,
      [](CpuKernels& d, Arguments& a, Stored& out) {
        d.matmul_backward_input(a[0].view(), a[1].view(), out.view());
      });
  put(UnitKind::matmul_backward_weight, {}, {draw(y), draw(x)}, {e.C(), e.inner},
      [](CpuKernels& d, Arguments& a, Stored& out) {
        d.matmul_backward_weight(a[0].view(), a[1].view(), out.view());
      });
  put(UnitKind::bias_backward, {}, {draw(y)}, {e.C()},
      [](CpuKernels& d, Arguments& a, Stored& out) { d.bias_backward(a[0].view(), out.view()); });
}

namespace {

// The columns [begin, end) of a matrix with the given number of rows.
Stored columns(const Stored& x, std::int64_t begin, std::int64_t end) {
  const std::int64_t width = x.shape.back(), rows = element_count(x.shape) / width;
  Shape shape = x.shape;
  shape.back() = end - begin;
  Stored part(x.dtype, shape);
  const Region region{{0, begin}, {rows, end - begin}};
  extract(x.bytes, {rows, width}, std::span(&region, 1), size_bytes(x.dtype), part.bytes);
  return part;
}

// A row-parallel product: every rank multiplies its columns, the partials are added in rank order.
void sum_of_partials(CpuKernels& device, Arguments& a, Stored& out, std::int64_t ranks) {
  const std::int64_t width = a[0].shape.back() / ranks;
  for (std::int64_t rank = 0; rank < ranks; ++rank) {
    Stored x = columns(a[0], rank * width, (rank + 1) * width);
    Stored weight = columns(a[1], rank * width, (rank + 1) * width);
    Stored partial(out.dtype, out.shape);
    device.matmul(x.view(), weight.view(), partial.view());
    if (rank == 0)
      out = partial;
    else
      device.add(out.view(), partial.view(), out.view());
  }
}

}  // namespace

void Builder::partial_products() {
  for (const std::int64_t ranks : {2, 4}) {
    Case& partial = put(UnitKind::matmul, {}, {draw({e.B, e.T, e.inner}), draw({e.C(), e.inner})},
                        {e.B, e.T, e.C()}, [ranks](CpuKernels& d, Arguments& a, Stored& out) {
                          sum_of_partials(d, a, out, ranks);
                        });
    partial.precision.partials = ranks;
  }
}

namespace {

// Sums layers in the order 0, 1, ... or from the last to the first, each addition rounded.
void sum_layers(CpuKernels& device, Arguments layers, Stored& out, bool reversed) {
  if (reversed) std::reverse(layers.begin(), layers.end());
  out = layers[0];
  for (std::size_t t = 1; t < layers.size(); ++t)
    device.add(out.view(), layers[t].view(), out.view());
}

Arguments split_layers(const Stored& x) {
  Arguments layers;
  const std::size_t bytes = x.bytes.size() / static_cast<std::size_t>(x.shape[0]);
  for (std::int64_t t = 0; t < x.shape[0]; ++t) {
    layers.emplace_back(x.dtype, Shape(x.shape.begin() + 1, x.shape.end()));
    std::copy_n(x.bytes.begin() + t * static_cast<std::int64_t>(bytes), bytes,
                layers.back().bytes.begin());
  }
  return layers;
}

}  // namespace

void Builder::reductions() {
  for (const std::int64_t n : {1, 2, 3, 6}) {
    const Shape out{e.T, e.C()}, stack{n, e.T, e.C()};
    const bool reversed = n % 2 == 0;
    put(UnitKind::sum, {}, {draw(stack)}, out, [reversed](CpuKernels& d, Arguments& a, Stored& y) {
      sum_layers(d, split_layers(a[0]), y, reversed);
    });
    const auto divisor = static_cast<double>(n);
    put(UnitKind::mean, {.mean_form = MeanForm::divide_before}, {draw(stack)}, out,
        [=](CpuKernels& d, Arguments& a, Stored& y) {
          Arguments layers = split_layers(a[0]);
          for (Stored& layer : layers) d.divide(layer.view(), layer.view(), divisor);
          sum_layers(d, layers, y, reversed);
        });
    put(UnitKind::mean, {.mean_form = MeanForm::multiply_after}, {draw(stack)}, out,
        [=](CpuKernels& d, Arguments& a, Stored& y) {
          sum_layers(d, split_layers(a[0]), y, reversed);
          d.scale(y.view(), y.view(), 1 / divisor);
        });
  }
}

void Builder::norms() {
  const Shape x{e.B, e.T, e.C()};
  constexpr double eps = 1e-5;
  put(UnitKind::rms_norm, {.eps = eps}, {draw(x), draw({e.C()})}, x,
      [](CpuKernels& d, Arguments& a, Stored& y) {
        d.rms_norm(a[0].view(), a[1].view(), y.view(), eps);
      });
  put(UnitKind::rms_norm_backward_input, {.eps = eps}, {draw(x), draw(x), draw({e.C()})}, x,
      [](CpuKernels& d, Arguments& a, Stored& y) {
        d.rms_norm_backward_input(a[0].view(), a[1].view(), a[2].view(), y.view(), eps);
      });
  put(UnitKind::rms_norm_backward_weight, {.eps = eps}, {draw(x), draw(x)}, {e.C()},
      [](CpuKernels& d, Arguments& a, Stored& y) {
        d.rms_norm_backward_weight(a[0].view(), a[1].view(), y.view(), eps);
      });
}

void Builder::positions() {
  constexpr double theta = 10000;
  const Shape table{e.T, e.hd / 2}, x{e.B, e.T, e.C()};
  Stored cos(storage, table), sin(storage, table);
  CpuKernels device;
  device.rotary_table(cos.view(), sin.view(), {.theta = theta});
  const UnitAttributes attributes{.head_dim = e.hd, .extent = e.T, .frequencies = {.theta = theta}};
  put(UnitKind::rotary_table_cos, attributes, {}, table, [](CpuKernels& d, Arguments&, Stored& y) {
    Stored other(y.dtype, y.shape);
    d.rotary_table(y.view(), other.view(), {.theta = theta});
  });
  put(UnitKind::rotary_table_sin, attributes, {}, table, [](CpuKernels& d, Arguments&, Stored& y) {
    Stored other(y.dtype, y.shape);
    d.rotary_table(other.view(), y.view(), {.theta = theta});
  });
  for (const bool inverse : {false, true})
    put(inverse ? UnitKind::rotary_backward : UnitKind::rotary, attributes, {draw(x), cos, sin}, x,
        [inverse](CpuKernels& d, Arguments& a, Stored& y) {
          d.rotary(a[0].view(), a[1].view(), a[2].view(), y.view(), {}, inverse);
        });
}

void Builder::attention() {
  const Shape q{e.B, e.T, e.C()}, k{e.B, e.T, e.hk * e.hd}, rows{e.B, e.h, e.T};
  const AttentionForm form{.head_dim = e.hd};
  const UnitAttributes attributes{.attention = form};
  const Dtype of_lse = compute();
  put(UnitKind::attention, attributes, {draw(q), draw(k), draw(k)}, q,
      [=](CpuKernels& d, Arguments& a, Stored& y) {
        Stored lse(of_lse, rows);
        d.attention(a[0].view(), a[1].view(), a[2].view(), nullptr, y.view(), lse.view(), form);
      });
  put(UnitKind::attention_lse, attributes, {draw(q), draw(k)}, rows,
      [=](CpuKernels& d, Arguments& a, Stored& y) {
        Stored o(a[0].dtype, a[0].shape);
        d.attention(a[0].view(), a[1].view(), a[1].view(), nullptr, o.view(), y.view(), form);
      })
      .precision.output = of_lse;
}

void Builder::attention_backward() {
  const Shape q{e.B, e.T, e.C()}, k{e.B, e.T, e.hk * e.hd};
  const AttentionForm form{.head_dim = e.hd};
  const UnitAttributes attributes{.attention = form};
  // dout, q, k, v, o, lse: the last two as the forward kernel leaves them.
  Arguments arguments{
      draw(q), draw(q), draw(k), draw(k), Stored(storage, q), Stored(compute(), {e.B, e.h, e.T})};
  CpuKernels device;
  device.attention(arguments[1].view(), arguments[2].view(), arguments[3].view(), nullptr,
                   arguments[4].view(), arguments[5].view(), form);
  const auto put_one = [&](UnitKind kind, std::size_t which) {
    put(kind, attributes, arguments, which == 0 ? q : k,
        [=](CpuKernels& d, Arguments& a, Stored& y) {
          Stored gradients[3] = {Stored(y.dtype, q), Stored(y.dtype, k), Stored(y.dtype, k)};
          d.attention_backward(a[0].view(), a[1].view(), a[2].view(), a[3].view(), a[4].view(),
                               a[5].view(), nullptr, gradients[0].view(), gradients[1].view(),
                               gradients[2].view(), form);
          y = gradients[which];
        });
  };
  put_one(UnitKind::attention_backward_q, 0);
  put_one(UnitKind::attention_backward_k, 1);
  put_one(UnitKind::attention_backward_v, 2);
}

void Builder::activation() {
  const Shape x{e.B, e.T, e.inner};
  put(UnitKind::swiglu, {}, {draw(x), draw(x)}, x,
      [](CpuKernels& d, Arguments& a, Stored& y) { d.swiglu(a[0].view(), a[1].view(), y.view()); });
  put(UnitKind::swiglu_backward_gate, {}, {draw(x), draw(x), draw(x)}, x,
      [](CpuKernels& d, Arguments& a, Stored& y) {
        Stored up(y.dtype, y.shape);
        d.swiglu_backward(a[0].view(), a[1].view(), a[2].view(), y.view(), up.view());
      });
  put(UnitKind::swiglu_backward_up, {}, {draw(x), draw(x), draw(x)}, x,
      [](CpuKernels& d, Arguments& a, Stored& y) {
        Stored gate(y.dtype, y.shape);
        d.swiglu_backward(a[0].view(), a[1].view(), a[2].view(), gate.view(), y.view());
      });
}

namespace {

// No power of two, so that products with it are rounded.
Stored a_loss_scale(Dtype dtype) {
  Stored scale(dtype, {1});
  scale.assign(std::vector{1000.0});
  return scale;
}

}  // namespace

void Builder::loss() {
  Stored tokens = dice.tokens(e.B, e.T, e.V), labels(Dtype::int64, {e.B, e.T});
  CpuKernels device;
  device.shift_labels(tokens.view(), labels.view());
  put(UnitKind::cross_entropy, {}, {draw({e.B, e.T, e.V}), labels}, {},
      [](CpuKernels& d, Arguments& a, Stored& y) {
        d.cross_entropy(a[0].view(), a[1].view(), y.view());
      })
      .precision.output = compute();
  put(UnitKind::cross_entropy_backward, {.factor = 0.5}, {draw({e.B, e.T, e.V}), labels},
      {e.B, e.T, e.V}, [](CpuKernels& d, Arguments& a, Stored& y) {
        d.cross_entropy_backward(a[0].view(), a[1].view(), nullptr, y.view(), 0.5);
      });
  const Stored scale = a_loss_scale(compute());
  put(UnitKind::cross_entropy_backward, {.factor = 0.5}, {draw({e.B, e.T, e.V}), labels, scale},
      {e.B, e.T, e.V}, [](CpuKernels& d, Arguments& a, Stored& y) {
        const auto loss_scale = a[2].view();
        d.cross_entropy_backward(a[0].view(), a[1].view(), &loss_scale, y.view(), 0.5);
      });
}

void Builder::squared_errors() {
  Stored tokens = dice.tokens(e.B, e.T, e.V), labels(Dtype::int64, {e.B, e.T});
  CpuKernels device;
  device.shift_labels(tokens.view(), labels.view());
  put(UnitKind::squared_error, {}, {draw({e.B, e.T, e.V}), labels}, {},
      [](CpuKernels& d, Arguments& a, Stored& y) {
        d.squared_error(a[0].view(), a[1].view(), y.view());
      })
      .precision.output = compute();
  put(UnitKind::squared_error_backward, {.factor = 0.5}, {draw({e.B, e.T, e.V}), labels},
      {e.B, e.T, e.V}, [](CpuKernels& d, Arguments& a, Stored& y) {
        d.squared_error_backward(a[0].view(), a[1].view(), nullptr, y.view(), 0.5);
      });
  const Stored scale = a_loss_scale(compute());
  put(UnitKind::squared_error_backward, {.factor = 0.5}, {draw({e.B, e.T, e.V}), labels, scale},
      {e.B, e.T, e.V}, [](CpuKernels& d, Arguments& a, Stored& y) {
        const auto loss_scale = a[2].view();
        d.squared_error_backward(a[0].view(), a[1].view(), &loss_scale, y.view(), 0.5);
      });
}

void Builder::optimizer() {
  const Shape x{e.B * e.T * e.C()};
  // Master weights and moments are kept in the compute dtype.
  const auto master = [&] { return dice.tensor(compute(), x, distribution); };
  const auto second = [&] { return dice.positive(compute(), x, distribution); };
  const auto scalar = [&](double value) {
    Stored stored(compute(), {});
    stored.assign(std::span(&value, 1));
    return stored;
  };
  put(UnitKind::exp_avg, {.factor = 0.9}, {master(), master()}, x,
      [](CpuKernels& d, Arguments& a, Stored& y) {
        d.exp_avg(a[0].view(), a[1].view(), y.view(), 0.9);
      })
      .precision.output = compute();
  put(UnitKind::exp_avg_sq, {.factor = 0.999}, {second(), master()}, x,
      [](CpuKernels& d, Arguments& a, Stored& y) {
        d.exp_avg_sq(a[0].view(), a[1].view(), y.view(), 0.999);
      })
      .precision.output = compute();
  put(UnitKind::adamw, {.eps = 1e-8, .weight_decay = 0.01},
      {master(), master(), second(), scalar(3e-4), scalar(0.1), scalar(0.001)}, x,
      [](CpuKernels& d, Arguments& a, Stored& y) {
        d.adamw(a[0].view(), a[1].view(), a[2].view(), a[3].view(), a[4].view(), a[5].view(),
                y.view(), 1e-8, 0.01);
      })
      .precision.output = compute();
}

void Builder::torch_optimizer() {
  const Shape x{e.B * e.T * e.C()};
  const auto master = [&] { return dice.tensor(compute(), x, distribution); };
  const auto second = [&] { return dice.positive(compute(), x, distribution); };
  put(UnitKind::torch_exp_avg, {.factor = 0.9}, {master(), master()}, x,
      [](CpuKernels& d, Arguments& a, Stored& y) {
        d.torch_exp_avg(a[0].view(), a[1].view(), y.view(), 0.9);
      })
      .precision.output = compute();
  put(UnitKind::torch_exp_avg, {.factor = 0.3}, {master(), master()}, x,
      [](CpuKernels& d, Arguments& a, Stored& y) {
        d.torch_exp_avg(a[0].view(), a[1].view(), y.view(), 0.3);
      })
      .precision.output = compute();
  put(UnitKind::torch_exp_avg_sq, {.factor = 0.999}, {second(), master()}, x,
      [](CpuKernels& d, Arguments& a, Stored& y) {
        d.torch_exp_avg_sq(a[0].view(), a[1].view(), y.view(), 0.999);
      })
      .precision.output = compute();
  put(UnitKind::torch_decay, {.factor = 0.1}, {master(), master()}, x,
      [](CpuKernels& d, Arguments& a, Stored& y) {
        d.torch_decay(a[0].view(), a[1].view(), y.view(), 0.1);
      })
      .precision.output = compute();
  const auto fp64 = [](double value) {
    Stored stored(Dtype::fp64, {});
    stored.assign(std::span(&value, 1));
    return stored;
  };
  put(UnitKind::torch_adamw, {.eps = 1e-8, .weight_decay = 0.01},
      {master(), master(), second(), fp64(3e-4), fp64(0.1), fp64(0.03)}, x,
      [](CpuKernels& d, Arguments& a, Stored& y) {
        d.torch_adamw(a[0].view(), a[1].view(), a[2].view(), a[3].view(), a[4].view(), a[5].view(),
                      y.view(), 1e-8, 0.01);
      })
      .precision.output = compute();
}

void Builder::scalars() {
  const Shape x{e.B, e.T, e.C()};
  put(UnitKind::nonfinite, {}, {draw(x)}, {}, [](CpuKernels& d, Arguments& a, Stored& y) {
    d.nonfinite(std::vector{a[0].view()}, y.view());
  }).precision.output = Dtype::fp32;
  put(UnitKind::sum_of_squares, {}, {draw(x)}, {}, [](CpuKernels& d, Arguments& a, Stored& y) {
    const CpuKernels::Ranges all{a[0].view(), {{0, element_count(a[0].shape)}}};
    d.sum_of_squares(std::vector{all}, y.view());
  }).precision = {.output = Dtype::fp64, .compute = Dtype::fp64};
  Stored norm(Dtype::fp64, {});
  norm.assign(std::vector{3.0});  // half of it still is clipped
  const Stored scale = a_loss_scale(compute());
  put(UnitKind::square_root, {}, {dice.positive(Dtype::fp64, {64}, distribution)}, {64},
      [](CpuKernels& d, Arguments& a, Stored& y) {
        d.square_root(a[0].view(), nullptr, y.view());
      });
  put(UnitKind::square_root, {}, {norm, scale}, {}, [](CpuKernels& d, Arguments& a, Stored& y) {
    const auto loss_scale = a[1].view();
    d.square_root(a[0].view(), &loss_scale, y.view());
  });
  put(UnitKind::clip_factor, {.factor = 0.75}, {dice.positive(Dtype::fp64, {}, distribution)}, {},
      [](CpuKernels& d, Arguments& a, Stored& y) {
        d.clip_factor(a[0].view(), nullptr, y.view(), 0.75);
      })
      .precision.output = compute();
  put(UnitKind::clip_factor, {.factor = 0.75}, {norm, scale}, {},
      [](CpuKernels& d, Arguments& a, Stored& y) {
        const auto loss_scale = a[1].view();
        d.clip_factor(a[0].view(), &loss_scale, y.view(), 0.75);
      })
      .precision.output = compute();
}

void Builder::sgd() {
  const Shape x{e.B * e.T * e.C()};
  const auto master = [&] { return dice.tensor(compute(), x, distribution); };
  Stored lr(compute(), {});
  lr.assign(std::vector<double>{0.03});
  for (const UnitKind kind : {UnitKind::decay, UnitKind::momentum, UnitKind::nesterov})
    put(kind, {.factor = 0.9}, {master(), master()}, x, [](CpuKernels& d, Arguments& a, Stored& y) {
      d.add_scaled(a[0].view(), a[1].view(), y.view(), 0.9);
    }).precision.output = compute();
  put(UnitKind::sgd, {}, {master(), master(), lr}, x, [](CpuKernels& d, Arguments& a, Stored& y) {
    d.sgd(a[0].view(), a[1].view(), a[2].view(), y.view());
  }).precision.output = compute();
}

std::vector<Case> all_cases(Dtype storage, Distribution distribution, const Extents& extents,
                            Dice& dice) {
  Builder builder{storage, distribution, extents, dice, {}};
  builder.movement();
  builder.single_roundings();
  builder.products();
  builder.partial_products();
  builder.reductions();
  builder.norms();
  builder.positions();
  builder.attention();
  builder.attention_backward();
  builder.activation();
  builder.loss();
  builder.optimizer();
  builder.scalars();
  builder.layer_norms();
  builder.norms_of_heads();
  builder.gelu();
  builder.relu();
  builder.other_positions();
  builder.other_attention();
  builder.positions_of_tokens();
  builder.splits();
  builder.repeated_heads();
  builder.weights_in_out();
  builder.experts_of_tokens();
  builder.sgd();
  builder.torch_optimizer();
  builder.caps();
  builder.shifted_norms();
  builder.capped_attention();
  builder.sigmoids();
  builder.experts_by_scores();
  builder.squared_errors();
  return std::move(builder.cases);
}

namespace {

// Partial sums that leave the range of fp16 where their total does not: the tails are as far out as
// the large numbers are. No other dtype is drawn from so near its end.
bool may_overflow(const Case& a_case) {
  return a_case.storage == Dtype::fp16 && (a_case.distribution == Distribution::large ||
                                           a_case.distribution == Distribution::heavy_tailed);
}

}  // namespace

std::vector<double> recorded(CpuKernels& device, const Case& a_case) {
  Arguments arguments = a_case.arguments;
  Stored output(a_case.precision.output, a_case.output);
  a_case.run(device, arguments, output);
  return output.values();
}

reference::UnitResult replayed(const Case& a_case) {
  std::vector<std::vector<double>> values;
  for (const Stored& argument : a_case.arguments) values.push_back(argument.values());
  std::vector<reference::Operand> operands;
  for (std::size_t i = 0; i < values.size(); ++i)
    operands.push_back({a_case.arguments[i].shape, values[i]});
  return reference::replay(a_case.kind, a_case.attributes, a_case.precision, operands);
}

reports::Comparison compared(CpuKernels& device, const Case& a_case) {
  return compared(device, a_case, replayed(a_case));
}

reports::Comparison compared(CpuKernels& device, const Case& a_case,
                             const reference::UnitResult& unit) {
  return reports::compare_to_set(
      a_case.precision.output, unit, recorded(device, a_case),
      may_overflow(a_case) ? reports::NonFinite::accepted : reports::NonFinite::refused);
}

bool without_bound(const Case& a_case) {
  static const std::set<UnitKind> exponentials{
      UnitKind::attention_backward_q, UnitKind::attention_backward_k,
      UnitKind::attention_backward_v, UnitKind::cross_entropy_backward,
      UnitKind::route_weights,        UnitKind::route_backward};
  return a_case.distribution == Distribution::large && a_case.storage != Dtype::fp16 &&
         !takes_scores(a_case.attributes.route) && exponentials.contains(a_case.kind);
}

}  // namespace shardproof::testing
