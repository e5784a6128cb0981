// Which cuts attention and the norms of heads take on 2 ranks; B = 2, T = 3.
#include <boost/test/unit_test.hpp>

#include "scenarios/plan/check/type_check.hpp"

namespace shardproof {
namespace {

struct Operand {
  Shape shape;
  AxisPlacement tp;
};

/// True if the op's number of operands and their placements fit.
bool fits(OpKind kind, const std::vector<Operand>& inputs, const std::vector<Operand>& outputs,
          Attributes attributes = {}) {
  Program program;
  program.tp = 2;
  Op op;
  op.kind = kind;
  op.attributes = std::move(attributes);
  const auto add = [&](const Operand& operand, Lifetime lifetime, std::vector<ValueId>& to) {
    Value value;
    value.name = "value_" + std::to_string(program.values.size());
    value.shape = operand.shape;
    value.placement.tp = operand.tp;
    value.lifetime = lifetime;
    program.values.push_back(std::move(value));
    to.push_back(static_cast<ValueId>(program.values.size()) - 1);
  };
  for (const Operand& operand : inputs) add(operand, Lifetime::state, op.inputs);
  for (const Operand& operand : outputs) add(operand, Lifetime::segment, op.outputs);
  program.segments.push_back({"only", {op}, "", ""});
  return type_check(program).empty();
}

Operand features(std::int64_t width, Widths widths = {}) {
  return {{2, 3, width}, shard(2, std::move(widths))};
}
Operand heads(std::int64_t h, Widths widths = {}) {
  return {{2, h, 3}, shard(1, std::move(widths))};
}
Operand slopes(std::int64_t h, Widths widths = {}) { return {{h}, shard(0, std::move(widths))}; }

const Attributes heads_of_4{{"head_dim", std::int64_t{4}}};

BOOST_AUTO_TEST_SUITE(placement_attention)

BOOST_AUTO_TEST_CASE(queries_and_keys_are_cut_in_one_ratio) {
  const Operand q = features(24, {{16, 8}}), k = features(12, {{8, 4}}), lse = heads(6, {{4, 2}});
  BOOST_TEST(fits(OpKind::attention, {q, k, k}, {q, lse}, heads_of_4));
  BOOST_TEST(!fits(OpKind::attention, {q, features(12, {{4, 8}}), features(12, {{4, 8}})}, {q, lse},
                   heads_of_4));
  BOOST_TEST(!fits(OpKind::attention, {q, k, k}, {q, heads(6)}, heads_of_4));
  // An even cut of three heads goes through the second.
  BOOST_TEST(!fits(OpKind::attention, {features(12), features(12), features(12)},
                   {features(12), heads(3)}, heads_of_4));
}

BOOST_AUTO_TEST_CASE(a_rank_without_heads_is_a_cut_like_others) {
  const Operand q = features(8, {{8, 0}}), lse = heads(2, {{2, 0}});
  BOOST_TEST(fits(OpKind::attention, {q, q, q}, {q, lse}, heads_of_4));
  BOOST_TEST(fits(OpKind::attention_backward, {q, q, q, q, q, lse}, {q, q, q}, heads_of_4));
}

BOOST_AUTO_TEST_CASE(values_of_another_width_are_cut_at_the_same_heads) {
  Attributes attributes = heads_of_4;
  attributes["v_head_dim"] = std::int64_t{2};
  const Operand q = features(12, {{8, 4}}), v = features(6, {{4, 2}}), lse = heads(3, {{2, 1}});
  BOOST_TEST(fits(OpKind::attention, {q, q, v}, {v, lse}, attributes));
  BOOST_TEST(fits(OpKind::attention_backward, {v, q, q, v, v, lse}, {q, q, v}, attributes));
  BOOST_TEST(!fits(OpKind::attention, {q, q, features(6, {{2, 4}})}, {v, lse}, attributes));
  BOOST_TEST(!fits(OpKind::attention_backward, {v, q, q, v, v, lse}, {q, q, q}, attributes));
}

BOOST_AUTO_TEST_CASE(slopes_are_optional_and_cut_as_the_heads) {
  const Operand q = features(12, {{8, 4}}), lse = heads(3, {{2, 1}}), cut = slopes(3, {{2, 1}});
  BOOST_TEST(fits(OpKind::alibi_slopes, {}, {cut}));
  BOOST_TEST(fits(OpKind::alibi_slopes, {}, {{{3}, replicate()}}));
  BOOST_TEST(!fits(OpKind::alibi_slopes, {}, {{{3}, partial()}}));
  BOOST_TEST(fits(OpKind::attention, {q, q, q, cut}, {q, lse}, heads_of_4));
  BOOST_TEST(fits(OpKind::attention_backward, {q, q, q, q, q, lse, cut}, {q, q, q}, heads_of_4));
  BOOST_TEST(!fits(OpKind::attention, {q, q, q, {{3}, replicate()}}, {q, lse}, heads_of_4));
  BOOST_TEST(!fits(OpKind::attention, {q, q, q, slopes(3, {{1, 2}})}, {q, lse}, heads_of_4));
  BOOST_TEST(!fits(OpKind::attention, {q, q, q, cut, cut}, {q, lse}, heads_of_4));
}

BOOST_AUTO_TEST_CASE(
    a_norm_of_heads_may_be_cut_between_heads_and_its_weight_s_gradient_is_partial) {
  const Operand x = features(12, {{8, 4}}), weight{{4}, replicate()};
  BOOST_TEST(fits(OpKind::rms_norm, {x, weight}, {x}));
  BOOST_TEST(fits(OpKind::rms_norm_backward_input, {x, x, weight}, {x}));
  BOOST_TEST(fits(OpKind::rms_norm_backward_weight, {x, x}, {{{4}, partial()}}));
  BOOST_TEST(!fits(OpKind::rms_norm_backward_weight, {x, x}, {weight}));
  BOOST_TEST(!fits(OpKind::rms_norm, {features(12), weight}, {features(12)}));  // through a head
  BOOST_TEST(!fits(OpKind::rms_norm, {x, {{12}, replicate()}}, {x}));  // the features are one row
  BOOST_TEST(!fits(OpKind::layer_norm, {x, weight, weight}, {x}));
  const Operand whole{{2, 3, 12}, replicate()};
  BOOST_TEST(fits(OpKind::rms_norm_backward_weight, {whole, whole}, {weight}));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace shardproof
