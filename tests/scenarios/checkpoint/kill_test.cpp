#include <dlfcn.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <random>

#include "tests/scenarios/checkpoint/ranks.hpp"
#include "tests/support/temporary_folder.hpp"

// The calls that change a file or a folder are counted down, and the process is killed at the one
// where the count ends: before it, or, of a write, in its middle. The linker takes these for the C
// library's own, also inside std::filesystem.
namespace {

long calls_left = -1;  // negative: nobody counts

bool is_last_call() { return calls_left >= 0 && calls_left-- == 0; }

[[noreturn]] void die() {
  ::kill(::getpid(), SIGKILL);
  ::pause();
  std::abort();
}

template <class Function>
Function* of_c_library(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" {

ssize_t write(int file, const void* bytes, size_t size) {
  static auto* const call = of_c_library<ssize_t(int, const void*, size_t)>("write");
  if (!is_last_call()) return call(file, bytes, size);
  call(file, bytes, size / 2);
  die();
}

int fsync(int file) {
  static auto* const call = of_c_library<int(int)>("fsync");
  if (is_last_call()) die();
  return call(file);
}

int rename(const char* from, const char* to) noexcept {
  static auto* const call = of_c_library<int(const char*, const char*)>("rename");
  if (is_last_call()) die();
  return call(from, to);
}

int unlinkat(int folder, const char* path, int flags) noexcept {
  static auto* const call = of_c_library<int(int, const char*, int)>("unlinkat");
  if (is_last_call()) die();
  return call(folder, path, flags);
}

}  // extern "C"

using namespace shardproof;
using tests::Ranks;
using tests::TemporaryFolder;

namespace fs = std::filesystem;

namespace {

Program small_program(int tp, int dp) {
  Scenario scenario = tests::sweep("tiny-bias-tp2-dp2-zero1-bf16");
  tests::lay_out(scenario, tp, dp);
  return real::lower(scenario);
}

// Writes in a child, which is killed after so many calls or microseconds. True if it came to its
// end.
template <class Killed>
bool save_in_child(const Ranks& ranks, const std::string& path, Killed&& when_killed) {
  const pid_t child = ::fork();
  if (child == 0) {
    when_killed.in_child();
    save(ranks, path);
    ::_exit(0);
  }
  when_killed.in_parent(child);
  int status = 0;
  ::waitpid(child, &status, 0);
  BOOST_REQUIRE(WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL : WEXITSTATUS(status) == 0);
  return WIFEXITED(status);
}

struct AtCall {
  long number;
  void in_child() const { calls_left = number; }
  void in_parent(pid_t) const {}
};

struct AfterMicroseconds {
  unsigned time;
  void in_child() const {}
  void in_parent(pid_t child) const {
    ::usleep(time);
    ::kill(child, SIGKILL);
  }
};

// The one of the two that a checkpoint is, whole: 0 or 1.
int which(const std::string& path, const Ranks& earlier, const Ranks& later) {
  const Checkpoint checkpoint(path);
  checkpoint.check_all();
  const bool is_later = checkpoint.origin().dp == later.program.dp;
  const Ranks& expected = is_later ? later : earlier;
  BOOST_REQUIRE((tests::loaded(path, expected.program).memory == expected.memory));
  return is_later;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(killed_checkpoints)

BOOST_AUTO_TEST_CASE(a_kill_at_any_call_leaves_the_old_or_the_new_one) {
  const TemporaryFolder folder;
  const Ranks earlier = tests::numbered(small_program(2, 1));
  const Ranks later = tests::numbered(small_program(1, 2));
  int old_ones = 0;
  int new_ones = 0;
  save(earlier, folder / "c");
  for (long call = 0;; ++call) {
    const bool done = save_in_child(later, folder / "c", AtCall{call});
    (which(folder / "c", earlier, later) == 0 ? old_ones : new_ones) += 1;
    if (done) break;
    save(earlier, folder / "c");  // what the kill left is no obstacle
    BOOST_REQUIRE(which(folder / "c", earlier, later) == 0);
  }
  BOOST_TEST_MESSAGE(old_ones << " kills left the old one, " << new_ones << " the new one");
  BOOST_TEST(old_ones > 6);
  BOOST_TEST(new_ones > 2);
}

BOOST_AUTO_TEST_CASE(a_kill_at_any_call_leaves_no_half_first_checkpoint) {
  const Ranks ranks = tests::numbered(small_program(2, 1));
  int without = 0;
  for (long call = 0;; ++call) {
    const TemporaryFolder folder;
    const bool done = save_in_child(ranks, folder / "c", AtCall{call});
    if (fs::exists(folder / "c"))
      BOOST_REQUIRE(which(folder / "c", ranks, ranks) == 1);
    else
      ++without;
    if (done) break;
  }
  BOOST_TEST(without > 6);
}

BOOST_AUTO_TEST_CASE(a_kill_at_any_moment_leaves_the_old_or_the_new_one) {
  const TemporaryFolder folder;
  const Ranks earlier = tests::numbered(small_program(2, 1));
  const Ranks later = tests::numbered(small_program(1, 2));
  const unsigned seed = std::random_device()();
  BOOST_TEST_MESSAGE("seed " << seed);
  std::mt19937 random(seed);
  save(earlier, folder / "c");
  for (int kill = 0; kill < 60; ++kill) {
    const bool back = kill % 2 == 1;
    save_in_child(back ? earlier : later, folder / "c",
                  AfterMicroseconds{static_cast<unsigned>(random() % 20'000)});
    which(folder / "c", earlier, later);
  }
}

BOOST_AUTO_TEST_SUITE_END()
