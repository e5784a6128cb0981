#pragma once

#include <optional>

#include "scenarios/json/json_document.hpp"

namespace shardproof::reports {

/// A JSON array of what JSON can be made of.
template <class Items>
JsonValue list(const Items& items) {
  JsonValue array = JsonValue::array();
  for (const auto& item : items) array.append(item);
  return array;
}

inline JsonValue number_or_null(const std::optional<double>& number) {
  return number ? JsonValue(*number) : JsonValue();
}

}  // namespace shardproof::reports
