#include "scenarios/model/rotary_keys.hpp"

#include "scenarios/errors.hpp"

namespace shardproof {

namespace {

// Of a model's numbers those under "rope_scaling.".
class Scaling {
 public:
  explicit Scaling(const ModelDescription& model) : model_(model) {}

  bool has(const std::string& name) const { return model_.has_number(prefix + name); }
  double number(const std::string& name) const { return model_.number(prefix + name); }
  double number_or(const std::string& name, double otherwise) const {
    return has(name) ? number(name) : otherwise;
  }
  // name.0, name.1, ...
  std::vector<double> list(const std::string& name) const {
    std::vector<double> values;
    while (has(name + "." + std::to_string(values.size())))
      values.push_back(number(name + "." + std::to_string(values.size())));
    return values;
  }

 private:
  const std::string prefix = "rope_scaling.";
  const ModelDescription& model_;
};

void read_llama3(const Scaling& scaling, RotaryFrequencies& how) {
  how.scaling = RotaryScaling::llama3;
  how.low = scaling.number("low_freq_factor");
  how.high = scaling.number("high_freq_factor");
}

void read_yarn(const Scaling& scaling, RotaryFrequencies& how) {
  how.scaling = RotaryScaling::yarn;
  how.low = scaling.number("beta_slow");
  how.high = scaling.number("beta_fast");
  how.attention_factor = scaling.number_or("attention_factor", 0);
  how.mscale = scaling.number_or("mscale", 0);
  how.mscale_all_dim = scaling.number_or("mscale_all_dim", 0);
  how.truncate = scaling.number_or("truncate", 1) != 0;
}

// Texts that are longer than those of the first training have divisors of their own.
void read_longrope(const Scaling& scaling, std::int64_t positions, RotaryFrequencies& how) {
  const bool is_long = static_cast<double>(positions) > how.original_positions;
  how.scaling = RotaryScaling::longrope;
  how.divisors = scaling.list(is_long ? "long_factor" : "short_factor");
}

}  // namespace

RotaryFrequencies rotary_frequencies(const ModelDescription& model, std::int64_t positions) {
  const Scaling scaling(model);
  RotaryFrequencies how{.theta = model.rope_theta};
  if (!scaling.has("factor")) return how;
  how.scaling = RotaryScaling::linear;
  how.factor = scaling.number("factor");
  how.original_positions = scaling.number_or("original_max_position_embeddings", 0);
  if (scaling.has("low_freq_factor")) read_llama3(scaling, how);
  if (scaling.has("beta_fast")) read_yarn(scaling, how);
  if (scaling.has("short_factor.0")) read_longrope(scaling, positions, how);
  return how;
}

std::int64_t turned_width(const ModelDescription& model) {
  if (!model.has_number("rotary_pct")) return model.head_dim;
  return static_cast<std::int64_t>(static_cast<double>(model.head_dim) *
                                   model.number("rotary_pct"));
}

RotaryForm rotary_form(const ModelDescription& model) {
  return {.head_dim = turned_width(model) == model.head_dim ? 0 : model.head_dim};
}

void require_pairs(const ModelDescription& model, const std::string& key) {
  const std::int64_t turned = turned_width(model);
  if (turned < 2 || turned % 2 != 0 || turned > model.head_dim)
    throw ScenarioError(key + " = " + std::to_string(model.number("rotary_pct")) + " turns " +
                        std::to_string(turned) + " features of the " +
                        std::to_string(model.head_dim) +
                        " of a head: expected an even number, 2 or more");
}

}  // namespace shardproof
