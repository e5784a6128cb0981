#include "real/layers/rotary.hpp"

#include "scenarios/plan/op_attributes.hpp"

namespace shardproof::real {

namespace {

// Numbers that a scaling has no use for are not named.
Attributes attributes_of(const RotaryFrequencies& how) {
  Attributes attributes{{"theta", how.theta}};
  if (how.scaling == RotaryScaling::none) return attributes;
  attributes["scaling"] = std::string(name_of(how.scaling));
  attributes["factor"] = how.factor;
  if (how.scaling == RotaryScaling::linear) return attributes;
  attributes["original_positions"] = how.original_positions;
  if (how.scaling != RotaryScaling::llama3) attributes["attention_factor"] = how.attention_factor;
  for (std::size_t i = 0; i < how.divisors.size(); ++i)
    attributes[divisor_attribute(i)] = how.divisors[i];
  if (how.scaling == RotaryScaling::longrope) return attributes;
  attributes["low_freq_factor"] = how.low;
  attributes["high_freq_factor"] = how.high;
  if (how.scaling == RotaryScaling::llama3) return attributes;
  attributes["mscale"] = how.mscale;
  attributes["mscale_all_dim"] = how.mscale_all_dim;
  attributes["truncate"] = std::int64_t{how.truncate};
  return attributes;
}

}  // namespace

RotaryTable lower_rotary_table(Builder& builder, std::int64_t width,
                               const RotaryFrequencies& frequencies, const std::string& suffix) {
  const Shape shape{builder.scenario().data.sequence, width / 2};
  const auto table = [&](const std::string& name) {
    return builder.add_value({.name = "data/rotary_" + name + suffix,
                              .shape = shape,
                              .dtype = builder.policy().working,
                              .placement = {},
                              .lifetime = Lifetime::state});
  };
  const RotaryTable result{table("cos"), table("sin")};
  builder.append(OpKind::rotary_table, "model.rotary_emb" + suffix, Phase::data, "rotary_table", {},
                 {result.cos, result.sin}, attributes_of(frequencies));
  return result;
}

Attributes Rotary::form() const {
  Attributes attributes;
  if (form_.head_dim != 0) attributes["head_dim"] = form_.head_dim;
  if (form_.pairing != RotaryPairing::half)
    attributes["pairing"] = std::string(name_of(form_.pairing));
  return attributes;
}

ValueId Rotary::forward(ValueId x) {
  const ValueId y = like(x, "forward/" + module() + "/" + what_ + "_rotated");
  forward_op(OpKind::rotary, {x, table_.cos, table_.sin}, {y}, form(), what_);
  return y;
}

std::vector<ValueId> Rotary::backward(const std::vector<ValueId>& dy,
                                      const std::vector<std::string>& names) {
  const ValueId dx = like(dy[0], names[0]);
  backward_op(OpKind::rotary_backward, {dy[0], table_.cos, table_.sin}, {dx}, form(), what_);
  return {dx};
}

}  // namespace shardproof::real
