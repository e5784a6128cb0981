// Each test flips single bits of a rank file and reads the trace: whatever the bit, the reader
// refuses the trace or reads what was written. It reads in a forked child, so that a crash or a
// hang of the reader, or of libhdf5 below it, is a failure that names the bit.

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/test/unit_test.hpp>
#include <cstdio>
#include <random>

#include "scenarios/errors.hpp"
#include "tests/scenarios/trace/trace_fixture.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace shardproof;
using namespace shardproof::tests;

namespace {

constexpr std::size_t flips_per_child = 500;
constexpr unsigned seconds_per_flip = 5;

struct Flip {
  std::size_t offset;
  std::size_t bit;
};

// What a child has done so far, in memory that it shares with its parent: it may die at any flip.
struct Progress {
  std::size_t next = 0;
  std::size_t refused = 0;
  char complaint[1000] = "";
};

void append(std::string& text, const DatasetInfo& info) {
  text += info.path + ' ' + name_of(info.dtype) + ' ' + to_string(info.full_shape) + ' ';
  for (const Region& region : info.regions) text += to_string(region) + ' ';
  text += info.placement + ' ' + info.op + ' ' + std::to_string(info.version) + ' ' +
          std::to_string(info.order) + ' ' + std::to_string(info.hash) + '\n';
}

// All that a reader of a trace of one rank can learn from it.
std::string everything_in(const std::string& folder) {
  const TraceReader reader(folder);
  const TraceHeader& header = reader.header();
  std::string text = header.execution + header.scenario_hash + header.model_hash +
                     header.program_hash + header.scenario_json + header.program_json;
  for (const int number : {header.rank, header.world, header.tp, header.dp})
    text += ' ' + std::to_string(number);
  for (const auto& [name, value] : header.settings) text += '\n' + name + '=' + value;
  for (const auto& [path, stored] : reader.datasets()) {
    append(text, stored.at(0).info);
    const auto bytes = reader.read(stored.at(0));
    text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  for (const CollectiveRecord& record : reader.collectives(0)) {
    text += folder_of(record.moment) + record.kind + record.group + record.dtype + record.origin;
    for (const auto n : {record.sequence, record.elements, record.bytes, record.stream})
      text += ' ' + std::to_string(n);
  }
  for (const AccessRecord& record : reader.accesses(0)) {
    text += folder_of(record.moment) + std::to_string(record.hash);
    for (const std::int64_t n :
         {record.sequence, std::int64_t{record.segment}, std::int64_t{record.op},
          std::int64_t{record.value}, std::int64_t{record.write}, record.version})
      text += ' ' + std::to_string(n);
  }
  for (const BlockRecord& block : reader.blocks(0))
    text += std::to_string(block.access) + ' ' + std::to_string(block.hash);
  return text;
}

void flip(int file, const Flip& at) {
  unsigned char byte = 0;
  const auto offset = static_cast<off_t>(at.offset);
  SHARDPROOF_EXPECTS(pread(file, &byte, 1, offset) == 1, at.offset);
  byte = static_cast<unsigned char>(byte ^ 1u << at.bit);
  SHARDPROOF_EXPECTS(pwrite(file, &byte, 1, offset) == 1, at.offset);
}

std::string complaint_about(const std::string& folder, const std::string& expected,
                            Progress& progress) {
  try {
    return everything_in(folder) == expected ? "" : "was read as something else";
  } catch (const ScenarioError&) {
    ++progress.refused;
    return "";
  } catch (const std::exception& error) {
    return std::string("was refused with the wrong kind of error: ") + error.what();
  }
}

// In the child: reads with one bit after another flipped, until the first complaint.
void try_flips(const std::string& folder, const std::string& expected,
               const std::vector<Flip>& flips, Progress& progress) {
  for (const int signal_number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGALRM})
    signal(signal_number, SIG_DFL);
  const int file = open((folder + "/rank-00000.h5").c_str(), O_RDWR);
  const std::size_t end = std::min(flips.size(), progress.next + flips_per_child);
  for (; progress.next < end; ++progress.next) {
    alarm(seconds_per_flip);
    flip(file, flips[progress.next]);
    const std::string complaint = complaint_about(folder, expected, progress);
    flip(file, flips[progress.next]);
    if (complaint.empty()) continue;
    std::snprintf(progress.complaint, sizeof progress.complaint, "%s", complaint.c_str());
    return;
  }
}

// "" if the child ran to its end without a complaint.
std::string failure_of(int status, const Progress& progress) {
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) return "the reader hangs";
  if (WIFSIGNALED(status)) return std::string("the reader dies: ") + strsignal(WTERMSIG(status));
  return WEXITSTATUS(status) != 0 ? "the reader exits" : progress.complaint;
}

// Returns how many flips were refused.
std::size_t expect_refused_or_equal(const std::string& folder, const std::vector<Flip>& flips) {
  const std::string path = folder + "/rank-00000.h5";
  const std::string good = contents(path), expected = everything_in(folder);
  void* shared =
      mmap(nullptr, sizeof(Progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  BOOST_REQUIRE(shared != MAP_FAILED);
  Progress& progress = *new (shared) Progress;
  int failures = 0;
  while (progress.next < flips.size() && failures < 10) {
    const pid_t child = fork();
    BOOST_REQUIRE(child >= 0);
    if (child == 0) {
      try_flips(folder, expected, flips, progress);
      _exit(0);
    }
    int status = 0;
    BOOST_REQUIRE(waitpid(child, &status, 0) == child);
    const std::string failure = failure_of(status, progress);
    if (failure.empty()) continue;
    const Flip& at = flips[progress.next++];
    BOOST_ERROR("bit " << at.bit << " of byte " << at.offset << " flipped: " << failure);
    ++failures;
    progress.complaint[0] = '\0';
    overwrite(path, good);
  }
  const std::size_t refused = progress.refused;
  munmap(shared, sizeof(Progress));
  return refused;
}

const std::string marker = "the elements of a tensor: XXH3 is theirs";  // 40 bytes: 10 floats

void write_trace(const std::string& folder, int datasets, int regions) {
  TraceHeader header = small_header(0, 1);
  for (int i = 0; i < 10; ++i) header.settings["setting " + std::to_string(i)] = "its value";
  header.settings["long"] = std::string(5000, 'x');
  TraceWriter writer(folder, header);
  const auto write = [&writer](const std::string& name, const Shape& full,
                               const std::vector<Region>& boxes) {
    const auto bytes = std::as_bytes(std::span(marker));
    const auto size = static_cast<std::size_t>(element_count(std::span(boxes))) * 4;
    writer.write(piece(name, Dtype::fp32, full, boxes), bytes.first(size));
  };
  for (int i = 0; i < datasets; ++i) write("gradient/w" + std::to_string(i), {10}, {whole({10})});
  write("optimizer/two_boxes", {4, 3}, {{{0, 1}, {1, 2}}, {{1, 0}, {1, 3}}});
  write("scalar/loss", {}, {whole({})});
  write("parameter/no_box", {4, 3}, {});
  write("parameter/many_boxes", {4, 3},
        std::vector<Region>(static_cast<std::size_t>(regions), Region{{4, 0}, {0, 3}}));
  writer.log(CollectiveRecord{{}, 1, "all_reduce", "tp", "bf16", 3, 6, 0, "an origin"});
  writer.log(AccessRecord{{}, 9, 1, 2, 3, 1, 4, 5}, std::array{6ul, 7ul});
  writer.close();
}

// The offsets of all bytes but those inside of 64 zeros: space that HDF5 has set aside.
std::vector<std::size_t> used_bytes(const std::string& file) {
  std::vector<std::size_t> used;
  std::size_t zeros = 0;
  for (std::size_t i = 0; i < file.size(); ++i) {
    zeros = file[i] == 0 ? zeros + 1 : 0;
    if (zeros < 64) used.push_back(i);
  }
  return used;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(flipped_bit)

BOOST_AUTO_TEST_CASE(any_byte_of_a_small_file_can_be_damaged) {
  const TemporaryFolder folder;
  write_trace(folder.path(), 1, 3);
  std::mt19937 random(1);
  std::vector<Flip> flips;
  for (const std::size_t offset : used_bytes(contents(folder / "rank-00000.h5")))
    flips.push_back({offset, random() % 8});

  const auto refused = expect_refused_or_equal(folder.path(), flips);

  BOOST_TEST(refused > 3000u);
}

BOOST_AUTO_TEST_CASE(a_note_of_many_parts_can_be_damaged_in_any) {
  const TemporaryFolder folder;
  write_trace(folder.path(), 0, 10'000);
  const std::string file = contents(folder / "rank-00000.h5");
  std::vector<Flip> flips;
  for (auto at = file.find("shardproof."); at < file.size(); at = file.find("shardproof.", at + 1))
    for (std::size_t i = 0; i < 120; ++i) flips.push_back({at - 60 + i, i % 8});
  BOOST_TEST(flips.size() == 9u * 120);  // 40,000 numbers: ten parts

  BOOST_TEST(expect_refused_or_equal(folder.path(), flips) > 1000u);
}

BOOST_AUTO_TEST_CASE(any_bit_of_a_large_file_can_be_damaged) {
  const TemporaryFolder folder;
  write_trace(folder.path(), 400, 3000);
  const std::size_t size = contents(folder / "rank-00000.h5").size();
  for (const unsigned seed : {1u, 2u, 3u}) {
    BOOST_TEST_MESSAGE("seed " << seed);
    std::mt19937 random(seed);
    std::vector<Flip> flips(200);
    for (Flip& flip : flips) flip = {random() % size, random() % 8};
    const auto refused = expect_refused_or_equal(folder.path(), flips);
    BOOST_TEST(refused > 20u);
  }
}

BOOST_AUTO_TEST_SUITE_END()
