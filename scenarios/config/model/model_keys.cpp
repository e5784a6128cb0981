#include "scenarios/config/model/model_keys.hpp"

#include <algorithm>
#include <cmath>

#include "scenarios/config/model/rope_ratio.hpp"
#include "scenarios/model/model_fields.hpp"

namespace shardproof {

namespace {

constexpr NumberRange kPositive{.lowest = 0, .above_lowest = true};

bool is_neutral(const JsonValue& value, const JsonValue& neutral) {
  if (value.is_number() && neutral.is_number()) return value.number == neutral.number;
  if (value.is_array() && neutral.is_array() && neutral.elements.size() == 1)
    return std::all_of(value.elements.begin(), value.elements.end(), [&](const JsonValue& element) {
      return is_neutral(element, neutral.elements[0]);
    });
  return write_json(value) == write_json(neutral);
}

class KeyReader {
 public:
  KeyReader(ObjectReader& reader, const Family& family, ModelDescription& model)
      : reader_(reader), family_(family), model_(model) {}

  void read(const ConfigKey& key) {
    const JsonValue* given = key.derived ? nullptr : find(key);
    const double value = given ? parse(key, *given) : fallback(key);
    check(key, given, value);
    if (key.kind == ConfigKey::Kind::row && value == kNoRow) return;
    set_value(model_, key.name, value);
  }

 private:
  // The one that is there, by whatever spelling.
  const JsonValue* find(const ConfigKey& key) {
    const JsonValue* found = nullptr;
    std::string found_as;
    for (const std::string& spelling : spellings(key)) {
      const JsonValue* value = reader_.find(spelling);
      if (value && found && parse(key, *value) != parse(key, *found))
        refuse_value(*value, spelling,
                     found_as + " says " + write_json(*found) + ": expected the same");
      if (value && !found) {
        found = value;
        found_as = spelling;
      }
    }
    return found;
  }

  double parse(const ConfigKey& key, const JsonValue& value) {
    const std::string name = published_name(key);
    switch (key.kind) {
      case ConfigKey::Kind::count:
        return static_cast<double>(as_integer(value, name, {key.lowest, key.highest}));
      case ConfigKey::Kind::positive: return as_number(value, name, kPositive);
      case ConfigKey::Kind::non_negative: return as_number(value, name, {.lowest = 0});
      case ConfigKey::Kind::flag: return as_bool(value, name);
      case ConfigKey::Kind::row: return parse_row(key, value);
    }
    SHARDPROOF_EXPECTS(false, key.name);
    return 0;
  }

  double parse_row(const ConfigKey& key, const JsonValue& value) const {
    const auto rows = static_cast<std::int64_t>(value_of(key.other));
    const std::int64_t row = as_integer(value, published_name(key), {-rows, rows - 1});
    return static_cast<double>(row < 0 ? row + rows : row);
  }

  bool is_null(const ConfigKey& key) const {
    const std::vector<std::string> names = spellings(key);
    return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
      const JsonValue* value = reader_.object().find(name);
      return value && value->is_null();
    });
  }

  double fallback(const ConfigKey& key) {
    const Fallback& from = key.null && is_null(key) ? *key.null : key.absent;
    double value = from.value;
    if (from.of) value *= value_of(from.of);
    if (from.divided_by) {
      if (std::fmod(value, value_of(from.divided_by)) != 0)
        throw ScenarioError(reader_.place(),
                            told(from.divided_by) + " does not divide " + told(from.of) +
                                (key.derived ? "" : ", and there is no " + published_name(key)));
      value /= value_of(from.divided_by);
    }
    const bool none = key.null && value == key.null->value && !key.null->of;
    if (key.kind == ConfigKey::Kind::count && !key.derived && !none &&
        value < static_cast<double>(key.lowest))
      throw ScenarioError(reader_.place(), "missing key \"" + published_name(key) +
                                               "\": expected a whole number, " +
                                               std::to_string(key.lowest) + " or more");
    return value;
  }

  void check(const ConfigKey& key, const JsonValue* given, double value) {
    if (key.reason && std::fmod(value, static_cast<double>(key.multiple_of)) != 0)
      refuse(key, given, value, key.reason);
    if (key.kind == ConfigKey::Kind::row && value >= value_of(key.other))
      throw ScenarioError(reader_.place(), "missing key \"" + published_name(key) +
                                               "\", which is " + write_json(value) +
                                               " by default: no row of " + told(key.other) +
                                               "; use null for none");
    if (key.relation == ConfigKey::Relation::none) return;
    const double other = value_of(key.other);
    if (key.relation == ConfigKey::Relation::divides && std::fmod(other, value) != 0)
      refuse(key, given, value, "does not divide " + told(key.other));
    if (key.relation == ConfigKey::Relation::equals && value != other)
      refuse(key, given, value, "expected " + told(key.other));
    if (key.relation == ConfigKey::Relation::at_most && value > other)
      refuse(key, given, value, "more than " + told(key.other));
  }

  [[noreturn]] void refuse(const ConfigKey& key, const JsonValue* given, double value,
                           const std::string& why) {
    if (given) refuse_value(*given, published_name(key), why);
    throw ScenarioError(reader_.place(),
                        published_name(key) + " = " + write_json(value) + ": " + why);
  }

  double value_of(const char* name) const {
    const std::optional<double> value = find_value(model_, name);
    SHARDPROOF_EXPECTS(value.has_value(), family_.model_type, name);
    return *value;
  }

  // "num_attention_heads = 6".
  std::string told(const char* name) const {
    for (const ConfigKey& key : family_.keys)
      if (std::string(key.name) == name)
        return published_name(key) + " = " + write_json(value_of(name));
    SHARDPROOF_EXPECTS(false, family_.model_type, name);
    return "";
  }

  ObjectReader& reader_;
  const Family& family_;
  ModelDescription& model_;
};

// transformers of both generations: "type" is the older spelling of "rope_type".
std::string read_rope_type(ObjectReader& rope, const Family& family) {
  const bool scalable = family.rotary == RotaryKeys::scalable;
  std::string type = "default";
  for (const char* key : {"type", "rope_type"}) {
    const JsonValue* value = rope.find(key);
    if (!value) continue;
    type = as_string(*value, rope.name(key));
    if (type != "default" && !(scalable && (type == "linear" || type == "llama3")))
      refuse_value(*value, rope.name(key),
                   scalable ? "only \"default\", \"linear\" and \"llama3\" are implemented"
                            : "scaled rotary embeddings of " + family.model_type +
                                  " are not implemented: only \"default\"");
  }
  return type;
}

double required(ObjectReader& rope, const char* key, NumberRange range) {
  return as_number(rope.require(key, "rope_type needs it"), rope.name(key), range);
}

void read_scaling(ObjectReader& rope, const std::string& type, ModelDescription& model) {
  if (type == "default") return;
  model.numbers["rope_scaling.factor"] = required(rope, "factor", {.lowest = 1});
  if (type == "linear") return;
  const double low = required(rope, "low_freq_factor", kPositive);
  model.numbers["rope_scaling.low_freq_factor"] = low;
  model.numbers["rope_scaling.high_freq_factor"] =
      required(rope, "high_freq_factor", {.lowest = low, .above_lowest = true});
  const char* original = "original_max_position_embeddings";
  model.numbers[std::string("rope_scaling.") + original] = static_cast<double>(
      as_integer(rope.require(original, "rope_type needs it"), rope.name(original), {1}));
}

void read_rope_object(const JsonValue& object, const char* name, const JsonValue* theta,
                      const Family& family, ModelDescription& model) {
  ObjectReader rope(object, name);
  require_neutral_values(
      rope, {{"partial_rotary_factor", "1", "partly rotated heads are not implemented: only 1"}});
  read_scaling(rope, read_rope_type(rope, family), model);
  const double inner = rope.number("rope_theta", model.rope_theta, kPositive);
  rope.finish();
  if (theta && inner != model.rope_theta)
    refuse_value(
        *theta, "rope_theta",
        std::string(name) + ".rope_theta says " + write_json(inner) + ": expected the same");
  model.rope_theta = inner;
}

}  // namespace

std::vector<std::string> spellings(const ConfigKey& key) {
  if (key.spelt.empty()) return {key.name};
  return {key.spelt.begin(), key.spelt.end()};
}

std::string published_name(const ConfigKey& key) { return spellings(key).front(); }

void read_model_keys(ObjectReader& reader, const Family& family, ModelDescription& model) {
  KeyReader keys(reader, family, model);
  for (const ConfigKey& key : family.keys) keys.read(key);
}

std::vector<std::string> rotary_key_names(const Family& family) {
  if (family.rotary == RotaryKeys::none || family.rotary == RotaryKeys::ratio) return {};
  return {"rope_theta", "rope_scaling", "rope_parameters"};
}

void read_rotary_keys(ObjectReader& reader, const Family& family, ModelDescription& model) {
  if (family.rotary == RotaryKeys::ratio) read_rope_ratio(reader, model);
  if (rotary_key_names(family).empty()) return;
  const JsonValue* theta = reader.find("rope_theta");
  const JsonValue* scaling = reader.find("rope_scaling");
  const JsonValue* parameters = reader.find("rope_parameters");
  if (scaling && parameters)
    refuse_value(*scaling, "rope_scaling", "rope_parameters says the same: expected one of them");
  if (scaling) read_rope_object(*scaling, "rope_scaling", theta, family, model);
  if (parameters) read_rope_object(*parameters, "rope_parameters", theta, family, model);
}

void require_neutral_values(ObjectReader& reader, const std::vector<NeutralConfigKey>& keys) {
  for (const NeutralConfigKey& key : keys) {
    const JsonValue* value = reader.find(key.key);
    const JsonValue neutral = parse_json(key.neutral, key.key);
    if (value && !is_neutral(*value, neutral))
      refuse_value(*value, reader.name(key.key), key.reason);
    const bool null = reader.object().find(key.key) && neutral.is_null();
    if (!value && key.absent && !null)
      throw ScenarioError(reader.place(), "missing key \"" + reader.name(key.key) +
                                              "\", which is " + key.absent +
                                              " by default: " + key.reason);
  }
}

}  // namespace shardproof
