#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "scenarios/errors.hpp"

namespace shardproof {

struct JsonMember;

/// One JSON value that knows where it was written, so that an error can point at it.
///
///   JsonValue root = read_json("ds.json");                       // with comments
///   const JsonValue* stage = root.find("zero_optimization");     // nullptr if absent
///   JsonValue out = JsonValue::object().set("loss", 0.5).set("ranks",
///   JsonValue::array().append(3));
struct JsonValue {
  enum class Kind { null, boolean, number, string, array, object };

  Kind kind = Kind::null;
  SourcePlace place;
  bool boolean = false;
  double number = 0;
  bool is_integer = false;   // a whole number that fits: 5, 5.0 and 5e8 are
  std::int64_t integer = 0;  // its value
  std::string text;          // of a string its content, of a number its spelling
  std::vector<JsonValue> elements;
  std::vector<JsonMember> members;  // in the order of the file; keys are distinct

  JsonValue();
  JsonValue(bool value);
  /// A number that is not finite becomes the string "nan", "inf" or "-inf".
  JsonValue(double value);
  JsonValue(std::string value);
  JsonValue(const char* value);
  /// A number beyond int64 is an InvariantError.
  template <std::integral Integer>
  JsonValue(Integer value)
      : JsonValue(
            from_integer(static_cast<std::int64_t>(value), std::in_range<std::int64_t>(value))) {}

  static JsonValue array();
  static JsonValue object();
  JsonValue& append(JsonValue value);
  /// Adds a member, or replaces the one of that key.
  JsonValue& set(const std::string& key, JsonValue value);

  bool is_null() const { return kind == Kind::null; }
  bool is_object() const { return kind == Kind::object; }
  bool is_array() const { return kind == Kind::array; }
  bool is_string() const { return kind == Kind::string; }
  bool is_number() const { return kind == Kind::number; }
  bool is_boolean() const { return kind == Kind::boolean; }
  /// The member of that key, or nullptr (also if this is no object).
  const JsonValue* find(std::string_view key) const;
  JsonValue* find(std::string_view key);

 private:
  static JsonValue from_integer(std::int64_t value, bool fits);
};

struct JsonMember {
  std::string key;
  SourcePlace place;  // of the key
  JsonValue value;
};

// Here, because a vector of members can be made and destroyed only where a member is complete.
inline JsonValue::JsonValue() = default;
inline JsonValue::JsonValue(bool value) : kind(Kind::boolean), boolean(value) {}
inline JsonValue::JsonValue(std::string value) : kind(Kind::string), text(std::move(value)) {}
inline JsonValue::JsonValue(const char* value) : JsonValue(std::string(value)) {}

/// Parses strict JSON with the comments of HJSON, //, /* */ and #, and Python's Infinity, -Infinity
/// and NaN, which are numbers that fit no range. Throws ScenarioError at the
/// place of the first fault: syntax, a duplicate key, nesting deeper than 100. What looks like
/// HJSON is said to.
JsonValue parse_json(std::string_view text, const std::string& file);
/// The same of a file. Throws ScenarioError if it cannot be read.
JsonValue read_json(const std::string& path);
/// The bytes of a file. Throws ScenarioError that names `what` and the path if it cannot be read.
std::string read_text_file(const std::string& path, const std::string& what);

/// JSON text that reads back as the same value: doubles in their shortest exact spelling.
/// indent < 0: one line, no spaces; else one member a line.
std::string write_json(const JsonValue& value, int indent = -1);

}  // namespace shardproof
