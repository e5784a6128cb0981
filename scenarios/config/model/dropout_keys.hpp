#pragma once

#include "scenarios/json/object_reader.hpp"
#include "scenarios/model/family.hpp"
#include "scenarios/settings/mode.hpp"

namespace shardproof {

/// There is no dropout in inference: any will do. In training throws ScenarioError if there is
/// some, given or by the published default, that names them all and the overrides that turn them
/// off.
void judge_dropouts(ObjectReader& reader, const Family& family, Mode mode);

}  // namespace shardproof
