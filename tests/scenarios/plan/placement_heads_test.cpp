// How cuts go through the ops that take features apart by heads or blocks: each by hand on 2 ranks.
#include <boost/test/unit_test.hpp>

#include "scenarios/plan/check/placement_rules.hpp"

namespace shardproof {
namespace {

struct Piece {
  std::int64_t features;
  AxisPlacement tp;
};

/// One op over activations (2, 3, features) on 2 TP ranks.
class OneOp {
 public:
  OneOp(OpKind kind, std::vector<Piece> inputs, std::vector<Piece> outputs,
        Attributes attributes = {}) {
    program_.tp = 2;
    op_.kind = kind;
    op_.attributes = std::move(attributes);
    for (const Piece& piece : inputs) op_.inputs.push_back(add({2, 3, piece.features}, piece.tp));
    for (const Piece& piece : outputs) op_.outputs.push_back(add({2, 3, piece.features}, piece.tp));
  }
  /// The weight of a matrix product, its second input.
  OneOp& weight(Shape shape, AxisPlacement tp) {
    op_.inputs.push_back(add(std::move(shape), std::move(tp)));
    return *this;
  }
  bool fits() const { return !placement_problem(program_, op_, Axis::tp); }

 private:
  ValueId add(Shape shape, AxisPlacement tp) {
    Value value;
    value.name = "value_" + std::to_string(program_.values.size());
    value.shape = std::move(shape);
    value.placement.tp = std::move(tp);
    program_.values.push_back(std::move(value));
    return static_cast<ValueId>(program_.values.size()) - 1;
  }
  Program program_;
  Op op_;
};

AxisPlacement features(Widths widths = {}) { return shard(2, std::move(widths)); }
const Attributes heads_of_2_and_1{{"parts", std::vector<std::int64_t>{2, 1}}};

BOOST_AUTO_TEST_SUITE(placement_heads)

BOOST_AUTO_TEST_CASE(a_fused_cut_splits_into_the_cuts_of_its_blocks) {
  const Piece fused{16, features({{4, 4}, {1, 3}, {2, 2}})};
  const Piece q{8, features()}, k{4, features({{1, 3}})}, v{4, features()};
  BOOST_TEST(OneOp(OpKind::split, {fused}, {q, k, v}).fits());
  BOOST_TEST(OneOp(OpKind::join, {q, k, v}, {fused}).fits());

  BOOST_TEST(!OneOp(OpKind::split, {fused}, {q, v, k}).fits());
  BOOST_TEST(!OneOp(OpKind::join, {q, v, k}, {fused}).fits());
  BOOST_TEST(!OneOp(OpKind::split, {fused}, {q, {8, features()}}).fits());
  // Cut through the blocks, a rank's features are not part of each.
  BOOST_TEST(!OneOp(OpKind::split, {{16, features()}}, {q, {4, features()}, v}).fits());
  BOOST_TEST(!OneOp(OpKind::join, {q, k, v}, {{16, features()}}).fits());
}

BOOST_AUTO_TEST_CASE(what_is_whole_splits_into_what_is_whole) {
  const Piece whole{6, replicate()}, part{3, replicate()};
  BOOST_TEST(OneOp(OpKind::split, {whole}, {part, part}).fits());
  BOOST_TEST(OneOp(OpKind::join, {part, part}, {whole}).fits());
  BOOST_TEST(!OneOp(OpKind::split, {whole}, {part, {3, partial()}}).fits());
  BOOST_TEST(!OneOp(OpKind::split, {{6, partial()}}, {part, part}).fits());
  BOOST_TEST(!OneOp(OpKind::join, {part, {3, partial()}}, {whole}).fits());
  BOOST_TEST(!OneOp(OpKind::join, {part, {4, features()}}, {{7, replicate()}}).fits());
}

BOOST_AUTO_TEST_CASE(cuts_along_heads_stay_cuts_along_heads) {
  const auto split = [](Piece x, Piece first, Piece second) {
    return OneOp(OpKind::split, {x}, {first, second}, heads_of_2_and_1).fits() &&
           OneOp(OpKind::join, {first, second}, {x}, heads_of_2_and_1).fits();
  };
  BOOST_TEST(split({12, features()}, {8, features()}, {4, features()}));
  BOOST_TEST(split({9, features({{6, 3}})}, {6, features({{4, 2}})}, {3, features({{2, 1}})}));
  BOOST_TEST(split({9, features({{9, 0}})}, {6, features({{6, 0}})}, {3, features({{3, 0}})}));
  BOOST_TEST(!split({9, features({{3, 6}})}, {6, features({{4, 2}})}, {3, features({{2, 1}})}));
  const auto fits = [](Piece x, Piece first, Piece second) {
    return OneOp(OpKind::split, {x}, {first, second}, heads_of_2_and_1).fits();
  };
  BOOST_TEST(!fits({18, features({{10, 8}})}, {12, features()}, {6, features()}));
  BOOST_TEST(!fits({6, features()}, {4, features()}, {2, replicate()}));
  BOOST_TEST(!OneOp(OpKind::join, {{4, features()}, {3, features({{1, 2}})}}, {{9, features()}},
                    heads_of_2_and_1)
                  .fits());
}

BOOST_AUTO_TEST_CASE(repeated_heads_may_be_cut_between_heads_and_their_sum_is_partial) {
  const Piece one{4, replicate()};
  BOOST_TEST(OneOp(OpKind::repeat_heads, {one}, {{12, replicate()}}).fits());
  BOOST_TEST(OneOp(OpKind::repeat_heads, {one}, {{12, features({{8, 4}})}}).fits());
  BOOST_TEST(!OneOp(OpKind::repeat_heads, {one}, {{12, features()}}).fits());  // 1.5 heads
  BOOST_TEST(!OneOp(OpKind::repeat_heads, {one}, {{12, partial()}}).fits());
  BOOST_TEST(!OneOp(OpKind::repeat_heads, {{4, features()}}, {{12, features()}}).fits());
  BOOST_TEST(!OneOp(OpKind::repeat_heads, {{4, partial()}}, {{12, replicate()}}).fits());

  const auto sum = [&](AxisPlacement x, AxisPlacement y) {
    return OneOp(OpKind::sum_heads, {{12, x}}, {{4, y}}).fits();
  };
  BOOST_TEST(sum(replicate(), replicate()));
  BOOST_TEST(sum(features({{8, 4}}), partial()));
  BOOST_TEST(!sum(features({{8, 4}}), replicate()));
  BOOST_TEST(!sum(features(), partial()));
  BOOST_TEST(!sum(partial(), partial()));
}

BOOST_AUTO_TEST_CASE(a_weight_in_out_is_cut_by_columns_along_its_second_dimension) {
  const Attributes in_out{{"weight_layout", std::string("in_out")}};
  const Piece x{6, replicate()}, x_cut{6, features()}, y{8, replicate()}, y_cut{8, features()};
  const Shape weight{6, 8};
  const auto product = [&](Piece from, int dim, Piece to) {
    return OneOp(OpKind::matmul, {from}, {to}, in_out).weight(weight, shard(dim)).fits();
  };
  BOOST_TEST(product(x, 1, y_cut));
  BOOST_TEST(product(x_cut, 0, {8, partial()}));
  BOOST_TEST(!product(x, 0, y_cut));
  BOOST_TEST(!product(x_cut, 1, {8, partial()}));
  const auto to_input = [&](Piece dy, int dim, Piece dx) {
    return OneOp(OpKind::matmul_backward_input, {dy}, {dx}, in_out)
        .weight(weight, shard(dim))
        .fits();
  };
  BOOST_TEST(to_input(y_cut, 1, {6, partial()}));
  BOOST_TEST(to_input(y, 0, x_cut));
  BOOST_TEST(!to_input(y_cut, 0, {6, partial()}));
  const auto to_weight = [&](Piece dy, Piece from, int dim) {
    return OneOp(OpKind::matmul_backward_weight, {dy, from}, {{0, shard(dim)}}, in_out).fits();
  };
  BOOST_TEST(to_weight(y_cut, x, 1));
  BOOST_TEST(to_weight(y, x_cut, 0));
  BOOST_TEST(!to_weight(y_cut, x, 0));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace shardproof
