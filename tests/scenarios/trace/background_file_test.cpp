// Files that a thread writes while their owners go on.

#include "scenarios/files/background_file.hpp"

#include <boost/test/unit_test.hpp>
#include <cstring>
#include <memory>
#include <numeric>

#include "scenarios/errors.hpp"
#include "tests/scenarios/trace/trace_fixture.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace shardproof;
using namespace shardproof::tests;

namespace {

constexpr std::size_t kib = 1024, mib = 1024 * kib;

// Bytes that tell where they belong.
std::string counting(std::size_t count, unsigned first) {
  std::string bytes(count, '\0');
  for (std::size_t i = 0; i < count; ++i) bytes[i] = static_cast<char>((first + i) * 37 >> 3);
  return bytes;
}

// In one piece, or as a function gives them.
void write(BackgroundFile& file, std::uint64_t offset, std::string_view bytes, bool whole = true) {
  if (whole) return file.write(offset, std::as_bytes(std::span(bytes)));
  file.write(offset, bytes.size(), [&](std::span<std::byte> part) {
    if (part.size() < bytes.size()) BOOST_REQUIRE(part.size() % (64 * kib) == 0);
    std::memcpy(part.data(), bytes.data(), part.size());
    bytes.remove_prefix(part.size());
  });
  BOOST_TEST(bytes.empty());
}

bool says_that_the_disk_is_full(const EnvironmentError& error) {
  return std::string(error.what())
      .starts_with("/dev/full: cannot be written: No space left on device");
}

}  // namespace

BOOST_AUTO_TEST_SUITE(background_file)

BOOST_AUTO_TEST_CASE(two_files_get_what_each_was_sent_more_than_waits_at_once) {
  const TemporaryFolder folder;
  const std::size_t sizes[] = {0, 1, 64 * kib, 64 * kib + 1, mib - 1, 3 * mib + 5, 100, 35 * mib};
  std::string expected[2];
  std::unique_ptr<BackgroundFile> files[2];
  for (const int i : {0, 1}) {
    overwrite(folder / std::to_string(i), "");
    files[i] = std::make_unique<BackgroundFile>(folder / std::to_string(i));
  }
  unsigned number = 0;
  for (const std::size_t size : sizes)
    for (const int i : {1, 0}) {
      const std::string bytes = counting(size, 1000 * ++number);
      expected[i].resize(expected[i].size() + number % 3 * 100);  // a gap
      write(*files[i], expected[i].size(), bytes, number % 4 < 2);
      expected[i] += bytes;
    }

  files[0]->finish();
  BOOST_TEST((contents(folder / "0") == expected[0]));
  write(*files[0], 10, "later");
  expected[0].replace(10, 5, "later");
  files[0].reset();
  files[1].reset();

  for (const int i : {0, 1}) BOOST_TEST((contents(folder / std::to_string(i)) == expected[i]));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_written_is_told_by_the_next_call_and_stops_nobody_else) {
  const TemporaryFolder folder;
  overwrite(folder / "good", "");
  BackgroundFile full("/dev/full"), good(folder / "good");
  const std::string bytes = counting(40 * mib, 7);

  write(full, 0, bytes);
  BOOST_CHECK_EXCEPTION(full.finish(), EnvironmentError, says_that_the_disk_is_full);
  BOOST_CHECK_EXCEPTION(write(full, 0, "more"), EnvironmentError, says_that_the_disk_is_full);
  write(good, 0, bytes);
  good.finish();

  BOOST_TEST((contents(folder / "good") == bytes));
  BOOST_CHECK_THROW(BackgroundFile(folder / "nowhere"), EnvironmentError);
}

BOOST_AUTO_TEST_SUITE_END()
