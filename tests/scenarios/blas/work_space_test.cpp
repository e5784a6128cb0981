#include "scenarios/blas/work_space.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cstdio>

#include "scenarios/errors.hpp"
#include "scenarios/files/text_file.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace shardproof;
using namespace shardproof::blas;

BOOST_AUTO_TEST_SUITE(work_space)

BOOST_AUTO_TEST_CASE(the_product_is_computed_once_there_is_room_and_not_without) {
  int products = 0;
  take_work_space([&] { ++products; });
  BOOST_TEST(products == 1);

  constexpr std::size_t more_than_can_be_addressed = std::size_t{1} << 60;
  BOOST_CHECK_EXCEPTION(take_work_space([&] { ++products; }, more_than_can_be_addressed),
                        EnvironmentError, [](const EnvironmentError& error) {
                          return std::string(error.what()).find("OpenBLAS needs ") == 0 &&
                                 std::string(error.what()).find("ulimit -v") != std::string::npos;
                        });
  BOOST_TEST(products == 1);
}

BOOST_AUTO_TEST_CASE(a_product_that_asks_for_memory_for_ever_ends_the_process_in_words) {
  const tests::TemporaryFolder folder;
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(60);
    if (std::freopen((folder / "err").c_str(), "w", stderr) == nullptr) ::_exit(126);
    take_work_space([] {
      for (volatile bool asks = true; asks;) asks = true;
    });
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  BOOST_REQUIRE(WIFEXITED(status));
  BOOST_TEST(WEXITSTATUS(status) == 3);
  BOOST_TEST(read_text(folder / "err").find("OpenBLAS cannot allocate its work space") !=
             std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
