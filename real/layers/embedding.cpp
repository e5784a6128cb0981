#include "real/layers/embedding.hpp"

namespace shardproof::real {

ValueId Embedding::forward(ValueId tokens) {
  tokens_ = tokens;
  const ValueId weight = gradients().use(module() + ".weight");
  const ValueId y = output("output", value(weight).shape[1], replicate());
  forward_op(OpKind::embedding, {weight, tokens}, {y});
  return y;
}

std::vector<ValueId> Embedding::backward(const std::vector<ValueId>& dy,
                                         const std::vector<std::string>&) {
  const std::string weight = module() + ".weight";
  const ValueId gradient = gradients().tensor(module(), weight);
  Op& op = backward_op(OpKind::embedding_backward, {dy[0], tokens_}, {gradient});
  if (padding_) op.attributes["padding"] = *padding_;
  gradients().add(module(), weight, gradient);
  return {};
}

}  // namespace shardproof::real
