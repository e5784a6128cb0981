// A parser of our own, because no packaged one says where a value stood in the file: an error in a
// config of 200 lines is only useful with its line. Strict on purpose; what DeepSpeed's HJSON
// reader would also take is recognised and refused by name.
#include "scenarios/config/json_document.hpp"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <unordered_set>
#include <utility>

namespace shardproof {

namespace {

constexpr int kDeepestNesting = 100;
constexpr const char* kHjson =
    ": this looks like HJSON; DeepSpeed reads it, Shardproof reads JSON with // comments"
    " (convert it: python3 -m hjson.tool -j FILE)";

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

std::string printable(char c) {
  const auto byte = static_cast<unsigned char>(c);
  if (byte < 0x20 || byte >= 0x7f) return "byte " + std::to_string(byte);
  return std::string("'") + c + "'";
}

class Parser {
 public:
  Parser(std::string_view text, const std::string& file) : text_(text), file_(file) {
    if (text_.starts_with("\xEF\xBB\xBF")) text_.remove_prefix(3);
  }

  JsonValue document() {
    skip_space();
    if (at_end()) fail("the file is empty");
    JsonValue value = parse_value(0);
    skip_space();
    if (!at_end()) fail("unexpected " + printable(peek()) + " after the end of the document");
    return value;
  }

 private:
  bool at_end() const { return at_ == text_.size(); }
  char peek() const { return text_[at_]; }
  bool next_is(std::string_view word) const { return text_.substr(at_).starts_with(word); }
  SourcePlace here() const { return {file_, line_, column_}; }

  char take() {
    const char c = text_[at_++];
    if (c == '\n') {
      ++line_;
      column_ = 1;
    } else if (!is_continuation(c)) {
      ++column_;
    }
    return c;
  }
  void take(std::size_t count) {
    while (count-- > 0) take();
  }

  [[noreturn]] void fail(const std::string& message) const { throw ScenarioError(here(), message); }
  [[noreturn]] void fail_expecting(const std::string& what) const {
    if (at_end()) fail("expected " + what + ", got the end of the file");
    fail("expected " + what + ", got " + printable(peek()) + (peek() == '#' ? kHjson : ""));
  }

  void skip_space() {
    while (!at_end()) {
      if (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r')
        take();
      else if (next_is("//"))
        skip_line_comment();
      else if (next_is("/*"))
        skip_block_comment();
      else
        return;
    }
  }
  void skip_line_comment() {
    while (!at_end() && peek() != '\n') take();
  }
  void skip_block_comment() {
    const SourcePlace start = here();
    take(2);
    while (!at_end() && !next_is("*/")) take();
    if (at_end()) throw ScenarioError(start, "this comment does not end");
    take(2);
  }

  JsonValue parse_value(int depth) {
    if (depth > kDeepestNesting)
      fail("nested deeper than " + std::to_string(kDeepestNesting) + " levels");
    if (at_end()) fail_expecting("a value");
    const SourcePlace place = here();
    JsonValue value = parse_bare_value(depth);
    value.place = place;
    return value;
  }

  JsonValue parse_bare_value(int depth) {
    switch (peek()) {
      case '{':
        return parse_object(depth);
      case '[':
        return parse_array(depth);
      case '"':
        return JsonValue(parse_string());
      default:
        break;
    }
    if (peek() == '-' || is_digit(peek())) return parse_number();
    if (is_letter(peek())) return parse_word();
    if (peek() == '\'') fail(std::string("strings are written in double quotes") + kHjson);
    fail_expecting("a value");
  }

  JsonValue parse_word() {
    std::size_t length = 0;
    while (at_ + length < text_.size() && is_letter(text_[at_ + length])) ++length;
    const std::string_view word = text_.substr(at_, length);
    if (word == "NaN" || word == "Infinity")
      fail(std::string(word) + " is not JSON: write it as a string");
    if (word != "true" && word != "false" && word != "null")
      fail("\"" + std::string(word) + "\" without quotes" + kHjson);
    take(length);
    return word == "null" ? JsonValue() : JsonValue(word == "true");
  }

  void take_digits() {
    if (at_end() || !is_digit(peek())) fail_expecting("a digit");
    while (!at_end() && is_digit(peek())) take();
  }

  JsonValue parse_number() {
    const std::size_t start = at_;
    const SourcePlace place = here();
    if (peek() == '-') take();
    const bool zero_first = !at_end() && peek() == '0';
    const std::size_t digits_at = at_;
    take_digits();
    if (zero_first && at_ - digits_at > 1)
      throw ScenarioError(place, "a number may not start with 0");
    if (!at_end() && peek() == '.') {
      take();
      take_digits();
    }
    if (!at_end() && (peek() == 'e' || peek() == 'E')) {
      take();
      if (!at_end() && (peek() == '+' || peek() == '-')) take();
      take_digits();
    }
    return number_from(text_.substr(start, at_ - start), place);
  }

  static JsonValue number_from(std::string_view spelling, const SourcePlace& place) {
    JsonValue value;
    value.kind = JsonValue::Kind::number;
    value.text = spelling;
    const char* const end = spelling.data() + spelling.size();
    const auto as_double = std::from_chars(spelling.data(), end, value.number);
    // Too small is 0 to the nearest double, and from_chars reports it like too large: ask strtod.
    if (as_double.ec == std::errc::result_out_of_range)
      value.number = std::strtod(value.text.c_str(), nullptr);
    if (!std::isfinite(value.number))
      throw ScenarioError(place, "the number " + value.text + " is too large");
    const auto as_integer = std::from_chars(spelling.data(), end, value.integer);
    value.is_integer = as_integer.ec == std::errc() && as_integer.ptr == end;
    if (!value.is_integer && std::fabs(value.number) <= 0x1p53 &&
        std::trunc(value.number) == value.number) {
      value.is_integer = true;
      value.integer = static_cast<std::int64_t>(value.number);
    }
    return value;
  }

  std::string parse_string() {
    const SourcePlace start = here();
    take();
    std::string out;
    while (true) {
      if (at_end()) throw ScenarioError(start, "this string does not end");
      if (static_cast<unsigned char>(peek()) < 0x20)
        fail("a string may not hold " + printable(peek()) + ": write it as an escape");
      const char c = take();
      if (c == '"') return out;
      if (c == '\\')
        append_escape(out);
      else
        out += c;
    }
  }

  void append_escape(std::string& out) {
    if (at_end()) fail_expecting("an escape");
    static constexpr std::string_view letters = "\"\\/bfnrt";
    static constexpr std::string_view meanings = "\"\\/\b\f\n\r\t";
    const std::size_t index = letters.find(peek());
    if (index != std::string_view::npos) {
      take();
      out += meanings[index];
    } else if (peek() == 'u') {
      take();
      append_utf8(parse_code_point(), out);
    } else {
      fail("unknown escape \\" + std::string(1, peek()));
    }
  }

  std::uint32_t parse_code_point() {
    const std::uint32_t first = parse_hex4();
    if (first >= 0xdc00 && first <= 0xdfff) fail("a low surrogate without its high surrogate");
    if (first < 0xd800 || first > 0xdbff) return first;
    if (!next_is("\\u")) fail("a high surrogate without its low surrogate");
    take(2);
    const std::uint32_t second = parse_hex4();
    if (second < 0xdc00 || second > 0xdfff) fail("a high surrogate without its low surrogate");
    return 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
  }

  std::uint32_t parse_hex4() {
    const std::string_view digits = text_.substr(at_, 4);
    std::uint32_t value = 0;
    const auto end = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
    if (digits.size() < 4 || end.ptr != digits.data() + 4) fail("expected four hexadecimal digits");
    take(4);
    return value;
  }

  static void append_utf8(std::uint32_t code, std::string& out) {
    const auto tail = [&](int shift) { out += static_cast<char>(0x80 | ((code >> shift) & 0x3f)); };
    if (code < 0x80) {
      out += static_cast<char>(code);
    } else if (code < 0x800) {
      out += static_cast<char>(0xc0 | (code >> 6));
      tail(0);
    } else if (code < 0x10000) {
      out += static_cast<char>(0xe0 | (code >> 12));
      tail(6);
      tail(0);
    } else {
      out += static_cast<char>(0xf0 | (code >> 18));
      tail(12);
      tail(6);
      tail(0);
    }
  }

  // After an element: true if another follows the comma, false at the closing bracket.
  bool another_follows(char closing) {
    skip_space();
    if (!at_end() && peek() == closing) {
      take();
      return false;
    }
    if (at_end() || peek() != ',') fail_expecting(std::string("',' or '") + closing + "'");
    take();
    skip_space();
    if (!at_end() && peek() == closing) fail(std::string("a comma after the last one") + kHjson);
    return true;
  }

  JsonValue parse_array(int depth) {
    JsonValue array = JsonValue::array();
    take();
    skip_space();
    if (!at_end() && peek() == ']') {
      take();
      return array;
    }
    do {
      array.elements.push_back(parse_value(depth + 1));
    } while (another_follows(']'));
    return array;
  }

  JsonValue parse_object(int depth) {
    JsonValue object = JsonValue::object();
    std::unordered_set<std::string> keys;
    take();
    skip_space();
    if (!at_end() && peek() == '}') {
      take();
      return object;
    }
    do {
      object.members.push_back(parse_member(depth));
      const JsonMember& member = object.members.back();
      if (!keys.insert(member.key).second)
        throw ScenarioError(member.place, "duplicate key \"" + member.key + "\"");
    } while (another_follows('}'));
    return object;
  }

  JsonMember parse_member(int depth) {
    JsonMember member;
    member.place = here();
    if (at_end()) fail_expecting("a key");
    if (peek() != '"' && (is_letter(peek()) || peek() == '\''))
      fail(std::string("keys are written in double quotes") + kHjson);
    if (peek() != '"') fail_expecting("a key in double quotes");
    member.key = parse_string();
    skip_space();
    if (at_end() || peek() != ':') fail_expecting("':'");
    take();
    skip_space();
    member.value = parse_value(depth + 1);
    return member;
  }

  std::string_view text_;
  std::string file_;
  std::size_t at_ = 0;
  int line_ = 1;
  int column_ = 1;
};

}  // namespace

JsonValue parse_json(std::string_view text, const std::string& file) {
  return Parser(text, file).document();
}

std::string read_text_file(const std::string& path, const std::string& what) {
  std::ifstream in(path, std::ios::binary);
  std::error_code ignored;
  if (!in.is_open() || std::filesystem::is_directory(path, ignored))
    throw ScenarioError({path}, what + " cannot be read");
  std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (in.bad()) throw ScenarioError({path}, what + " cannot be read");
  return text;
}

JsonValue read_json(const std::string& path) {
  return parse_json(read_text_file(path, "the file"), path);
}

}  // namespace shardproof
