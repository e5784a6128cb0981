#include "scenarios/driver/supervisor.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "scenarios/driver/log_end.hpp"
#include "scenarios/errors.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace shardproof;
using shardproof::tests::TemporaryFolder;
namespace fs = std::filesystem;

namespace {

const TemporaryFolder& folder() {
  static const TemporaryFolder shared;
  return shared;
}

Job shell(const std::string& name, const std::string& script) {
  return {name, {"bash", "-c", script}, {}, folder() / (name + ".log")};
}

JobResult run_one(const Job& job, const SupervisorOptions& options = {}) {
  return run_jobs({job}, options).at(0);
}

std::string read(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::ptrdiff_t open_descriptors() {
  return std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator());
}

std::ptrdiff_t inheritable_descriptors() {
  std::ptrdiff_t count = 0;
  for (int fd = 0; fd < 1024; ++fd) {
    const int flags = ::fcntl(fd, F_GETFD);
    if (flags >= 0 && (flags & FD_CLOEXEC) == 0) ++count;
  }
  return count;
}

bool has_children() { return ::waitpid(-1, nullptr, WNOHANG) != -1; }

bool alive(const std::string& pid_file) {
  pid_t pid = 0;
  std::ifstream(pid_file) >> pid;
  BOOST_REQUIRE(pid > 0);
  for (int i = 0; i < 100; ++i) {  // an orphan is reaped by init, a little later
    std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
    std::string id, name, state;
    if (!(stat >> id >> name >> state) || state == "Z") return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(supervisor)

BOOST_AUTO_TEST_CASE(a_child_that_ends_well_is_ok_and_its_output_is_in_the_log) {
  Job job = shell("good", "echo out; echo err >&2; echo $COLOUR; read line || echo no input");
  job.environment = {{"COLOUR", "blue"}};
  const JobResult result = run_one(job);
  BOOST_TEST(result.ok());
  BOOST_TEST(result.sentence == "good ended well");
  BOOST_TEST(read(job.log_file) == "out\nerr\nblue\nno input\n");
}

BOOST_AUTO_TEST_CASE(a_child_that_exits_3_is_told_with_its_last_line) {
  const JobResult result = run_one(shell("sim", "echo first; echo no cheese; echo; exit 3"));
  BOOST_TEST(!result.ok());
  BOOST_TEST(result.exit_status == 3);
  BOOST_TEST(result.sentence == "sim exited with 3: no cheese");
}

BOOST_AUTO_TEST_CASE(a_killed_child_is_told_by_its_signal) {
  const JobResult killed = run_one(shell("sim", "kill -9 $$"));
  BOOST_TEST(killed.signal == SIGKILL);
  BOOST_TEST(killed.exit_status == -1);
  BOOST_TEST(killed.sentence == "sim was killed by signal 9 (out of memory?)");
  BOOST_TEST(run_one(shell("sim", "ulimit -c 0; kill -11 $$")).sentence ==
             "sim was killed by signal 11 (Segmentation fault)");
}

BOOST_AUTO_TEST_CASE(a_hanging_child_is_stopped_with_its_whole_group) {
  const std::string pid = folder() / "grandchild";
  const Job job = shell("slow", "echo before; sleep 60 & echo $! > " + pid + "; wait");
  const JobResult result = run_one(job, {.time_out_seconds = 1});
  BOOST_TEST(result.timed_out);
  BOOST_TEST(!result.ok());
  BOOST_TEST(result.sentence == "slow did not end within 1 s and was stopped: before");
  BOOST_TEST(result.seconds < 4);
  BOOST_TEST(!alive(pid));
}

BOOST_AUTO_TEST_CASE(what_a_child_leaves_behind_in_its_group_ends_with_it) {
  const std::string pid = folder() / "left_behind";
  BOOST_TEST(run_one(shell("careless", "sleep 60 & echo $! > " + pid)).ok());
  BOOST_TEST(!alive(pid));
}

BOOST_AUTO_TEST_CASE(a_child_that_will_not_end_is_killed_after_the_grace) {
  const JobResult result =
      run_one(shell("stubborn", "trap '' TERM; while true; do sleep 0.1; done"),
              {.time_out_seconds = 0.3, .grace_seconds = 0.3});
  BOOST_TEST(result.timed_out);
  BOOST_TEST(result.signal == SIGKILL);
  BOOST_TEST(result.sentence == "stubborn did not end within 0.3 s and was stopped");
}

BOOST_AUTO_TEST_CASE(a_child_that_exits_0_when_stopped_is_still_not_ok) {
  const JobResult result =
      run_one(shell("polite", "trap 'exit 0' TERM; sleep 60 & wait"), {.time_out_seconds = 0.3});
  BOOST_TEST(result.timed_out);
  BOOST_TEST(!result.ok());
}

BOOST_AUTO_TEST_CASE(a_program_that_does_not_exist_is_a_result) {
  const JobResult result = run_one({"ghost", {"/nowhere/at-all"}, {}, folder() / "ghost.log"});
  BOOST_TEST(result.exit_status == 127);
  BOOST_TEST(
      result.sentence ==
      "ghost exited with 127: /nowhere/at-all: cannot be executed: No such file or directory");
  BOOST_CHECK_THROW(run_one({"x", {"true"}, {}, folder() / "no/such/folder/log"}),
                    EnvironmentError);
}

BOOST_AUTO_TEST_CASE(results_keep_the_order_of_the_jobs_and_no_more_than_allowed_run_at_once) {
  std::vector<Job> jobs;
  const std::string running = folder() / "running";
  fs::create_directory(running);
  for (int i = 0; i < 6; ++i) {
    const std::string own = running + "/" + std::to_string(i);
    jobs.push_back(shell("job" + std::to_string(i), "touch " + own + "; sleep 0.1; ls " + running +
                                                        " | wc -l; rm " + own + "; exit " +
                                                        std::to_string(i)));
  }
  const auto results = run_jobs(jobs, {.limits = {2, 2}});
  int most = 0;
  for (int i = 0; i < 6; ++i) {
    BOOST_TEST(results.at(static_cast<std::size_t>(i)).exit_status == i);
    most = std::max(most, std::stoi(read(jobs[static_cast<std::size_t>(i)].log_file)));
  }
  BOOST_TEST(most == 2);
}

BOOST_AUTO_TEST_CASE(a_job_of_more_processes_than_there_are_processors_runs_alone) {
  const std::string running = folder() / "beside";
  fs::create_directory(running);
  std::vector<Job> jobs;
  for (const int processes : {1, 1, 3, 1}) {
    const std::string name = std::to_string(jobs.size());
    const std::string own = running + "/" + name;
    jobs.push_back(
        shell(name, "touch " + own + "; sleep 0.2; ls " + running + " | wc -l; rm " + own));
    jobs.back().processes = processes;
  }
  run_jobs(jobs, {.limits = {3, 2}});
  std::vector<int> beside;
  for (const Job& job : jobs) beside.push_back(std::stoi(read(job.log_file)));
  BOOST_TEST(beside[2] == 1);
  BOOST_TEST(std::max(beside[0], beside[1]) == 2);
}

BOOST_AUTO_TEST_CASE(progress_arrives_also_through_a_launcher_that_closes_the_pipe) {
  const std::string program = REPORT_PROGRESS;
  for (const std::string& script :
       {program, "exec {SHARDPROOF_PROGRESS_FD}>&-; " + program,
        // The number is another pipe by now, or another file.
        "eval \"exec $SHARDPROOF_PROGRESS_FD> >(cat >> other_file)\"; " + program,
        "eval \"exec $SHARDPROOF_PROGRESS_FD>other_file\"; " + program}) {
    std::vector<Progress> seen;
    SupervisorOptions options;
    options.on_progress = [&seen](const Progress& progress) { seen.push_back(progress); };
    const Job job = shell("sim", "cd " + folder().path().string() + "; " + script);
    BOOST_TEST(run_one(job, options).sentence == "sim ended well");
    BOOST_TEST(seen.size() == 3u, script);
    for (std::size_t i = 0; i < seen.size(); ++i) {
      BOOST_TEST((seen[i] == Progress{"sim", "step", static_cast<std::int64_t>(i) + 1, 3}));
    }
  }
  BOOST_TEST(read(folder() / "other_file").empty());
}

BOOST_AUTO_TEST_CASE(no_zombie_and_no_descriptor_is_left) {
  BOOST_TEST(run_one(shell("first", "exit 0")).ok());
  const auto before = open_descriptors();
  const std::vector<Job> jobs(20, shell("many", "exit 0"));
  run_jobs(jobs, {.limits = {4, 4}});
  BOOST_CHECK_THROW(
      run_jobs({shell("a", "sleep 60"), {"b", {"true"}, {}, "/no/such/log"}}, {.limits = {2, 2}}),
      EnvironmentError);
  BOOST_TEST(open_descriptors() == before);
  BOOST_TEST(!has_children());
  // A child has what we were started with, the pipe, and nothing of its siblings; ls opens one
  // more, the folder that it lists.
  const Job lists{"lists", {"ls", "/proc/self/fd"}, {}, folder() / "lists.log"};
  run_jobs({shell("other", "sleep 0.2"), lists}, {.limits = {2, 2}});
  const std::string listed = read(lists.log_file);
  BOOST_TEST(std::count(listed.begin(), listed.end(), '\n') == inheritable_descriptors() + 2,
             listed);
}

BOOST_AUTO_TEST_CASE(an_interrupt_ends_all_children_and_tells_the_exit_code) {
  for (const auto& [signal, code] : {std::pair{SIGINT, 130}, std::pair{SIGTERM, 143}}) {
    const std::string pid = folder() / "interrupted";
    const auto start = std::chrono::steady_clock::now();
    const Job sleeper = shell("sleeper", "echo $$ > " + pid + "; sleep 60");
    const Job sender =
        shell("sender", "sleep 0.2; kill -" + std::to_string(signal) + " $PPID; sleep 60");
    const Job never = shell("never", "touch " + (folder() / "started"));
    const int expected = code;
    BOOST_CHECK_EXCEPTION(
        run_jobs({sleeper, sender, never}, {.limits = {2, 2}}), Interrupted,
        [expected](const Interrupted& error) { return error.exit_code() == expected; });
    BOOST_TEST(!alive(pid));
    BOOST_TEST(!fs::exists(folder() / "started"));
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    BOOST_TEST(took.count() < 4);
  }
}

BOOST_AUTO_TEST_CASE(the_rank_that_mpirun_blames_is_named) {
  const std::string dashes(74, '-');
  const std::string box = dashes +
                          "\\nPrimary job  terminated normally, but 1 process returned\\n" +
                          dashes + "\\n" + dashes + "\\n";
  const std::string exited =
      "  Process name: [[10129,1],2]\\n  Exit code:    3\\n" + dashes + "\\n";
  const std::string killed =
      "mpirun noticed that process rank 1 with PID 0 on node vm exited on "
      "signal 9 (Killed).\\n" +
      dashes + "\\n";
  BOOST_TEST(run_one(shell("real", "printf 'rank 2: disk full\\n" + box + exited + "'; exit 3"))
                 .sentence == "real: rank 2 exited with 3: rank 2: disk full");
  BOOST_TEST(run_one(shell("real", "printf -- '" + box + killed + "'; exit 137")).sentence ==
             "real: rank 1 was killed by signal 9 (out of memory?)");
}

BOOST_AUTO_TEST_CASE(what_open_mpi_says_outside_its_boxes_is_not_the_programs) {
  const std::string log = folder() / "open-mpi.log";
  std::ofstream(log) << "[vm:7] [[1,0],0] ORTE_ERROR_LOG: Out of resource in file show_help.c\n"
                        "[vm:8] *** An error occurred in MPI_Init_thread\n"
                        "[vm:8] *** on a NULL communicator\n";
  BOOST_TEST(read_log_end(log).launcher == "An error occurred in MPI_Init_thread");
  BOOST_TEST(read_log_end(log).last_line.empty());
}

BOOST_AUTO_TEST_CASE(a_launcher_that_starts_no_rank_is_told_in_our_words_and_in_its_own) {
  Job job{"real", {"mpirun", "--nonsense"}, {}, folder() / "real.log"};
  job.pulse_folder = folder() / "no-pulse";
  job.processes = 4;
  job.launcher = "mpirun";
  BOOST_TEST(run_one(job).sentence ==
             "real: mpirun did not start 4 ranks: Type 'mpirun --help' for usage."
             " (the rest of its words: real.log)");
  job.command = {"mpirun", "--allow-run-as-root", "--host", "localhost:1", "-n", "4", "true"};
  const std::string slots = run_one(job).sentence;
  BOOST_TEST(slots.starts_with("real: mpirun did not start 4 ranks: There are not enough slots"
                               " available in the system to satisfy the 4 slots"),
             slots);
}

BOOST_AUTO_TEST_CASE(a_child_without_progress_is_stopped_and_who_waits_is_told) {
  const std::string pulse = folder() / "pulse";
  fs::create_directory(pulse);
  const auto tells = [&](const std::string& file, const std::string& record) {
    return "printf '" + record + "' > " + pulse + "/" + file + "; ";
  };
  Job job = shell("real", tells("1", "7\\nworking\\n0 0\\nfar 1\\nrank 0\\nstep 0: norm\\n") +
                              tells("2", "9\\nwaiting\\n0 0\\nfar 2\\nrank 1\\nstep 0: sum\\n") +
                              "sleep 60");
  job.pulse_folder = pulse;
  job.processes = 2;
  SupervisorOptions options;
  options.stall.seconds = 1.5;
  std::string told;
  options.on_end = [&](const JobResult& result) { told = result.sentence; };
  const JobResult result = run_one(job, options);
  BOOST_TEST(!result.ok());
  BOOST_TEST(result.seconds < 30);
  BOOST_TEST(result.stall.starts_with("no progress for "), result.stall);
  BOOST_TEST(told == result.sentence);
  const auto has = [&](const std::string& part) { return told.find(part) != std::string::npos; };
  BOOST_TEST(told.starts_with("real was stopped: no progress for "), told);
  BOOST_TEST(has("s: rank 0 (on far) is at step 0: norm for "), told);
  BOOST_TEST(has("; rank 1 waits at step 0: sum for "), told);
}

BOOST_AUTO_TEST_CASE(a_death_is_told_while_the_other_children_go_on) {
  SupervisorOptions options;
  options.limits = {2, 2};
  std::vector<std::string> ended;
  options.on_end = [&](const JobResult& result) {
    ended.push_back(result.name);
    if (result.name == "dies") std::ofstream(folder() / "told") << "told\n";
  };
  const std::string waits = "while [ ! -e " + (folder() / "told") + " ]; do sleep 0.05; done";
  run_jobs({shell("lives", waits), shell("dies", "kill -9 $$")}, options);
  const std::vector<std::string> expected{"dies", "lives"};
  BOOST_TEST(ended == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_end_of_a_long_log_is_found) {
  const std::string path = folder() / "long.log";
  {
    std::ofstream file(path);
    for (int i = 0; i < 20000; ++i) file << "line " << i << '\n';
    file << "the last one  \r\n\n";
  }
  BOOST_TEST(read_log_end(path).last_line == "the last one");
  BOOST_TEST(read_log_end(folder() / "missing.log").last_line.empty());
}

BOOST_AUTO_TEST_SUITE_END()
