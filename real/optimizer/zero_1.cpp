// Stage 1: the optimizer's state is divided. Gradients are summed and averaged as in stage 0 (but
// divided by D before the all-reduce); then each replica keeps, updates and hands out the slice of
// every flat vector that it owns.
#include "real/optimizer/whole_gradients.hpp"

namespace shardproof::real {

std::unique_ptr<ZeroStage> make_zero_1(Builder& builder) {
  return std::make_unique<WholeGradients>(builder, /*owners=*/builder.dp());
}

}  // namespace shardproof::real
