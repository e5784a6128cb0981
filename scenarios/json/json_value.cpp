#include <charconv>
#include <cmath>
#include <utility>

#include "scenarios/json/json_document.hpp"
#include "scenarios/json/quoted.hpp"

namespace shardproof {

namespace {

std::string spelling_of(double value) {
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value);
  return {buffer, end.ptr};
}

// Writes values with a line break and `indent` more spaces a level, or all in one line.
class Writer {
 public:
  explicit Writer(int indent) : indent_(indent) {}

  void write(const JsonValue& value, int depth) {
    switch (value.kind) {
      case JsonValue::Kind::null: out_ += "null"; return;
      case JsonValue::Kind::boolean: out_ += value.boolean ? "true" : "false"; return;
      case JsonValue::Kind::number: out_ += value.text; return;
      case JsonValue::Kind::string: append_quoted(out_, value.text); return;
      case JsonValue::Kind::array: return write_all(value.elements, '[', ']', depth);
      case JsonValue::Kind::object: return write_all(value.members, '{', '}', depth);
    }
  }
  std::string take() { return std::move(out_); }

 private:
  void write(const JsonMember& member, int depth) {
    append_quoted(out_, member.key);
    out_ += indent_ < 0 ? ":" : ": ";
    write(member.value, depth);
  }
  template <class Items>
  void write_all(const Items& items, char open, char close, int depth) {
    out_ += open;
    bool first = true;
    for (const auto& item : items) {
      if (!first) out_ += ',';
      first = false;
      break_line(depth + 1);
      write(item, depth + 1);
    }
    if (!first) break_line(depth);
    out_ += close;
  }
  void break_line(int depth) {
    if (indent_ < 0) return;
    out_ += '\n';
    out_.append(static_cast<std::size_t>(indent_) * static_cast<std::size_t>(depth), ' ');
  }

  int indent_;
  std::string out_;
};

}  // namespace

JsonValue::JsonValue(double value) {
  if (!std::isfinite(value)) {
    kind = Kind::string;
    text = std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
    return;
  }
  kind = Kind::number;
  number = value;
  text = spelling_of(value);
  is_integer = std::trunc(value) == value && std::fabs(value) <= 0x1p53;
  if (is_integer) integer = static_cast<std::int64_t>(value);
}

JsonValue JsonValue::from_integer(std::int64_t value, bool fits) {
  SHARDPROOF_EXPECTS(fits, "a whole number beyond int64, now", value);
  JsonValue out;
  out.kind = Kind::number;
  out.number = static_cast<double>(value);
  out.is_integer = true;
  out.integer = value;
  out.text = std::to_string(value);
  return out;
}

JsonValue JsonValue::array() {
  JsonValue value;
  value.kind = Kind::array;
  return value;
}

JsonValue JsonValue::object() {
  JsonValue value;
  value.kind = Kind::object;
  return value;
}

JsonValue& JsonValue::append(JsonValue value) {
  SHARDPROOF_EXPECTS(is_array());
  elements.push_back(std::move(value));
  return *this;
}

JsonValue& JsonValue::set(const std::string& key, JsonValue value) {
  SHARDPROOF_EXPECTS(is_object(), key);
  if (members.empty()) members.reserve(8);  // few have more, and moving them is most of the work
  if (JsonValue* old = find(key))
    *old = std::move(value);
  else
    members.push_back({key, value.place, std::move(value)});
  return *this;
}

const JsonValue* JsonValue::find(std::string_view key) const {
  for (const JsonMember& member : members)
    if (member.key == key) return &member.value;
  return nullptr;
}

JsonValue* JsonValue::find(std::string_view key) {
  return const_cast<JsonValue*>(std::as_const(*this).find(key));
}

std::string write_json(const JsonValue& value, int indent) {
  Writer writer(indent);
  writer.write(value, 0);
  return writer.take();
}

}  // namespace shardproof
