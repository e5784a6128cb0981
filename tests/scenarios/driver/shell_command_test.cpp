#include "scenarios/driver/shell_command.hpp"

#include <boost/test/unit_test.hpp>
#include <vector>

#include "tests/support/run_program.hpp"

using namespace shardproof;
using namespace shardproof::tests;

BOOST_AUTO_TEST_CASE(a_shell_reads_the_words_that_were_written) {
  const std::vector<std::string> words{"printf",    "%s|",  "plain/path.json",
                                       "two words", "it's", "$HOME `x` \\ \"q\"",
                                       "",          "*",    "a;b&c"};
  const std::string line = shell_command(words);
  BOOST_TEST(line.starts_with("printf '%s|' plain/path.json 'two words' "), line);
  const ProgramResult run = run_program({"sh", "-c", line});
  BOOST_TEST(run.out == "plain/path.json|two words|it's|$HOME `x` \\ \"q\"||*|a;b&c|");
}
