#include <algorithm>
#include <boost/test/unit_test.hpp>

#include "real/host/launcher.hpp"
#include "scenarios/errors.hpp"

namespace shardproof::real {

namespace {
using Words = std::vector<std::string>;
const Words command = {"/opt/bin/shardproof", "execute", "real", "my scenario.json"};
}  // namespace

BOOST_AUTO_TEST_SUITE(host_launcher)

BOOST_AUTO_TEST_CASE(by_default_mpirun_may_oversubscribe_and_run_as_root) {
  const LaunchCommand launch = launch_command(4, command);

  BOOST_TEST(
      launch.arguments == (Words{"mpirun", "--oversubscribe", "--bind-to", "none", "-n", "4",
                                 "/opt/bin/shardproof", "execute", "real", "my scenario.json"}),
      boost::test_tools::per_element());
  const std::pair<std::string, std::string> root{"OMPI_ALLOW_RUN_AS_ROOT", "1"};
  BOOST_TEST(std::ranges::count(launch.environment, root) == 1);
}

BOOST_AUTO_TEST_CASE(a_template_gets_the_ranks_and_the_words_of_the_command) {
  const LaunchCommand launch =
      launch_command(8, command, "srun --mpi=pmix -n {ranks}  --comment='a b' {command}");

  BOOST_TEST(
      launch.arguments == (Words{"srun", "--mpi=pmix", "-n", "8", "--comment=a b",
                                 "/opt/bin/shardproof", "execute", "real", "my scenario.json"}),
      boost::test_tools::per_element());
  BOOST_TEST(launch.environment.empty());
}

BOOST_AUTO_TEST_CASE(ranks_may_stand_inside_a_word) {
  const LaunchCommand launch = launch_command(2, command, "run --np={ranks},{ranks} {command}");

  BOOST_TEST(launch.arguments[1] == "--np=2,2");
}

BOOST_AUTO_TEST_CASE(a_template_without_command_or_ranks_or_with_an_open_quote_is_refused) {
  BOOST_CHECK_THROW(launch_command(2, command, "srun -n {ranks}"), ScenarioError);
  BOOST_CHECK_THROW(launch_command(2, command, "srun {command}"), ScenarioError);
  BOOST_CHECK_THROW(launch_command(2, command, "srun -n {ranks} '{command}"), ScenarioError);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shardproof::real
