#include "scenarios/json/object_reader.hpp"

#include <algorithm>
#include <cmath>

#include "scenarios/json/nearest_name.hpp"
#include "scenarios/listed.hpp"

namespace shardproof {

namespace {

// "1.0" rather than "1", so that a reader sees a number that may be fractional.
std::string decimal(double value) {
  const std::string text = write_json(value);
  return text.find_first_of(".e") == std::string::npos ? text + ".0" : text;
}

std::string described(IntegerRange range) {
  if (range.highest == IntegerRange{}.highest)
    return range.lowest == IntegerRange{}.lowest
               ? "a whole number"
               : "a whole number, " + std::to_string(range.lowest) + " or more";
  return "a whole number from " + std::to_string(range.lowest) + " to " +
         std::to_string(range.highest);
}

std::string described(NumberRange range) {
  const bool bounded = range.highest < NumberRange{}.highest;
  if (range.lowest == NumberRange{}.lowest) return "a number";
  return std::string("a number ") + (range.above_lowest ? "above " : "of at least ") +
         write_json(range.lowest) + (bounded ? " and below " + write_json(range.highest) : "");
}

}  // namespace

void refuse_value(const JsonValue& value, const std::string& name, const std::string& why,
                  ScenarioError::Kind kind) {
  std::string shown = write_json(value);
  if (shown.size() > 60) shown = shown.substr(0, 57) + "...";
  const bool is_auto = value.is_string() && value.text == "auto";
  throw ScenarioError(value.place,
                      name + " = " + shown + ": " + why +
                          (is_auto ? " (Hugging Face's Trainer fills in other keys)" : ""),
                      kind);
}

void refuse_unimplemented(const JsonValue& value, const std::string& name, const std::string& why) {
  refuse_value(value, name, why, ScenarioError::Kind::not_implemented);
}

std::int64_t as_integer(const JsonValue& value, const std::string& name, IntegerRange range) {
  if (!value.is_number() || !value.is_integer || value.integer < range.lowest ||
      value.integer > range.highest)
    refuse_value(value, name, "expected " + described(range));
  return value.integer;
}

double as_number(const JsonValue& value, const std::string& name, NumberRange range) {
  const bool fits =
      value.is_number() && std::isfinite(value.number) &&
      (range.above_lowest ? value.number > range.lowest : value.number >= range.lowest) &&
      value.number < range.highest;
  if (!fits) refuse_value(value, name, "expected " + described(range));
  return value.number;
}

bool as_bool(const JsonValue& value, const std::string& name) {
  if (!value.is_boolean()) refuse_value(value, name, "expected true or false");
  return value.boolean;
}

const std::string& as_string(const JsonValue& value, const std::string& name) {
  if (!value.is_string()) refuse_value(value, name, "expected a string");
  return value.text;
}

const std::string& as_one_of(const JsonValue& value, const std::string& name,
                             const std::vector<std::string>& choices) {
  if (!value.is_string() || std::find(choices.begin(), choices.end(), value.text) == choices.end())
    refuse_value(
        value, name,
        "expected " + listed(choices, "or") +
            (value.is_string() && choices.size() > 4 ? suggestion(value.text, choices) : ""));
  return value.text;
}

ObjectReader::ObjectReader(const JsonValue& object, std::string path)
    : object_(&object), path_(std::move(path)) {
  if (!object.is_object())
    refuse_value(object, path_.empty() ? "the document" : path_, "expected an object { ... }");
}

const JsonValue* ObjectReader::find(const std::string& key) {
  asked_.push_back(key);
  const JsonValue* value = object_->find(key);
  return value && !value->is_null() ? value : nullptr;
}

const JsonValue& ObjectReader::require(const std::string& key, const std::string& what) {
  const JsonValue* value = find(key);
  if (!value)
    throw ScenarioError(place(), "missing key \"" + name(key) + "\": " + what,
                        ScenarioError::Kind::missing);
  return *value;
}

std::int64_t ObjectReader::integer(const std::string& key, std::int64_t fallback,
                                   IntegerRange range) {
  if (const JsonValue* value = find(key)) return as_integer(*value, name(key), range);
  record(key, std::to_string(fallback));
  return fallback;
}

double ObjectReader::number(const std::string& key, double fallback, NumberRange range) {
  if (const JsonValue* value = find(key)) return as_number(*value, name(key), range);
  record(key, decimal(fallback));
  return fallback;
}

bool ObjectReader::boolean(const std::string& key, bool fallback) {
  if (const JsonValue* value = find(key)) return as_bool(*value, name(key));
  record(key, fallback ? "true" : "false");
  return fallback;
}

std::string ObjectReader::string(const std::string& key, const std::string& fallback) {
  if (const JsonValue* value = find(key)) return as_string(*value, name(key));
  record(key, write_json(fallback));
  return fallback;
}

std::string ObjectReader::one_of(const std::string& key, const std::string& fallback,
                                 const std::vector<std::string>& choices) {
  if (const JsonValue* value = find(key)) return as_one_of(*value, name(key), choices);
  record(key, write_json(fallback));
  return fallback;
}

ObjectReader ObjectReader::section(const std::string& key) {
  static const JsonValue empty = JsonValue::object();
  const JsonValue* object = find(key);
  ObjectReader reader(object ? *object : empty, name(key));
  reader.record_defaults_in(defaulted_);
  return reader;
}

void ObjectReader::finish() const {
  for (const JsonMember& member : object_->members)
    if (std::find(asked_.begin(), asked_.end(), member.key) == asked_.end())
      throw ScenarioError(member.place, "unknown key \"" + name(member.key) + "\"" +
                                            suggestion(member.key, asked_));
}

std::string ObjectReader::name(const std::string& key) const {
  return path_.empty() ? key : path_ + "." + key;
}

void ObjectReader::record(const std::string& key, const std::string& value) {
  if (defaulted_) defaulted_->push_back(name(key) + " = " + value);
}

}  // namespace shardproof
