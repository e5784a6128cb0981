#include "scenarios/checkpoint/initial_state.hpp"

#include "scenarios/errors.hpp"

namespace shardproof {

InitialState::InitialState(const Task& task) {
  if (task.resume.empty())
    weights_.emplace(task);
  else
    checkpoint_ = std::make_shared<const Checkpoint>(task.resume);
}

std::vector<double> InitialState::parameter(const std::string& name, const Region& region) const {
  if (weights_) return weights_->read(name, region);
  const std::string tensor = "parameter/" + name;
  std::vector<double> values(static_cast<std::size_t>(element_count(region)));
  decode(checkpoint_->tensors().at(tensor).dtype, checkpoint_->read(tensor, std::span(&region, 1)),
         values);
  return values;
}

std::vector<double> InitialState::tensor(const std::string& name) const {
  SHARDPROOF_EXPECTS(checkpoint_ != nullptr && checkpoint_->tensors().contains(name), name);
  const Checkpoint::Tensor& tensor = checkpoint_->tensors().at(name);
  const Region all = whole(tensor.shape());
  std::vector<double> values(static_cast<std::size_t>(element_count(all)));
  decode(tensor.dtype, checkpoint_->read(name, std::span(&all, 1)), values);
  return values;
}

const std::map<std::string, double>& InitialState::counters() const {
  static const std::map<std::string, double> none;
  return checkpoint_ ? checkpoint_->origin().counters : none;
}

int InitialState::updates() const {
  const auto found = counters().find("updates");
  return found == counters().end() ? 0 : static_cast<int>(found->second);
}

}  // namespace shardproof
