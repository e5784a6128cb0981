// Who tests the tester: what `differences` must not overlook in two traces.
#include "tests/support/trace_differences.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/scenarios/trace/trace_fixture.hpp"
#include "tests/support/error_of.hpp"
#include "tests/support/temporary_folder.hpp"

namespace shardproof::tests {
namespace {

const std::string path = "/step/000000/gradient/w";

/// What a rank holds of the tensor w, of four numbers; nothing: no dataset.
struct Held {
  std::vector<double> values;
  Region region = whole({4});
};

/// A trace in which each rank holds its part.
class Trace {
 public:
  explicit Trace(const std::vector<Held>& ranks) {
    for (int rank = 0; const Held& held : ranks) {
      TraceWriter writer(folder_.path(), small_header(rank++, static_cast<int>(ranks.size())));
      if (!held.values.empty())
        writer.write(piece("gradient/w", Dtype::fp64, {4}, {held.region}),
                     bytes_of(Dtype::fp64, held.values));
      writer.close();
    }
  }
  std::string folder() const { return folder_.path().string(); }
  std::string file(int rank) const {
    return folder_ / ("rank-0000" + std::to_string(rank) + ".h5");
  }

 private:
  TemporaryFolder folder_;
};

Differences between(const Trace& a, const Trace& b) {
  return differences(a.folder(), b.folder(), "gradient/");
}

const Held w{{1, 2, 3, 4}};

BOOST_AUTO_TEST_SUITE(trace_differences)

BOOST_AUTO_TEST_CASE(equal_traces_are_compared_rank_by_rank_and_do_not_differ) {
  const Trace a({w, w, {}}), b({w, w, {}});

  BOOST_TEST(between(a, b).compared == 2);
  BOOST_TEST(between(a, b).different == 0);
}

BOOST_AUTO_TEST_CASE(one_value_of_one_rank_makes_a_difference) {
  const Trace a({w, w, w}), zero({{{0, 2, 3, 4}}, w, w}), negative_zero({{{-0.0, 2, 3, 4}}, w, w});

  BOOST_TEST(between(a, zero).different == 1);
  BOOST_TEST(between(zero, negative_zero).different == 1);
}

BOOST_AUTO_TEST_CASE(a_holder_that_only_one_of_them_has_is_a_difference_both_ways) {
  const Trace two({w, w, {}}), three({w, w, w}), others({w, {}, w});

  BOOST_TEST(between(two, three).different == 1);
  BOOST_TEST(between(three, two).different == 1);
  BOOST_TEST(between(two, others).different == 1);
}

BOOST_AUTO_TEST_CASE(equal_bytes_of_other_elements_are_a_difference) {
  const Trace first({{{1, 2}, {{0}, {2}}}}), last({{{1, 2}, {{2}, {2}}}});

  BOOST_TEST(between(first, last).different == 1);
}

// The note of the dataset still says the hash of what was written.
BOOST_AUTO_TEST_CASE(bytes_are_compared_and_not_what_a_trace_says_of_them) {
  const Trace a({{{1, 2, 3, 0.123456789}}}), b({{{1, 2, 3, 0.123456789}}});
  std::string file = contents(b.file(0));
  const std::vector<std::byte> bytes = bytes_of(Dtype::fp64, {0.123456789});
  const auto at = file.find(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  BOOST_TEST_REQUIRE(at != std::string::npos);
  file[at] ^= 1;
  overwrite(b.file(0), file);

  BOOST_TEST(error_of([&] { between(a, b); }).find("altered") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace shardproof::tests
