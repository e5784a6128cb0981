// Parts of a tensor, read without the rest.

#include <boost/test/unit_test.hpp>
#include <fstream>

#include "scenarios/errors.hpp"
#include "scenarios/trace/tensor_hash.hpp"
#include "tests/scenarios/trace/trace_fixture.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace shardproof;
using namespace shardproof::tests;

namespace {

std::vector<double> counting(std::int64_t count) {
  std::vector<double> values(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = 1.0 + static_cast<double>(i);
  return values;
}

// A trace of one rank with these tensors, whose elements count from 1.
TraceReader written(const TemporaryFolder& folder, const std::vector<DatasetInfo>& infos) {
  TraceWriter writer(folder.path(), small_header(0, 1));
  for (const DatasetInfo& info : infos)
    writer.write(info, bytes_of(info.dtype, counting(element_count(std::span(info.regions)))));
  writer.close();
  return TraceReader(folder.path());
}

const StoredDataset& stored_in(const TraceReader& reader, const DatasetInfo& info) {
  return reader.datasets().at(info.path).at(0);
}

// A tensor of 8 MB: more than check() holds at once, and a block and a half beyond.
DatasetInfo large() {
  const Shape shape{2097152 + 24576};
  return piece("forward/large", Dtype::fp32, shape, {whole(shape)});
}

// What this process has asked the system for since it began.
std::int64_t bytes_read_so_far() {
  std::ifstream file("/proc/self/io");
  std::string key;
  std::int64_t bytes = 0;
  BOOST_REQUIRE(file >> key >> bytes && key == "rchar:");
  return bytes;
}

void alter(const std::string& path, const std::vector<std::byte>& from) {
  std::string bytes = contents(path);
  const std::string old(reinterpret_cast<const char*>(from.data()), from.size());
  const auto at = bytes.find(old);
  BOOST_REQUIRE(at != std::string::npos);
  bytes[at] ^= 1;
  overwrite(path, bytes);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(trace_range)

BOOST_AUTO_TEST_CASE(every_range_is_that_slice_of_the_whole) {
  const TemporaryFolder folder;
  const Region row{{1, 0}, {1, 3}}, head{{0, 1}, {1, 2}}, tail{{2, 0}, {1, 1}};
  const std::vector<DatasetInfo> infos{
      piece("forward/list", Dtype::fp64, {7}, {whole({7})}),
      piece("forward/box", Dtype::bf16, {4, 3}, {{{1, 0}, {3, 3}}}),
      piece("forward/three_dimensions", Dtype::fp16, {2, 3, 4}, {whole({2, 3, 4})}),
      piece("optimizer/boxes", Dtype::fp32, {4, 3}, {head, row, tail}),
      piece("scalar/loss", Dtype::int64, {}, {whole({})}),
      piece("gradient/no_box", Dtype::bf16, {4, 3}, {}),
      piece("parameter/empty", Dtype::fp32, {0, 5}, {whole({0, 5})})};
  const TraceReader reader = written(folder, infos);

  for (const DatasetInfo& info : infos) {
    const StoredDataset& stored = stored_in(reader, info);
    const auto all = reader.read(stored);
    const auto count = element_count(std::span(info.regions));
    const auto size = static_cast<std::ptrdiff_t>(size_bytes(info.dtype));
    for (std::int64_t begin = 0; begin <= count; ++begin)
      for (std::int64_t end = begin; end <= count; ++end) {
        const std::vector<std::byte> slice(all.begin() + begin * size, all.begin() + end * size);
        BOOST_TEST((reader.read_range(stored, begin, end) == slice),
                   info.path << " [" << begin << ", " << end << ")");
      }
  }
}

BOOST_AUTO_TEST_CASE(runs_of_a_buffer_are_written_one_after_another_with_their_hash) {
  const TemporaryFolder folder;
  const std::int64_t rows = 700'000;
  const auto buffer = bytes_of(Dtype::fp32, counting(4 * rows));
  std::vector<Run> right;  // of a (rows, 4) tensor the two columns at the right
  std::vector<double> expected;
  for (std::int64_t row = 0; row < rows; ++row) {
    right.push_back({4 * row + 2, 2});
    for (const int column : {3, 4}) expected.push_back(static_cast<double>(4 * row + column));
  }
  const DatasetInfo columns =
      piece("forward/columns", Dtype::fp32, {rows, 4}, {{{0, 2}, {rows, 2}}});
  const DatasetInfo all = piece("forward/all", Dtype::fp32, {rows, 4}, {whole({rows, 4})});
  {
    TraceWriter writer(folder.path(), small_header(0, 1));
    writer.write(columns, buffer, right);
    writer.write(all, buffer, std::vector<Run>{{0, 4 * rows}}, tensor_hash(buffer));
    writer.close();
  }

  const TraceReader reader(folder.path());

  BOOST_TEST((reader.read(stored_in(reader, columns)) == bytes_of(Dtype::fp32, expected)));
  BOOST_TEST((reader.read(stored_in(reader, all)) == buffer));
}

BOOST_AUTO_TEST_CASE(a_range_beyond_the_stored_elements_is_an_invariant_error) {
  const TemporaryFolder folder;
  const DatasetInfo info = piece("forward/box", Dtype::bf16, {4, 3}, {{{1, 0}, {3, 3}}});
  const TraceReader reader = written(folder, {info});
  const StoredDataset& stored = stored_in(reader, info);

  BOOST_TEST(reader.read_range(stored, 9, 9).empty());
  const auto names_it = [&info](const InvariantError& error) {
    return std::string(error.what()).find(info.path) != std::string::npos;
  };
  BOOST_CHECK_EXCEPTION(reader.read_range(stored, 0, 10), InvariantError, names_it);
  BOOST_CHECK_EXCEPTION(reader.read_range(stored, -1, 2), InvariantError, names_it);
  BOOST_CHECK_EXCEPTION(reader.read_range(stored, 5, 4), InvariantError, names_it);
}

BOOST_AUTO_TEST_CASE(a_range_is_read_without_the_rest) {
  const TemporaryFolder folder;
  const TraceReader reader = written(folder, {large()});
  const StoredDataset& stored = stored_in(reader, large());

  const auto before = bytes_read_so_far();
  BOOST_TEST((reader.read_range(stored, 1000000, 1000002) ==
              bytes_of(Dtype::fp32, {1000001.0, 1000002.0})));

  BOOST_TEST(bytes_read_so_far() - before < 200'000);  // HDF5 reads 64 KiB ahead
}

BOOST_AUTO_TEST_CASE(a_check_finds_what_ranges_do_not_look_for) {
  const TemporaryFolder folder;
  const DatasetInfo scalar = piece("scalar/loss", Dtype::fp64, {}, {whole({})});
  const DatasetInfo none = piece("gradient/no_box", Dtype::bf16, {4, 3}, {});
  {
    const TraceReader reader = written(folder, {large(), scalar, none});
    for (const DatasetInfo& info : {large(), scalar, none})
      BOOST_CHECK_NO_THROW(reader.check(stored_in(reader, info)));
  }
  const std::int64_t last = element_count(large().full_shape);
  alter(folder / "rank-00000.h5",
        bytes_of(Dtype::fp32, {static_cast<double>(last) - 1, static_cast<double>(last)}));

  const TraceReader reader(folder.path());
  const StoredDataset& stored = stored_in(reader, large());

  BOOST_TEST((reader.read_range(stored, 0, 1) == bytes_of(Dtype::fp32, {1.0})));
  const auto altered = [](const ScenarioError& error) {
    return std::string(error.what()).find("/forward/large: altered: ") != std::string::npos;
  };
  BOOST_CHECK_EXCEPTION(reader.check(stored), ScenarioError, altered);
  BOOST_CHECK_EXCEPTION(reader.read(stored), ScenarioError, altered);
  BOOST_CHECK_NO_THROW(reader.check(stored_in(reader, scalar)));
}

BOOST_AUTO_TEST_SUITE_END()
