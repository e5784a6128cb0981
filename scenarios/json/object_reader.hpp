#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "scenarios/enum_names.hpp"
#include "scenarios/json/json_document.hpp"

namespace shardproof {

/// "file:7:9: zero_optimization.stage = 4: expected 0 or 1".
[[noreturn]] void refuse_value(const JsonValue& value, const std::string& name,
                               const std::string& why,
                               ScenarioError::Kind kind = ScenarioError::Kind::wrong);
/// The same of a value that asks for what is not there.
[[noreturn]] void refuse_unimplemented(const JsonValue& value, const std::string& name,
                                       const std::string& why);

/// Values that a key may have; both ends are allowed unless `above` says that the lower is not.
struct IntegerRange {
  std::int64_t lowest = std::numeric_limits<std::int64_t>::min();
  std::int64_t highest = std::numeric_limits<std::int64_t>::max();
};
struct NumberRange {
  double lowest = -std::numeric_limits<double>::infinity();
  double highest = std::numeric_limits<double>::infinity();
  bool above_lowest = false;
};

/// Typed values; each throws ScenarioError at the value's place, with its name, if it does not fit.
std::int64_t as_integer(const JsonValue& value, const std::string& name, IntegerRange range = {});
double as_number(const JsonValue& value, const std::string& name, NumberRange range = {});
bool as_bool(const JsonValue& value, const std::string& name);
const std::string& as_string(const JsonValue& value, const std::string& name);
const std::string& as_one_of(const JsonValue& value, const std::string& name,
                             const std::vector<std::string>& choices);
template <NamedEnum Enum>
Enum as_one_of(const JsonValue& value, const std::string& name) {
  return *from_name<Enum>(as_one_of(value, name, names_of<Enum>()));
}

/// Reads the members of one object by name. A member that nobody asked for is an error at finish(),
/// which suggests the nearest of the names that were asked for. null is the same as absent.
class ObjectReader {
 public:
  /// `path` is the object's name in messages: "" for a document, "zero_optimization" inside one.
  /// Throws ScenarioError if `object` is none. It must outlive the reader.
  ObjectReader(const JsonValue& object, std::string path);

  /// Names that were absent are appended as "gradient_clipping = 1.0" from now on.
  void record_defaults_in(std::vector<std::string>* defaulted) { defaulted_ = defaulted; }

  const JsonValue* find(const std::string& key);
  const JsonValue& require(const std::string& key, const std::string& what);
  std::int64_t integer(const std::string& key, std::int64_t fallback, IntegerRange range = {});
  double number(const std::string& key, double fallback, NumberRange range = {});
  bool boolean(const std::string& key, bool fallback);
  std::string string(const std::string& key, const std::string& fallback);
  std::string one_of(const std::string& key, const std::string& fallback,
                     const std::vector<std::string>& choices);
  template <NamedEnum Enum>
  Enum one_of(const std::string& key, Enum fallback) {
    return *from_name<Enum>(one_of(key, name_of(fallback), names_of<Enum>()));
  }

  /// The object of that name, or an empty one where it is absent; records defaults in the same
  /// list.
  ObjectReader section(const std::string& key);

  /// Throws ScenarioError at the first member that was not asked for.
  void finish() const;
  /// "zero_optimization.stage".
  std::string name(const std::string& key) const;
  const SourcePlace& place() const { return object_->place; }
  const JsonValue& object() const { return *object_; }

 private:
  void record(const std::string& key, const std::string& value);

  const JsonValue* object_;
  std::string path_;
  std::vector<std::string> asked_;
  std::vector<std::string>* defaulted_ = nullptr;
};

}  // namespace shardproof
