// The values of replay() are the oracle's own: equal, up to the error that replay() itself states,
// to the forward ops and to the vector-Jacobian products that the tape runs on.
#include <boost/test/unit_test.hpp>
#include <cmath>

#include "bounds_cases.hpp"
#include "reference/ops/derivatives.hpp"
#include "reference/ops/experts.hpp"
#include "reference/ops/ops.hpp"

namespace shardproof::testing {
namespace {

using reference::Tensor;
using reference::Tokens;
using reference::UnitKind;

Tensor tensor(const Stored& stored) { return {stored.shape, stored.values()}; }
Tokens tokens(const Stored& stored) {
  Tokens result(stored.shape);
  const std::vector<double> values = stored.values();
  for (std::size_t i = 0; i < values.size(); ++i)
    result.values[i] = static_cast<std::int64_t>(values[i]);
  return result;
}

// What the oracle's ops and derivatives say; no elements where a kind has none there.
std::vector<double> by_the_oracle(const Case& c) {
  const auto x = [&](std::size_t i) { return tensor(c.arguments[i]); };
  const AttentionForm& form = c.attributes.attention;
  const RotaryForm turned{c.attributes.head_dim, c.attributes.pairing};
  // ALiBi's slopes, where they follow the other arguments.
  Tensor given;
  const auto slopes = [&](std::size_t i) -> const Tensor* {
    if (i >= c.arguments.size()) return nullptr;
    given = x(i);
    return &given;
  };
  switch (c.kind) {
    case UnitKind::embedding: return embedding(x(0), tokens(c.arguments[1])).values;
    case UnitKind::embedding_backward:
      return embedding_vjp_weight(x(0), tokens(c.arguments[1]), c.attributes.extent, 1).values;
    case UnitKind::matmul: return reference::matmul(x(0), x(1), c.attributes.weight_layout).values;
    case UnitKind::matmul_backward_input:
      return reference::matmul_vjp_input(x(0), x(1), c.attributes.weight_layout).values;
    case UnitKind::matmul_backward_weight:
      return reference::matmul_vjp_weight(x(0), x(1), 1, c.attributes.weight_layout).values;
    case UnitKind::split:
      return split(x(0), c.attributes.parts, static_cast<std::size_t>(c.attributes.part)).values;
    case UnitKind::join: return join(std::vector{x(0), x(1), x(2)}, c.attributes.parts).values;
    case UnitKind::repeat_heads: return repeat_heads(x(0), c.attributes.extent).values;
    case UnitKind::sum_heads:
      return reference::repeat_heads_vjp(x(0), x(0).columns() / c.attributes.head_dim).values;
    case UnitKind::bias_backward: return reference::bias_vjp(x(0), 1).values;
    case UnitKind::rms_norm:
      return rms_norm(x(0), x(1), c.attributes.eps, c.attributes.offset).values;
    case UnitKind::rms_norm_backward_input:
      return reference::rms_norm_vjp_input(x(0), x(1), x(2), c.attributes.eps, c.attributes.offset)
          .values;
    case UnitKind::rms_norm_backward_weight:
      return reference::rms_norm_vjp_weight(x(0), x(1), c.attributes.eps, 1, c.attributes.extent)
          .values;
    case UnitKind::layer_norm: return layer_norm(x(0), x(1), x(2), c.attributes.eps).values;
    case UnitKind::layer_norm_backward_input:
      return reference::layer_norm_vjp_input(x(0), x(1), x(2), c.attributes.eps).values;
    case UnitKind::layer_norm_backward_weight:
      return reference::layer_norm_vjp_weight(x(0), x(1), c.attributes.eps, 1).values;
    case UnitKind::gelu: return reference::gelu(x(0), c.attributes.gelu).values;
    case UnitKind::gelu_backward: return reference::gelu_vjp(x(0), x(1), c.attributes.gelu).values;
    case UnitKind::relu: return reference::relu(x(0)).values;
    case UnitKind::relu_backward: return reference::relu_vjp(x(0), x(1)).values;
    case UnitKind::soft_cap: return reference::soft_cap(x(0), c.attributes.cap).values;
    case UnitKind::soft_cap_backward:
      return reference::soft_cap_vjp(x(0), x(1), c.attributes.cap).values;
    case UnitKind::sigmoid: return reference::sigmoid(x(0)).values;
    case UnitKind::sigmoid_backward: return reference::sigmoid_vjp(x(0), x(1)).values;
    case UnitKind::rotary: return rotary(x(0), x(1), x(2), turned).values;
    case UnitKind::rotary_backward: return reference::rotary_vjp(x(0), x(1), x(2), turned).values;
    case UnitKind::attention: return attention(x(0), x(1), x(2), form, slopes(3)).output.values;
    case UnitKind::attention_lse: {
      const reference::AttentionShape shape(x(0).shape, x(1).shape, form);
      return attention(x(0), x(1), Tensor(shape.values()), form, slopes(2)).log_sum_exp.values;
    }
    case UnitKind::attention_backward_q:
      return reference::attention_vjp(x(0), x(1), x(2), x(3), form, slopes(6)).q.values;
    case UnitKind::attention_backward_k:
      return reference::attention_vjp(x(0), x(1), x(2), x(3), form, slopes(6)).k.values;
    case UnitKind::attention_backward_v:
      return reference::attention_vjp(x(0), x(1), x(2), x(3), form, slopes(6)).v.values;
    case UnitKind::swiglu: return swiglu(x(0), x(1)).values;
    case UnitKind::swiglu_backward_gate: return reference::swiglu_vjp(x(0), x(1), x(2)).gate.values;
    case UnitKind::swiglu_backward_up: return reference::swiglu_vjp(x(0), x(1), x(2)).up.values;
    case UnitKind::squared_error: return squared_error(x(0), tokens(c.arguments[1]), 1).values;
    case UnitKind::squared_error_backward: {
      const double scale = c.arguments.size() > 2 ? x(2)[0] : 1;
      const Tensor upstream({1}, {c.attributes.factor * scale});
      return squared_error_vjp(upstream, x(0), tokens(c.arguments[1])).values;
    }
    case UnitKind::cross_entropy: return cross_entropy(x(0), tokens(c.arguments[1]), 1).values;
    case UnitKind::cross_entropy_backward: {
      const double scale = c.arguments.size() > 2 ? x(2)[0] : 1;
      const Tensor upstream({1}, {c.attributes.factor * scale});
      return cross_entropy_vjp(upstream, x(0), tokens(c.arguments[1])).values;
    }
    case UnitKind::route_weights: {
      const bool corrected = c.arguments.size() > 1;
      const Tensor correction = corrected ? x(1) : Tensor();
      const auto chosen = reference::chosen_experts(
          reference::compared_scores(x(0), corrected ? &correction : nullptr,
                                     c.attributes.expert_groups, c.precision.compute),
          c.attributes.experts_per_token);
      return reference::expert_weights(x(0), chosen, c.attributes.route, c.attributes.factor)
          .values;
    }
    case UnitKind::route_backward:
      return reference::expert_weights_vjp(x(0), x(1), tokens(c.arguments[2]), c.attributes.route,
                                           c.attributes.factor)
          .values;
    default: return {};
  }
}

BOOST_AUTO_TEST_SUITE(replay_derivatives)

BOOST_AUTO_TEST_CASE(every_value_is_the_oracles_own_op_or_derivative) {
  constexpr unsigned seed = 99;
  BOOST_TEST_MESSAGE("seed " << seed);
  int units = 0;
  for (const Distribution distribution : {Distribution::normal, Distribution::heavy_tailed,
                                          Distribution::cancelling, Distribution::tiny}) {
    Dice dice(seed);
    for (const Case& a_case : all_cases(Dtype::fp64, distribution, Extents{}, dice)) {
      const std::vector<double> expected = by_the_oracle(a_case);
      if (expected.empty()) continue;
      const auto unit = replayed(a_case);
      BOOST_REQUIRE_EQUAL(unit.value.size(), expected.size());
      double worst = 0;
      for (std::size_t i = 0; i < expected.size(); ++i) {
        const double room = (unit.error.empty() ? 0 : 2 * unit.error[i]) + 0x1p-1074;
        worst = std::max(worst, std::fabs(unit.value[i] - expected[i]) / room);
      }
      BOOST_TEST(worst <= 1, reference::name_of(a_case.kind)
                                 << " " << name_of(distribution) << ": " << worst);
      ++units;
    }
  }
  BOOST_TEST(units == 4 * (38 + 14 + 20 + 4 + 11 + 6 + 2 + 3));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace shardproof::testing
