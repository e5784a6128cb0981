#include "scenarios/config/model/model_keys.hpp"

#include <algorithm>
#include <cmath>

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
