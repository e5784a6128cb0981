#include "real/layers/loss.hpp"

namespace shardproof::real {

ValueId Loss::forward(ValueId logits, ValueId labels) {
  logits_ = logits, labels_ = labels;
  const ValueId loss = builder().add_value({.name = "forward/" + module() + "/output",
                                            .shape = {builder().dp()},
                                            .dtype = builder().policy().compute,
                                            .placement = {replicate(), shard(0)}});
  forward_op(kind_.forward, {logits, labels}, {loss});
  return loss;
}

std::vector<ValueId> Loss::backward(const std::vector<ValueId>&,
                                    const std::vector<std::string>& names) {
  const ValueId dlogits = like(logits_, names[0]);
  std::vector<ValueId> inputs{logits_, labels_};
  for (const ValueId scale : builder().loss_scale()) inputs.push_back(scale);
  backward_op(kind_.backward, std::move(inputs), {dlogits},
              {{"grad_scale", 1.0 / builder().scenario().training.accumulation}});
  return {dlogits};
}

}  // namespace shardproof::real
