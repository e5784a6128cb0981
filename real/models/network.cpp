#include "real/models/network.hpp"

#include <algorithm>

#include "real/builder/data_check.hpp"
#include "real/layers/attention.hpp"
#include "real/layers/embedding.hpp"
#include "real/layers/gelu.hpp"
#include "real/layers/join.hpp"
#include "real/layers/layer_norm.hpp"
#include "real/layers/linear_allreduce.hpp"
#include "real/layers/linear_layer.hpp"
#include "real/layers/lm_head_linear_allreduce.hpp"
#include "real/layers/loss.hpp"
#include "real/layers/product.hpp"
#include "real/layers/relu.hpp"
#include "real/layers/repeat_heads.hpp"
#include "real/layers/replicated_linear.hpp"
#include "real/layers/residual.hpp"
#include "real/layers/rms_norm.hpp"
#include "real/layers/scaled.hpp"
#include "real/layers/sigmoid.hpp"
#include "real/layers/soft_cap.hpp"
#include "real/layers/split.hpp"
#include "real/layers/swiglu.hpp"
#include "scenarios/errors.hpp"
#include "scenarios/partition/output_projection.hpp"

namespace shardproof::real {

namespace {

std::unique_ptr<Linear> make_linear(const Site& site, const std::string& weight) {
  switch (site.builder.scenario().partition.of(site.module).style) {
    case LayerPartition::Style::column: return std::make_unique<LinearLayer>(site, weight);
    case LayerPartition::Style::row:
      if (is_output_projection(site.module))
        return std::make_unique<LmHeadLinearAllreduce>(site, weight);
      return std::make_unique<LinearAllreduce>(site, weight);
    case LayerPartition::Style::replicated: break;
  }
  return std::make_unique<ReplicatedLinear>(site, weight);
}

}  // namespace

ValueId Network::tokens() { return tokens(lower_load_tokens(builder_)); }

ValueId Network::tokens(ValueId loaded) {
  tokens_ = loaded;
  return tokens_;
}

ValueId Network::positions(std::int64_t first) {
  const ValueId rows = builder_.integers("data/positions");
  Attributes attributes;
  if (first != 0) attributes["offset"] = static_cast<double>(first);
  builder_.append(OpKind::positions, "data", Phase::data, "positions", {tokens_}, {rows},
                  attributes);
  return rows;
}

RotaryTable Network::rotary_table(std::int64_t width, const RotaryFrequencies& frequencies,
                                  const std::string& suffix) {
  const std::string here = builder_.segment_name();
  builder_.resume_segment("initialize");
  const RotaryTable table = lower_rotary_table(builder_, width, frequencies, suffix);
  builder_.resume_segment(here);
  return table;
}

ValueId Network::alibi_slopes(ValueId q) {
  const AxisPlacement cut = builder_.value(q).placement.tp;
  for (const auto& [known, slopes] : slopes_)
    if (known == cut) return slopes;
  const std::string here = builder_.segment_name();
  builder_.resume_segment("initialize");
  const std::string suffix = slopes_.empty() ? "" : "_" + std::to_string(slopes_.size());
  const ValueId slopes =
      lower_alibi_slopes(builder_, "data/alibi_slopes" + suffix, q, model().head_dim);
  builder_.resume_segment(here);
  slopes_.emplace_back(cut, slopes);
  return slopes;
}

ValueId Network::embedding(const std::string& module, ValueId tokens,
                           std::optional<std::int64_t> padding) {
  auto layer = std::make_unique<Embedding>(site(module), padding);
  const ValueId y = layer->forward(tokens);
  return record(module, std::move(layer), {}, y);
}

ValueId Network::rms_norm(const std::string& module, ValueId x) {
  return rms_norm(module, x, model().rms_norm_eps);
}

ValueId Network::rms_norm(const std::string& module, ValueId x, double eps) {
  const bool shifted = model().has_number("rms_norm_offset");
  auto layer =
      std::make_unique<RmsNorm>(site(module), eps, shifted ? model().number("rms_norm_offset") : 0);
  const ValueId y = layer->forward(x);
  return record(module, std::move(layer), {{"input", x}}, y);
}

ValueId Network::layer_norm(const std::string& module, ValueId x) {
  auto layer = std::make_unique<LayerNorm>(site(module));
  const ValueId y = layer->forward(x);
  return record(module, std::move(layer), {{"input", x}}, y);
}

ValueId Network::linear(const std::string& module, ValueId x, const std::string& tied_to) {
  const std::string own = module + ".weight";
  auto layer = make_linear(site(module), builder_.has_parameter(own) ? own : tied_to + ".weight");
  const ValueId y = layer->forward(x);
  return record(module, std::move(layer), {{"input", x}}, y);
}

ValueId Network::rotary(const std::string& module, const std::string& what, ValueId x,
                        RotaryTable table, const RotaryForm& form) {
  auto layer = std::make_unique<Rotary>(site(module), what, table, form);
  const ValueId y = layer->forward(x);
  return record(module, std::move(layer), {{what, x}}, y);
}

ValueId Network::attention(const std::string& module, ValueId q, ValueId k, ValueId v,
                           AttentionForm form, ValueId slopes) {
  if (form.head_dim == 0) form.head_dim = model().head_dim;
  auto layer = std::make_unique<Attention>(site(module), form, slopes);
  const ValueId y = layer->forward(q, k, v);
  return record(module, std::move(layer), {{"query", q}, {"key", k}, {"value", v}}, y);
}

ValueId Network::swiglu(const std::string& module, ValueId gate, ValueId up) {
  auto layer = std::make_unique<Swiglu>(site(module));
  const ValueId y = layer->forward(gate, up);
  return record(module, std::move(layer), {{"gate", gate}, {"up", up}}, y);
}

ValueId Network::gelu(const std::string& module, ValueId x, GeluForm form) {
  auto layer = std::make_unique<Gelu>(site(module), form);
  const ValueId y = layer->forward(x);
  return record(module, std::move(layer), {{"input", x}}, y);
}

ValueId Network::relu(const std::string& module, ValueId x) {
  auto layer = std::make_unique<Relu>(site(module));
  const ValueId y = layer->forward(x);
  return record(module, std::move(layer), {{"input", x}}, y);
}

ValueId Network::product(const std::string& module, const std::string& role, ValueId a, ValueId b) {
  auto layer = std::make_unique<Product>(site(module));
  const ValueId y = layer->forward(role, a, b);
  return record(module, std::move(layer), {{"a", a}, {"b", b}}, y);
}

ValueId Network::scaled(const std::string& module, const std::string& role, ValueId x,
                        double factor) {
  auto layer = std::make_unique<Scaled>(site(module), factor);
  const ValueId y = layer->forward(role, x);
  return record(module, std::move(layer), {{"input", x}}, y);
}

ValueId Network::soft_cap(const std::string& module, const std::string& role, ValueId x,
                          double cap) {
  auto layer = std::make_unique<SoftCap>(site(module), cap);
  const ValueId y = layer->forward(role, x);
  return record(module, std::move(layer), {{"input", x}}, y);
}

ValueId Network::sigmoid(const std::string& module, const std::string& role, ValueId x) {
  auto layer = std::make_unique<Sigmoid>(site(module));
  const ValueId y = layer->forward(role, x);
  return record(module, std::move(layer), {{"input", x}}, y);
}

ValueId Network::add(const std::string& module, const std::string& role, ValueId a, ValueId b) {
  auto layer = std::make_unique<Residual>(site(module));
  const ValueId sum = layer->forward(role, a, b);
  return record(module, std::move(layer), {{"a", a}, {"b", b}}, sum);
}

std::vector<ValueId> Network::split(const std::string& module,
                                    const std::vector<std::string>& roles, ValueId x,
                                    const std::vector<std::int64_t>& parts) {
  auto layer = std::make_unique<Split>(site(module));
  const std::vector<ValueId> outputs = layer->forward(roles, x, parts);
  record(module, std::move(layer), {{"input", x}}, outputs);
  return outputs;
}

ValueId Network::join(const std::string& module, const std::string& role,
                      const std::vector<ValueId>& apart, const std::vector<std::int64_t>& parts) {
  auto layer = std::make_unique<Join>(site(module));
  const ValueId y = layer->forward(role, apart, parts);
  std::vector<Argument> arguments;
  for (std::size_t k = 0; k < apart.size(); ++k)
    arguments.push_back({"part_" + std::to_string(k), apart[k]});
  return record(module, std::move(layer), std::move(arguments), y);
}

ValueId Network::repeat_heads(const std::string& module, const std::string& role, ValueId x,
                              std::int64_t heads) {
  auto layer = std::make_unique<RepeatHeads>(site(module));
  const ValueId y = layer->forward(role, x, heads);
  return record(module, std::move(layer), {{"input", x}}, y);
}

Route::Choice Network::route(const std::string& module, ValueId logits,
                             const RouteOptions& options) {
  auto layer = std::make_unique<Route>(site(module), options);
  const Route::Choice choice = layer->forward(logits);
  record(module, std::move(layer), {{"input", logits}}, choice.weights);
  return choice;
}

std::vector<ValueId> Network::dispatch(const std::string& module, ValueId x,
                                       const Route::Choice& choice, std::int64_t experts,
                                       ExpertRows order) {
  auto layer = std::make_unique<Dispatch>(site(module), order);
  const std::vector<ValueId> rows = layer->forward(x, choice.selected, experts);
  record(module, std::move(layer), {{"input", x}}, rows);
  return rows;
}

ValueId Network::combine(const std::string& module, const std::string& role,
                         const Route::Choice& choice, const std::vector<ValueId>& rows,
                         ExpertRows order) {
  auto layer = std::make_unique<Combine>(site(module), order);
  const ValueId y = layer->forward(role, choice, rows);
  std::vector<Argument> arguments{{"weights", choice.weights}};
  for (std::size_t e = 0; e < rows.size(); ++e)
    arguments.push_back({"expert_" + std::to_string(e), rows[e]});
  return record(module, std::move(layer), std::move(arguments), y);
}

ValueId Network::loss(ValueId logits) {
  const ValueId labels = builder_.integers("data/labels");
  Op& shift = builder_.append(OpKind::shift_labels, "data", Phase::data, "shift_labels", {tokens_},
                              {labels});
  if (const auto padding = builder_.scenario().data.padding) shift.attributes["padding"] = *padding;
  auto layer = std::make_unique<Loss>(
      site("loss"), model().has_number("squared_error") ? squared_error : cross_entropy);
  const ValueId loss = layer->forward(logits, labels);
  return record("loss", std::move(layer), {{"input", logits}}, loss);
}

ValueId Network::record(const std::string& module, std::unique_ptr<Layer> layer,
                        std::vector<Argument> arguments, ValueId output) {
  record(module, std::move(layer), std::move(arguments), std::vector{output});
  return output;
}

void Network::record(const std::string& module, std::unique_ptr<Layer> layer,
                     std::vector<Argument> arguments, const std::vector<ValueId>& outputs) {
  if (!builder_.scenario().trains()) return;
  for (const Argument& argument : arguments) {
    const auto flow = flows_.find(argument.value);
    if (flow != flows_.end()) ++flow->second.consumers;
  }
  for (const ValueId output : outputs) flows_[output] = {};
  tape_.push_back({std::move(layer), module, std::move(arguments), outputs});
}

std::string Network::name_of_gradient(ValueId value) const {
  const std::string& name = builder_.value(value).name;  // forward/<module>/<role>
  const std::size_t module = name.find('/') + 1;
  const std::size_t role = name.rfind('/') + 1;
  return "backward/" + name.substr(module, role - module) + "grad_" + name.substr(role);
}

// Empty for what no layer computed: nobody asks for its gradient.
std::string Network::name_of_contribution(const Step& step, const Argument& argument) const {
  const auto flow = flows_.find(argument.value);
  if (flow == flows_.end()) return "";
  if (flow->second.consumers == 1) return name_of_gradient(argument.value);
  return "backward/" + step.module + "/grad_" +
         (step.arguments.size() == 1 ? "input" : argument.name);
}

void Network::arrive(ValueId value, ValueId contribution) {
  Flow& flow = flows_.at(value);
  if (++flow.arrived == 1) {
    flow.gradient = contribution;
    return;
  }
  const std::string suffix =
      flow.arrived == flow.consumers ? "" : "_sum_" + std::to_string(flow.arrived - 1);
  const std::string name = name_of_gradient(value) + suffix;
  const std::size_t module = name.find('/') + 1;
  const std::size_t role = name.rfind('/') + 1;
  const ValueId sum = builder_.like(value, name);
  builder_.append(OpKind::add, name.substr(module, role - 1 - module), Phase::backward,
                  "add_" + name.substr(role), {flow.gradient, contribution}, {sum});
  flow.gradient = sum;
}

void Network::backward() {
  for (auto step = tape_.rbegin(); step != tape_.rend(); ++step) {
    std::vector<ValueId> dy;
    for (const ValueId output : step->outputs) {
      const Flow& flow = flows_.at(output);
      SHARDPROOF_EXPECTS(flow.arrived == flow.consumers, builder_.value(output).name);
      dy.push_back(flow.gradient);
    }
    const bool is_used = std::ranges::any_of(dy, [](ValueId gradient) { return gradient >= 0; });
    SHARDPROOF_EXPECTS(is_used || step == tape_.rbegin(), builder_.value(step->outputs[0]).name,
                       "is used by nobody");
    std::vector<std::string> names;
    for (const Argument& argument : step->arguments)
      names.push_back(name_of_contribution(*step, argument));
    const std::vector<ValueId> contributions = step->layer->backward(dy, names);
    for (std::size_t i = 0; i < names.size(); ++i)
      if (!names[i].empty()) arrive(step->arguments[i].value, contributions.at(i));
  }
}

}  // namespace shardproof::real
