#pragma once

#include "real/builder/builder.hpp"

namespace shardproof::real {

/// Appends the segments that gather one sharded layer to full tensors and cut it again, as
/// GatherReplacedLayerParams does (spec-autotp 1.12), and returns the actions that run them for
/// every layer.
///
/// Between gathering and cutting, the ranks compare checksums of the full tensors: each rank
/// re-slices its own copy, so different edits would make a mixed weight. GatherReplacedLayerParams
/// refuses them; the run itself goes on, so that the judge can say which rank is wrong.
std::vector<Action> lower_round_trip(Builder& builder);

/// Gathers the first sharded layer twice, its weight negated inside each scope: an edit made there
/// must survive the cut, and negation is exact, so the second pass restores the first's bits.
std::vector<Action> lower_edited_round_trip(Builder& builder);

/// The segments of one layer's scope, for whoever opens it by hand.
std::string gather_segment(const std::string& module);
std::string agreement_segment(const std::string& module);
std::string repartition_segment(const std::string& module);

}  // namespace shardproof::real
