#pragma once

#include <benchmark/benchmark.h>
#include <time.h>

namespace shardproof::bench {

/// Of processor time, of all threads: what else the machine does counts as little as it can.
inline double processor_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

template <class Work>
double seconds_of(Work work) {
  const double start = processor_seconds();
  work();
  return processor_seconds() - start;
}

/// Measures `work`, and `baseline` in turn with it, so that both meet the same machine. The counter
/// `name` is how fast the work is beside the baseline: 1 as fast, 0.5 half as fast.
template <class Baseline, class Work>
void beside(benchmark::State& state, const char* name, Baseline baseline, Work work) {
  baseline();
  work();
  double of_baseline = 0, of_work = 0;
  for (auto _ : state) {
    of_baseline += seconds_of(baseline);
    const double seconds = seconds_of(work);
    of_work += seconds;
    state.SetIterationTime(seconds);
  }
  state.counters[name] = of_baseline / of_work;
}

}  // namespace shardproof::bench
