#include "scenarios/config/model/rope_ratio.hpp"

#include <algorithm>
#include <cctype>
#include <optional>

namespace shardproof {

namespace {

constexpr const char* kNameKey = "_name_or_path";
constexpr const char* kDivides = "THUDM/chatglm2-6b-32k";
constexpr const char* kMultiplies = "THUDM/chatglm3-6b-32k";
constexpr std::int64_t kVocabularyOfGlm4 = 151552;

std::string in_lower_case(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

// Nothing where neither the name nor the vocabulary says which.
std::optional<bool> divides_positions(ObjectReader& reader, const ModelDescription& model) {
  const JsonValue* given = reader.find(kNameKey);
  const std::string name = given && given->is_string() ? in_lower_case(given->text) : "";
  const auto names = [&](const char* part) { return name.find(part) != std::string::npos; };
  const bool second = names("chatglm2");
  if (second != (names("chatglm3") || names("glm-4"))) return second;
  if (model.vocab_size == kVocabularyOfGlm4) return false;
  return std::nullopt;
}

}  // namespace

void read_rope_ratio(ObjectReader& reader, ModelDescription& model) {
  const double ratio = model.number("rope_ratio");
  if (ratio == 1) return;
  const std::optional<bool> divides = divides_positions(reader, model);
  if (!divides)
    refuse_value(*reader.find("rope_ratio"), "rope_ratio",
                 std::string("chatglm2's code divides positions by it, chatglm3's and GLM-4's "
                             "multiply the base by it, and no key but ") +
                     kNameKey + " tells which this is: set it to \"" + kDivides + "\", \"" +
                     kMultiplies + "\" or \"THUDM/glm-4-9b\"");
  if (*divides)
    model.numbers["rope_scaling.factor"] = ratio;
  else
    model.rope_theta *= ratio;
}

void write_rope_ratio(const ModelDescription& model, JsonValue& config) {
  if (model.number("rope_ratio") == 1) return;
  config.set(kNameKey, model.has_number("rope_scaling.factor") ? kDivides : kMultiplies);
}

}  // namespace shardproof
