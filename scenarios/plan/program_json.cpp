#include "scenarios/plan/program_json.hpp"

#include <array>
#include <charconv>
#include <cstdio>
#include <string_view>

#include "scenarios/json/object_reader.hpp"
#include "scenarios/json/quoted.hpp"
#include "scenarios/trace/tensor_hash.hpp"

namespace shardproof {

namespace {

// ---- writing

template <class Items>
JsonValue list(const Items& items) {
  JsonValue array = JsonValue::array();
  for (const auto& item : items) array.append(item);
  return array;
}

JsonValue placement_json(const Placement& placement) {
  return JsonValue::object().set("tp", to_string(placement.tp)).set("dp", to_string(placement.dp));
}

const char* name_of(Lifetime lifetime) {
  return lifetime == Lifetime::segment ? "segment"
         : lifetime == Lifetime::scope ? "scope"
                                       : "state";
}

JsonValue extent_json(const Extent& extent) {
  return JsonValue::object()
      .set("name", extent.name)
      .set("bound", extent.bound)
      .set("source", extent.source)
      .set("expert", extent.expert);
}

JsonValue layout_json(const FlatLayout& layout) {
  JsonValue entries = JsonValue::array();
  for (const FlatLayout::Entry& entry : layout.entries)
    entries.append(JsonValue::object()
                       .set("parameter", entry.parameter)
                       .set("shape", list(entry.shape))
                       .set("placement", placement_json(entry.placement)));
  return JsonValue::object()
      .set("name", layout.name)
      .set("owners", layout.owners)
      .set("entries", std::move(entries));
}

// One object per type, so that 2.0 stays a real number and 2 an integer.
JsonValue attributes_json(const Attributes& attributes) {
  JsonValue json = JsonValue::object();
  const auto into = [&](const char* type, const std::string& key, JsonValue value) {
    JsonValue* group = json.find(type);
    if (group == nullptr) {
      json.set(type, JsonValue::object());
      group = json.find(type);
    }
    group->set(key, std::move(value));
  };
  for (const auto& [key, attribute] : attributes) {
    if (const auto* i = std::get_if<std::int64_t>(&attribute)) into("integers", key, *i);
    if (const auto* r = std::get_if<double>(&attribute)) into("reals", key, *r);
    if (const auto* t = std::get_if<std::string>(&attribute)) into("texts", key, *t);
    if (const auto* l = std::get_if<std::vector<std::int64_t>>(&attribute))
      into("lists", key, list(*l));
  }
  return json;
}

constexpr std::array action_names{"run",    "repeat_steps", "repeat_micro_steps",
                                  "decide", "host",         "abort"};

JsonValue actions_json(const std::vector<Action>& actions) {
  JsonValue array = JsonValue::array();
  for (const Action& action : actions) {
    JsonValue variants = JsonValue::array();
    for (const Action::Variant& variant : action.variants)
      variants.append(JsonValue::object()
                          .set("steps", list(variant.steps))
                          .set("micro_steps", list(variant.micro_steps))
                          .set("segment", variant.segment));
    array.append(JsonValue::object()
                     .set("kind", action_names[static_cast<std::size_t>(action.kind)])
                     .set("segment", action.segment)
                     .set("variants", std::move(variants))
                     .set("value", action.value)
                     .set("body", actions_json(action.body))
                     .set("otherwise", actions_json(action.otherwise))
                     .set("host", action.host)
                     .set("steps", list(action.steps)));
  }
  return array;
}

// Text is appended to an object or an array that is open.
void separate(std::string& text) {
  if (text.back() != '{' && text.back() != '[') text += ',';
}

void append_key(std::string& text, const char* key) {
  separate(text);
  text += '"';
  text += key;
  text += "\":";
}

void append_json(std::string& text, const char* key, const JsonValue& value) {
  append_key(text, key);
  text += write_json(value);
}

template <class Items, class AppendItem>
void append_list(std::string& text, const char* key, const Items& items, const AppendItem& append) {
  append_key(text, key);
  text += '[';
  for (const auto& item : items) {
    separate(text);
    append(item);
  }
  text += ']';
}

// Values and ops are nearly all of a program: their text is written without a JsonValue of it,
// which took longer than all else that is done with a plan.
void append_member(std::string& text, const char* key, std::string_view words) {
  append_key(text, key);
  append_quoted(text, words);
}

void append_digits(std::string& text, std::int64_t number) {
  std::array<char, 24> digits{};
  text.append(digits.data(),
              std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr);
}

void append_number(std::string& text, const char* key, std::int64_t number) {
  append_key(text, key);
  append_digits(text, number);
}

template <class Integers>
void append_integers(std::string& text, const char* key, const Integers& numbers) {
  append_list(text, key, numbers, [&](std::int64_t number) { append_digits(text, number); });
}

void append_value(std::string& text, const Value& value) {
  text += '{';
  append_member(text, "name", value.name);
  append_integers(text, "shape", value.shape);
  append_member(text, "dtype", name_of(value.dtype));
  append_key(text, "placement");
  text += '{';
  append_member(text, "tp", to_string(value.placement.tp));
  append_member(text, "dp", to_string(value.placement.dp));
  text += '}';
  append_member(text, "lifetime", name_of(value.lifetime));
  append_number(text, "layout", value.layout);
  append_number(text, "extent", value.extent);
  if (value.in_place_of >= 0) append_number(text, "in_place_of", value.in_place_of);
  text += '}';
}

void append_op(std::string& text, const Op& op) {
  text += '{';
  append_member(text, "kind", name_of(op.kind));
  append_member(text, "module", op.module);
  append_member(text, "phase", shardproof::name_of(op.phase));
  append_member(text, "name", op.name);
  append_integers(text, "inputs", op.inputs);
  append_integers(text, "outputs", op.outputs);
  if (op.group) append_member(text, "group", shardproof::name_of(*op.group));
  append_number(text, "stream", op.stream);
  append_key(text, "recorded");
  text += op.recorded ? "true" : "false";
  append_key(text, "attributes");
  text += op.attributes.empty() ? "{}" : write_json(attributes_json(op.attributes));
  text += '}';
}

void append_segment(std::string& text, const Segment& segment) {
  text += '{';
  append_member(text, "name", segment.name);
  append_member(text, "opens", segment.opens);
  append_member(text, "closes", segment.closes);
  append_list(text, "ops", segment.ops, [&](const Op& op) { append_op(text, op); });
  text += '}';
}

// ---- reading

const JsonValue& member(const JsonValue& object, const char* key) {
  const JsonValue* found = object.find(key);
  if (found == nullptr)
    throw ScenarioError(object.place, std::string("program: missing \"") + key + "\"");
  return *found;
}

std::int64_t integer_of(const JsonValue& json) {
  if (!json.is_integer) throw ScenarioError(json.place, "program: expected a whole number");
  return json.integer;
}
int int_of(const JsonValue& json) { return static_cast<int>(integer_of(json)); }

const std::string& text_of(const JsonValue& json) {
  if (!json.is_string()) throw ScenarioError(json.place, "program: expected text");
  return json.text;
}

double real_of(const JsonValue& json) {
  if (!json.is_number()) throw ScenarioError(json.place, "program: expected a number");
  return json.number;
}

template <class Integer>
std::vector<Integer> integers_of(const JsonValue& json) {
  std::vector<Integer> values;
  for (const JsonValue& element : json.elements)
    values.push_back(static_cast<Integer>(integer_of(element)));
  return values;
}

Placement placement_of(const JsonValue& json) {
  return {axis_placement_from(text_of(member(json, "tp"))),
          axis_placement_from(text_of(member(json, "dp")))};
}

Lifetime lifetime_of(const JsonValue& json) {
  for (const Lifetime lifetime : {Lifetime::segment, Lifetime::scope, Lifetime::state})
    if (text_of(json) == name_of(lifetime)) return lifetime;
  throw ScenarioError(json.place, "program: unknown lifetime '" + json.text + "'");
}

Value value_of(const JsonValue& json) {
  const auto dtype = dtype_from_name(text_of(member(json, "dtype")));
  if (!dtype) throw ScenarioError(json.place, "program: unknown dtype");
  return {.name = text_of(member(json, "name")),
          .shape = integers_of<std::int64_t>(member(json, "shape")),
          .dtype = *dtype,
          .placement = placement_of(member(json, "placement")),
          .lifetime = lifetime_of(member(json, "lifetime")),
          .layout = int_of(member(json, "layout")),
          .in_place_of = json.find("in_place_of") ? int_of(member(json, "in_place_of")) : -1,
          .extent = int_of(member(json, "extent"))};
}

Extent extent_of(const JsonValue& json) {
  return {.name = text_of(member(json, "name")),
          .bound = integer_of(member(json, "bound")),
          .source = int_of(member(json, "source")),
          .expert = integer_of(member(json, "expert"))};
}

FlatLayout layout_of(const JsonValue& json) {
  FlatLayout layout;
  layout.name = text_of(member(json, "name"));
  layout.owners = int_of(member(json, "owners"));
  for (const JsonValue& entry : member(json, "entries").elements)
    layout.entries.push_back({text_of(member(entry, "parameter")),
                              integers_of<std::int64_t>(member(entry, "shape")),
                              placement_of(member(entry, "placement"))});
  return layout;
}

Attributes attributes_of(const JsonValue& json) {
  Attributes attributes;
  for (const JsonMember& group : json.members)
    for (const JsonMember& attribute : group.value.members) {
      if (group.key == "integers") attributes[attribute.key] = integer_of(attribute.value);
      if (group.key == "reals") attributes[attribute.key] = real_of(attribute.value);
      if (group.key == "texts") attributes[attribute.key] = text_of(attribute.value);
      if (group.key == "lists")
        attributes[attribute.key] = integers_of<std::int64_t>(attribute.value);
    }
  return attributes;
}

Op op_of(const JsonValue& json) {
  const JsonValue& kind_name = member(json, "kind");
  const auto kind = op_kind_from_name(text_of(kind_name));
  if (!kind) throw ScenarioError(kind_name.place, "program: unknown op '" + kind_name.text + "'");
  Op op;
  op.kind = *kind;
  op.module = text_of(member(json, "module"));
  op.phase = as_one_of<Phase>(member(json, "phase"), "phase");
  op.name = text_of(member(json, "name"));
  op.inputs = integers_of<ValueId>(member(json, "inputs"));
  op.outputs = integers_of<ValueId>(member(json, "outputs"));
  if (const JsonValue* group = json.find("group"))
    op.group = text_of(*group) == "tp" ? Axis::tp : Axis::dp;
  op.stream = int_of(member(json, "stream"));
  op.recorded = member(json, "recorded").boolean;
  op.attributes = attributes_of(member(json, "attributes"));
  return op;
}

std::vector<Action> actions_of(const JsonValue& json) {
  std::vector<Action> actions;
  for (const JsonValue& item : json.elements) {
    Action action;
    const JsonValue& kind = member(item, "kind");
    std::size_t index = 0;
    while (index < action_names.size() && text_of(kind) != action_names[index]) ++index;
    if (index == action_names.size())
      throw ScenarioError(kind.place, "program: unknown action '" + kind.text + "'");
    action.kind = static_cast<Action::Kind>(index);
    action.segment = text_of(member(item, "segment"));
    for (const JsonValue& variant : member(item, "variants").elements)
      action.variants.push_back({integers_of<int>(member(variant, "steps")),
                                 integers_of<int>(member(variant, "micro_steps")),
                                 text_of(member(variant, "segment"))});
    action.value = int_of(member(item, "value"));
    action.body = actions_of(member(item, "body"));
    action.otherwise = actions_of(member(item, "otherwise"));
    action.host = text_of(member(item, "host"));
    action.steps = integers_of<int>(member(item, "steps"));
    actions.push_back(std::move(action));
  }
  return actions;
}

}  // namespace

std::string program_text(const Program& program) {
  std::string text = "{";
  append_number(text, "tp", program.tp);
  append_number(text, "dp", program.dp);
  append_number(text, "steps", program.steps);
  append_number(text, "first_step", program.first_step);
  append_number(text, "accumulation", program.accumulation);
  append_list(text, "values", program.values,
              [&](const Value& value) { append_value(text, value); });
  append_list(text, "layouts", program.layouts,
              [&](const FlatLayout& layout) { text += write_json(layout_json(layout)); });
  append_list(text, "extents", program.extents,
              [&](const Extent& extent) { text += write_json(extent_json(extent)); });
  append_list(text, "segments", program.segments,
              [&](const Segment& segment) { append_segment(text, segment); });
  append_json(text, "schedule", actions_json(program.schedule));
  return text + "}";
}

Program program_from_json(const JsonValue& json) {
  Program program;
  program.tp = int_of(member(json, "tp"));
  program.dp = int_of(member(json, "dp"));
  program.steps = int_of(member(json, "steps"));
  program.first_step = int_of(member(json, "first_step"));
  program.accumulation = int_of(member(json, "accumulation"));
  for (const JsonValue& value : member(json, "values").elements)
    program.values.push_back(value_of(value));
  for (const JsonValue& layout : member(json, "layouts").elements)
    program.layouts.push_back(layout_of(layout));
  for (const JsonValue& extent : member(json, "extents").elements)
    program.extents.push_back(extent_of(extent));
  for (const JsonValue& segment : member(json, "segments").elements) {
    Segment read{text_of(member(segment, "name")),
                 {},
                 text_of(member(segment, "opens")),
                 text_of(member(segment, "closes"))};
    for (const JsonValue& op : member(segment, "ops").elements) read.ops.push_back(op_of(op));
    program.segments.push_back(std::move(read));
  }
  program.schedule = actions_of(member(json, "schedule"));
  return program;
}

std::string hash_of(const Program& program) {
  const std::string text = program_text(program);
  char hex[17];
  std::snprintf(
      hex, sizeof hex, "%016llx",
      static_cast<unsigned long long>(xxh3(std::as_bytes(std::span(text.data(), text.size())))));
  return hex;
}

}  // namespace shardproof
