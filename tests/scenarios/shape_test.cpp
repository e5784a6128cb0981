#include "scenarios/shape.hpp"

#include <boost/test/unit_test.hpp>
#include <cstring>
#include <limits>
#include <random>

#include "scenarios/counts.hpp"
#include "scenarios/errors.hpp"
#include "scenarios/listed.hpp"

using namespace shardproof;

namespace {

// The linear indices in `shape` of the elements of a region, in storage order, the slow way.
std::vector<std::int64_t> elements_of(const Region& region, const Shape& shape) {
  std::vector<std::int64_t> out;
  for (std::int64_t i = 0; i < element_count(region); ++i) {
    Shape index = unravel(i, region.extent);
    for (std::size_t d = 0; d < index.size(); ++d) index[d] += region.offset[d];
    out.push_back(ravel(index, shape));
  }
  return out;
}

std::vector<std::int64_t> elements_of(const std::vector<Region>& regions, const Shape& shape) {
  std::vector<std::int64_t> out;
  for (const Region& region : regions)
    for (const std::int64_t element : elements_of(region, shape)) out.push_back(element);
  return out;
}

// Every box inside `shape`, empty ones included.
std::vector<Region> boxes_in(const Shape& shape) {
  std::vector<Region> boxes = {{{}, {}}};
  for (const std::int64_t extent : shape) {
    std::vector<Region> longer;
    for (const Region& box : boxes)
      for (std::int64_t begin = 0; begin <= extent; ++begin)
        for (std::int64_t end = begin; end <= extent; ++end) {
          Region next = box;
          next.offset.push_back(begin);
          next.extent.push_back(end - begin);
          longer.push_back(next);
        }
    boxes = std::move(longer);
  }
  return boxes;
}

bool tiles_the_slow_way(const std::vector<Region>& regions, const Shape& shape) {
  std::vector<int> owners(static_cast<std::size_t>(element_count(shape)), 0);
  for (const std::int64_t element : elements_of(regions, shape))
    ++owners[static_cast<std::size_t>(element)];
  for (const int count : owners)
    if (count != 1) return false;
  return true;
}

}  // namespace

BOOST_AUTO_TEST_CASE(more_elements_than_64_bits_count_are_refused) {
  const std::int64_t root = std::int64_t{1} << 31;
  BOOST_TEST(element_count(Shape{root, root}) == std::int64_t{1} << 62);
  BOOST_CHECK_THROW(element_count(Shape{root, root, 2}), ScenarioError);
  BOOST_CHECK_THROW(sum(std::int64_t{1} << 62, std::int64_t{1} << 62), ScenarioError);
}

BOOST_AUTO_TEST_CASE(shapes_and_regions_print_as_the_reports_show_them) {
  BOOST_TEST(to_string(Shape{128, 64}) == "(128, 64)");
  BOOST_TEST(to_string(Shape{}) == "()");
  BOOST_TEST(to_string(Region{{2, 0}, {3, 4}}) == "[2:5, 0:4]");
  BOOST_TEST(element_count(Shape{}) == 1);
  BOOST_TEST(element_count(Shape{3, 0}) == 0);
}

BOOST_AUTO_TEST_CASE(flat_range_of_a_partial_row_is_three_boxes) {
  const std::vector<Region> parts = flat_range(whole({3, 4}), 2, 9);

  BOOST_REQUIRE_EQUAL(parts.size(), 3U);
  BOOST_TEST((parts[0] == Region{{0, 2}, {1, 2}}));
  BOOST_TEST((parts[1] == Region{{1, 0}, {1, 4}}));
  BOOST_TEST((parts[2] == Region{{2, 0}, {1, 1}}));
}

BOOST_AUTO_TEST_CASE(flat_range_of_whole_rows_is_one_box) {
  BOOST_TEST((flat_range(whole({3, 4}), 4, 12) == std::vector<Region>{{{1, 0}, {2, 4}}}));
  BOOST_TEST((flat_range(whole({}), 0, 1) == std::vector<Region>{whole({})}));
  BOOST_TEST(flat_range(whole({3, 4}), 5, 5).empty());
}

BOOST_AUTO_TEST_CASE(flat_range_holds_exactly_its_elements_in_order_for_every_range_of_every_box) {
  for (const Shape& shape : {Shape{}, Shape{5}, Shape{3, 4}, Shape{2, 3, 3}, Shape{3, 1, 2}})
    for (const Region& box : boxes_in(shape)) {
      const std::vector<std::int64_t> all = elements_of(box, shape);
      for (std::size_t begin = 0; begin <= all.size(); ++begin)
        for (std::size_t end = begin; end <= all.size(); ++end) {
          const auto parts =
              flat_range(box, static_cast<std::int64_t>(begin), static_cast<std::int64_t>(end));
          const std::vector<std::int64_t> expected(all.begin() + static_cast<std::ptrdiff_t>(begin),
                                                   all.begin() + static_cast<std::ptrdiff_t>(end));
          BOOST_REQUIRE(elements_of(parts, shape) == expected);
          BOOST_REQUIRE_LE(parts.size(), 2 * shape.size() + 1);
        }
    }
}

BOOST_AUTO_TEST_CASE(flat_range_refuses_what_is_not_in_the_box) {
  BOOST_CHECK_THROW(flat_range(whole({3, 4}), 5, 13), InvariantError);
  BOOST_CHECK_THROW(flat_range(whole({3, 4}), 5, 4), InvariantError);
  BOOST_CHECK_THROW(flat_range(whole({3, 4}), -1, 4), InvariantError);
}

BOOST_AUTO_TEST_CASE(two_boxes_tile_exactly_when_no_element_is_missing_or_double) {
  const Shape shape = {2, 3};
  int tilings = 0;
  for (const Region& a : boxes_in(shape))
    for (const Region& b : boxes_in(shape)) {
      const std::vector<Region> pair = {a, b};
      BOOST_REQUIRE_EQUAL(tiles_exactly(pair, shape), tiles_the_slow_way(pair, shape));
      tilings += tiles_exactly(pair, shape);
    }
  BOOST_TEST(tilings > 6);
}

BOOST_AUTO_TEST_CASE(cutting_a_tensor_at_random_flat_offsets_tiles_it) {
  std::mt19937_64 random(20240607);
  for (int round = 0; round < 200; ++round) {
    const Shape shape = {1 + static_cast<std::int64_t>(random() % 5),
                         1 + static_cast<std::int64_t>(random() % 7),
                         1 + static_cast<std::int64_t>(random() % 4)};
    const std::int64_t count = element_count(shape);
    const auto cut = static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(count + 1));
    std::vector<Region> parts = flat_range(whole(shape), 0, cut);
    for (const Region& part : flat_range(whole(shape), cut, count)) parts.push_back(part);

    BOOST_REQUIRE(tiles_exactly(parts, shape));
    parts.push_back(flat_range(whole(shape), 0, 1).front());
    BOOST_REQUIRE(!tiles_exactly(parts, shape));
  }
}

BOOST_AUTO_TEST_CASE(many_boxes_tile_a_tensor_in_any_order_and_no_more_when_one_is_moved) {
  const Shape shape = {6, 40, 9};
  std::vector<Region> parts;
  for (std::int64_t i = 0; i < 3; ++i)
    for (std::int64_t j = 0; j < 20; ++j)
      for (std::int64_t k = 0; k < 3; ++k) parts.push_back({{2 * i, 2 * j, 3 * k}, {2, 2, 3}});
  parts.push_back({{1, 1, 1}, {0, 2, 2}});  // of no elements: it may lie anywhere
  std::mt19937_64 random(7);
  for (int round = 0; round < 50; ++round) {
    std::shuffle(parts.begin(), parts.end(), random);
    BOOST_REQUIRE(tiles_exactly(parts, shape));
    const std::size_t moved = round % 2 == 0 ? 0 : parts.size() - 1;
    if (element_count(parts[moved]) == 0) continue;
    std::vector<Region> others = parts;
    std::int64_t& offset = others[moved].offset[static_cast<std::size_t>(round) % 3];
    offset += offset == 0 ? 1 : -1;
    BOOST_REQUIRE(!tiles_exactly(others, shape));
    BOOST_REQUIRE(!tiles_the_slow_way(others, shape));
    others = parts;
    others.erase(others.begin() + static_cast<std::ptrdiff_t>(moved));
    BOOST_REQUIRE(!tiles_exactly(others, shape));
  }
}

BOOST_AUTO_TEST_CASE(boxes_outside_the_tensor_or_of_another_rank_do_not_tile_it) {
  const auto tiles = [](const Region& region) {
    return tiles_exactly(std::vector<Region>{region}, {2, 3});
  };
  BOOST_TEST(tiles({{0, 0}, {2, 3}}));
  BOOST_TEST(!tiles({{0, 0}, {2, 4}}));
  BOOST_TEST(!tiles({{-1, 0}, {3, 3}}));
  BOOST_TEST(!tiles({{0}, {6}}));
  BOOST_TEST(!tiles({{0, 0}, {6}}));
}

BOOST_AUTO_TEST_CASE(scatter_undoes_extract_for_every_box) {
  const Shape shape = {3, 2, 2};
  std::vector<std::uint16_t> full(12), back(12);
  for (std::uint16_t i = 0; i < 12; ++i) full[i] = static_cast<std::uint16_t>(100 + i);
  for (const Region& box : boxes_in(shape)) {
    const std::vector<Region> regions = {box};
    const std::vector<std::int64_t> elements = elements_of(box, shape);
    std::vector<std::uint16_t> piece(elements.size());
    extract(std::as_bytes(std::span(full)), shape, regions, 2,
            std::as_writable_bytes(std::span(piece)));
    std::fill(back.begin(), back.end(), std::uint16_t{0});
    scatter(std::as_bytes(std::span(piece)), regions, shape, 2,
            std::as_writable_bytes(std::span(back)));

    std::vector<std::uint16_t> expected(12, 0);
    for (std::size_t i = 0; i < elements.size(); ++i) {
      const auto at = static_cast<std::size_t>(elements[i]);
      BOOST_REQUIRE_EQUAL(piece[i], full[at]);
      expected[at] = full[at];
    }
    BOOST_REQUIRE(back == expected);
  }
}

BOOST_AUTO_TEST_CASE(an_element_of_a_piece_is_found_in_the_full_tensor) {
  const std::vector<Region> regions = flat_range(whole({3, 4}), 2, 9);

  BOOST_TEST((index_in_full(regions, 0) == Shape{0, 2}));
  BOOST_TEST((index_in_full(regions, 2) == Shape{1, 0}));
  BOOST_TEST((index_in_full(regions, 6) == Shape{2, 0}));
  BOOST_CHECK_THROW(index_in_full(regions, 7), InvariantError);
  for (std::int64_t i = 0; i < 7; ++i)
    BOOST_TEST(position_in(regions, index_in_full(regions, i)).value() == i);
  BOOST_TEST(!position_in(regions, Shape{0, 1}).has_value());
  BOOST_TEST(!position_in(regions, Shape{2, 1}).has_value());
}

BOOST_AUTO_TEST_CASE(a_list_ends_with_its_last_word) {
  BOOST_TEST(listed(std::vector<std::string>{}, "and") == "");
  BOOST_TEST(listed(std::vector<std::string>{"a"}, "or") == "a");
  BOOST_TEST(listed(std::vector{0, 2, 3}, "and") == "0, 2 and 3");
}

BOOST_AUTO_TEST_CASE(errors_begin_with_their_place) {
  BOOST_TEST(std::string(ScenarioError({"a.json", 7, 9}, "wrong").what()) == "a.json:7:9: wrong");
  BOOST_TEST(std::string(ScenarioError({"a.json"}, "wrong").what()) == "a.json: wrong");
  BOOST_TEST(std::string(ScenarioError(SourcePlace{}, "wrong").what()) == "wrong");
  BOOST_TEST(to_string(SourcePlace{"a.json", 7}) == "a.json:7");
}

BOOST_AUTO_TEST_CASE(regions_overlap_if_an_element_lies_in_both) {
  const Region box{{1, 1}, {2, 2}};
  BOOST_TEST(overlap(box, Region{{2, 2}, {1, 1}}));
  BOOST_TEST(overlap(box, box));
  BOOST_TEST(!overlap(box, Region{{3, 1}, {2, 2}}));  // touches
  BOOST_TEST(!overlap(box, Region{{0, 0}, {4, 1}}));
  BOOST_TEST(!overlap(box, Region{{1, 1}, {2, 0}}));    // empty
  BOOST_TEST(overlap(Region{{}, {}}, Region{{}, {}}));  // two scalars
}

BOOST_AUTO_TEST_CASE(a_region_lies_in_a_shape_of_as_many_dimensions_that_holds_all_of_it) {
  const Shape shape{3, 4};
  BOOST_TEST(lies_in(whole(shape), shape));
  BOOST_TEST(lies_in(Region{{3, 4}, {0, 0}}, shape));
  BOOST_TEST(lies_in(Region{{}, {}}, {}));
  BOOST_TEST(!lies_in(Region{{0, 1}, {3, 4}}, shape));
  BOOST_TEST(!lies_in(Region{{-1, 0}, {2, 2}}, shape));
  BOOST_TEST(!lies_in(Region{{1, 1}, {-1, 1}}, shape));
  BOOST_TEST(!lies_in(Region{{0}, {3}}, shape));
  BOOST_TEST(!lies_in(Region{{0, 0}, {3}}, shape));
  const std::int64_t far = std::numeric_limits<std::int64_t>::max();
  BOOST_TEST(!lies_in(Region{{far, 0}, {1, 1}}, shape));
  BOOST_TEST(!lies_in(Region{{1, 0}, {far, 1}}, shape));
}

BOOST_AUTO_TEST_CASE(a_broken_invariant_prints_its_expression_and_its_values) {
  const int rank = 3;
  std::string message;
  try {
    SHARDPROOF_EXPECTS(rank < 2, "rank", rank);
  } catch (const InvariantError& error) {
    message = error.what();
  }

  BOOST_TEST(message.ends_with(": expected rank < 2, got rank 3"));
}
