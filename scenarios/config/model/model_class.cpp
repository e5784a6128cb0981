#include "scenarios/config/model/model_class.hpp"

#include <algorithm>
#include <cctype>

#include "scenarios/json/object_reader.hpp"
#include "scenarios/listed.hpp"
#include "scenarios/model/families.hpp"

namespace shardproof {

namespace {

// Of a model that reads images too, whose config.json holds that of the model of texts.
std::string way_to_the_text(const JsonValue& config) {
  const JsonValue* text = config.find("text_config");
  const JsonValue* type = text ? text->find("model_type") : nullptr;
  const std::string family = type && type->is_string() ? type->text + "\"" : "...\"";
  return "models of more than texts are not implemented: take what text_config holds as a "
         "config.json of its own, with \"model_type\": \"" +
         family + ", and weights by the names of that model alone";
}

// Llama's first checkpoints are of a class that was still called LLaMAForCausalLM.
bool same_class(const std::string& a, const std::string& b) {
  return std::ranges::equal(
      a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

bool is_of_family(const std::string& name, const Family& family) {
  return same_class(name, family.causal_class) || same_class(name, family.base_class);
}

// "MODEL--modeling_phi3.Phi3ForCausalLM" is a Phi3ForCausalLM.
std::string class_in(const std::string& reference) {
  return reference.substr(reference.rfind('.') + 1);
}

}  // namespace

const Family& family_of_config(const JsonValue& config) {
  ObjectReader reader(config, "");
  const std::vector<std::string> names = family_names();
  std::vector<std::string> quoted;
  for (const std::string& name : names) quoted.push_back("\"" + name + "\"");
  const std::string expected = "expected " + listed(quoted, "or");
  const JsonValue& type = reader.require("model_type", expected);
  if (!type.is_string() || std::ranges::find(names, type.text) == names.end())
    refuse_value(type, "model_type",
                 config.find("text_config") ? way_to_the_text(config) : expected);
  return family_of(type.text);
}

void require_causal_class(const JsonValue& config, const Family& family) {
  ObjectReader reader(config, "");
  if (const JsonValue* classes = reader.find("architectures")) {
    const bool all = classes->is_array() && std::ranges::all_of(classes->elements, [&](auto& name) {
                       return name.is_string() && is_of_family(name.text, family);
                     });
    if (!all)
      refuse_value(*classes, "architectures",
                   "this tool runs the causal language model " + family.causal_class);
  }
  const JsonValue* code = reader.find("auto_map");
  const JsonValue* causal = code ? code->find("AutoModelForCausalLM") : nullptr;
  if (causal && causal->is_string() && !is_of_family(class_in(causal->text), family))
    refuse_value(*causal, "auto_map.AutoModelForCausalLM",
                 "code of its own is not implemented: expected " + family.causal_class);
}

std::string config_class(const Family& family) {
  const std::string suffix = "Model";
  return family.base_class.substr(0, family.base_class.size() - suffix.size()) + "Config";
}

}  // namespace shardproof
