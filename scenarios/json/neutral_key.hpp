#pragma once

#include <span>

#include "scenarios/json/object_reader.hpp"

namespace shardproof {

/// A key of which only one value is implemented, because any other would change the numbers.
struct NeutralKey {
  const char* key;
  const char* neutral;  // JSON: the value that is accepted (beside null and an absent key)
  const char* reason;   // why another is refused: "sparse gradients are not implemented"
  ScenarioError::Kind kind = ScenarioError::Kind::not_implemented;
};

/// Throws ScenarioError "path.key = value: reason" at the first key with another value.
void require_neutral(ObjectReader& reader, std::span<const NeutralKey> keys);

/// Marks the keys as known: they are accepted whatever their value, because they change no number.
/// Those that are there are appended to `accepted` by their full name, if it is not null.
void accept_harmless(ObjectReader& reader, std::span<const char* const> keys,
                     std::vector<std::string>* accepted);

}  // namespace shardproof
