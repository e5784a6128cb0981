#include <array>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <thread>

#include "scenarios/errors.hpp"
#include "scenarios/trace/tensor_hash.hpp"
#include "tests/scenarios/trace/trace_fixture.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace shardproof;
using namespace shardproof::tests;

namespace {

std::vector<Region> one_element_a_row(std::int64_t rows) {
  std::vector<Region> regions;
  for (std::int64_t row = 0; row < rows; ++row) regions.push_back({{row, row % 3}, {1, 1}});
  return regions;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(trace_round_trip)

BOOST_AUTO_TEST_CASE(moments_and_folders_are_inverse) {
  using Stage = Moment::Stage;
  BOOST_TEST(folder_of({Stage::step, 12, 3}) == "/step/000012/micro/3");
  BOOST_TEST(folder_of({Stage::step, 1234567, -1}) == "/step/1234567");
  BOOST_TEST(folder_of({}) == "/initial");
  for (const Moment& moment : {Moment{}, Moment{Stage::step, 0, -1}, Moment{Stage::step, 12, 0},
                               Moment{Stage::step, 1000000, 17}, Moment{Stage::final, -1, -1}}) {
    const std::string path = folder_of(moment) + "/gradient/model.norm.weight";
    BOOST_TEST((moment_of(path) == moment), path);
    BOOST_TEST(name_in_folder(path) == "gradient/model.norm.weight");
  }
}

BOOST_AUTO_TEST_CASE(a_path_without_a_moment_is_refused) {
  for (const char* path : {"", "initial/x", "/initially/x", "/step/x", "/step/-1/x", "/steps/0/x",
                           "/step/0x", "/finality", "/step/000000/micro/x/y"}) {
    BOOST_CHECK_THROW(moment_of(path), ScenarioError);
  }
  // A parameter may well be called micro: it is in no folder of that name.
  BOOST_TEST(moment_of("/step/000000/micro_batch/x").micro == -1);
}

BOOST_AUTO_TEST_CASE(every_dtype_comes_back_bit_for_bit) {
  const TemporaryFolder folder;
  std::map<std::string, std::vector<std::byte>> written;
  {
    TraceWriter writer(folder.path(), small_header(0, 1));
    for (const Dtype dtype : {Dtype::fp64, Dtype::fp32, Dtype::bf16, Dtype::fp16, Dtype::int64}) {
      const auto count = std::int64_t{1} << 16;  // all codes of a 16-bit dtype, NaNs and all
      std::vector<std::byte> bytes(static_cast<std::size_t>(count) * size_bytes(dtype));
      for (std::size_t i = 0; i < bytes.size(); ++i) {
        bytes[i] = static_cast<std::byte>((i / 2) >> (i % 2 * 8));
      }
      const auto info =
          piece(std::string("forward/") + name_of(dtype), dtype, {count}, {whole({count})});
      writer.write(info, bytes);
      written[info.path] = bytes;
    }
    writer.close();
  }

  const TraceReader reader(folder.path());

  BOOST_TEST(reader.datasets().size() == 5u);
  for (const auto& [path, stored] : reader.datasets()) {
    BOOST_TEST(stored.size() == 1u);
    BOOST_TEST((reader.read(stored.front()) == written.at(path)), path);
  }
}

BOOST_AUTO_TEST_CASE(pieces_of_any_form_come_back_as_they_were) {
  const TemporaryFolder folder;
  const Region row{{1, 0}, {1, 3}}, head{{0, 1}, {1, 2}}, tail{{2, 0}, {1, 1}};
  const std::vector<DatasetInfo> infos{
      piece("parameter/one_box", Dtype::fp32, {4, 3}, {row}),
      piece("optimizer/w/exp_avg", Dtype::fp32, {4, 3}, {head, row, tail}),
      piece("scalar/loss", Dtype::fp64, {}, {whole({})}),
      piece("gradient/empty_box", Dtype::bf16, {4, 3}, {{{4, 0}, {0, 3}}}),
      piece("gradient/no_box", Dtype::bf16, {4, 3}, {}),
      piece("gradient/two_empty_boxes", Dtype::fp16, {4, 3}, {{{0, 0}, {0, 3}}, {{4, 3}, {0, 0}}}),
      piece("parameter/empty_tensor", Dtype::fp32, {0, 5}, {whole({0, 5})}),
      piece("parameter/most_in_one_part", Dtype::fp32, {1024, 3}, one_element_a_row(1024)),
      piece("parameter/two_parts", Dtype::fp32, {1025, 3}, one_element_a_row(1025)),
      piece("parameter/ten_parts", Dtype::fp32, {9999, 3}, one_element_a_row(9999))};
  std::vector<std::vector<std::byte>> bytes;
  {
    TraceWriter writer(folder.path(), small_header(0, 1));
    for (DatasetInfo info : infos) {
      std::vector<double> values(
          static_cast<std::size_t>(element_count(std::span<const Region>(info.regions))));
      for (std::size_t i = 0; i < values.size(); ++i) values[i] = 1.5 + static_cast<double>(i);
      bytes.push_back(bytes_of(info.dtype, values));
      info.version = 3;
      writer.write(info, bytes.back());
    }
    writer.close();
  }

  const TraceReader reader(folder.path());

  for (std::size_t i = 0; i < infos.size(); ++i) {
    const StoredDataset& stored = reader.datasets().at(infos[i].path).at(0);
    BOOST_TEST_CONTEXT(infos[i].path) {
      BOOST_TEST((stored.info.dtype == infos[i].dtype));
      BOOST_TEST(stored.info.full_shape == infos[i].full_shape);
      BOOST_TEST((stored.info.regions == infos[i].regions));
      BOOST_TEST(stored.info.placement == "tp=shard(0)");
      BOOST_TEST(stored.info.op == "model.norm/forward");
      BOOST_TEST(stored.info.version == 3);
      BOOST_TEST(stored.info.order == static_cast<std::int64_t>(i));
      BOOST_TEST(stored.info.hash == tensor_hash(bytes[i]));
      BOOST_TEST((reader.read(stored) == bytes[i]));
    }
  }
}

BOOST_AUTO_TEST_CASE(header_and_logs_come_back) {
  const TemporaryFolder folder;
  const Moment micro{Moment::Stage::step, 1, 2};
  const TraceHeader header = small_header(0, 1);
  {
    TraceWriter writer(folder.path(), header);
    writer.log(CollectiveRecord{micro, 5, "all_reduce", "tp", "bf16", 12, 24, 1, "a/forward"});
    writer.log(CollectiveRecord{{}, 6, "all_gather", "dp", "fp32", 1, 4, 0, "a.longer.name"});
    writer.log(AccessRecord{micro, 9, 1, 2, 3, 1, 4, 0xffffffffffffffffull}, std::array{7ul});
    writer.log(AccessRecord{micro, 9, 1, 2, 5, 1, 1, 6}, std::array{8ul, 9ul});
    writer.close();
  }

  const TraceReader reader(folder.path());

  BOOST_TEST(reader.world() == 1);
  BOOST_TEST(reader.header().execution == "sim");
  BOOST_TEST(reader.header().scenario_json == header.scenario_json);
  BOOST_TEST((reader.header().settings == header.settings));
  const auto& collectives = reader.collectives(0);
  BOOST_TEST(collectives.size() == 2u);
  BOOST_TEST((collectives[0].moment == micro));
  BOOST_TEST(collectives[0].sequence == 5);
  BOOST_TEST(collectives[0].kind == "all_reduce");
  BOOST_TEST(collectives[0].group == "tp");
  BOOST_TEST(collectives[0].dtype == "bf16");
  BOOST_TEST(collectives[0].elements == 12);
  BOOST_TEST(collectives[0].bytes == 24);
  BOOST_TEST(collectives[0].stream == 1);
  BOOST_TEST(collectives[0].origin == "a/forward");
  BOOST_TEST((collectives[1].moment == Moment{}));
  BOOST_TEST(collectives[1].origin == "a.longer.name");
  BOOST_TEST(collectives[1].sequence == 6);
  const auto& accesses = reader.accesses(0);
  BOOST_TEST(accesses.size() == 2u);
  BOOST_TEST((accesses[0].moment == micro));
  BOOST_TEST(accesses[0].sequence == 9);
  BOOST_TEST(accesses[0].hash == 0xffffffffffffffffull);
  BOOST_TEST(accesses[0].segment == 1);
  BOOST_TEST(accesses[0].op == 2);
  BOOST_TEST(accesses[0].value == 3);
  BOOST_TEST(accesses[0].write == 1);
  BOOST_TEST(accesses[0].version == 4);
  const auto& blocks = reader.blocks(0);  // of the second: one alone says no more than the whole
  BOOST_TEST(blocks.size() == 2u);
  BOOST_TEST(blocks[0].access == 1);
  BOOST_TEST(blocks[0].hash == 8u);
  BOOST_TEST(blocks[1].access == 1);
  BOOST_TEST(blocks[1].hash == 9u);
}

BOOST_AUTO_TEST_CASE(empty_texts_and_logs_come_back_empty) {
  const TemporaryFolder folder;
  TraceHeader header;
  TraceWriter(folder.path(), header).close();

  const TraceReader reader(folder.path());

  BOOST_TEST(reader.header().program_json.empty());
  BOOST_TEST(reader.header().settings.empty());
  BOOST_TEST(reader.datasets().empty());
  BOOST_TEST(reader.collectives(0).empty());
  BOOST_TEST(reader.accesses(0).empty());
  BOOST_TEST(reader.blocks(0).empty());
}

BOOST_AUTO_TEST_CASE(a_path_lists_the_ranks_that_hold_it) {
  const TemporaryFolder folder;
  for (int rank = 0; rank < 3; ++rank) {
    TraceWriter writer(folder.path(), small_header(rank, 3));
    const Region part{{2 * rank}, {2}};
    if (rank != 1)
      writer.write(piece("parameter/w", Dtype::fp32, {6}, {part}),
                   bytes_of(Dtype::fp32, {1.0 * rank, 2.0}));
    writer.close();
  }

  const TraceReader reader(folder.path());

  const auto& stored = reader.datasets().at("/step/000000/parameter/w");
  BOOST_TEST(stored.size() == 2u);
  BOOST_TEST(stored[1].rank == 2);
  BOOST_TEST((reader.read(stored[1]) == bytes_of(Dtype::fp32, {2.0, 2.0})));
}

BOOST_AUTO_TEST_CASE(equal_writes_give_equal_bytes) {
  const TemporaryFolder folder;
  std::vector<std::string> files;
  for (const char* name : {"a", "b"}) {
    TraceWriter writer(folder / name, small_header(0, 1));
    for (int i = 0; i < 300; ++i) {
      DatasetInfo info = piece("forward/m" + std::to_string(i) + "/x", Dtype::bf16, {i % 7, 3},
                               {whole({i % 7, 3})});
      info.path =
          folder_of({Moment::Stage::step, i / 100, i % 2}) + "/" + name_in_folder(info.path);
      writer.write(info, bytes_of(Dtype::bf16,
                                  std::vector<double>(static_cast<std::size_t>(i % 7 * 3), 0.5)));
      if (i % 100 == 99) writer.flush();
      writer.log(CollectiveRecord{{}, i, "all_reduce", "tp", "bf16", i, 2 * i, 0, "origin"});
    }
    writer.close();
    files.push_back(contents(folder / (std::string(name) + "/rank-00000.h5")));
    // HDF5's times, were they on, count seconds: the second file is to be written in another one.
    if (files.size() == 1) std::this_thread::sleep_for(std::chrono::milliseconds(1100));
  }
  BOOST_TEST(files[0].size() > 100000u);
  BOOST_TEST((files[0] == files[1]));
}

BOOST_AUTO_TEST_CASE(misuse_of_the_writer_is_an_invariant_error) {
  const TemporaryFolder folder;
  TraceWriter writer(folder.path(), small_header(0, 1));
  const auto good = piece("forward/x", Dtype::fp32, {2}, {whole({2})});
  const auto bytes = bytes_of(Dtype::fp32, {1, 2});
  writer.write(good, bytes);

  BOOST_CHECK_THROW(writer.write(good, bytes), InvariantError);
  auto other = good;
  other.path += "y";
  BOOST_CHECK_THROW(writer.write(other, std::span(bytes).first(4)), InvariantError);
  other.regions = {{{1}, {2}}};
  BOOST_CHECK_THROW(writer.write(other, bytes), InvariantError);
  for (const char* path : {"/step/000000/", "/step/000000/a//b", "/step/000000/./b", "/initial"}) {
    other = good;
    other.path = path;
    BOOST_CHECK_THROW(writer.write(other, bytes), InvariantError);
  }
}

BOOST_AUTO_TEST_SUITE_END()
