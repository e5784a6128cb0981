#include "real/run/gather_replaced_layer_params.hpp"

#include <algorithm>

#include "real/lowering/round_trip.hpp"
#include "scenarios/errors.hpp"

namespace shardproof::real {

GatherReplacedLayerParams::GatherReplacedLayerParams(RankExecutor& executor,
                                                     const std::string& layer, const Moment& moment)
    : executor_(executor), layer_(layer), moment_(moment) {
  const Program& program = executor.program();
  const bool sharded =
      std::any_of(program.segments.begin(), program.segments.end(),
                  [&](const Segment& segment) { return segment.name == gather_segment(layer); });
  SHARDPROOF_EXPECTS(sharded, layer, "is no sharded layer");
  for (std::size_t i = 0; i < program.values.size(); ++i) {
    const std::string& name = program.values[i].name;
    const std::string start = "round_trip/";
    if (!name.starts_with(start + layer + ".")) continue;
    const auto slash = name.rfind('/');
    const std::string parameter = name.substr(start.size(), slash - start.size());
    if (name.ends_with("/gathered")) whole_[parameter] = static_cast<ValueId>(i);
    if (name.ends_with("/checksum_spread")) spread_ = static_cast<ValueId>(i);
  }
  run(gather_segment(layer));
  open_ = true;
}

GatherReplacedLayerParams::~GatherReplacedLayerParams() {
  if (!open_) return;
  try {
    run(repartition_segment(layer_));
  } catch (...) {
    // Another exception is on its way, or the other ranks are gone: nothing better can be done
    // here.
  }
}

void GatherReplacedLayerParams::run(const std::string& segment) {
  executor_.begin(segment, moment_);
  while (!executor_.advance()) {
  }
}

ValueId GatherReplacedLayerParams::whole(const std::string& parameter) const {
  SHARDPROOF_EXPECTS(open_, "the gathered scope of", layer_, "is closed");
  const auto found = whole_.find(parameter);
  SHARDPROOF_EXPECTS(found != whole_.end(), parameter, "is not gathered in the scope of", layer_);
  return found->second;
}

std::vector<double> GatherReplacedLayerParams::read(const std::string& parameter) const {
  return executor_.read(whole(parameter));
}

void GatherReplacedLayerParams::write(const std::string& parameter,
                                      std::span<const double> values) {
  executor_.write(whole(parameter), values);
}

void GatherReplacedLayerParams::close() {
  SHARDPROOF_EXPECTS(open_, "the gathered scope of", layer_, "is closed already");
  run(agreement_segment(layer_));
  const std::vector<double> spread = executor_.read(spread_);
  open_ = false;
  run(repartition_segment(layer_));
  if (std::any_of(spread.begin(), spread.end(), [](double s) { return s != 0; }))
    throw EnvironmentError("the ranks leave different weights in the gathered scope of " + layer_);
}

}  // namespace shardproof::real
