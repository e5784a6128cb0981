#include "real/layers/experts.hpp"

namespace shardproof::real {

namespace {

Attributes attributes_of(ExpertRows order) { return {{"order", std::string(name_of(order))}}; }

template <class... First>
std::vector<ValueId> behind(const std::vector<ValueId>& rows, First... first) {
  std::vector<ValueId> all{first...};
  all.insert(all.end(), rows.begin(), rows.end());
  return all;
}

}  // namespace

Attributes Route::attributes() const {
  Attributes attributes{{"form", std::string(name_of(options_.form))},
                        {"factor", options_.factor},
                        {"experts_per_token", options_.experts_per_token}};
  if (takes_scores(options_.form)) {
    attributes.emplace("n_group", options_.groups.count);
    attributes.emplace("topk_group", options_.groups.kept);
  }
  return attributes;
}

Route::Choice Route::forward(ValueId logits) {
  logits_ = logits;
  selected_ = output("selected", logits, options_.experts_per_token, replicate());
  builder().program().value(selected_).dtype = Dtype::int64;
  const ValueId weights = output("weights", logits, options_.experts_per_token, replicate());
  std::vector<ValueId> inputs{logits};
  if (!options_.correction.empty()) inputs.push_back(builder().parameter(options_.correction));
  forward_op(OpKind::route, std::move(inputs), {selected_, weights}, attributes());
  return {selected_, weights};
}

std::vector<ValueId> Route::backward(const std::vector<ValueId>& dy,
                                     const std::vector<std::string>& names) {
  const ValueId dlogits = like(logits_, names[0]);
  backward_op(OpKind::route_backward, {dy[0], logits_, selected_}, {dlogits}, attributes());
  return {dlogits};
}

std::vector<ValueId> Dispatch::forward(ValueId x, ValueId selected, std::int64_t experts) {
  x_ = x, selected_ = selected;
  Program& program = builder().program();
  const Shape shape = value(x).shape;
  const std::int64_t tokens = shape[0] * shape[1];  // of all replicas
  std::vector<ValueId> rows;
  for (std::int64_t e = 0; e < experts; ++e) {
    const std::string expert = module() + ".experts." + std::to_string(e);
    // A token chooses an expert at most once.
    program.extents.push_back({expert, tokens / builder().dp(), selected, e});
    Value of_expert = value(x);
    of_expert.name = "forward/" + expert + "/tokens";
    of_expert.shape = {tokens, shape.back()};
    of_expert.extent = static_cast<int>(program.extents.size()) - 1;
    rows.push_back(builder().add_value(std::move(of_expert)));
  }
  forward_op(OpKind::moe_dispatch, {x, selected}, rows, attributes_of(order_));
  return rows;
}

std::vector<ValueId> Dispatch::backward(const std::vector<ValueId>& dy,
                                        const std::vector<std::string>& names) {
  const ValueId dx = like(x_, names[0]);
  backward_op(OpKind::moe_dispatch_backward, behind(dy, selected_), {dx}, attributes_of(order_));
  return {dx};
}

ValueId Combine::forward(const std::string& role, const Route::Choice& choice,
                         const std::vector<ValueId>& rows) {
  choice_ = choice, rows_ = rows;
  const ValueId y = output(role, choice.weights, value(rows.at(0)).shape.back(), replicate());
  forward_op(OpKind::moe_combine, behind(rows, choice.selected, choice.weights), {y},
             attributes_of(order_));
  return y;
}

std::vector<ValueId> Combine::backward(const std::vector<ValueId>& dy,
                                       const std::vector<std::string>& names) {
  std::vector<ValueId> gradients{like(choice_.weights, names.at(0))};
  for (std::size_t e = 0; e < rows_.size(); ++e)
    gradients.push_back(like(rows_[e], names.at(e + 1)));
  backward_op(OpKind::moe_combine_backward, behind(rows_, dy[0], choice_.selected, choice_.weights),
              gradients, attributes_of(order_));
  return gradients;
}

}  // namespace shardproof::real
