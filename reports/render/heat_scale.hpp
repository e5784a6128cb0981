#pragma once

#include <string>

#include "reports/verdict/verdict.hpp"

namespace shardproof::reports {

/// How a cell of the heat map looks: its CSS class, and a sign, so that it reads without colour.
/// The scale is that of the logarithm:
///
///   part of its bound   up to 0.001  0.003  0.01  0.03  0.1  0.3  1    beyond: failed
///   class               l0           l1     l2    l3    l4   l5   l6   l7 (to 10) l8 (to 1000) l9
///   sign                0            1      2     3     4    5    6    ✗
///
/// What was compared bit by bit has no part of a bound: "b", "=", or if it failed l9. What could
/// not be judged is "u", "?"; where there was nothing to judge the cell is empty.
struct HeatLook {
  std::string css_class;
  std::string sign;
};
HeatLook heat_look(const TensorRow::Cell& cell);

/// HTML that says what the signs and colours are.
std::string heat_legend_html();

}  // namespace shardproof::reports
