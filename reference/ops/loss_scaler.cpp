#include "reference/ops/loss_scaler.hpp"

#include <algorithm>
#include <cmath>

namespace shardproof::reference {

std::vector<double> loss_scales(const LossScaleConfig& config, const std::vector<bool>& overflowed,
                                const std::map<std::string, double>& counted) {
  if (config.fixed != 0)
    return std::vector<double>(overflowed.size() + 1,
                               counted.empty() ? config.fixed : counted.at("loss_scale"));
  std::vector<double> scales{std::ldexp(1.0, config.initial_power)};
  std::int64_t clean_in_a_row = 0;  // before this step
  std::int64_t forgiven = 0;        // overflows since the hysteresis was filled up
  if (!counted.empty()) {
    scales = {counted.at("loss_scale")};
    clean_in_a_row = static_cast<std::int64_t>(counted.at("loss_scale_steps") -
                                               counted.at("loss_scale_last_overflow") - 1);
    forgiven = config.hysteresis - static_cast<std::int64_t>(counted.at("loss_scale_tolerated"));
  }
  for (const bool overflow : overflowed) {
    double scale = scales.back();
    if (!overflow) {
      // Growth is due window steps after the first clean one, and each window steps after that.
      const bool due = clean_in_a_row >= config.window && clean_in_a_row % config.window == 0;
      if (due) scale = 2 * scale;
      if (due || config.consecutive_hysteresis) forgiven = 0;
      clean_in_a_row += 1;
    } else {
      clean_in_a_row = 0;
      if (forgiven + 1 < config.hysteresis) {
        forgiven += 1;
      } else {
        if (scale == config.lowest) return scales;
        scale = std::max(0.5 * scale, config.lowest);
      }
    }
    scales.push_back(scale);
  }
  return scales;
}

}  // namespace shardproof::reference
