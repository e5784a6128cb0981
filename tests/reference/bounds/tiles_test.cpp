// Tile by tile a unit gives what it gives as a whole: the same numbers, and bounds that are no
// wider.
#include "reference/bounds/tiles.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <set>

#include "bounds_cases.hpp"

namespace shardproof::testing {
namespace {

using reference::Box;
using reference::Operand;
using reference::Tile;
using reference::UnitKind;
using reference::UnitResult;

std::vector<double> elements_in(const Box& box, std::int64_t width,
                                const std::vector<double>& values) {
  std::vector<double> part;
  for (std::int64_t row = box.first_row; row < box.first_row + box.rows; ++row)
    for (std::int64_t column = 0; column < box.columns; ++column)
      part.push_back(values.at(static_cast<std::size_t>(row * width + box.first_column + column)));
  return part;
}

// What is summed over a leading axis has a row for each term.
Shape as_given(const Case& a_case, Shape shape) {
  const bool stack = a_case.kind == UnitKind::sum || a_case.kind == UnitKind::mean;
  return stack ? Shape{shape.at(0), element_count(shape) / shape.at(0)} : shape;
}

reference::UnitShapes shapes_of(const Case& a_case) {
  reference::UnitShapes shapes{a_case.kind, a_case.attributes, {}, a_case.output};
  for (const Stored& argument : a_case.arguments)
    shapes.arguments.push_back(as_given(a_case, argument.shape));
  if (shapes.arguments.size() == 1 && shapes.arguments[0] != a_case.arguments[0].shape)
    shapes.result = {element_count(a_case.output)};
  return shapes;
}

UnitResult replayed(const Case& a_case, const reference::UnitShapes& shapes, const Tile& tile) {
  std::vector<std::vector<double>> values;
  std::vector<Operand> operands;
  for (std::size_t i = 0; i < tile.arguments.size(); ++i)
    values.push_back(elements_in(tile.arguments[i].box,
                                 reference::matrix_of(shapes.arguments[i]).columns,
                                 a_case.arguments[i].values()));
  for (std::size_t i = 0; i < values.size(); ++i)
    operands.push_back({tile.arguments[i].shape, values[i]});
  return reference::replay(a_case.kind, tile.attributes, a_case.precision, operands);
}

// A sum in another order is another number, within what both say of their own errors.
bool alike(double a, double b, double room) {
  return a == b || (std::isnan(a) && std::isnan(b)) || std::fabs(a - b) <= room;
}

void expect_tiles(const Case& a_case, std::int64_t elements, std::set<UnitKind>& cut) {
  const UnitResult whole = testing::replayed(a_case);
  const reference::UnitShapes shapes = shapes_of(a_case);
  const std::vector<Tile> tiles = reference::tiles_of(shapes, elements);
  if (tiles.size() > 1) cut.insert(a_case.kind);
  const std::int64_t width = reference::matrix_of(shapes.result).columns;
  std::vector<int> made(whole.value.size());
  for (const Tile& tile : tiles) {
    const UnitResult part = replayed(a_case, shapes, tile);
    BOOST_REQUIRE(std::ssize(part.value) == tile.result.elements());
    BOOST_TEST((part.sound || !whole.sound), reference::name_of(a_case.kind));
    for (std::int64_t i = 0; i < tile.result.elements(); ++i) {
      const auto at =
          static_cast<std::size_t>((tile.result.first_row + i / tile.result.columns) * width +
                                   tile.result.first_column + i % tile.result.columns);
      const auto in_tile = static_cast<std::size_t>(i);
      ++made.at(at);
      const double room = whole.error.empty() ? 0 : whole.error[at] + part.error.at(in_tile);
      BOOST_REQUIRE_MESSAGE(alike(whole.value[at], part.value[in_tile], room),
                            reference::name_of(a_case.kind) << " element " << at);
      if (whole.bound.empty()) continue;
      BOOST_REQUIRE_MESSAGE(!(part.bound[in_tile] > whole.bound[at] * (1 + 0x1p-10)),
                            reference::name_of(a_case.kind) << " bound of element " << at);
    }
  }
  BOOST_TEST(std::ranges::all_of(made, [](int times) { return times == 1; }),
             reference::name_of(a_case.kind));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(tiles)

BOOST_AUTO_TEST_CASE(tiles_of_every_kind_make_its_result_once_and_alike) {
  std::set<UnitKind> cut;
  for (const Dtype storage : {Dtype::bf16, Dtype::fp64}) {
    Dice dice(5);
    for (const Case& a_case : all_cases(storage, Distribution::normal, {}, dice))
      for (const std::int64_t elements : {1, 7, 100, 1 << 14}) expect_tiles(a_case, elements, cut);
  }
  // Those that real widths need.
  for (const UnitKind kind :
       {UnitKind::matmul, UnitKind::matmul_backward_input, UnitKind::matmul_backward_weight,
        UnitKind::attention, UnitKind::attention_backward_k, UnitKind::embedding_backward,
        UnitKind::cross_entropy_backward, UnitKind::mean, UnitKind::adamw, UnitKind::rms_norm,
        UnitKind::swiglu, UnitKind::rotary})
    BOOST_TEST(cut.contains(kind), reference::name_of(kind));
}

BOOST_AUTO_TEST_CASE(a_reduction_is_combined_from_its_parts) {
  const std::vector<double> values{3, -4, 12, 0.5};
  const auto of = [&](UnitKind kind, std::size_t first, std::size_t count) {
    const auto part = std::span(values).subspan(first, count);
    const Operand operand{{static_cast<std::int64_t>(count)}, part};
    return reference::replay(kind, {}, {}, std::span(&operand, 1));
  };
  const std::vector<UnitResult> squares{of(UnitKind::sum_of_squares, 0, 1),
                                        of(UnitKind::sum_of_squares, 1, 3)};
  const UnitResult sum = reference::combine(UnitKind::sum_of_squares, squares, 4);
  const UnitResult whole = of(UnitKind::sum_of_squares, 0, 4);
  BOOST_TEST(sum.value[0] == 169.25);
  BOOST_TEST(sum.bound[0] == whole.bound[0]);
  BOOST_TEST(sum.error[0] == whole.error[0]);

  std::vector<UnitResult> flags{of(UnitKind::nonfinite, 0, 2), of(UnitKind::nonfinite, 2, 2)};
  BOOST_TEST(reference::combine(UnitKind::nonfinite, flags, 4).value[0] == 0);
  flags[1].value[0] = 1;
  BOOST_TEST(reference::combine(UnitKind::nonfinite, flags, 4).value[0] == 1);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shardproof::testing
