#include "scenarios/json/neutral_key.hpp"

namespace shardproof {

namespace {

bool same_value(const JsonValue& value, const JsonValue& neutral) {
  if (value.is_number() && neutral.is_number()) return value.number == neutral.number;
  return write_json(value) == write_json(neutral);
}

}  // namespace

void require_neutral(ObjectReader& reader, std::span<const NeutralKey> keys) {
  for (const NeutralKey& row : keys) {
    const JsonValue* value = reader.find(row.key);
    if (value && !same_value(*value, parse_json(row.neutral, row.key)))
      refuse_value(*value, reader.name(row.key), row.reason, row.kind);
  }
}

void accept_harmless(ObjectReader& reader, std::span<const char* const> keys,
                     std::vector<std::string>* accepted) {
  for (const char* key : keys)
    if (reader.find(key) && accepted) accepted->push_back(reader.name(key));
}

}  // namespace shardproof
