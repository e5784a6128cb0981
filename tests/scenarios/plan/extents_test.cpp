// Rows that are data: their shapes, their pieces, and who may take them.
#include <boost/test/unit_test.hpp>

#include "scenarios/errors.hpp"
#include "scenarios/json/json_document.hpp"
#include "scenarios/plan/check/type_check.hpp"
#include "scenarios/plan/pieces.hpp"
#include "scenarios/plan/program_json.hpp"

namespace shardproof {
namespace {

// Two experts of 3 tokens on each of 2 replicas, 2 TP ranks; 4 features.
struct Experts {
  Program program;
  ValueId selected, x, rows0, rows1;

  Experts() {
    program.tp = program.dp = 2;
    program.segments.push_back({"micro_step", {}, "", ""});
    selected = add("selected", {2, 3, 1}, Dtype::int64);
    x = add("x", {2, 3, 4}, Dtype::fp32);
    rows0 = expert(0), rows1 = expert(1);
    op(OpKind::load_tokens, {}, {selected});
    op(OpKind::zero, {}, {x});
  }
  ValueId add(const std::string& name, Shape shape, Dtype dtype) {
    Value value;
    value.name = name, value.shape = std::move(shape), value.dtype = dtype;
    value.placement.dp = shard(0);
    program.values.push_back(std::move(value));
    return static_cast<ValueId>(program.values.size()) - 1;
  }
  ValueId expert(std::int64_t e) {
    program.extents.push_back({"expert " + std::to_string(e), 3, selected, e});
    const ValueId id = add("rows " + std::to_string(e), {6, 4}, Dtype::fp32);
    program.value(id).extent = static_cast<int>(e);
    return id;
  }
  void op(OpKind kind, std::vector<ValueId> inputs, std::vector<ValueId> outputs) {
    Op op;
    op.kind = kind;
    op.module = "m", op.phase = Phase::forward;
    op.name = "op_" + std::to_string(program.segments[0].ops.size());
    op.inputs = std::move(inputs), op.outputs = std::move(outputs);
    program.segments[0].ops.push_back(std::move(op));
  }
  void dispatch() { op(OpKind::moe_dispatch, {x, selected}, {rows0, rows1}); }
  bool fits() const { return type_check(program).empty(); }
};

BOOST_AUTO_TEST_SUITE(extents)

BOOST_AUTO_TEST_CASE(a_tensor_has_the_bound_in_memory_and_the_counted_rows_in_the_trace) {
  Experts experts;
  Program& program = experts.program;
  Value& rows = program.value(experts.rows0);
  rows.placement.tp = shard(1);
  const Rank rank{3};  // TP rank 1 of replica 1
  BOOST_TEST((local_shape(program, rows, rank) == Shape{3, 2}));

  RowCounts counts;
  count_rows(program, experts.selected, std::vector<std::int64_t>{0, 1, 0}, counts);
  BOOST_TEST(counts == (RowCounts{2, 1}), boost::test_tools::per_element());
  BOOST_TEST((local_shape(program, rows, rank, counts) == Shape{2, 2}));
  const std::vector<Piece> pieces = pieces_of(program, rows, rank, counts);
  BOOST_REQUIRE(pieces.size() == 1);
  BOOST_TEST((pieces[0].full_shape == Shape{6, 4}));
  BOOST_TEST((pieces[0].regions == std::vector<Region>{{{3, 2}, {2, 2}}}));

  count_rows(program, experts.selected, std::vector<std::int64_t>{1, 1, 1}, counts);
  BOOST_TEST(pieces_of(program, rows, rank, counts).at(0).regions.empty());
  BOOST_CHECK_THROW(count_rows(program, experts.selected, std::vector<std::int64_t>(4, 0), counts),
                    InvariantError);
}

BOOST_AUTO_TEST_CASE(extents_survive_the_json_of_a_program) {
  const Experts experts;
  const std::string text = program_text(experts.program);
  const Program again = program_from_json(parse_json(text, "program"));
  BOOST_TEST(program_text(again) == text);
  BOOST_REQUIRE(again.extents.size() == 2);
  BOOST_TEST(again.extents[1].bound == 3);
  BOOST_TEST(again.extents[1].source == experts.selected);
  BOOST_TEST(again.value(experts.rows1).extent == 1);
}

BOOST_AUTO_TEST_CASE(each_expert_has_rows_of_its_own) {
  Experts right;
  right.dispatch();
  right.op(OpKind::moe_dispatch_backward, {right.selected, right.rows0, right.rows1}, {right.x});
  BOOST_TEST(right.fits());

  Experts swapped;
  swapped.op(OpKind::moe_dispatch, {swapped.x, swapped.selected}, {swapped.rows1, swapped.rows0});
  BOOST_TEST(!swapped.fits());

  Experts added;
  added.dispatch();
  added.op(OpKind::add, {added.rows0, added.rows1}, {added.rows0});
  BOOST_TEST(!added.fits());

  Experts lost;  // rows that are data become a number of rows
  lost.dispatch();
  lost.op(OpKind::add, {lost.rows0, lost.rows0}, {lost.add("y", {6, 4}, Dtype::fp32)});
  BOOST_TEST(!lost.fits());
}

BOOST_AUTO_TEST_CASE(rows_are_counted_in_what_every_tp_rank_has_and_what_is_written) {
  Experts partial_choice;
  partial_choice.dispatch();
  partial_choice.program.value(partial_choice.selected).placement.tp = partial();
  BOOST_TEST(!partial_choice.fits());

  Experts unwritten;
  const ValueId later = unwritten.add("later", {2, 3, 1}, Dtype::int64);
  for (Extent& extent : unwritten.program.extents) extent.source = later;
  unwritten.op(OpKind::moe_dispatch, {unwritten.x, later}, {unwritten.rows0, unwritten.rows1});
  BOOST_TEST(!unwritten.fits());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace shardproof
