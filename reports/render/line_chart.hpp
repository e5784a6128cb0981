#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace shardproof::reports {

/// A chart over the steps, as inline SVG with its caption. Curves differ by dashes and points as
/// well as by colour; a text says the same to who does not see it. A value that is not finite (with
/// a logarithmic scale: not positive) leaves a gap.
struct LineChart {
  struct Curve {
    std::string name;
    std::vector<std::pair<int, double>> points = {};  // step, value; in the order of steps
    bool is_reference = false;                        // dashed
  };
  struct Marks {  // steps of which something is to be seen
    std::string sign, name;
    std::vector<int> steps = {};
  };
  struct Limit {
    double value;
    std::string name;
  };
  std::string title;
  std::vector<Curve> curves = {};
  std::vector<Marks> marks = {};
  std::optional<Limit> limit = {};
  bool logarithmic = false;

  /// HTML; "" where there is no curve to see: less than two steps have a value.
  std::string html() const;
};

}  // namespace shardproof::reports
