// nlohmann's SAX parser reads; this file gives what it reads a place. The parser tells of each
// value when it has just read it, and not where that began: a counting iterator knows where it
// ended, and from there the token's first character is found backwards. A fault gets the parser's
// own words, except where a reader of DeepSpeed configs needs others; HJSON, which DeepSpeed also
// takes, is recognised and refused by name.
#include "scenarios/json/json_document.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <unordered_set>
#include <utility>

#include "scenarios/files/regular_file.hpp"
#include "scenarios/readable_bytes.hpp"

namespace shardproof {

namespace {

constexpr std::size_t kDeepestNesting = 100;
constexpr std::string_view kDigits = "0123456789";
constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr const char* kHjson =
    ": this looks like HJSON; DeepSpeed reads it, Shardproof reads JSON with comments"
    " (convert it: python3 -m hjson.tool -j FILE)";

bool is_letter(char c) { return kLetters.find(c) != std::string_view::npos; }
bool is_digit(char c) { return kDigits.find(c) != std::string_view::npos; }
bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

std::string printable(char c) {
  const auto byte = static_cast<unsigned char>(c);
  if (byte < 0x20 || byte >= 0x7f) return "byte " + std::to_string(byte);
  return std::string("'") + c + "'";
}

// The characters of a text, counted as they are read.
class CountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  CountingIterator(const char* at, std::size_t* count) : at_(at), count_(count) {}
  reference operator*() const { return *at_; }
  CountingIterator& operator++() {
    ++at_;
    ++*count_;
    return *this;
  }
  bool operator==(const CountingIterator& other) const { return at_ == other.at_; }

 private:
  const char* at_;
  std::size_t* count_;
};

// Offsets as lines and columns; a letter of several bytes is one column. Asked in rising order it
// walks the text once.
class Places {
 public:
  Places(std::string_view text, std::string file) : text_(text), here_{std::move(file), 1, 1} {}

  SourcePlace at(std::size_t offset) {
    if (offset < offset_) {
      offset_ = 0;
      here_.line = here_.column = 1;
    }
    for (; offset_ < offset; ++offset_) {
      if (text_[offset_] == '\n') {
        ++here_.line;
        here_.column = 1;
      } else if (!is_continuation(text_[offset_])) {
        ++here_.column;
      }
    }
    return here_;
  }

 private:
  std::string_view text_;
  std::size_t offset_ = 0;
  SourcePlace here_;
};

// Python's json writes and reads these three beside the numbers of JSON.
constexpr std::string_view kNotFinite[] = {"-Infinity", "Infinity", "NaN"};

JsonValue not_finite(std::string_view spelling) {
  JsonValue value;
  value.kind = JsonValue::Kind::number;
  value.text = spelling;
  value.number = spelling == "NaN" ? std::numeric_limits<double>::quiet_NaN()
                                   : std::numeric_limits<double>::infinity();
  if (spelling[0] == '-') value.number = -value.number;
  return value;
}

// What the SAX parser calls. Every function throws ScenarioError or returns true: read on.
class DocumentBuilder {
 public:
  /// `text` is `original` without what the parser does not know (without_extensions).
  DocumentBuilder(std::string_view original, std::string_view text, const std::string& file)
      : original_(original), text_(text), places_(text, file) {}

  JsonValue read() {
    const auto zero = text_.find('\0');  // the parser would take it for the end
    if (zero != std::string_view::npos) fail(zero, "a text may not hold byte 0");
    const char* const begin = text_.data();
    nlohmann::json::sax_parse(CountingIterator(begin, &read_),
                              CountingIterator(begin + text_.size(), &read_), this,
                              nlohmann::json::input_format_t::json, true, true);
    return std::move(root_);
  }

  bool null() { return add(JsonValue()); }
  bool boolean(bool value) { return add(JsonValue(value)); }
  bool number_integer(std::int64_t value) { return add_number(JsonValue(value)); }
  bool number_unsigned(std::uint64_t value) {
    if (std::in_range<std::int64_t>(value)) return add_number(JsonValue(value));
    return add_number(JsonValue(static_cast<double>(value)));
  }
  bool number_float(double value, const std::string&) { return add_number(JsonValue(value)); }
  bool string(std::string& value) {
    const std::size_t start = start_of_token(read_);
    if (original_[start] == '"') return add(JsonValue(std::move(value)));
    return add(not_finite(original_.substr(start, read_ - start)), start);
  }
  bool binary(nlohmann::json::binary_t&) { return true; }  // JSON has none
  bool start_array(std::size_t) { return add(JsonValue::array()); }
  bool end_array() { return close(); }
  bool start_object(std::size_t) { return add(JsonValue::object()); }
  bool end_object() { return close(); }

  bool key(std::string& key) {
    const std::size_t start = start_of_token(read_);
    if (original_[start] != '"') refuse_hjson_key(start, original_[start]);
    if (!open_.back().keys.insert(key).second) fail(start, "duplicate key \"" + key + "\"");
    open_.back().value->members.push_back({std::move(key), places_.at(start), {}});
    told_ = read_;
    return true;
  }

  // `position`: how many characters the parser has used, the end of the file being one.
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::json::exception& error) {
    constexpr int kNumberOverflow = 406;
    const std::size_t end = std::min(position, text_.size());
    const std::size_t start = start_of_token(end);
    if (error.id == kNumberOverflow)
      fail(start, "the number " + std::string(text_.substr(start, end - start)) + " is too large");

    // "... while parsing CONTEXT - REASON; last read: ..."
    const std::string_view what = error.what();
    const std::string_view context = between(what, "while parsing ", " - ");
    const std::string_view reason = between(what, " - ", "; last read");
    if (reason == "unexpected end of input" || reason.starts_with("unexpected end of input;"))
      fail_unexpected(text_.size(), context);
    if (reason.starts_with("unexpected")) fail_unexpected(start, context);
    if (reason == "invalid literal") fail_unexpected(start_of_word(position - 1), context);
    if (reason == "invalid string: missing closing quote")
      fail(opening_quote(text_.size()), "this string does not end");
    if (reason.starts_with("invalid comment; missing"))
      fail(text_.rfind("/*"), "this comment does not end");
    fail(position - 1, std::string(reason));
  }

 private:
  // An array or object whose end is not yet read.
  struct Open {
    JsonValue* value;
    std::unordered_set<std::string> keys;
  };

  static std::string_view between(std::string_view text, std::string_view from,
                                  std::string_view to) {
    text.remove_prefix(std::min(text.find(from), text.size() - from.size()) + from.size());
    return text.substr(0, text.find(to));
  }

  [[noreturn]] void fail(std::size_t offset, const std::string& message) {
    throw ScenarioError(places_.at(offset), message);
  }

  // The quote inside a string is the one after a backslash. What a fault lies in may look like the
  // end of a string and be none: that begins where it ends.
  std::size_t opening_quote(std::size_t end) const {
    std::size_t at = end;
    do at = at == 0 ? std::string_view::npos : text_.rfind('"', at - 1);
    while (at != std::string_view::npos && at > 0 && text_[at - 1] == '\\');
    return std::min(at, end);
  }
  std::size_t start_of_token(std::size_t end) const {
    static const std::string word = std::string(kLetters).append(kDigits) + "+-.";
    const char last = end == 0 ? '\0' : text_[end - 1];
    if (last == '"') return opening_quote(end - 1);
    if (word.find(last) == std::string::npos) return end == 0 ? 0 : end - 1;
    return text_.find_last_not_of(word, end - 1) + 1;  // of npos: 0
  }
  std::size_t start_of_word(std::size_t at) const {
    while (at > told_ && is_letter(text_[at - 1])) --at;
    return at;
  }

  bool add(JsonValue value) { return add(std::move(value), start_of_token(read_)); }
  bool add(JsonValue value, std::size_t start) {
    if (open_.size() > kDeepestNesting)
      fail(start, "nested deeper than " + std::to_string(kDeepestNesting) + " levels");
    value.place = places_.at(start);
    told_ = read_;
    JsonValue& slot = next_slot();
    slot = std::move(value);
    if (slot.is_array() || slot.is_object()) open_.push_back({&slot, {}});
    begun_ = true;
    return true;
  }
  // The parser has read the character after a number too, unless the text ends there.
  bool add_number(JsonValue value) {
    const std::size_t end = text_.find_last_of(kDigits, read_ - 1) + 1;
    const std::size_t start = start_of_token(end);
    value.text = text_.substr(start, end - start);
    if (value.text == "-0") value.number = -0.0;  // the parser's whole number has lost its sign
    const std::size_t first = value.text[0] == '-' ? 1 : 0;
    if (value.text[first] == '0' && first + 1 < value.text.size() &&
        is_digit(value.text[first + 1]))
      fail(start, "a number may not start with 0");
    add(std::move(value), start);
    told_ = end;
    return true;
  }
  JsonValue& next_slot() {
    if (open_.empty()) return root_;
    JsonValue& parent = *open_.back().value;
    return parent.is_array() ? parent.elements.emplace_back() : parent.members.back().value;
  }
  bool close() {
    open_.pop_back();
    told_ = read_;
    return true;
  }

  [[noreturn]] void fail_unexpected(std::size_t at, std::string_view context) {
    if (at == text_.size() && !begun_) fail(at, "the file is empty");
    const char got = at == text_.size() ? '\0' : text_[at];
    if (begun_ && open_.empty())
      fail(at, "unexpected " + printable(got) + " after the end of the document");
    if (context == "object key") refuse_hjson_key(at, got);
    if (context == "value") refuse_hjson_value(at, got);
    static const std::map<std::string_view, std::string> expected{
        {"value", "a value"},
        {"object", "',' or '}'"},
        {"array", "',' or ']'"},
        {"object separator", "':'"},
        {"object key", "a key in double quotes"}};
    fail(at, "expected " + expected.at(context) + ", got " +
                 (at == text_.size() ? "the end of the file" : printable(got)));
  }
  void refuse_hjson_key(std::size_t at, char got) {
    if (got == '}') fail(at, std::string("a comma after the last one") + kHjson);
    if (is_letter(got) || got == '\'')
      fail(at, std::string("keys are written in double quotes") + kHjson);
  }
  void refuse_hjson_value(std::size_t at, char got) {
    if (got == ']' && !open_.empty() && open_.back().value->is_array())
      fail(at, std::string("a comma after the last one") + kHjson);
    if (got == '\'') fail(at, std::string("strings are written in double quotes") + kHjson);
    if (!is_letter(got)) return;
    const std::string word(text_.substr(at, text_.find_first_not_of(kLetters, at) - at));
    fail(at, "\"" + word + "\" without quotes" + kHjson);
  }

  std::string_view original_;
  std::string_view text_;
  Places places_;
  std::size_t read_ = 0;  // characters that the parser has taken
  std::size_t told_ = 0;  // the end of the last token that it told of
  JsonValue root_;
  bool begun_ = false;
  std::vector<Open> open_;
};

// The end of a string or of a comment of the parser's own that begins at `at`, or `at`.
std::size_t end_of_token(std::string_view text, std::size_t at) {
  const std::string_view rest = text.substr(at);
  const auto after = [&](std::string_view end) {
    const std::size_t found = text.find(end, at + 2);
    return found == std::string_view::npos ? text.size() : found + end.size();
  };
  if (rest.starts_with("//")) return after("\n");
  if (rest.starts_with("/*")) return after("*/");
  if (!rest.starts_with('"')) return at;
  std::size_t end = at + 1;
  while (end < text.size() && text[end] != '"') end += text[end] == '\\' ? 2 : 1;
  return std::min(end + 1, text.size());
}

// The length of Infinity, -Infinity or NaN that stands at `at` as a word of its own, else 0.
std::size_t length_of_not_finite(std::string_view text, std::size_t at) {
  const auto continues_a_word = [&](std::size_t i) {
    return is_letter(text[i]) || is_digit(text[i]);
  };
  if (at > 0 && continues_a_word(at - 1)) return 0;
  for (const std::string_view spelling : kNotFinite) {
    const std::size_t end = at + spelling.size();
    if (text.substr(at).starts_with(spelling) && (end == text.size() || !continues_a_word(end)))
      return spelling.size();
  }
  return 0;
}

// What the parser does not know becomes something as long that it does, so that places stay what
// they are: HJSON's third kind of comment, from # to the end of the line, becomes spaces, and a
// number that is not finite a string in quotes that the original does not have.
std::string without_extensions(std::string_view text) {
  std::string plain(text);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = end_of_token(text, at);
    if (end != at) {
      at = std::max(end, at + 1);
    } else if (text[at] == '#') {
      for (; at < text.size() && text[at] != '\n'; ++at) plain[at] = ' ';
    } else if (const std::size_t length = length_of_not_finite(text, at); length > 0) {
      plain[at] = plain[at + length - 1] = '"';
      at += length;
    } else {
      ++at;
    }
  }
  return plain;
}

}  // namespace

JsonValue parse_json(std::string_view text, const std::string& file) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  const std::string plain = without_extensions(text);
  return DocumentBuilder(text, plain, file).read();
}

std::string read_text_file(const std::string& path, const std::string& what) {
  expect_regular_file(path);
  std::ifstream in(path, std::ios::binary);
  std::error_code ignored;
  constexpr std::uintmax_t longest = std::uintmax_t{4} << 30;  // in memory it is eight times that
  const std::uintmax_t bytes = std::filesystem::file_size(path, ignored);
  if (!ignored && bytes > longest)
    throw ScenarioError({path}, what + " has " + readable_bytes(bytes) + ", and at most " +
                                    readable_bytes(longest) + " are read");
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
