#include "scenarios/config/injection_config.hpp"

#include <algorithm>

#include "scenarios/json/object_reader.hpp"

namespace shardproof {

namespace {

// "all" is the empty list.
std::vector<int> read_subset(ObjectReader& reader, const std::string& key, int count) {
  const JsonValue* value = reader.find(key);
  if (!value || (value->is_string() && value->text == "all")) return {};
  if (!value->is_array() || value->elements.empty())
    refuse_value(*value, reader.name(key), "expected \"all\" or a list of numbers");
  std::vector<int> numbers;
  for (const JsonValue& element : value->elements)
    numbers.push_back(static_cast<int>(as_integer(element, reader.name(key), {0, count - 1})));
  return numbers;
}

JsonValue subset_to_json(const std::vector<int>& numbers) {
  if (numbers.empty()) return "all";
  JsonValue list = JsonValue::array();
  for (const int number : numbers) list.append(number);
  return list;
}

bool is_word(const std::string& text) {
  return text == "nan" || text == "inf" || text == "-inf" || flipped_bit(text);
}

std::string read_set_value(ObjectReader& reader) {
  const std::string expected = "expected a number, \"nan\", \"inf\", \"-inf\" or \"flip:BIT\"";
  const JsonValue& value = reader.require("value", expected);
  if (!value.is_number() && !(value.is_string() && is_word(value.text)))
    refuse_value(value, reader.name("value"), expected);
  return value.text;
}

void read_index(ObjectReader& reader, Injection& injection) {
  const JsonValue* index = reader.find("index");
  if (!index) return;
  if (!index->is_array()) refuse_value(*index, reader.name("index"), "expected a list of numbers");
  for (const JsonValue& element : index->elements)
    injection.index.push_back(as_integer(element, reader.name("index"), {.lowest = 0}));
}

// What an edit needs beside op, ranks and steps.
void read_own_fields(ObjectReader& reader, Injection& injection) {
  switch (injection.edit) {
    case EditKind::scale:
      injection.factor =
          as_number(reader.require("factor", "expected a number"), reader.name("factor"));
      break;
    case EditKind::regroup:
      injection.group = as_one_of(reader.require("group", "expected tp or dp"),
                                  reader.name("group"), {"tp", "dp"});
      break;
    case EditKind::retype:
      injection.dtype = as_one_of(reader.require("dtype", "expected fp64, fp32, bf16 or fp16"),
                                  reader.name("dtype"), {"fp64", "fp32", "bf16", "fp16"});
      break;
    case EditKind::set:
      injection.value = read_set_value(reader);
      injection.when = reader.one_of("when", injection.when);
      read_index(reader, injection);
      break;
    case EditKind::read:
      injection.value =
          as_string(reader.require("value", "expected the name of a value of the program"),
                    reader.name("value"));
      read_index(reader, injection);
      break;
    case EditKind::not_restored:
      injection.value =
          as_string(reader.require("value", "expected the name of a tensor of the checkpoint"),
                    reader.name("value"));
      break;
    case EditKind::drop:
    case EditKind::run_twice:
    case EditKind::add_bias_before_reduce:
    case EditKind::swap_shards:
    case EditKind::stale:
    case EditKind::drop_wait:
    case EditKind::restream:
    case EditKind::reuse: break;
  }
}

Injection read_injection(const JsonValue& object, const std::string& name, const RunExtents& run) {
  ObjectReader reader(object, name);
  Injection injection;
  injection.place = object.place;
  injection.edit =
      as_one_of<EditKind>(reader.require("edit", "expected drop, double, ..."), name + ".edit");
  injection.op =
      as_string(reader.require("op", "expected the name of an op as `shardproof plan` prints it"),
                name + ".op");
  injection.ranks = read_subset(reader, "ranks", run.world);
  injection.steps = read_subset(reader, "steps", run.steps);
  injection.micro_steps = read_subset(reader, "micro_steps", run.micro_steps);
  read_own_fields(reader, injection);
  reader.finish();
  return injection;
}

void write_index(const Injection& injection, JsonValue& json) {
  if (injection.index.empty()) return;
  JsonValue index = JsonValue::array();
  for (const std::int64_t i : injection.index) index.append(i);
  json.set("index", std::move(index));
}

JsonValue set_value_to_json(const std::string& value) {
  return is_word(value) ? JsonValue(value) : parse_json(value, "set");
}

void write_own_fields(const Injection& injection, JsonValue& json) {
  switch (injection.edit) {
    case EditKind::scale: json.set("factor", injection.factor); break;
    case EditKind::regroup: json.set("group", injection.group); break;
    case EditKind::retype: json.set("dtype", injection.dtype); break;
    case EditKind::set:
      json.set("value", set_value_to_json(injection.value));
      json.set("when", name_of(injection.when));
      write_index(injection, json);
      break;
    case EditKind::read:
      json.set("value", injection.value);
      write_index(injection, json);
      break;
    case EditKind::not_restored: json.set("value", injection.value); break;
    case EditKind::drop:
    case EditKind::run_twice:
    case EditKind::add_bias_before_reduce:
    case EditKind::swap_shards:
    case EditKind::stale:
    case EditKind::drop_wait:
    case EditKind::restream:
    case EditKind::reuse: break;
  }
}

JsonValue injection_to_json(const Injection& injection) {
  JsonValue json = JsonValue::object();
  json.set("edit", name_of(injection.edit));
  json.set("op", injection.op);
  json.set("ranks", subset_to_json(injection.ranks));
  json.set("steps", subset_to_json(injection.steps));
  json.set("micro_steps", subset_to_json(injection.micro_steps));
  write_own_fields(injection, json);
  return json;
}

}  // namespace

std::vector<Injection> injections_from_json(const JsonValue& list, const RunExtents& run) {
  if (!list.is_array()) refuse_value(list, "inject", "expected a list [ ... ]");
  std::vector<Injection> injections;
  for (std::size_t i = 0; i < list.elements.size(); ++i)
    injections.push_back(
        read_injection(list.elements[i], "inject[" + std::to_string(i) + "]", run));
  return injections;
}

JsonValue to_json(const std::vector<Injection>& injections) {
  JsonValue list = JsonValue::array();
  for (const Injection& injection : injections) list.append(injection_to_json(injection));
  return list;
}

}  // namespace shardproof
