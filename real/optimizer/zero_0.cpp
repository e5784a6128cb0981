// Stage 0: nothing is divided. Each replica sums its gradients over the micro-steps; at the
// boundary the sums are averaged over dp (all-reduce, then times RN(1/D)), and every replica makes
// the whole update for itself.
#include "real/optimizer/whole_gradients.hpp"

namespace shardproof::real {

std::unique_ptr<ZeroStage> make_zero_0(Builder& builder) {
  return std::make_unique<WholeGradients>(builder, /*owners=*/1);
}

}  // namespace shardproof::real
