// Who hangs, who is slow and who waits: the rules on made pulses, at made times.
#include "scenarios/driver/stall_watch.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/support/temporary_folder.hpp"

using namespace shardproof;
using shardproof::tests::TemporaryFolder;
using std::chrono::seconds;

namespace {

const StallWatch::Time start{};

PulseRecord pulse(int rank, Doing doing, std::int64_t beats, const std::string& what) {
  PulseRecord record{"rank " + std::to_string(rank), what, "elsewhere", 100 + rank, doing};
  record.beats = beats;
  return record;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(stall_watch)

BOOST_AUTO_TEST_CASE(one_that_works_and_finishes_nothing_hangs_and_those_that_wait_do_not) {
  StallWatch watch(3, {}, start);
  const std::vector<PulseRecord> pulses{pulse(0, Doing::waiting, 7, "step 1: all_reduce"),
                                        pulse(1, Doing::working, 5, "step 1: norm"),
                                        pulse(2, Doing::waiting, 7, "step 1: all_reduce")};
  BOOST_TEST(!watch.look(pulses, start));
  BOOST_TEST(!watch.look(pulses, start + seconds(60)));
  BOOST_TEST(watch.look(pulses, start + seconds(61)).value() ==
             "no progress for 61 s: rank 1 (on elsewhere) is at step 1: norm for 61 s; ranks 0 and"
             " 2 wait at step 1: all_reduce for 61 s");
}

BOOST_AUTO_TEST_CASE(every_beat_counts_from_anew) {
  StallWatch watch(1, {}, start);
  BOOST_TEST(!watch.look({pulse(0, Doing::working, 1, "a")}, start));
  BOOST_TEST(!watch.look({pulse(0, Doing::working, 2, "a")}, start + seconds(59)));
  BOOST_TEST(!watch.look({pulse(0, Doing::working, 2, "a")}, start + seconds(119)));
  BOOST_TEST(watch.look({pulse(0, Doing::working, 2, "a")}, start + seconds(120)).has_value());
}

BOOST_AUTO_TEST_CASE(who_has_been_slow_may_be_slow_again) {
  PulseRecord slow = pulse(0, Doing::working, 1, "a");
  slow.slowest_seconds = 20;
  slow.expected_seconds = 30;
  StallWatch watch(1, {}, start);
  BOOST_TEST(!watch.look({slow}, start));
  BOOST_TEST(!watch.look({slow}, start + seconds(230)));
  BOOST_TEST(watch.look({slow}, start + seconds(231)).has_value());
}

BOOST_AUTO_TEST_CASE(a_start_may_take_longer_and_a_given_limit_holds_for_everything) {
  const std::vector<PulseRecord> starting{pulse(0, Doing::starting, 0, "")};
  StallWatch usual(1, {}, start);
  BOOST_TEST(!usual.look(starting, start));
  BOOST_TEST(!usual.look(starting, start + seconds(300)));
  BOOST_TEST(usual.look(starting, start + seconds(301)).value() ==
             "no progress for 301 s: rank 0 (on elsewhere) is at its start for 301 s");
  StallWatch given(1, {.seconds = 5}, start);
  BOOST_TEST(!given.look(starting, start));
  BOOST_TEST(given.look(starting, start + seconds(6)).has_value());
}

BOOST_AUTO_TEST_CASE(all_that_wait_for_one_another_hang) {
  const std::vector<PulseRecord> pulses{pulse(0, Doing::waiting, 7, "step 0: a"),
                                        pulse(1, Doing::waiting, 9, "step 0: b")};
  StallWatch watch(2, {}, start);
  BOOST_TEST(!watch.look(pulses, start));
  BOOST_TEST(watch.look(pulses, start + seconds(61)).value() ==
             "no progress for 61 s: rank 0 waits at step 0: a for 61 s; rank 1 waits at step 0: b"
             " for 61 s");
}

BOOST_AUTO_TEST_CASE(one_that_works_on_is_no_reason_to_stop_those_that_wait_for_it) {
  StallWatch watch(2, {}, start);
  for (int second = 0; second < 1000; second += 50)
    BOOST_TEST(
        !watch.look({pulse(0, Doing::waiting, 7, "a"), pulse(1, Doing::working, second, "b")},
                    start + seconds(second)));
}

BOOST_AUTO_TEST_CASE(one_that_a_signal_has_stopped_is_told_from_those_that_wait) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::raise(SIGSTOP);
    ::_exit(0);
  }
  int status = 0;
  BOOST_REQUIRE(::waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status));
  std::array<char, 256> host{};
  BOOST_REQUIRE(::gethostname(host.data(), host.size() - 1) == 0);
  PulseRecord stopped = pulse(1, Doing::waiting, 7, "step 0: a");
  stopped.host = host.data();
  stopped.process = child;
  StallWatch watch(2, {}, start);
  const std::vector<PulseRecord> pulses{pulse(0, Doing::waiting, 7, "step 0: a"), stopped};
  BOOST_TEST(!watch.look(pulses, start));
  BOOST_TEST(watch.look(pulses, start + seconds(61)).value() ==
             "no progress for 61 s: rank 1 is stopped by a signal at step 0: a for 61 s; rank 0"
             " waits at step 0: a for 61 s");
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  BOOST_TEST(watch.look(pulses, start + seconds(62))
                 .value()
                 .starts_with("no progress for 62 s: rank 1 is gone, last seen at step 0: a"));
}

BOOST_AUTO_TEST_CASE(who_waits_at_the_start_waits_as_long_as_a_start_may_take) {
  StallWatch watch(2, {}, start);
  const std::vector<PulseRecord> pulses{pulse(0, Doing::waiting_to_start, 1, "MPI_Init"),
                                        pulse(1, Doing::waiting_to_start, 1, "MPI_Init")};
  BOOST_TEST(!watch.look(pulses, start));
  BOOST_TEST(!watch.look(pulses, start + seconds(300)));
  BOOST_TEST(watch.look(pulses, start + seconds(301)).has_value());
}

BOOST_AUTO_TEST_CASE(a_pause_of_the_whole_run_is_nobodys_silence) {
  StallWatch watch(1, {}, start);
  const std::vector<PulseRecord> pulses{pulse(0, Doing::working, 1, "a")};
  BOOST_TEST(!watch.look(pulses, start));
  watch.forgive(seconds(3600));
  BOOST_TEST(!watch.look(pulses, start + seconds(3660)));
  BOOST_TEST(watch.look(pulses, start + seconds(3661)).has_value());
}

BOOST_AUTO_TEST_CASE(who_never_gave_a_sign_is_counted) {
  StallWatch none(4, {}, start);
  BOOST_TEST(!none.look({}, start + seconds(300)));
  BOOST_TEST(none.look({}, start + seconds(301)).value() ==
             "no progress for 301 s: 4 of its 4 processes never gave a sign");
  StallWatch some(2, {}, start);
  const std::vector<PulseRecord> pulses{pulse(0, Doing::waiting, 7, "step 0: a")};
  BOOST_TEST(!some.look(pulses, start));
  BOOST_TEST(!some.look(pulses, start + seconds(300)));  // it may have yet to be started
  BOOST_TEST(some.look(pulses, start + seconds(301)).value() ==
             "no progress for 301 s: rank 0 waits at step 0: a for 301 s; 1 of its 2 processes"
             " never gave a sign");
}

BOOST_AUTO_TEST_CASE(what_a_process_publishes_is_what_the_watcher_reads) {
  const TemporaryFolder folder;
  Pulse& own = Pulse::of_this_process();
  own.call("rank 3");
  own.work_on("step 1: a");
  own.publish(folder.path());
  const auto read = [&] { return read_pulses(folder.path()).at(0); };
  const PulseRecord first = read();
  BOOST_TEST(first.who == "rank 3");
  BOOST_TEST(first.what == "step 1: a");
  BOOST_TEST(first.process == ::getpid());
  BOOST_TEST(name_of(first.doing) == "working");
  {
    const Pulse::Waiting waiting("step 1: b");
    const Pulse::LongCall call(2);
    for (int tries = 0; tries < 1000 && read().doing != Doing::waiting; ++tries)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    BOOST_TEST(read().what == "step 1: b");
    BOOST_TEST(read().expected_seconds == 2);
  }
  for (int tries = 0; tries < 1000 && read().doing != Doing::working; ++tries)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  BOOST_TEST(read().what == "step 1: a");
  BOOST_TEST(read().beats > first.beats);
  BOOST_TEST(read().expected_seconds == 0);
}

BOOST_AUTO_TEST_CASE(a_file_that_is_no_pulse_is_left_out) {
  const TemporaryFolder folder;
  std::ofstream(folder / "host.1") << "12\nworking\n";
  BOOST_TEST(read_pulses(folder.path().string()).empty());
  BOOST_TEST(read_pulses(folder / "nowhere").empty());
}

BOOST_AUTO_TEST_SUITE_END()
