// The main() of test programs that run as several MPI ranks: every rank runs every test case.
#include "tests/support/mpi_main.hpp"

#include <boost/test/results_collector.hpp>
#include <boost/test/tree/observer.hpp>
#include <boost/test/unit_test.hpp>
#include <iostream>
#include <vector>

namespace {
using namespace boost::unit_test;

const shardproof::real::MpiProcess* process = nullptr;

/// A rank whose case failed would leave the others in a collective that it never joins: the job
/// ends with the case, after the failure has been printed.
class AbortOnFailure : public test_observer {
 public:
  void test_unit_finish(const test_unit& unit, unsigned long) override {
    if (unit.p_type != TUT_CASE || results_collector.results(unit.p_id).passed()) return;
    std::cout << std::flush;
    std::cerr << "rank " << process->rank().value << ": " << unit.full_name() << " failed\n";
    shardproof::real::MpiProcess::abort(1);
  }
  int priority() override { return 10; }  // after the collector of results
};
}  // namespace

namespace shardproof {
const real::MpiProcess& mpi_process() { return *process; }
}  // namespace shardproof

int main(int argc, char* argv[]) {
  const shardproof::real::MpiProcess mpi;
  process = &mpi;
  AbortOnFailure abort_on_failure;
  framework::register_observer(abort_on_failure);
  std::vector<char*> arguments(argv, argv + argc);
  char quiet[] = "--report_level=no";
  if (mpi.rank().value != 0) arguments.push_back(quiet);
  const int result =
      unit_test_main([] { return true; }, static_cast<int>(arguments.size()), arguments.data());
  return mpi.largest(result);
}
