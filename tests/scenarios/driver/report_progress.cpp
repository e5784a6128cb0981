// A child that reports three steps: for tests of the supervisor and of launchers in between.
#include "scenarios/driver/progress.hpp"

int main() {
  const shardproof::ProgressReporter reporter("sim");
  for (int step = 1; step <= 3; ++step) reporter.report("step", step, 3);
}
