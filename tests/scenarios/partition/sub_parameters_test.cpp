#include "scenarios/partition/sub_parameters.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/support/error_of.hpp"

using namespace shardproof;
using tests::error_of;

using Entry = SubParameterShape::Entry;
using Sizes = std::vector<std::int64_t>;

namespace {

Entry size(std::int64_t size) { return {size, {}, false}; }
Entry list(Sizes sizes) { return {-1, std::move(sizes), true}; }

SubParameters resolve(const Shape& weight, std::vector<Entry> entries, std::int64_t dim) {
  return resolve_sub_parameters(weight, {std::move(entries), dim}, "a.qkv", {});
}

std::string error_with(const Shape& weight, std::vector<Entry> entries, std::int64_t dim) {
  return error_of([&] { resolve(weight, std::move(entries), dim); });
}

}  // namespace

BOOST_AUTO_TEST_CASE(shapes_meet_their_weight_as_in_deepspeed) {
  struct Vector {
    std::vector<Entry> entries;
    std::int64_t dim;
    Shape logical, output;
    Sizes sizes;
    bool cuts_input;
  };
  const Vector vectors[] = {
      {{size(3), size(-1)}, 0, {12, 4}, {12}, {4, 4, 4}, false},
      {{list({6, 3, 3}), size(-1)}, 0, {12, 4}, {12}, {6, 3, 3}, false},
      {{size(2), size(-1), size(4)}, 1, {2, 6, 4}, {2, 6}, {6}, false},
      {{size(2), size(6), size(4)}, 1, {2, 6, 4}, {2, 6}, {1, 1, 1, 1, 1, 1}, false},
      {{size(-1), list({2, 2})}, 1, {12, 4}, {12}, {2, 2}, true},
      {{size(-1), size(-1)}, 0, {12, 4}, {12}, {12}, false},
  };
  for (const Vector& v : vectors) {
    const SubParameters resolved = resolve({12, 4}, v.entries, v.dim);
    BOOST_TEST((resolved.logical == v.logical));
    BOOST_TEST((resolved.output() == v.output));
    BOOST_TEST((resolved.sizes == v.sizes));
    BOOST_TEST(resolved.cuts_input() == v.cuts_input);
  }
}

BOOST_AUTO_TEST_CASE(a_cut_in_the_middle_repeats_and_widens_its_blocks) {
  // (24, 5) seen as (2, 3, 4, 5): along dimension 1 one step is 4 rows, and all repeats twice.
  const SubParameters middle = resolve({24, 5}, {size(2), list({2, 1}), size(4), size(5)}, 1);
  BOOST_TEST(middle.repeats() == 2);
  BOOST_TEST(middle.features_per_step() == 4);
  const SubParameters first = resolve({24, 5}, {size(2), size(3), size(4), size(5)}, 0);
  BOOST_TEST(first.repeats() == 1);
  BOOST_TEST(first.features_per_step() == 12);
  const SubParameters input = resolve({24, 5}, {size(2), size(3), size(4), size(-1)}, 3);
  BOOST_TEST(input.repeats() == 1);
  BOOST_TEST(input.features_per_step() == 1);
  BOOST_TEST((input.sizes == Sizes{5}));
}

BOOST_AUTO_TEST_CASE(a_shape_that_does_not_fit_the_weight_says_why) {
  BOOST_TEST(error_with({12, 4}, {list({6, 3, 4}), size(-1)}, 0) ==
             "layer a.qkv: cannot infer shape for weight with numel 48");
  BOOST_TEST(error_with({12, 4}, {size(5), size(-1)}, 0) ==
             "layer a.qkv: partition_dim size 12 not divisible by sub-param count 5");
  BOOST_TEST(error_with({12, 4}, {size(-1), size(-1), size(4)}, 1) ==
             "layer a.qkv: shape has multiple inferred dims and is ambiguous for weight (12, 4)");
  BOOST_TEST(error_with({12, 4}, {list({6, 3, 4}), size(4)}, 0) ==
             "layer a.qkv: shape product 52 != weight numel 48");
  BOOST_TEST(error_with({12, 4}, {size(-1), size(6)}, 0) ==
             "layer a.qkv: shape last dim 6 must match weight input dim 4");
  BOOST_TEST(error_with({1, 4}, {size(2)}, 0) ==
             "layer a.qkv: shape must include at least one output dimension");
  // A product beyond 64 bits is no product of a weight.
  const Entry huge = size(std::int64_t{1} << 40);
  BOOST_TEST(error_with({12, 4}, {size(-1), huge, huge, size(4)}, 0) ==
             "layer a.qkv: cannot infer shape for weight with numel 48");
}

BOOST_AUTO_TEST_CASE(a_shape_that_fits_no_weight_is_refused_without_one) {
  const auto error = [](std::vector<Entry> entries, std::int64_t dim) {
    return error_of(
        [&] {
          check_shape({std::move(entries), dim}, "spec", {"ds.json", 3, 4});
        },
        "ds.json:3:4: spec: ");
  };
  BOOST_TEST(error({size(2), size(-1)}, 2) == "partition_dim 2 is out of range for shape length 2");
  BOOST_TEST(error({size(2), size(-1)}, -1) ==
             "partition_dim -1 is out of range for shape length 2");
  BOOST_TEST(error({}, 0) == "partition_dim 0 is out of range for shape length 0");
  BOOST_TEST(error({size(2), list({1, 1})}, 0) ==
             "nested tuple only allowed at partition_dim=0, got at 1");
  BOOST_TEST(error({list({}), size(-1)}, 0) == "sub-parameter size tuple cannot be empty");
  BOOST_TEST(error({list({2, 0}), size(-1)}, 0) == "sub-parameter sizes must be positive integers");
  BOOST_TEST(error({list({2, -1}), size(-1)}, 0) ==
             "sub-parameter sizes must be positive integers");
  BOOST_TEST(error({size(0), size(-1)}, 0) == "partition_dim spec must be positive integer or -1");
  BOOST_TEST(error({size(-2), size(-1)}, 0) == "partition_dim spec must be positive integer or -1");
  BOOST_TEST(error({size(2), size(0)}, 0) == "shape dimensions must be positive integers or -1");
  BOOST_TEST(error({size(2), size(-1)}, 0) == "no error");
}
