#include "scenarios/driver/progress.hpp"

#include <boost/test/unit_test.hpp>
#include <sstream>

using namespace shardproof;
using std::chrono::seconds;

BOOST_AUTO_TEST_SUITE(progress)

BOOST_AUTO_TEST_CASE(a_line_and_its_progress_are_inverse) {
  const Progress progress{"sim", "step", 2, 3};
  BOOST_TEST(to_line(progress) == "progress sim step 2/3");
  BOOST_TEST((progress_from_line(to_line(progress)) == progress));
}

BOOST_AUTO_TEST_CASE(other_lines_are_no_progress) {
  for (const char* line :
       {"", "progress", "progress sim step", "progress sim step 2", "hello sim step 2/3",
        "progress sim step 4/3", "progress sim step -1/3", "progress sim step a/3",
        "progress sim step 2/3x", "progress sim step 2/3 more",
        "progress sim step 99999999999999999999/3"}) {
    BOOST_TEST(!progress_from_line(line).has_value(), line);
  }
}

BOOST_AUTO_TEST_CASE(a_log_file_gets_a_line_each_ten_percent) {
  std::ostringstream out;
  ProgressDisplay display(out, false);
  const ProgressDisplay::Time start{};
  for (int step = 1; step <= 200; ++step) display.show({"sim", "step", step, 200}, start);
  const std::string text = out.str();
  BOOST_TEST(std::count(text.begin(), text.end(), '\n') == 11);  // the first, then 10 %, ... 100 %
  BOOST_TEST(text.starts_with("sim: step 1/200 (0 %)\nsim: step 20/200 (10 %)\n"));
  BOOST_TEST(text.ends_with("sim: step 200/200 (100 %)\n"));
  BOOST_TEST(text.find('\033') == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_log_file_gets_a_line_after_thirty_seconds) {
  std::ostringstream out;
  ProgressDisplay display(out, false);
  const ProgressDisplay::Time start{};
  display.show({"sim", "step", 1, 1000}, start);
  display.show({"sim", "step", 2, 1000}, start + seconds(29));
  display.show({"sim", "step", 3, 1000}, start + seconds(31));
  display.show({"sim", "step", 4, 1000}, start + seconds(60));
  BOOST_TEST(out.str() == "sim: step 1/1000 (0 %)\nsim: step 3/1000 (0 %)\n");
}

BOOST_AUTO_TEST_CASE(a_terminal_gets_one_line_with_all_jobs) {
  std::ostringstream out;
  ProgressDisplay display(out, true);
  display.show({"sim", "step", 1, 2});
  display.show({"real", "step", 0, 0});
  BOOST_TEST(out.str() ==
             "\r\033[Ksim [#####.....] step 1/2"
             "\r\033[Ksim [#####.....] step 1/2  real [##########] step 0/0");
  display.clear();
  BOOST_TEST(out.str().ends_with("\r\033[K"));
}

BOOST_AUTO_TEST_CASE(without_a_supervisor_nothing_is_written) {
  // Also not to a descriptor of the number that the environment names: it is another file by now.
  ::setenv("SHARDPROOF_PROGRESS_FD", "1", 1);
  for (const char* pipe : {"", "1", ":", "1:2", "a:b"}) {
    ::setenv("SHARDPROOF_PROGRESS_PIPE", pipe, 1);
    BOOST_CHECK_NO_THROW(ProgressReporter("sim").report("step", 1, 2));
  }
  ::unsetenv("SHARDPROOF_PROGRESS_PIPE");
  ::unsetenv("SHARDPROOF_PROGRESS_FD");
}

BOOST_AUTO_TEST_SUITE_END()
