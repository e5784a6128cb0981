// Parts are done once, on any number of threads, and the first that fails is told.
#include "reports/values/work.hpp"

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <latch>
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

BOOST_AUTO_TEST_CASE(of_several_failures_the_first_part_is_told_by_one_thread) {
  const Threads threads(1);
  std::vector<std::shared_ptr<Work>> works{std::make_shared<Marking>(2, never),
                                           std::make_shared<Marking>(9, 4)};
  BOOST_CHECK_EXCEPTION(run_all(works), std::runtime_error, [](const std::runtime_error& error) {
    return error.what() == std::string("part 4");
  });
}

// The second part fails first, as the first waits for it.
class FailingBackwards : public Work {
 public:
  std::size_t parts() const override { return 2; }
  void run(std::size_t part) override {
    if (part == 1) {
      fails_.count_down();
    } else {
      fails_.wait();
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    throw std::runtime_error("part " + std::to_string(part));
  }

 private:
  std::latch fails_{1};
};

BOOST_AUTO_TEST_CASE(of_several_failures_the_first_part_is_told_by_two_threads) {
  const Threads threads(2);
  BOOST_CHECK_EXCEPTION(
      run_parts(std::make_shared<FailingBackwards>()), std::runtime_error,
      [](const std::runtime_error& error) { return error.what() == std::string("part 0"); });
}

BOOST_AUTO_TEST_CASE(a_failure_is_told_by_many_threads) {
  const Threads threads(4);
  std::vector<std::shared_ptr<Work>> works{std::make_shared<Marking>(1000, 500)};
  BOOST_CHECK_THROW(run_all(works), std::runtime_error);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
