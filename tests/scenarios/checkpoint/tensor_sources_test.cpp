#include "scenarios/checkpoint/tensor_sources.hpp"

#include <boost/test/unit_test.hpp>
#include <cstring>
#include <random>

#include "scenarios/data/region_runs.hpp"
#include "scenarios/errors.hpp"

using namespace shardproof;

namespace {

using Regions = std::vector<Region>;

std::vector<std::int64_t> indices_of(const Regions& regions, const Shape& shape) {
  std::vector<std::int64_t> indices;
  for (const Region& region : regions)
    for (const Run& run : runs_of(region, shape))
      for (std::int64_t i = run.first; i < run.first + run.count; ++i) indices.push_back(i);
  return indices;
}

// The tensor's indices that end up in `wanted`, out of holders whose elements are their indices.
std::vector<std::int64_t> copied(const std::vector<Regions>& holders, const Shape& shape,
                                 const Regions& wanted) {
  TensorSources sources(shape);
  std::vector<std::vector<std::int64_t>> stored;
  for (const Regions& regions : holders) {
    sources.add(static_cast<int>(stored.size()), regions);
    stored.push_back(indices_of(regions, shape));
  }
  std::vector<std::int64_t> out(static_cast<std::size_t>(element_count(wanted)), -1);
  copy_regions(
      sources,
      [&](int holder) {
        return std::as_bytes(std::span(stored[static_cast<std::size_t>(holder)]));
      },
      wanted, sizeof(std::int64_t), std::as_writable_bytes(std::span(out)));
  return out;
}

// Cuts a tensor into disjoint boxes at random.
Regions random_tiling(const Shape& shape, std::mt19937& random) {
  Regions boxes{whole(shape)};
  for (int cut = 0; cut < 4 && !shape.empty(); ++cut) {
    const std::size_t at = random() % boxes.size();
    const std::size_t d = random() % shape.size();
    Region box = boxes[at];
    if (box.extent[d] < 2) continue;
    const auto width =
        static_cast<std::int64_t>(1 + random() % static_cast<unsigned long>(box.extent[d] - 1));
    boxes[at].extent[d] = width;
    box.offset[d] += width;
    box.extent[d] -= width;
    boxes.push_back(box);
  }
  std::shuffle(boxes.begin(), boxes.end(), random);
  return boxes;
}

std::vector<Regions> dealt(const Regions& boxes, std::size_t holders, std::mt19937& random) {
  std::vector<Regions> parts(holders);
  for (const Region& box : boxes) parts[random() % holders].push_back(box);
  return parts;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(tensor_sources)

BOOST_AUTO_TEST_CASE(a_box_across_two_holders_is_a_run_of_each) {
  TensorSources sources({4, 4});
  sources.add(0, Regions{{{0, 0}, {2, 4}}});
  sources.add(1, Regions{{{2, 0}, {2, 4}}});

  const std::vector<Copy> copies = sources.copies_to(Regions{{{1, 2}, {2, 2}}});

  BOOST_TEST((copies == std::vector<Copy>{{0, 6, 0, 2}, {1, 2, 2, 2}}));
  BOOST_TEST(sources.missing().empty());
  BOOST_TEST(sources.repeats().empty());
}

BOOST_AUTO_TEST_CASE(rows_that_both_sides_hold_whole_are_one_run) {
  TensorSources sources({8, 4, 3});
  sources.add(0, Regions{whole({8, 4, 3})});

  BOOST_TEST(
      (sources.copies_to(Regions{{{2, 0, 0}, {3, 4, 3}}}) == std::vector<Copy>{{0, 24, 0, 36}}));
  // Columns 1-2 of rows 2-4: a run of (2, 3) a row.
  BOOST_TEST((sources.copies_to(Regions{{{2, 1, 0}, {3, 2, 3}}}) ==
              std::vector<Copy>{{0, 27, 0, 6}, {0, 39, 6, 6}, {0, 51, 12, 6}}));
}

BOOST_AUTO_TEST_CASE(a_scalar_and_an_empty_tensor_are_tensors) {
  BOOST_TEST((copied({{whole({})}}, {}, {whole({})}) == std::vector<std::int64_t>{0}));
  BOOST_TEST(TensorSources({0, 3}).missing().empty());
}

BOOST_AUTO_TEST_CASE(what_nobody_has_is_named_and_not_copied) {
  TensorSources sources({4, 4});
  sources.add(0, Regions{{{0, 0}, {2, 4}}});
  sources.add(1, Regions{{{2, 0}, {2, 3}}});

  BOOST_TEST((sources.missing() == Regions{{{2, 3}, {2, 1}}}));
  BOOST_CHECK_THROW(sources.copies_to(Regions{whole({4, 4})}), InvariantError);
  BOOST_CHECK_NO_THROW(sources.copies_to(Regions{{{2, 0}, {2, 3}}}));
}

BOOST_AUTO_TEST_CASE(what_two_have_is_taken_from_the_first_and_compared_with_the_other) {
  TensorSources sources({6});
  sources.add(0, Regions{{{0}, {4}}});
  sources.add(1, Regions{{{2}, {4}}});

  BOOST_TEST(
      (sources.copies_to(Regions{whole({6})}) == std::vector<Copy>{{0, 0, 0, 4}, {1, 2, 4, 2}}));
  const auto repeats = sources.repeats();
  BOOST_REQUIRE(repeats.size() == 1U);
  BOOST_TEST((repeats[0].copy == Copy{0, 2, 0, 2}));
  BOOST_TEST(repeats[0].later == 1);
}

BOOST_AUTO_TEST_CASE(regions_outside_the_tensor_are_refused) {
  TensorSources sources({4, 4});
  for (const Region& region : Regions{{{0, 1}, {4, 4}}, {{-1, 0}, {1, 1}}, {{0}, {4}}})
    BOOST_CHECK_THROW(sources.add(0, Regions{region}), InvariantError);
}

BOOST_AUTO_TEST_CASE(any_tiling_goes_into_any_other) {
  const unsigned seed = std::random_device()();
  BOOST_TEST_MESSAGE("seed " << seed);
  std::mt19937 random(seed);
  const std::vector<Shape> shapes{{}, {1}, {17}, {5, 7}, {6, 1}, {3, 4, 5}, {2, 3, 2, 4}};
  for (int round = 0; round < 3000; ++round) {
    const Shape& shape = shapes[random() % shapes.size()];
    const std::vector<Regions> from = dealt(random_tiling(shape, random), 1 + random() % 4, random);
    for (const Regions& wanted : dealt(random_tiling(shape, random), 1 + random() % 4, random))
      BOOST_REQUIRE_MESSAGE(copied(from, shape, wanted) == indices_of(wanted, shape),
                            "seed " << seed << ", round " << round);
  }
}

BOOST_AUTO_TEST_CASE(overlapping_holders_fill_every_element_once) {
  const unsigned seed = std::random_device()();
  std::mt19937 random(seed);
  const Shape shape{6, 5};
  for (int round = 0; round < 1000; ++round) {
    std::vector<Regions> holders = dealt(random_tiling(shape, random), 3, random);
    for (const Regions& again : dealt(random_tiling(shape, random), 2, random))
      holders.insert(holders.begin() + static_cast<std::ptrdiff_t>(random() % holders.size()),
                     again);

    const std::vector<std::int64_t> out = copied(holders, shape, {whole(shape)});
    TensorSources sources(shape);
    for (std::size_t h = 0; h < holders.size(); ++h) sources.add(static_cast<int>(h), holders[h]);
    std::int64_t repeated = 0;
    for (const auto& repeat : sources.repeats()) repeated += repeat.copy.count;

    BOOST_REQUIRE_MESSAGE(out == indices_of({whole(shape)}, shape), "seed " << seed);
    BOOST_REQUIRE_MESSAGE(repeated == 30, "seed " << seed << ": " << repeated);
  }
}

BOOST_AUTO_TEST_SUITE_END()
