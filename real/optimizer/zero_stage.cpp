#include "real/optimizer/zero_stage.hpp"

#include "scenarios/errors.hpp"

namespace shardproof::real {

std::unique_ptr<ZeroStage> make_zero_stage(Builder& builder) {
  const int stage = builder.scenario().parallel.zero_stage;
  SHARDPROOF_EXPECTS(0 <= stage && stage <= 2, stage);
  return stage == 0   ? make_zero_0(builder)
         : stage == 1 ? make_zero_1(builder)
                      : make_zero_2(builder);
}

}  // namespace shardproof::real
