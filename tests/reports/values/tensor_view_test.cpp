// A tensor in parts gives the elements of the whole one, whatever box or range is asked for.
#include "reports/values/tensor_view.hpp"

#include <boost/test/unit_test.hpp>
#include <cstring>
#include <numeric>
#include <random>

#include "reports/values/hashed_tensor.hpp"
#include "scenarios/errors.hpp"
#include "scenarios/trace/tensor_hash.hpp"

using namespace shardproof;
using namespace shardproof::reports;

namespace {

Bytes counting(std::int64_t count) {
  std::vector<float> values(static_cast<std::size_t>(count));
  std::iota(values.begin(), values.end(), 1.0F);
  Bytes bytes(values.size() * sizeof(float));
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

Bytes extracted(const Bytes& whole, const Shape& shape, const Region& region) {
  Bytes part(static_cast<std::size_t>(element_count(region)) * sizeof(float));
  extract(whole, shape, std::span(&region, 1), sizeof(float), part);
  return part;
}

// Put together of these regions, each with a few bytes before it in its source.
SharedTensor of_regions(const Bytes& whole, const Shape& shape, std::span<const Region> regions) {
  auto view = std::make_shared<TensorView>(Dtype::fp32, shape);
  for (const Region& region : regions) {
    Bytes source(3 * sizeof(float));
    const Bytes part = extracted(whole, shape, region);
    source.insert(source.end(), part.begin(), part.end());
    view->add(runs_of(region, shape), in_memory(std::move(source)), 3 * sizeof(float));
  }
  return view;
}

Bytes all_of(const SharedTensor& tensor) {
  Bytes bytes(tensor->bytes());
  tensor->read_range(0, bytes);
  return bytes;
}

void expect_every_box(const TensorView& view, const Bytes& whole) {
  const Box matrix = reference::matrix_of(view.shape());
  const Shape shape{matrix.rows, matrix.columns};
  for (std::int64_t row = 0; row < matrix.rows; ++row)
    for (std::int64_t rows = 1; row + rows <= matrix.rows; ++rows)
      for (std::int64_t column = 0; column < matrix.columns; ++column)
        for (std::int64_t columns = 1; column + columns <= matrix.columns; ++columns) {
          Bytes bytes(static_cast<std::size_t>(rows * columns) * sizeof(float));
          view.read({row, rows, column, columns}, bytes);
          BOOST_TEST((bytes == extracted(whole, shape, {{row, column}, {rows, columns}})),
                     row << "+" << rows << ", " << column << "+" << columns);
        }
}

BOOST_AUTO_TEST_SUITE(tensor_view)

BOOST_AUTO_TEST_CASE(every_box_of_a_tensor_cut_by_columns_and_rows_is_that_of_the_whole) {
  const Shape shape{2, 3, 5};
  const Bytes whole = counting(30);
  const std::vector<Region> regions{{{0, 0, 2}, {2, 3, 3}},
                                    {{0, 0, 0}, {1, 3, 2}},
                                    {{1, 0, 0}, {1, 1, 2}},
                                    {{1, 1, 0}, {1, 2, 1}},
                                    {{1, 1, 1}, {1, 2, 1}}};

  expect_every_box(*of_regions(whole, shape, regions), whole);
}

// Of wide rows few columns are read row by row, many with what lies between.
BOOST_AUTO_TEST_CASE(every_box_of_wide_rows_is_that_of_the_whole) {
  const Shape shape{3, 11};
  const Bytes whole = counting(33);
  const Region all{{0, 0}, {3, 11}};

  expect_every_box(*of_regions(whole, shape, std::span(&all, 1)), whole);
}

BOOST_AUTO_TEST_CASE(every_range_is_that_of_the_whole) {
  const Shape shape{3, 4};
  const Bytes whole = counting(12);
  const std::vector<Region> regions{{{0, 0}, {3, 1}}, {{0, 1}, {3, 3}}};
  const SharedTensor view = of_regions(whole, shape, regions);
  for (std::size_t begin = 0; begin <= 12; ++begin)
    for (std::size_t end = begin; end <= 12; ++end) {
      Bytes bytes((end - begin) * sizeof(float));
      view->read_range(static_cast<std::int64_t>(begin), bytes);
      BOOST_TEST((bytes == Bytes(whole.begin() + static_cast<std::ptrdiff_t>(4 * begin),
                                 whole.begin() + static_cast<std::ptrdiff_t>(4 * end))));
    }
}

BOOST_AUTO_TEST_CASE(a_vector_of_many_parts_is_found_where_it_lies) {
  const std::int64_t count = 997;
  const Bytes whole = counting(count);
  std::mt19937 random(1);
  std::vector<Region> regions;
  for (std::int64_t begin = 0; begin < count;) {
    const std::int64_t length = std::min<std::int64_t>(1 + random() % 9, count - begin);
    regions.push_back({{begin}, {length}});
    begin += length;
  }
  std::shuffle(regions.begin(), regions.end(), random);
  const SharedTensor view = of_regions(whole, {count}, regions);

  BOOST_TEST((all_of(view) == whole));
  for (int trial = 0; trial < 200; ++trial) {
    const std::int64_t begin = random() % count, length = 1 + random() % (count - begin);
    Bytes bytes(static_cast<std::size_t>(length) * sizeof(float));
    view->read({0, 1, begin, length}, bytes);
    BOOST_TEST((bytes == extracted(whole, {count}, {{begin}, {length}})));
  }
}

BOOST_AUTO_TEST_CASE(what_nobody_has_is_zero) {
  const Bytes whole = counting(12);
  const Region middle{{1, 1}, {1, 2}};
  const SharedTensor view = of_regions(whole, {3, 4}, std::span(&middle, 1));
  Bytes expected(whole.size());
  std::copy_n(whole.begin() + 5 * 4, 2 * 4, expected.begin() + 5 * 4);

  BOOST_TEST((all_of(view) == expected));
  BOOST_TEST((all_of(zero_tensor(Dtype::fp32, {3})) == Bytes(12)));
}

BOOST_AUTO_TEST_CASE(a_part_and_another_shape_are_views_of_the_same_elements) {
  const SharedTensor whole = tensor_in(Dtype::fp32, {3, 4}, in_memory(counting(12)));
  const Bytes all = counting(12);

  BOOST_TEST((all_of(reshaped(whole, {2, 6})) == all));
  BOOST_TEST((all_of(part_of(whole, 3, {5})) == Bytes(all.begin() + 12, all.begin() + 32)));
}

BOOST_AUTO_TEST_CASE(a_hash_made_in_parts_is_that_of_the_whole) {
  const std::int64_t count = 16 * 65536 * 2 / 4 + 1000;  // two parts and a bit of fp32
  const Bytes whole = counting(count);
  const std::vector<Region> regions{{{0}, {70001}}, {{70001}, {count - 70001}}};
  Hashing hashing(of_regions(whole, {count}, regions));
  BOOST_TEST(hashing.parts() == 3u);
  for (std::size_t part = hashing.parts(); part-- > 0;) hashing.run(part);

  BOOST_TEST(hashing.hash() == tensor_hash(whole));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_made_has_no_hash) {
  const std::int64_t count = 16 * 65536 * 2 / 4;  // two parts of fp32
  const auto fill = [](std::size_t begin, std::span<std::byte> out) {
    SHARDPROOF_EXPECTS(begin == 0, begin);
    std::ranges::fill(out, std::byte{1});
  };
  const SharedTensor tensor = tensor_in(Dtype::fp32, {count}, computed(kept_bytes + 1, fill));

  BOOST_CHECK_THROW(hash_of(tensor), InvariantError);
}

BOOST_AUTO_TEST_CASE(regions_are_read_as_a_dataset_of_them_stores_them) {
  const Shape shape{3, 4};
  const SharedTensor whole = tensor_in(Dtype::fp32, shape, in_memory(counting(12)));
  const std::vector<Region> regions{{{1, 1}, {2, 2}}, {{0, 0}, {1, 3}}, {{2, 3}, {1, 0}}};
  Bytes expected(7 * sizeof(float));
  extract(counting(12), shape, regions, sizeof(float), expected);

  const SharedTensor part = as_stored(whole, regions);

  BOOST_TEST((part->shape() == Shape{7}));
  BOOST_TEST((all_of(part) == expected));
  BOOST_TEST((hash_of(part) == tensor_hash(expected)));
}

BOOST_AUTO_TEST_CASE(another_dtype_rounds_each_element_once) {
  const std::vector<double> values{1 + 0x1p-9, -0.0, 1e30, 3};
  Bytes wide(values.size() * sizeof(double)), narrow(values.size() * 2);
  encode(Dtype::fp64, values, wide);
  encode(Dtype::bf16, values, narrow);

  const SharedTensor rounded =
      rounded_to(Dtype::bf16, tensor_in(Dtype::fp64, {2, 2}, in_memory(wide)));

  BOOST_TEST((rounded->shape() == Shape{2, 2}));
  BOOST_TEST(name_of(rounded->dtype()) == "bf16");
  BOOST_TEST((all_of(rounded) == narrow));
}

BOOST_AUTO_TEST_CASE(what_is_computed_is_made_once_if_it_is_small) {
  int made = 0;
  const auto make = [&made](std::size_t begin, std::span<std::byte> out) {
    ++made;
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<std::byte>(begin + i);
  };
  const SharedSource small = computed(100, make);
  Bytes bytes(10);
  small->read(20, bytes);
  small->read(30, bytes);
  BOOST_TEST(made == 1);
  BOOST_TEST((bytes[0] == std::byte{30}));

  const SharedSource large = computed(kept_bytes + 1, make);
  large->read(40, bytes);
  large->read(50, bytes);
  BOOST_TEST(made == 3);
  BOOST_TEST((bytes[9] == std::byte{59}));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
