#include "scenarios/config/model/rope_scaling.hpp"

#include "scenarios/config/model/model_keys.hpp"
#include "scenarios/config/model/rope_ratio.hpp"
#include "scenarios/model/rotary_keys.hpp"

namespace shardproof {

namespace {

constexpr NumberRange kPositive{.lowest = 0, .above_lowest = true};
constexpr const char* kPrefix = "rope_scaling.";
constexpr const char* kOriginal = "original_max_position_embeddings";
constexpr const char* kPartial = "partial_rotary_factor";
constexpr const char* kLocalBase = "rope_local_base_freq";

// One object that says how positions are scaled, read into the numbers of a model.
class ScalingReader {
 public:
  ScalingReader(ObjectReader& rope, ModelDescription& model) : rope_(rope), model_(model) {}

  void linear() { set("factor", required("factor", {.lowest = 1})); }

  void llama3() {
    linear();
    const double low = required("low_freq_factor", kPositive);
    set("low_freq_factor", low);
    set("high_freq_factor", required("high_freq_factor", {.lowest = low, .above_lowest = true}));
    set(kOriginal, static_cast<double>(
                       as_integer(rope_.require(kOriginal, kNeeded), rope_.name(kOriginal), {1})));
  }

  void yarn() {
    linear();
    set(kOriginal,
        static_cast<double>(rope_.integer(kOriginal, model_.max_position_embeddings, {1})));
    const double slow = rope_.number("beta_slow", 1, kPositive);
    set("beta_slow", slow);
    set("beta_fast", rope_.number("beta_fast", 32, {.lowest = slow, .above_lowest = true}));
    optional("attention_factor", kPositive);
    optional("mscale", {.lowest = 0});
    optional("mscale_all_dim", {.lowest = 0});
    set("truncate", rope_.boolean("truncate", true));
  }

  // `original`: of the whole config.
  void longrope(std::int64_t original) {
    set("factor",
        static_cast<double>(model_.max_position_embeddings) / static_cast<double>(original));
    set(kOriginal, static_cast<double>(original));
    list("short_factor");
    list("long_factor");
  }

 private:
  static constexpr const char* kNeeded = "rope_type needs it";

  void set(const std::string& name, double value) { model_.numbers[kPrefix + name] = value; }

  double required(const char* key, NumberRange range) {
    return as_number(rope_.require(key, kNeeded), rope_.name(key), range);
  }

  void optional(const char* key, NumberRange range) {
    if (const JsonValue* value = rope_.find(key))
      set(key, as_number(*value, rope_.name(key), range));
  }

  // A divisor for each pair that is turned.
  void list(const std::string& key) {
    const JsonValue& values = rope_.require(key, kNeeded);
    const auto pairs = static_cast<std::size_t>(turned_width(model_) / 2);
    if (!values.is_array() || values.elements.size() != pairs)
      refuse_value(values, rope_.name(key),
                   "expected a list of " + std::to_string(pairs) + " numbers");
    for (std::size_t i = 0; i < pairs; ++i)
      set(key + "." + std::to_string(i), as_number(values.elements[i], rope_.name(key), kPositive));
  }

  ObjectReader& rope_;
  ModelDescription& model_;
};

std::vector<std::string> types_of(const Family& family) {
  if (family.rotary == RotaryKeys::longrope) return {"default", "longrope"};
  if (family.rotary == RotaryKeys::linear) return {"default", "linear"};
  return {"default", "linear", "llama3", "yarn"};
}

// transformers of both generations: "type" is the older spelling of "rope_type". Phi-3's first
// configs call longrope "su" or "yarn" there, which its class puts right.
std::string read_rope_type(ObjectReader& rope, const Family& family) {
  const std::vector<std::string> types = types_of(family);
  std::string type = "default";
  for (const std::string key : {"type", "rope_type"}) {
    const JsonValue* value = rope.find(key);
    if (!value) continue;
    const bool renamed = family.rotary == RotaryKeys::longrope && key == "type" &&
                         value->is_string() && (value->text == "su" || value->text == "yarn");
    type = renamed ? "longrope" : as_one_of(*value, rope.name(key), types);
  }
  return type;
}

// DeepSeek-V2's own code, and transformers' of DeepSeek-V3, which this is not.
void note_mscale(const ModelDescription& model, std::vector<std::string>* notices) {
  if (!notices || model.family != "deepseek_v2" ||
      !model.has_number(std::string(kPrefix) + "mscale_all_dim"))
    return;
  notices->push_back(
      "config.json: rope_scaling.mscale_all_dim scales the scores of attention in DeepSeek's own "
      "code, and not in transformers' DeepseekV2Attention: run as transformers does");
}

// What the config says elsewhere, too, must be the same there.
void require_agreement(ObjectReader& config, const char* key, double inner,
                       const std::string& inner_name) {
  const JsonValue* outer = config.find(key);
  if (outer && as_number(*outer, key) != inner)
    refuse_value(*outer, key, inner_name + " says " + write_json(inner) + ": expected the same");
}

// transformers 5 writes into rope_parameters what its Phi3Config of before had beside rope_scaling.
void read_part_turned(ObjectReader& rope, ObjectReader& config, ModelDescription& model) {
  const double part = rope.number(kPartial, model.number("rotary_pct"), kPositive);
  require_agreement(config, kPartial, part, rope.name(kPartial));
  model.numbers["rotary_pct"] = part;
}

std::int64_t trained_positions(ObjectReader& rope, ObjectReader& config, bool inside) {
  const std::int64_t outer = config.integer(kOriginal, 4096, {2});
  if (!inside) return outer;
  const std::int64_t inner = rope.integer(kOriginal, outer, {2});
  require_agreement(config, kOriginal, static_cast<double>(inner), rope.name(kOriginal));
  return inner;
}

// Olmo2Config of transformers 4.57 takes {"type": "linear", "factor": 2.0}, and raises at all else.
void require_scaling_of_olmo2(const JsonValue& object) {
  const JsonValue* factor = object.find("factor");
  if (object.members.size() == 2 && object.find("type") && factor && factor->is_number() &&
      factor->number > 1 && factor->text.find_first_of(".eE") != std::string::npos)
    return;
  refuse_value(object, "rope_scaling",
               "Olmo2Config of transformers takes \"type\" and \"factor\" alone, a number above 1 "
               "with a decimal point");
}

void read_rope_object(const JsonValue& object, const std::string& name, ObjectReader& config,
                      const Family& family, ModelDescription& model) {
  ObjectReader rope(object, name);
  const bool is_scaling = name == "rope_scaling";
  const bool inside = family.rotary == RotaryKeys::longrope && !is_scaling;
  if (family.rotary == RotaryKeys::linear && is_scaling) require_scaling_of_olmo2(object);
  if (inside)
    read_part_turned(rope, config, model);
  else
    require_neutral_values(rope,
                           {{kPartial, "1", "partly rotated heads are not implemented: only 1"}});
  const std::string type = read_rope_type(rope, family);
  ScalingReader scaling(rope, model);
  if (type == "linear") scaling.linear();
  if (type == "llama3") scaling.llama3();
  if (type == "yarn") scaling.yarn();
  if (type == "longrope") scaling.longrope(trained_positions(rope, config, inside));
  const double inner = rope.number("rope_theta", model.rope_theta, kPositive);
  const JsonValue* theta = config.find("rope_theta");
  if (type == "yarn" && inner <= 1)
    refuse_value(rope.find("rope_theta") ? *rope.find("rope_theta") : *theta, "rope_theta",
                 "yarn divides by its logarithm: expected a number above 1");
  rope.finish();
  require_agreement(config, "rope_theta", inner, rope.name("rope_theta"));
  model.rope_theta = inner;
}

// Of layers that look back over a window, as Gemma 3 has them.
void read_local_base(const JsonValue& object, const std::string& name, ObjectReader& config,
                     ModelDescription& model) {
  ObjectReader rope(object, name);
  require_neutral_values(rope, {{"rope_type", "\"default\"",
                                 "scaled positions of layers that look back over a window are not "
                                 "implemented: only \"default\""}});
  const double base = rope.number("rope_theta", model.number(kLocalBase), kPositive);
  rope.finish();
  require_agreement(config, kLocalBase, base, rope.name("rope_theta"));
  model.numbers[kLocalBase] = base;
}

// Flat, or of a family with layers of several types an object for each type.
void read_rope_parameters(const JsonValue& object, ObjectReader& config, const Family& family,
                          ModelDescription& model) {
  const std::string name = "rope_parameters", full = "full_attention", near = "sliding_attention";
  if (!family.mixed_layers || (!object.find(full) && !object.find(near)))
    return read_rope_object(object, name, config, family, model);
  ObjectReader types(object, name);
  read_rope_object(types.require(full, "each type of layer needs one"), types.name(full), config,
                   family, model);
  read_local_base(types.require(near, "each type of layer needs one"), types.name(near), config,
                  model);
  types.finish();
}

std::string type_of(const ModelDescription& model) {
  const auto has = [&](const char* name) { return model.has_number(kPrefix + std::string(name)); };
  return has("short_factor.0")    ? "longrope"
         : has("beta_fast")       ? "yarn"
         : has("low_freq_factor") ? "llama3"
                                  : "linear";
}

JsonValue written_list(const ModelDescription& model, const std::string& name) {
  JsonValue list = JsonValue::array();
  for (std::int64_t i = 0; i < turned_width(model) / 2; ++i)
    list.append(model.number(kPrefix + name + "." + std::to_string(i)));
  return list;
}

}  // namespace

std::vector<std::string> rotary_key_names(const Family& family) {
  switch (family.rotary) {
    case RotaryKeys::none:
    case RotaryKeys::ratio: return {};
    case RotaryKeys::linear:
    case RotaryKeys::scalable: return {"rope_theta", "rope_scaling", "rope_parameters"};
    case RotaryKeys::longrope: return {"rope_theta", "rope_scaling", "rope_parameters", kOriginal};
  }
  return {};
}

void read_rotary_keys(ObjectReader& reader, const Family& family, ModelDescription& model,
                      std::vector<std::string>* notices) {
  if (family.rotary == RotaryKeys::ratio) read_rope_ratio(reader, model);
  if (rotary_key_names(family).empty()) return;
  const JsonValue* scaling = reader.find("rope_scaling");
  const JsonValue* parameters = reader.find("rope_parameters");
  if (scaling && parameters)
    refuse_value(*scaling, "rope_scaling", "rope_parameters says the same: expected one of them");
  if (scaling) read_rope_object(*scaling, "rope_scaling", reader, family, model);
  if (parameters) read_rope_parameters(*parameters, reader, family, model);
  note_mscale(model, notices);
}

void write_rotary_keys(const Family& family, const ModelDescription& model, JsonValue& config) {
  if (family.rotary == RotaryKeys::ratio) return write_rope_ratio(model, config);
  if (!model.has_number(std::string(kPrefix) + "factor")) return;
  const std::string type = type_of(model);
  JsonValue scaling = JsonValue::object();
  scaling.set(family.rotary == RotaryKeys::longrope ? "type" : "rope_type", type);
  for (const auto& [full, value] : model.numbers) {
    if (!full.starts_with(kPrefix)) continue;
    const std::string name = full.substr(std::string(kPrefix).size());
    const bool of_list = name.find('.') != std::string::npos;
    if (!of_list) scaling.set(name, name == "truncate" ? JsonValue(value != 0) : JsonValue(value));
  }
  if (type == "longrope") {
    config.set(kOriginal, model.number(kPrefix + std::string(kOriginal)));
    scaling = JsonValue::object().set("type", type);
    for (const char* name : {"short_factor", "long_factor"})
      scaling.set(name, written_list(model, name));
  }
  // Olmo2Config takes no rope_type there.
  config.set(family.rotary == RotaryKeys::linear ? "rope_parameters" : "rope_scaling",
             std::move(scaling));
}

}  // namespace shardproof
