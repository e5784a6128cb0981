#pragma once

#include <optional>

#include "scenarios/model/model_description.hpp"
#include "scenarios/partition/partition_plan.hpp"

namespace shardproof {

/// Along which of its dimensions a parameter is cut: of a column its output features and the bias
/// with them, of a row its input features, wherever the module's class has them (a conv1d's weight
/// is (in, out)). Nothing if every rank has all of it.
std::optional<int> cut_dimension(const PartitionPlan& plan, const ParameterDescription& parameter);

}  // namespace shardproof
