#include "scenarios/plan/placement.hpp"

#include <boost/test/unit_test.hpp>
#include <numeric>

#include "scenarios/errors.hpp"
#include "scenarios/plan/pieces.hpp"

using namespace shardproof;

namespace {

const Widths fused{{4, 4}, {2, 2}, {2, 2}};

// All ways to cut one block of `total` over n ranks.
void append_cuts(std::int64_t total, int n, std::vector<std::int64_t> so_far,
                 std::vector<std::vector<std::int64_t>>& cuts) {
  if (n == 1) {
    so_far.push_back(total);
    cuts.push_back(so_far);
    return;
  }
  for (std::int64_t width = 0; width <= total; ++width) {
    std::vector<std::int64_t> longer = so_far;
    longer.push_back(width);
    append_cuts(total - width, n - 1, longer, cuts);
  }
}

// Cuts of a dimension over n ranks: one block or two, of every width, zero too.
std::vector<Widths> all_cuts(int n) {
  std::vector<std::vector<std::int64_t>> first, second;
  append_cuts(3, n, {}, first);
  append_cuts(2, n, {}, second);
  std::vector<Widths> cuts;
  for (const auto& a : first) {
    cuts.push_back({a});
    for (const auto& b : second) cuts.push_back({a, b});
  }
  return cuts;
}

std::int64_t total_of(const Widths& widths) {
  std::int64_t total = 0;
  for (const auto& block : widths) total = std::accumulate(block.begin(), block.end(), total);
  return total;
}

// Calls visit(grid, shape, placement) for tp <= 4, dp <= 3 and every cut of either dimension.
template <class Visit>
void for_each_placement(const Visit& visit) {
  for (int tp = 1; tp <= 4; ++tp)
    for (int dp = 1; dp <= 3; ++dp)
      for (const Widths& widths : all_cuts(tp))
        for (const int dim : {0, 1}) {
          Shape shape{6, 6};
          shape[static_cast<std::size_t>(dim)] = total_of(widths);
          visit(ProcessGrid({.tp = tp, .dp = dp}), shape,
                Placement{shard(dim, widths), shard(1 - dim)});
        }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(plan_placement)

BOOST_AUTO_TEST_CASE(a_fused_weight_is_one_box_a_block) {
  const ProcessGrid grid({.tp = 2, .dp = 1});
  const Placement placement{shard(0, fused), replicate()};

  const std::vector<Region> first = regions_of({16, 8}, placement, grid, Rank{0});
  const std::vector<Region> second = regions_of({16, 8}, placement, grid, Rank{1});

  BOOST_CHECK(
      (first == std::vector<Region>{{{0, 0}, {4, 8}}, {{8, 0}, {2, 8}}, {{12, 0}, {2, 8}}}));
  BOOST_CHECK(
      (second == std::vector<Region>{{{4, 0}, {4, 8}}, {{10, 0}, {2, 8}}, {{14, 0}, {2, 8}}}));
  BOOST_CHECK((local_shape({16, 8}, placement, grid, Rank{1}) == Shape{8, 8}));
  BOOST_CHECK(
      (stretches_of(16, fused, 2, GroupRank{1}) == std::vector<Stretch>{{4, 4}, {10, 2}, {14, 2}}));
}

BOOST_AUTO_TEST_CASE(a_rank_of_width_zero_holds_no_box_of_a_shape_with_a_zero) {
  const ProcessGrid grid({.tp = 2, .dp = 1});
  const Placement placement{shard(1, {{3, 0}}), replicate()};

  BOOST_CHECK(regions_of({2, 3}, placement, grid, Rank{1}).empty());
  BOOST_CHECK((local_shape({2, 3}, placement, grid, Rank{1}) == Shape{2, 0}));
  BOOST_CHECK(regions_of({2, 3}, placement, grid, Rank{0}) == std::vector{whole({2, 3})});
}

BOOST_AUTO_TEST_CASE(one_block_of_equal_widths_is_the_even_cut) {
  BOOST_CHECK(shard(1, {{4, 4}}) == shard(1));
  BOOST_CHECK(shard(1, {{4, 3}}) != shard(1));
  BOOST_CHECK(shard(1, {{4, 4}, {4, 4}}) != shard(1));
}

BOOST_AUTO_TEST_CASE(the_text_of_a_placement_names_its_widths_and_is_read_back) {
  for (const auto& [placement, text] : {std::pair{shard(0), "shard(0)"},
                                        {shard(2, {{128, 128, 64, 0}}), "shard(2: 128 128 64 0)"},
                                        {shard(0, fused), "shard(0: 4 4 | 2 2 | 2 2)"},
                                        {replicate(), "replicate"},
                                        {partial(), "partial"},
                                        {flat(), "flat"}}) {
    BOOST_TEST(to_string(placement) == text);
    BOOST_CHECK(axis_placement_from(text) == placement);
  }
  for (const char* text : {"shard", "shard()", "shard(0", "shard(0:)", "shard(0: 4 4)", "shard(x)",
                           "shard(0: 4 3 |)", "shard(0: 4 x)", "shard(0: 4 3) ", "sharded(0)"})
    BOOST_TEST_CONTEXT(text) { BOOST_CHECK_THROW(axis_placement_from(text), ScenarioError); }
}

BOOST_AUTO_TEST_CASE(widths_that_do_not_cover_the_dimension_are_refused) {
  BOOST_CHECK_THROW(stretches_of(9, fused, 2, GroupRank{0}), InvariantError);
  BOOST_CHECK_THROW(stretches_of(16, fused, 3, GroupRank{0}), InvariantError);
  BOOST_CHECK_THROW(stretches_of(9, {}, 2, GroupRank{0}), InvariantError);
  BOOST_CHECK_THROW(shard(0, {{2, 2}, {2}}), InvariantError);
  BOOST_CHECK_THROW(shard(0, {{2, -2}}), InvariantError);
}

BOOST_AUTO_TEST_CASE(the_ranks_regions_cover_every_tensor_exactly_once) {
  int placements = 0;
  for_each_placement([&](const ProcessGrid& grid, const Shape& shape, const Placement& placement) {
    std::vector<Region> all;
    bool boxes_fill_the_local_tensor = true;
    for (int r = 0; r < grid.world(); ++r) {
      std::vector<Region> local;
      for (const HeldBox& box : held_boxes(shape, placement, grid, Rank{r})) {
        all.push_back(box.full);
        local.push_back(box.local);
        boxes_fill_the_local_tensor &= box.full.extent == box.local.extent;
      }
      boxes_fill_the_local_tensor &=
          tiles_exactly(local, local_shape(shape, placement, grid, Rank{r}));
    }
    BOOST_TEST_CONTEXT(to_string(placement)) {
      BOOST_TEST(tiles_exactly(all, shape));
      BOOST_TEST(boxes_fill_the_local_tensor);
    }
    ++placements;
  });
  BOOST_TEST(placements > 1000);
}

BOOST_AUTO_TEST_CASE(a_piece_of_blocks_is_stored_box_by_box_and_comes_back) {
  Program program;
  program.tp = 2;
  program.values.push_back({.name = "x",
                            .shape = {2, 4},
                            .dtype = Dtype::fp32,
                            .placement = {shard(1, {{1, 1}, {1, 1}}), replicate()}});

  const Piece piece = pieces_of(program, program.values[0], Rank{0}).at(0);

  BOOST_CHECK((piece.runs == std::vector<Run>{{0, 1}, {2, 1}, {1, 1}, {3, 1}}));
  const std::vector<std::byte> buffer{std::byte{0}, std::byte{2}, std::byte{4}, std::byte{6}};
  const std::vector<std::byte> stored = stored_bytes(piece, buffer, 1);
  BOOST_CHECK((stored == std::vector{std::byte{0}, std::byte{4}, std::byte{2}, std::byte{6}}));
  std::vector<std::byte> back(4);
  put_back(piece, stored, 1, back);
  BOOST_CHECK(back == buffer);
  for (std::int64_t i = 0; i < 4; ++i)  // the values are the elements' places in the full tensor
    BOOST_TEST(ravel(index_in_full(piece, i).value(), {2, 4}) ==
               static_cast<int>(buffer[static_cast<std::size_t>(i)]));
}

BOOST_AUTO_TEST_CASE(a_flat_table_is_that_of_its_tp_rank) {
  const ProcessGrid grid({.tp = 2, .dp = 2});
  FlatLayout layout{{{"a", {5}, {}}, {"b", {6}, {shard(0, {{6, 0}}), replicate()}}}, 2};

  const FlatTable first = flat_table(layout, grid, Rank{0});
  const FlatTable second = flat_table(layout, grid, Rank{1});

  BOOST_CHECK((first.parts == std::vector<Stretch>{{0, 5}, {5, 6}}));
  BOOST_TEST(first.elements == 11);
  BOOST_TEST(first.padded == 12);
  BOOST_TEST(first.slice() == 6);
  BOOST_CHECK((second.parts == std::vector<Stretch>{{0, 5}, {5, 0}}));
  BOOST_TEST(second.elements == 5);
  BOOST_TEST(second.padded == 8);
  BOOST_TEST(second.slice() == 4);
}

// | a a a a a b | b b b b b . |, and a bucket [b a]; on the other TP rank b is empty.
BOOST_AUTO_TEST_CASE(each_owner_keeps_its_part_of_a_bucket) {
  const ProcessGrid grid({.tp = 2, .dp = 2});
  const FlatLayout::Entry a{"a", {5}, {}}, b{"b", {6}, {shard(0, {{6, 0}}), replicate()}};
  const FlatLayout vector{{a, b}, 2}, bucket{{b, a}, 1}, other{{{"c", {3}, {}}}, 1};
  const Placement slices{flat(), flat()};
  const auto kept = [&](const FlatLayout& from, int rank) {
    std::vector<std::vector<std::int64_t>> all;
    for (const Kept& part : kept_of(from, vector, slices, grid, Rank{rank}))
      all.push_back({part.from, part.to, part.count});
    return all;
  };
  using Parts = std::vector<std::vector<std::int64_t>>;

  BOOST_CHECK((kept(bucket, 0) == Parts{{0, 5, 1}, {6, 0, 5}}));
  BOOST_CHECK((kept(bucket, 2) == Parts{{1, 0, 5}}));  // tp 0, dp 1
  BOOST_CHECK((kept(bucket, 1) == Parts{{0, 0, 4}}));  // tp 1: | a a a a | a . . . |
  BOOST_CHECK((kept(bucket, 3) == Parts{{4, 0, 1}}));
  BOOST_CHECK(kept(other, 0).empty());
}

// | a a a a a b | b b b b b . |: a is a shard over tp,
// b whole on both TP ranks.
BOOST_AUTO_TEST_CASE(what_lies_whole_on_every_tp_rank_counts_on_the_first_and_padding_never) {
  const ProcessGrid grid({.tp = 2, .dp = 2});
  const Placement cut{shard(0, {{5, 5}}), replicate()};
  const FlatLayout layout{{{"a", {10}, cut}, {"b", {6}, {}}}, 2}, whole{layout.entries, 1};
  const Placement slices{flat(), flat()};
  const auto counted = [&](const FlatLayout& of, int rank) {
    return counted_ranges(of, slices, grid, Rank{rank});
  };
  using Ranges = std::vector<Stretch>;

  BOOST_CHECK((counted(layout, 0) == Ranges{{0, 5}, {5, 1}}));
  BOOST_CHECK((counted(layout, 2) == Ranges{{0, 5}}));  // tp 0, dp 1
  BOOST_CHECK((counted(layout, 1) == Ranges{{0, 5}}));
  BOOST_CHECK(counted(layout, 3).empty());
  BOOST_CHECK((counted(whole, 2) == Ranges{{0, 5}, {5, 6}}));  // one owner: everybody has all
  BOOST_CHECK((counted(whole, 3) == Ranges{{0, 5}}));
}

BOOST_AUTO_TEST_CASE(flat_slices_hold_each_element_of_each_shard_once) {
  for_each_placement([&](const ProcessGrid& grid, const Shape& shape, const Placement& cut) {
    Program program;
    program.tp = grid.size(Axis::tp);
    program.dp = grid.size(Axis::dp);
    const Placement of_weight{cut.tp, replicate()};
    program.layouts.push_back(
        {{{"norm", {5}, {}}, {"weight", shape, of_weight}, {"bias", {1}, {}}}, program.dp});
    program.values.push_back({.name = "optimizer/*/master",
                              .shape = {},
                              .dtype = Dtype::fp32,
                              .placement = {flat(), flat()},
                              .layout = 0});
    std::vector<Region> regions;
    bool slices_are_full = true;
    for (int r = 0; r < grid.world(); ++r) {
      std::int64_t elements = 0;
      for (const Piece& piece : pieces_of(program, program.values[0], Rank{r})) {
        elements += element_count(piece);
        if (piece.name == "optimizer/weight/master")
          regions.insert(regions.end(), piece.regions.begin(), piece.regions.end());
      }
      slices_are_full &= Shape{elements} == local_shape(program, program.values[0], Rank{r});
    }
    BOOST_TEST_CONTEXT(to_string(cut)) {
      BOOST_TEST(tiles_exactly(regions, shape));
      BOOST_TEST(slices_are_full);
    }
  });
}

BOOST_AUTO_TEST_SUITE_END()
