#pragma once

#include <string>
#include <vector>

namespace shardproof::reports {

/// The values of one direction of a chart: from `low` to `high`, with the round numbers between
/// them.
struct ChartAxis {
  struct Tick {
    double value;
    std::string label;
  };
  double low = 0, high = 1;
  bool logarithmic = false;
  std::vector<Tick> ticks;

  /// Where a value lies: 0 at the low end, 1 at the high one.
  double place(double value) const;
};

/// Numbers from `low` to `high`, all the same or not; ticks at 1, 2 or 5 times a power of ten.
///
///   3.31 to 3.47   ticks 3.35 3.4 3.45
ChartAxis linear_axis(double low, double high);
/// Positive numbers, from decade to decade: 0.02 to 3 -> ticks 0.01 0.1 1 10.
ChartAxis logarithmic_axis(double low, double high);
/// Steps: whole numbers.
ChartAxis step_axis(int first, int last);

}  // namespace shardproof::reports
