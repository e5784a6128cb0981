#include "scenarios/blas/turns.hpp"

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <future>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace shardproof::blas;

namespace {

// The most threads that were in at once, of many that come and go.
int most_at_once(Turns& turns) {
  constexpr int threads = 6, rounds = 300;
  std::atomic<int> inside{0}, most{0};
  std::vector<std::jthread> all;
  for (int t = 0; t < threads; ++t)
    all.emplace_back([&] {
      for (int round = 0; round < rounds; ++round) {
        const Turn turn(turns);
        const int now = ++inside;
        for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
        }
        std::this_thread::yield();
        --inside;
      }
    });
  all.clear();
  return most;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(blas_turns)

BOOST_AUTO_TEST_CASE(there_are_never_more_in_it_than_places_and_nobody_waits_for_ever) {
  for (const int places : {1, 2, 3}) {
    std::vector<int> made;
    Turns turns([&](int number) {
      if (number < places) made.push_back(number);
      return number < places;
    });

    BOOST_TEST(most_at_once(turns) <= places);

    for (std::size_t i = 0; i < made.size(); ++i) BOOST_TEST(made[i] == static_cast<int>(i));
    BOOST_TEST(made.size() <= static_cast<std::size_t>(places));
  }
}

BOOST_AUTO_TEST_CASE(a_second_place_is_made_for_a_second_thread_and_not_before) {
  int made = 0;
  Turns turns([&](int) { return ++made > 0; });
  { const Turn first(turns); }
  const Turn again(turns);
  BOOST_TEST(made == 1);

  std::async(std::launch::async, [&] { const Turn second(turns); }).get();

  BOOST_TEST(made == 2);
}

BOOST_AUTO_TEST_CASE(what_the_first_place_lacks_is_told_to_each_who_comes) {
  Turns turns([](int) -> bool { throw std::runtime_error("none"); });
  BOOST_CHECK_THROW(turns.enter(), std::runtime_error);
  BOOST_CHECK_THROW(turns.enter(), std::runtime_error);
}

BOOST_AUTO_TEST_SUITE_END()
