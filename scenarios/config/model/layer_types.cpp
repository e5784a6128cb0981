#include "scenarios/config/model/layer_types.hpp"

namespace shardproof {

namespace {

constexpr const char* kTypes = "layer_types";
constexpr const char* kPattern = "sliding_window_pattern";
constexpr const char* kSliding = "sliding_attention";
constexpr const char* kFull = "full_attention";

std::string number_of(std::int64_t layer) { return "slides." + std::to_string(layer); }

void read_list(const JsonValue& list, const ObjectReader& reader, ModelDescription& model) {
  const auto layers = static_cast<std::size_t>(model.num_hidden_layers);
  if (!list.is_array() || list.elements.size() != layers)
    refuse_value(list, reader.name(kTypes),
                 "expected a list of " + std::to_string(layers) + ", one of each layer");
  for (std::size_t i = 0; i < layers; ++i)
    model.numbers[number_of(static_cast<std::int64_t>(i))] =
        as_one_of(list.elements[i], reader.name(kTypes), {kSliding, kFull}) == kSliding ? 1 : 0;
}

}  // namespace

void read_layer_types(ObjectReader& reader, const Family& family, ModelDescription& model) {
  if (!family.mixed_layers) return;
  const std::int64_t pattern = reader.integer(kPattern, 6, {1});
  if (const JsonValue* list = reader.find(kTypes)) return read_list(*list, reader, model);
  for (std::int64_t i = 0; i < model.num_hidden_layers; ++i)
    model.numbers[number_of(i)] = (i + 1) % pattern == 0 ? 0 : 1;
}

std::vector<std::string> layer_type_key_names(const Family& family) {
  if (!family.mixed_layers) return {};
  return {kTypes, kPattern};
}

void write_layer_types(const Family& family, const ModelDescription& model, JsonValue& config) {
  if (!family.mixed_layers) return;
  JsonValue list = JsonValue::array();
  for (std::int64_t i = 0; i < model.num_hidden_layers; ++i)
    list.append(model.flag(number_of(i)) ? kSliding : kFull);
  config.set(kTypes, std::move(list));
}

}  // namespace shardproof
