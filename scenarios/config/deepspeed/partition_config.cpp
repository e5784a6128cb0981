#include "scenarios/config/deepspeed/partition_config.hpp"

#include "scenarios/json/nearest_name.hpp"
#include "scenarios/json/neutral_key.hpp"
#include "scenarios/partition/lower_case.hpp"

namespace shardproof {

namespace {

using Type = LayerSpec::Type;

std::vector<std::string> strings_of(const JsonValue& list, const std::string& name) {
  if (!list.is_array()) refuse_value(list, name, "expected a list of strings");
  std::vector<std::string> strings;
  for (const JsonValue& element : list.elements) strings.push_back(as_string(element, name));
  return strings;
}

std::vector<Pattern> read_patterns(ObjectReader& reader) {
  const JsonValue& list = reader.require("patterns", "expected a list of regular expressions");
  const std::string name = reader.name("patterns");
  if (!list.is_array() || list.elements.empty())
    refuse_value(list, name,
                 "expected a list of regular expressions (DeepSpeed takes each character of a "
                 "string for one)");
  std::vector<Pattern> patterns;
  for (std::size_t i = 0; i < list.elements.size(); ++i) {
    const std::string element = name + "[" + std::to_string(i) + "]";
    patterns.emplace_back(as_string(list.elements[i], element), element, list.elements[i].place);
  }
  return patterns;
}

Type read_type(ObjectReader& reader) {
  const JsonValue* value = reader.find("partition_type");
  const JsonValue* null = reader.object().find("partition_type");
  if (!value && null)
    refuse_value(*null, reader.name("partition_type"),
                 "expected column, row or skip (DeepSpeed takes null for a column)");
  if (!value) return Type::column;
  const std::string name = lower_case(as_string(*value, reader.name("partition_type")));
  for (const Type type : {Type::column, Type::row, Type::skip})
    if (name == name_of(type)) return type;
  const std::vector<std::string> names = {"column", "row", "skip"};
  refuse_value(
      *value, reader.name("partition_type"),
      "is not a valid PartitionType: expected column, row or skip" + suggestion(name, names));
}

SubParameterShape::Entry read_entry(const JsonValue& value, const std::string& name) {
  SubParameterShape::Entry entry;
  entry.is_list = value.is_array();
  for (const JsonValue& size : value.elements) {
    if (size.is_array())
      refuse_value(value, name, "supports only 1-level nesting at partition_dim");
    if (!size.is_integer)
      refuse_value(value, name, "sub-parameter sizes must be positive integers");
    entry.sub_sizes.push_back(size.integer);
  }
  if (!entry.is_list && !value.is_integer)
    refuse_value(value, name, "shape must contain only integers or a tuple at partition_dim");
  if (!entry.is_list) entry.size = value.integer;
  return entry;
}

// Which dimension is cut follows from the type: a row cuts the input features, the last dimension
// of a shape, and a column some of the output features.
void check_dim(const SubParameterShape& shape, Type type, const std::string& name,
               const SourcePlace& place) {
  const bool last = shape.dim + 1 == static_cast<std::int64_t>(shape.entries.size());
  if (type == Type::row && !last)
    throw ScenarioError(place, name + ": a row cuts the input features: partition_dim must be " +
                                   std::to_string(shape.entries.size() - 1) + ", got " +
                                   std::to_string(shape.dim));
  if (type == Type::column && last)
    throw ScenarioError(
        place, name +
                   ": a column cuts output features: partition_dim must be less "
                   "than " +
                   std::to_string(shape.dim) +
                   (shape.entries.size() == 1 ? ", and the shape must include at least one output "
                                                "dimension"
                                              : ""));
}

std::optional<SubParameterShape> read_shape(ObjectReader& reader, Type type) {
  const JsonValue* given_dim = reader.find("partition_dim");
  const std::int64_t natural = type == Type::column ? 0 : 1;
  const std::int64_t dim =
      given_dim ? as_integer(*given_dim, reader.name("partition_dim")) : natural;
  const JsonValue* value = reader.find("shape");
  if (!value && given_dim && dim != natural)
    refuse_value(*given_dim, reader.name("partition_dim"),
                 "has no effect without a shape, where a " + std::string(name_of(type)) + " has " +
                     std::to_string(natural));
  if (!value) return std::nullopt;
  const std::string name = reader.name("shape");
  if (!value->is_array())
    refuse_value(*value, name,
                 "shape must be a tuple of ints or a tuple at partition_dim, as a list");
  SubParameterShape shape;
  shape.dim = dim;
  for (const JsonValue& element : value->elements)
    shape.entries.push_back(read_entry(element, name));
  check_shape(shape, name, given_dim ? given_dim->place : value->place);
  check_dim(shape, type, name, given_dim ? given_dim->place : value->place);
  return shape;
}

void check_flags(ObjectReader& reader, const LayerSpec& spec) {
  const std::string type = name_of(spec.type);
  if (spec.gather_output && spec.type != Type::column)
    refuse_value(*reader.find("gather_output"), reader.name("gather_output"),
                 "only the output of a column can be gathered, and this is a " + type);
  if (spec.gather_output && spec.shape)
    refuse_value(*reader.find("gather_output"), reader.name("gather_output"),
                 "gather_output does not yet support shaped sub-parameter layers");
  if (spec.grad_allreduce && spec.type != Type::skip)
    refuse_value(*reader.find("grad_allreduce"), reader.name("grad_allreduce"),
                 "would add gradients of different slices, since a " + type +
                     " is cut: only a skip can have it");
}

LayerSpec read_spec(const JsonValue& value, std::size_t index) {
  LayerSpec spec;
  spec.name = "layer_specs[" + std::to_string(index) + "]";
  spec.place = value.place;
  ObjectReader reader(value, "tensor_parallel.partition_config." + spec.name);
  spec.patterns = read_patterns(reader);
  spec.type = read_type(reader);
  spec.shape = read_shape(reader, spec.type);
  if (const JsonValue* types = reader.find("model_types"))
    for (const std::string& type : strings_of(*types, reader.name("model_types")))
      spec.model_types.push_back(lower_case(type));
  spec.gather_output = reader.boolean("gather_output", false);
  spec.grad_allreduce = reader.boolean("grad_allreduce", false);
  reader.finish();
  check_flags(reader, spec);
  return spec;
}

JsonValue to_json(const std::vector<std::string>& strings) {
  JsonValue list = JsonValue::array();
  for (const std::string& string : strings) list.append(string);
  return list;
}

JsonValue to_json(const SubParameterShape& shape) {
  JsonValue list = JsonValue::array();
  for (const SubParameterShape::Entry& entry : shape.entries) {
    JsonValue sizes = JsonValue::array();
    for (const std::int64_t size : entry.sub_sizes) sizes.append(size);
    list.append(entry.is_list ? std::move(sizes) : JsonValue(entry.size));
  }
  return list;
}

JsonValue to_json(const LayerSpec& spec) {
  JsonValue patterns = JsonValue::array();
  for (const Pattern& pattern : spec.patterns) patterns.append(pattern.text());
  JsonValue json = JsonValue::object();
  json.set("patterns", std::move(patterns)).set("partition_type", name_of(spec.type));
  if (spec.shape) json.set("shape", to_json(*spec.shape)).set("partition_dim", spec.shape->dim);
  if (!spec.model_types.empty()) json.set("model_types", to_json(spec.model_types));
  return json.set("gather_output", spec.gather_output).set("grad_allreduce", spec.grad_allreduce);
}

}  // namespace

std::optional<CustomPartition> custom_partition_from_json(
    const JsonValue& config, int tp, std::vector<std::string>& without_effect) {
  ObjectReader reader(config, "tensor_parallel.partition_config");
  if (config.members.empty()) return std::nullopt;
  CustomPartition custom;
  if (const JsonValue* specs = reader.find("layer_specs")) {
    if (!specs->is_array())
      refuse_value(*specs, reader.name("layer_specs"), "expected a list of specs");
    for (std::size_t i = 0; i < specs->elements.size(); ++i)
      custom.layer_specs.push_back(read_spec(specs->elements[i], i));
  }
  custom.use_default_specs = reader.boolean("use_default_specs", true);
  custom.strict_mode = reader.boolean("strict_mode", false);
  const std::int64_t size = reader.integer("tp_size", 1, {.lowest = 1});
  if (size != 1 && size != tp)
    refuse_value(*reader.find("tp_size"), reader.name("tp_size"),
                 "does not match tensor_parallel.autotp_size = " + std::to_string(tp));
  static constexpr const char* unused[] = {"embedding_partition_dim", "lm_head_patterns"};
  accept_harmless(reader, unused, &without_effect);
  reader.finish();
  return custom;
}

JsonValue to_json(const CustomPartition& custom) {
  JsonValue specs = JsonValue::array();
  for (const LayerSpec& spec : custom.layer_specs) specs.append(to_json(spec));
  return JsonValue::object()
      .set("layer_specs", std::move(specs))
      .set("use_default_specs", custom.use_default_specs)
      .set("strict_mode", custom.strict_mode);
}

std::vector<TpPlanStyle> tp_plan_from_json(const JsonValue& plan) {
  if (!plan.is_object())
    refuse_value(plan, "base_model_tp_plan", "expected { \"layers.*.q_proj\": \"colwise\", ... }");
  std::vector<TpPlanStyle> entries;
  for (const JsonMember& member : plan.members)
    entries.push_back({member.key, as_string(member.value, "base_model_tp_plan." + member.key),
                       member.value.place});
  return entries;
}

JsonValue to_json(const std::vector<TpPlanStyle>& plan) {
  JsonValue json = JsonValue::object();
  for (const TpPlanStyle& entry : plan) json.set(entry.pattern, entry.style);
  return json;
}

}  // namespace shardproof
