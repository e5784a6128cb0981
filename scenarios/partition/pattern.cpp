#define PCRE2_CODE_UNIT_WIDTH 8
#include "scenarios/partition/pattern.hpp"

#include <pcre2.h>

#include <cstdint>

#include "scenarios/partition/python_regex.hpp"

namespace shardproof {

namespace {

constexpr std::uint32_t kSteps = 100'000;
constexpr std::uint32_t kDepth = 10'000;
constexpr std::uint32_t kHeapKib = 4096;
constexpr std::size_t kLongestPattern = 10'000;

template <class T, void (*Free)(T*)>
struct Freed {
  void operator()(T* object) const { Free(object); }
};
template <class T, void (*Free)(T*)>
using Owned = std::unique_ptr<T, Freed<T, Free>>;

using CompileContext = Owned<pcre2_compile_context, pcre2_compile_context_free>;
using MatchContext = Owned<pcre2_match_context, pcre2_match_context_free>;
using MatchData = Owned<pcre2_match_data, pcre2_match_data_free>;

std::string message_of(int error) {
  PCRE2_UCHAR text[256];
  pcre2_get_error_message(error, text, sizeof text);
  return reinterpret_cast<const char*>(text);
}

MatchContext limited_context() {
  MatchContext context(pcre2_match_context_create(nullptr));
  pcre2_set_match_limit(context.get(), kSteps);
  pcre2_set_depth_limit(context.get(), kDepth);
  pcre2_set_heap_limit(context.get(), kHeapKib);
  return context;
}

}  // namespace

Pattern::Pattern(std::string text, std::string name, SourcePlace place)
    : text_(std::move(text)), name_(std::move(name)), place_(std::move(place)) {
  const auto fail_at = [&](std::size_t offset, const std::string& why) {
    fail(why + ", at character " + std::to_string(offset + 1));
  };
  if (text_.size() > kLongestPattern)
    fail("a pattern of more than " + std::to_string(kLongestPattern) + " characters");
  const TranslatedRegex translated = translate_python_regex(text_);
  if (!translated.error.empty()) fail_at(translated.position, translated.error);

  const CompileContext context(pcre2_compile_context_create(nullptr));
  pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
  int error = 0;
  PCRE2_SIZE offset = 0;
  pcre2_code* code =
      pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated.text.data()), translated.text.size(),
                    PCRE2_ANCHORED | PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C, &error,
                    &offset, context.get());
  if (!code) fail_at(std::min<std::size_t>(offset, text_.size()), message_of(error));
  code_ = std::shared_ptr<const void>(code, [code](const void*) { pcre2_code_free(code); });
}

bool Pattern::matches(const std::string& subject) const {
  const auto* code = static_cast<const pcre2_code*>(code_.get());
  static const MatchContext context = limited_context();
  const MatchData data(pcre2_match_data_create_from_pattern(code, nullptr));
  const int found = pcre2_match(code, reinterpret_cast<PCRE2_SPTR>(subject.data()), subject.size(),
                                0, 0, data.get(), context.get());
  if (found == PCRE2_ERROR_NOMATCH) return false;
  if (found < 0) fail("matching \"" + subject + "\" failed: " + message_of(found));
  return true;
}

void Pattern::fail(const std::string& why) const {
  const std::string shown = text_.size() > 60 ? text_.substr(0, 57) + "..." : text_;
  throw ScenarioError(place_, name_ + " = \"" + shown + "\": " + why);
}

}  // namespace shardproof
