// What happens to a trace between its writer and its reader: nothing may be taken for a good trace.

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>

#include "scenarios/errors.hpp"
#include "scenarios/hdf5/attribute.hpp"
#include "scenarios/hdf5/dataset.hpp"
#include "scenarios/hdf5/file.hpp"
#include "scenarios/hdf5/group.hpp"
#include "scenarios/hdf5/stored_table.hpp"
#include "scenarios/hdf5/types.hpp"
#include "scenarios/trace/note.hpp"
#include "tests/scenarios/trace/trace_fixture.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace shardproof;
using namespace shardproof::tests;
namespace fs = std::filesystem;

namespace {

const std::string marker = "this is the tensor that is altered......";  // 40 bytes: 10 floats

void write_piece(TraceWriter& writer, int step, const std::string& name) {
  DatasetInfo info = piece("gradient/" + name, Dtype::fp32, {10}, {whole({10})});
  info.path = folder_of({Moment::Stage::step, step, -1}) + "/gradient/" + name;
  writer.write(info, std::as_bytes(std::span(marker)));
}

void write_trace(const std::string& folder, int world) {
  for (int rank = 0; rank < world; ++rank) {
    TraceWriter writer(folder, small_header(rank, world));
    write_piece(writer, 0, "w");
    writer.log(CollectiveRecord{{}, 1, "all_reduce", "tp", "bf16", 3, 6, 0, "find this origin"});
    writer.close();
  }
}

// The message of the ScenarioError that body throws; fails if it throws none.
template <class Body>
std::string refusal(Body body) {
  try {
    body();
  } catch (const ScenarioError& error) {
    return error.what();
  }
  BOOST_ERROR("nothing was refused");
  return "";
}

bool mentions(const std::string& message, const std::vector<std::string>& words) {
  for (const auto& word : words) {
    if (message.find(word) == std::string::npos) {
      BOOST_TEST_MESSAGE("no \"" << word << "\" in: " << message);
      return false;
    }
  }
  return true;
}

int occurrences(const std::string& what, const std::string& text) {
  int count = 0;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++count;
  return count;
}

void replace_in_file(const std::string& path, const std::string& from, const std::string& to) {
  std::string bytes = contents(path);
  const auto at = bytes.find(from);
  BOOST_REQUIRE(at != std::string::npos);
  overwrite(path, bytes.replace(at, to.size(), to));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(trace_damage)

BOOST_AUTO_TEST_CASE(an_altered_byte_is_named_by_file_and_path) {
  const TemporaryFolder folder;
  write_trace(folder.path(), 2);
  replace_in_file(folder / "rank-00001.h5", marker, "That");

  const TraceReader reader(folder.path());

  const auto& pieces = reader.datasets().at("/step/000000/gradient/w");
  BOOST_TEST(reader.read(pieces[0]).size() == 40u);
  const std::string message = refusal([&] { reader.read(pieces[1]); });
  BOOST_TEST(mentions(message, {"rank-00001.h5", "/step/000000/gradient/w", "altered"}));
}

// A hash is what a file says of itself.
BOOST_AUTO_TEST_CASE(what_says_that_it_has_the_same_bytes_need_not_have_them) {
  const TemporaryFolder folder;
  write_trace(folder.path(), 2);
  replace_in_file(folder / "rank-00001.h5", marker, "That");
  const TraceReader reader(folder.path());
  const auto& pieces = reader.datasets().at("/step/000000/gradient/w");

  BOOST_TEST(have_same_bytes(pieces[0], pieces[1]));
  reader.check(pieces[0]);
  BOOST_TEST(mentions(refusal([&] { reader.check(pieces[1]); }), {"altered"}));
  for (const auto change : std::initializer_list<void (*)(DatasetInfo&)>{
           [](DatasetInfo& info) { ++info.hash; },
           [](DatasetInfo& info) { info.dtype = Dtype::bf16; },
           [](DatasetInfo& info) {
             info.regions = {{{0}, {5}}, {{5}, {5}}};
           }}) {
    StoredDataset other = pieces[1];
    change(other.info);
    BOOST_TEST(!have_same_bytes(pieces[0], other));
  }
}

BOOST_AUTO_TEST_CASE(an_altered_attribute_is_refused) {
  const TemporaryFolder folder;
  write_trace(folder.path(), 1);
  replace_in_file(folder / "rank-00000.h5", "tp=shard(0)", "tp=shard(1)");
  const std::string message = refusal([&] { TraceReader reader(folder.path()); });
  BOOST_TEST(mentions(message, {"rank-00000.h5", "'w'", "checksum"}));
}

BOOST_AUTO_TEST_CASE(a_note_at_another_path_breaks_its_seal) {
  const TemporaryFolder folder;
  const auto file = hdf5::create_file(folder / "a.h5");
  const DatasetInfo info = piece("gradient/w", Dtype::fp32, {10}, {whole({10})});
  const auto dataset =
      hdf5::create_dataset(file, "w", hdf5::element_type(info.dtype), info.full_shape);
  trace_schema::write_note(dataset, info);

  BOOST_TEST(trace_schema::read_note(dataset, info.path).placement == "tp=shard(0)");
  const std::string other = "/step/000001/gradient/w";
  const std::string message = refusal([&] { trace_schema::read_note(dataset, other); });
  BOOST_TEST(mentions(message, {other, "altered", "seal"}));
}

// A note that says one thing otherwise, and has the seal of what was written.
BOOST_AUTO_TEST_CASE(every_field_of_a_note_is_under_its_seal) {
  const TemporaryFolder folder;
  const auto file = hdf5::create_file(folder / "a.h5");
  const DatasetInfo info = piece("gradient/w", Dtype::fp32, {4, 6}, {{{0, 0}, {2, 3}}});
  int notes = 0;
  const auto row_of = [&](const DatasetInfo& of) {
    const auto dataset = hdf5::create_dataset(file, "w" + std::to_string(notes++),
                                              hdf5::element_type(of.dtype), of.full_shape);
    trace_schema::write_note(dataset, of);
    return hdf5::read_rows(dataset, "shardproof");
  };
  const hdf5::Table written = row_of(info);
  for (const auto change : std::initializer_list<void (*)(DatasetInfo&)>{
           [](DatasetInfo& i) { i.dtype = Dtype::fp64; },
           [](DatasetInfo& i) {
             i.full_shape = {6, 4};
           },
           [](DatasetInfo& i) {
             i.regions[0].offset = {2, 3};
           },
           [](DatasetInfo& i) {
             i.regions[0].extent = {3, 2};
           },
           [](DatasetInfo& i) { i.placement += "x"; }, [](DatasetInfo& i) { i.op += "x"; },
           [](DatasetInfo& i) { ++i.version; }, [](DatasetInfo& i) { ++i.order; },
           [](DatasetInfo& i) { ++i.hash; }}) {
    DatasetInfo other = info;
    change(other);
    hdf5::Table row = row_of(other);
    const std::size_t seal = row.column("seal", hdf5::Kind::uint64);
    row.put(0, seal, written.get<std::uint64_t>(0, written.column("seal", hdf5::Kind::uint64)));
    const auto dataset = hdf5::create_dataset(file, "w" + std::to_string(notes++),
                                              hdf5::element_type(info.dtype), info.full_shape);
    hdf5::write_rows(dataset, "shardproof", row, {});

    const std::string message = refusal([&] { trace_schema::read_note(dataset, info.path); });
    BOOST_TEST(mentions(message, {"altered", "seal"}), notes);
  }
}

BOOST_AUTO_TEST_CASE(an_altered_log_or_text_is_refused) {
  const TemporaryFolder folder;
  write_trace(folder.path(), 1);
  replace_in_file(folder / "rank-00000.h5", "find this origin", "find that origin");
  const TraceReader reader(folder.path());
  BOOST_TEST(mentions(refusal([&] { reader.collectives(0); }), {"/collectives", "altered"}));

  replace_in_file(folder / "rank-00000.h5", "\"small\"", "\"smell\"");
  BOOST_TEST(
      mentions(refusal([&] { TraceReader again(folder.path()); }), {"/scenario", "altered"}));
}

BOOST_AUTO_TEST_CASE(a_truncated_file_is_refused_at_any_length) {
  const TemporaryFolder folder;
  write_trace(folder.path(), 1);
  const std::string path = folder / "rank-00000.h5";
  const std::string good = contents(path);
  for (std::size_t i = 0; i < 40; ++i) {
    overwrite(path, good.substr(0, good.size() * i / 40));
    BOOST_TEST(mentions(refusal([&] { TraceReader reader(folder.path()); }), {"rank-00000.h5"}));
  }
}

BOOST_AUTO_TEST_CASE(a_missing_shard_is_named) {
  const TemporaryFolder folder;
  write_trace(folder.path(), 4);
  fs::remove(folder / "rank-00002.h5");
  const std::string message = refusal([&] { TraceReader reader(folder.path()); });
  BOOST_TEST(mentions(message, {"rank-00002.h5", "missing", "4 ranks"}));
}

BOOST_AUTO_TEST_CASE(an_unfinished_shard_is_refused_as_incomplete) {
  const TemporaryFolder folder;
  write_trace(folder.path(), 2);
  { TraceWriter unfinished(folder / "other", small_header(1, 2)); }
  fs::remove(folder / "rank-00001.h5");
  fs::rename(folder / "other/rank-00001.h5.part", folder / "rank-00001.h5.part");
  BOOST_TEST(mentions(refusal([&] { TraceReader reader(folder.path()); }),
                      {"rank-00001.h5.part", "incomplete"}));

  // Renaming it by hand does not make it complete.
  fs::rename(folder / "rank-00001.h5.part", folder / "rank-00001.h5");
  BOOST_TEST(mentions(refusal([&] { TraceReader reader(folder.path()); }),
                      {"rank-00001.h5", "not", "close"}));
}

BOOST_AUTO_TEST_CASE(shards_of_other_runs_are_refused) {
  const TemporaryFolder folder;
  write_trace(folder.path(), 2);
  TraceHeader other = small_header(1, 2);
  other.scenario_hash = "dd";
  TraceWriter(folder.path(), other).close();
  BOOST_TEST(mentions(refusal([&] { TraceReader reader(folder.path()); }),
                      {"rank-00001.h5", "scenario_hash", "dd"}));

  fs::copy_file(folder / "rank-00000.h5", folder / "rank-00001.h5",
                fs::copy_options::overwrite_existing);
  BOOST_TEST(mentions(refusal([&] { TraceReader reader(folder.path()); }), {"the file of rank 0"}));

  write_trace(folder.path(), 2);
  TraceWriter(folder.path(), small_header(2, 3)).close();
  BOOST_TEST(mentions(refusal([&] { TraceReader reader(folder.path()); }), {"rank too many"}));
}

BOOST_AUTO_TEST_CASE(another_version_and_other_files_are_refused) {
  const TemporaryFolder folder;
  const std::string path = folder / "rank-00000.h5";
  const std::string advice =
      ": this program reads shardproof-trace-3. Run its scenario again, or use the program that "
      "wrote it";
  for (const std::string version : {"shardproof-trace-2", "shardproof-trace-4"}) {
    auto file = hdf5::create_file(path);
    hdf5::write_text(file, "schema", version);
    hdf5::close_file(file);
    BOOST_TEST(refusal([&] { TraceReader reader(folder.path()); }) ==
               path + ": a trace of version " + version + advice);
  }
  {
    auto file = hdf5::create_file(path);
    hdf5::write_text(file, "schema", "shardproof-trace-2");
    const auto settings = hdf5::create_group(file, "settings");
    hdf5::write_text(settings, "version", "0.0.9");
    hdf5::write_text(settings, "commit", "c998191a0b1c");
    hdf5::close_file(file);
  }
  BOOST_TEST(refusal([&] { TraceReader reader(folder.path()); }) ==
             path +
                 ": a trace of version shardproof-trace-2, written by shardproof 0.0.9, commit "
                 "c998191a0b1c" +
                 advice);
  {
    auto file = hdf5::create_file(path);
    hdf5::close_file(file);
  }
  BOOST_TEST(mentions(refusal([&] { TraceReader reader(folder.path()); }), {"not a trace"}));
  overwrite(path, "a text, not HDF5");
  BOOST_TEST(mentions(refusal([&] { TraceReader reader(folder.path()); }), {path, "H5Fopen"}));
  BOOST_CHECK_THROW(TraceReader(folder / "nowhere"), ScenarioError);
}

BOOST_AUTO_TEST_CASE(the_header_alone_is_that_of_rank_0_and_says_nothing_of_the_others) {
  const TemporaryFolder folder;
  write_trace(folder.path(), 2);
  fs::remove(folder / "rank-00001.h5");

  BOOST_TEST(header_of_trace(folder.path()).scenario_hash == "aa");
  BOOST_TEST(header_of_trace(folder.path()).world == 2);
  BOOST_TEST(mentions(refusal([&] { header_of_trace(folder / "nowhere"); }), {"not a folder"}));
  fs::remove(folder / "rank-00000.h5");
  BOOST_TEST(
      mentions(refusal([&] { header_of_trace(folder.path()); }), {"rank-00000.h5", "missing"}));
}

BOOST_AUTO_TEST_CASE(a_killed_writer_leaves_what_it_flushed) {
  const TemporaryFolder folder;
  const pid_t child = fork();
  BOOST_REQUIRE(child >= 0);
  if (child == 0) {
    TraceWriter writer(folder.path(), small_header(0, 1));
    for (int step = 0; step < 2; ++step) {
      for (int i = 0; i < 500; ++i) write_piece(writer, step, "w" + std::to_string(i));
      if (step == 0) writer.flush();
    }
    kill(getpid(), SIGKILL);
  }
  int status = 0;
  waitpid(child, &status, 0);
  BOOST_TEST(WIFSIGNALED(status));

  BOOST_TEST(mentions(refusal([&] { TraceReader reader(folder.path()); }), {"incomplete"}));
  const std::string part = folder / "rank-00000.h5.part";
  BOOST_TEST(occurrences(marker, contents(part)) >= 500);
  const auto file = hdf5::open_file(part);
  BOOST_TEST(hdf5::names_in(hdf5::open_group(file, "/step/000000/gradient")).size() == 500u);
  const std::string dump =
      "h5dump -d /step/000000/gradient/w499 '" + part + "' > " + (folder / "dump.txt") + " 2>&1";
  if (std::system("h5dump --version > /dev/null 2>&1") == 0) {
    BOOST_TEST(std::system(dump.c_str()) == 0);
    BOOST_TEST(contents(folder / "dump.txt").find("(0): ") != std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(a_folder_that_cannot_be_written_is_an_environment_error) {
  const TemporaryFolder folder;
  overwrite(folder / "file", "x");
  BOOST_CHECK_THROW(TraceWriter(folder / "file/below", small_header(0, 1)), EnvironmentError);
  fs::create_directory(folder / "rank-00000.h5.part");
  BOOST_CHECK_EXCEPTION(TraceWriter(folder.path(), small_header(0, 1)), EnvironmentError,
                        [](const auto& error) { return mentions(error.what(), {"H5Fcreate"}); });
}

BOOST_AUTO_TEST_SUITE_END()
