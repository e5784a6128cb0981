#include <boost/test/unit_test.hpp>
#include <filesystem>

#include "tests/scenarios/checkpoint/ranks.hpp"
#include "tests/support/error_of.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace shardproof;
using tests::bytes_of_file;
using tests::error_of;
using tests::TemporaryFolder;

namespace fs = std::filesystem;

namespace {

// Two tensors on two ranks: a matrix by rows, and a vector in pieces.
void save_small(const std::string& path) {
  const std::vector<float> values{1, 2, 3, 4, 5, 6, 7};
  std::size_t next = 0;
  const auto part = [&](const std::string& name, Shape shape, std::vector<Region> regions) {
    const auto bytes = std::as_bytes(std::span(values).subspan(next++, 4));
    return PartToSave{name, Dtype::fp32, std::move(shape), std::move(regions), {bytes}};
  };
  CheckpointOrigin origin = tests::origin_of(Program{});
  origin.dp = 2;
  begin_checkpoint(path);
  write_rank_file(
      path, 0, {part("m", {4, 2}, {{{0, 0}, {2, 2}}}), part("v", {8}, {{{0}, {2}}, {{6}, {2}}})});
  write_rank_file(path, 1, {part("m", {4, 2}, {{{2, 0}, {2, 2}}}), part("v", {8}, {{{2}, {4}}})});
  finish_checkpoint(path, origin);
}

void write(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

// What is said when everything is read; paths begin at the checkpoint.
std::string complaint(const TemporaryFolder& folder) {
  return error_of([&] { Checkpoint(folder / "c").check_all(); }, folder.path().string() + "/");
}

const char* const kFiles[] = {"manifest.json", "rank-00000.safetensors", "rank-00001.safetensors"};

}  // namespace

BOOST_AUTO_TEST_SUITE(damaged_checkpoints)

BOOST_AUTO_TEST_CASE(every_flipped_byte_is_found_and_its_file_named) {
  const TemporaryFolder folder;
  save_small(folder / "c");
  BOOST_TEST(complaint(folder) == "no error");
  int flips = 0;
  for (const std::string file : kFiles) {
    const std::string whole = bytes_of_file(folder / ("c/" + file));
    for (std::size_t at = 0; at < whole.size(); ++at)
      for (const int mask : {0x01, 0x20, 0xff}) {
        std::string damaged = whole;
        damaged[at] = static_cast<char>(damaged[at] ^ mask);
        write(folder / ("c/" + file), damaged);
        BOOST_REQUIRE_MESSAGE(complaint(folder).starts_with("c/" + file),
                              file << ", byte " << at << ": " << complaint(folder));
        ++flips;
      }
    write(folder / ("c/" + file), whole);
  }
  BOOST_TEST(complaint(folder) == "no error");
  BOOST_TEST(flips > 3000);
}

BOOST_AUTO_TEST_CASE(a_file_cut_anywhere_or_continued_is_refused) {
  const TemporaryFolder folder;
  save_small(folder / "c");
  for (const std::string file : kFiles) {
    const std::string whole = bytes_of_file(folder / ("c/" + file));
    for (std::size_t size = 0; size < whole.size(); ++size) {
      write(folder / ("c/" + file), whole.substr(0, size));
      BOOST_REQUIRE_MESSAGE(complaint(folder).starts_with("c/" + file), file << " of " << size);
    }
    write(folder / ("c/" + file), whole + " ");
    BOOST_TEST(complaint(folder).starts_with("c/" + file));
    write(folder / ("c/" + file), whole);
  }
}

BOOST_AUTO_TEST_CASE(a_changed_element_is_told_with_its_tensor) {
  const TemporaryFolder folder;
  save_small(folder / "c");
  const std::string path = folder / "c/rank-00001.safetensors";
  std::string bytes = bytes_of_file(path);
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  write(path, bytes);

  BOOST_TEST(complaint(folder) ==
             "c/rank-00001.safetensors: tensor \"v\": damaged: its bytes are not those that were "
             "written");
  // What lies elsewhere can still be read.
  const Checkpoint checkpoint(folder / "c");
  BOOST_CHECK_NO_THROW(checkpoint.read("m", std::vector{whole({4, 2})}));
  BOOST_CHECK_THROW(checkpoint.read("v", std::vector{Region{{2}, {1}}}), ScenarioError);
  BOOST_CHECK_NO_THROW(checkpoint.read("v", std::vector{Region{{0}, {2}}}));
}

BOOST_AUTO_TEST_CASE(a_missing_file_is_named_with_a_tensor_that_it_held) {
  const TemporaryFolder folder;
  save_small(folder / "c");
  fs::remove(folder / "c/rank-00001.safetensors");

  BOOST_TEST(
      complaint(folder) ==
      "c/rank-00001.safetensors: tensor \"m\": there is no such file, and so not all of this "
      "checkpoint");
  fs::remove(folder / "c/manifest.json");
  BOOST_TEST(complaint(folder).starts_with("c/manifest.json: there is no such file"));
  fs::remove_all(folder / "c");
  BOOST_TEST(complaint(folder) == "c: is no checkpoint: there is no such folder");
}

BOOST_AUTO_TEST_CASE(the_file_of_another_rank_or_checkpoint_is_refused) {
  const TemporaryFolder folder;
  save_small(folder / "c");
  const std::string first = bytes_of_file(folder / "c/rank-00000.safetensors");
  write(folder / "c/rank-00001.safetensors", first);

  BOOST_TEST(complaint(folder) ==
             "c/rank-00001.safetensors: tensor \"m\": damaged: its bytes are not those that were "
             "written");
}

BOOST_AUTO_TEST_SUITE_END()
