// Where the two dialects part. PCRE2 10.42 finds all other errors of syntax itself.
#include "scenarios/partition/python_regex.hpp"

#include <string_view>

namespace shardproof {

namespace {

bool is_one_of(char c, std::string_view set) { return set.find(c) != std::string_view::npos; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || is_one_of(c, "abcdefABCDEF"); }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

class Translator {
 public:
  explicit Translator(const std::string& text) : in_(text) {}

  TranslatedRegex translate() {
    while (at_ < in_.size() && out_.error.empty()) {
      switch (in_[at_]) {
        case '\\': escape(false); break;
        case '[': character_class(); break;
        case '(': group(); break;
        case '{': quantifier(); break;
        default: copy(1);
      }
    }
    return out_;
  }

 private:
  char peek(std::size_t ahead) const { return at_ + ahead < in_.size() ? in_[at_ + ahead] : '\0'; }
  void copy(std::size_t count) {
    out_.text.append(in_, at_, count);
    at_ += count;
  }
  void replace(std::size_t count, const std::string& by) {
    out_.text += by;
    at_ += count;
  }
  void fail(std::string why) {
    out_.error = std::move(why);
    out_.position = at_;
  }

  void escape(bool in_class) {
    const char c = peek(1);
    if (is_digit(c)) return in_class ? fail("an octal escape: write \\xHH") : back_reference();
    if (c == 'u') return code_point(4);
    if (c == 'U') return code_point(8);
    if (c == 'x') return code_point(2);
    if (c == 'v') return replace(2, "\\x0b");
    if (c == 'Z' && !in_class) return replace(2, "\\z");
    const std::string_view known = in_class ? "abdDsSwWfnrt" : "AbBdDsSwWafnrt";
    if (is_letter(c) && !is_one_of(c, known))
      return fail(std::string("bad escape \\") + c + ", which Python does not know");
    copy(c == '\0' ? 1 : 2);
  }

  // \1 to \99. PCRE2 would take \11 for an octal number where there are fewer groups.
  void back_reference() {
    if (peek(1) == '0' || (is_digit(peek(2)) && is_digit(peek(3))))
      return fail("an octal escape: write \\xHH");
    const std::size_t digits = is_digit(peek(2)) ? 2 : 1;
    replace(1 + digits, "\\g{" + in_.substr(at_ + 1, digits) + "}");
  }

  void code_point(std::size_t digits) {
    for (std::size_t i = 0; i < digits; ++i)
      if (!is_hex(peek(2 + i))) return fail("incomplete escape \\" + std::string(1, peek(1)));
    replace(2 + digits, "\\x{" + in_.substr(at_ + 2, digits) + "}");
  }

  // In a class Python knows no [:alpha:]: a bracket there is a bracket.
  void character_class() {
    copy(1);
    if (peek(0) == '^') copy(1);
    if (peek(0) == ']') copy(1);
    while (at_ < in_.size() && in_[at_] != ']' && out_.error.empty()) {
      if (in_[at_] == '\\')
        escape(true);
      else if (in_[at_] == '[')
        replace(1, "\\[");
      else
        copy(1);
    }
    if (at_ < in_.size()) copy(1);
  }

  void group() {
    if (peek(1) == '*') return fail("nothing to repeat: \"(*\"");
    if (peek(1) != '?') return copy(1);
    if (peek(2) == '#') return copy(std::min(in_.find(')', at_), in_.size() - 1) + 1 - at_);
    const bool named = peek(2) == 'P' && is_one_of(peek(3), "<=");
    const bool behind = peek(2) == '<' && is_one_of(peek(3), "=!");
    const bool conditional = peek(2) == '(' && (is_digit(peek(3)) || is_name(at_ + 3));
    const bool plain = peek(2) != '\0' && is_one_of(peek(2), ":=!>");
    if (named || behind || conditional || plain || are_flags(at_ + 2)) return copy(2);
    fail("unknown extension ?" + std::string(1, peek(2)) + ", or a flag other than i, m and s");
  }
  // (?(name)yes|no), not PCRE2's (?(R)...), (?(DEFINE)...) or (?(VERSION>=10)...).
  bool is_name(std::size_t begin) const {
    const std::string name = in_.substr(begin, in_.find(')', begin) - begin);
    return !name.empty() && name.find_first_of("<>='?*") == std::string::npos && name != "R" &&
           name != "DEFINE" && !name.starts_with("R&");
  }
  bool are_flags(std::size_t begin) const {
    const std::size_t end = in_.find_first_not_of("ims-", begin);
    return end != std::string::npos && end > begin && is_one_of(in_[end], ":)");
  }

  void quantifier() {
    std::size_t digits = 0;
    while (is_digit(peek(2 + digits))) ++digits;
    if (peek(1) != ',' || peek(2 + digits) != '}') return copy(1);
    replace(2, "{0,");
  }

  const std::string& in_;
  std::size_t at_ = 0;
  TranslatedRegex out_;
};

}  // namespace

TranslatedRegex translate_python_regex(const std::string& text) {
  return Translator(text).translate();
}

}  // namespace shardproof
