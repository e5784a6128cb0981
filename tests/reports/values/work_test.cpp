// Parts are done once, on any number of threads, and the first that fails is told.
#include "reports/values/work.hpp"

#include <algorithm>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace shardproof::reports;

namespace {

class Marking : public Work {
 public:
  Marking(std::size_t parts, std::size_t failing) : done_(parts), failing_(failing) {}
  std::size_t parts() const override { return done_.size(); }
  void run(std::size_t part) override {
    ++done_[part];
    if (part >= failing_) throw std::runtime_error("part " + std::to_string(part));
  }
  bool once() const {
    for (const std::atomic<int>& done : done_)
      if (done != 1) return false;
    return true;
  }

 private:
  std::vector<std::atomic<int>> done_;
  std::size_t failing_;
};

struct Threads {
  explicit Threads(int count) : before(threads_in_use()) { use_threads(count); }
  ~Threads() { use_threads(before); }
  int before;
};

constexpr std::size_t never = 1 << 20;

BOOST_AUTO_TEST_SUITE(work)

BOOST_AUTO_TEST_CASE(every_part_of_every_work_is_done_once) {
  for (const int count : {1, 2, 5}) {
    const Threads threads(count);
    std::vector<std::shared_ptr<Work>> works;
    std::vector<std::shared_ptr<Marking>> markings;
    for (const std::size_t parts : {0, 1, 100, 0, 3, 0})
      works.push_back(markings.emplace_back(std::make_shared<Marking>(parts, never)));
    run_all(works);
    for (const auto& marking : markings) BOOST_TEST(marking->once());
  }
  run_all({});
}

BOOST_AUTO_TEST_CASE(of_several_failures_the_first_part_is_told) {
  for (const int count : {1, 2, 5}) {
    const Threads threads(count);
    for (int repeat = 0; repeat < 20; ++repeat) {
      const std::vector<std::shared_ptr<Work>> works{std::make_shared<Marking>(200, never),
                                                     std::make_shared<Marking>(900, 400),
                                                     std::make_shared<Marking>(900, 0)};
      BOOST_CHECK_EXCEPTION(run_all(works), std::runtime_error, [](const auto& error) {
        return error.what() == std::string("part 400");
      });
    }
  }
}

BOOST_AUTO_TEST_CASE(what_lies_behind_a_failure_is_left_out) {
  const Threads threads(1);
  const auto failing = std::make_shared<Marking>(9, 4),
             behind = std::make_shared<Marking>(1, never);
  const std::vector<std::shared_ptr<Work>> works{failing, behind};
  BOOST_CHECK_THROW(run_all(works), std::runtime_error);
  BOOST_TEST(!behind->once());
}

BOOST_AUTO_TEST_CASE(a_crew_works_while_its_owner_goes_on) {
  const Threads threads(2);
  const auto marking = std::make_shared<Marking>(100, never);
  Crew crew;
  crew.add(marking);
  while (!marking->once()) std::this_thread::yield();  // nobody waited for it
  crew.wait();
  BOOST_TEST(marking->once());
}

BOOST_AUTO_TEST_CASE(a_crew_is_there_for_more_after_a_wait_and_after_a_failure) {
  for (const int count : {1, 3}) {
    const Threads threads(count);
    Crew crew;
    crew.wait();
    crew.add(std::make_shared<Marking>(50, 20));
    BOOST_CHECK_THROW(crew.wait(), std::runtime_error);
    for (int repeat = 0; repeat < 3; ++repeat) {
      const auto marking = std::make_shared<Marking>(100, never);
      crew.add(marking);
      crew.wait();
      BOOST_TEST(marking->once());
    }
  }
}

BOOST_AUTO_TEST_CASE(a_crew_keeps_nothing_that_is_done) {
  for (const int count : {1, 3}) {
    const Threads threads(count);
    std::vector<std::weak_ptr<Work>> works;
    Crew crew;
    for (int repeat = 0; repeat < 100; ++repeat) {
      const auto marking = std::make_shared<Marking>(5, never);
      works.push_back(marking);
      crew.add(marking);
      if (repeat % 10 == 9) crew.wait();
    }
    // A thread may not yet have laid down the last that it took.
    const auto kept = std::ranges::count_if(works, [](const auto& w) { return !w.expired(); });
    BOOST_TEST(kept <= (count - 1) * 10);
  }
}

BOOST_AUTO_TEST_CASE(a_crew_has_no_more_threads_than_parts) {
  const Threads threads(64);
  const auto threads_of_process = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/task"), {});
  };
  const auto before = threads_of_process();
  const auto marking = std::make_shared<Marking>(3, never);
  Crew crew;
  crew.add(marking);
  crew.wait();
  BOOST_TEST(threads_of_process() - before == 2);
  BOOST_TEST(marking->once());
}

BOOST_AUTO_TEST_CASE(a_crew_that_nobody_waits_for_ends) {
  const Threads threads(3);
  Crew crew;
  crew.add(std::make_shared<Marking>(1000, 10));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
