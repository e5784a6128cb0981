// Whatever is asked for, and in whatever order, a window shows what is stored there.
#include "reports/side_by_side/dataset_window.hpp"

#include <boost/test/unit_test.hpp>
#include <cstring>
#include <numeric>
#include <random>

#include "tests/scenarios/trace/trace_fixture.hpp"
#include "tests/support/temporary_folder.hpp"

namespace shardproof::tests {

BOOST_AUTO_TEST_SUITE(dataset_window)

BOOST_AUTO_TEST_CASE(a_window_shows_what_is_stored_where_it_is_asked_for) {
  constexpr std::int64_t count = 100;
  std::vector<double> values(count);
  std::iota(values.begin(), values.end(), 0);
  const std::vector<std::byte> stored = bytes_of(Dtype::fp32, values);
  const TemporaryFolder folder;
  TraceWriter writer(folder.path(), small_header(0, 1));
  const DatasetInfo info = piece("gradient/w", Dtype::fp32, {count}, {whole({count})});
  writer.write(info, stored);
  writer.close();
  const TraceReader reader(folder.path());
  std::mt19937 random(1);
  for (const std::size_t at_once : {4U, 40U, 4000U}) {
    reports::DatasetWindow window(reader, reader.datasets().at(info.path).at(0), at_once);
    for (int i = 0; i < 500; ++i) {
      const std::int64_t begin = random() % count, length = 1 + random() % (count - begin);

      const std::span<const std::byte> shown = window.at(begin, length);

      BOOST_REQUIRE(std::ssize(shown) == 4 * length);
      BOOST_REQUIRE(std::memcmp(shown.data(), &stored[static_cast<std::size_t>(4 * begin)],
                                shown.size()) == 0);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shardproof::tests
