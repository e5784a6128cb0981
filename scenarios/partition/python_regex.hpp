#pragma once

#include <string>

namespace shardproof {

/// A regular expression of Python's `re` in the spelling of PCRE2, or what is wrong with it.
struct TranslatedRegex {
  std::string text;
  std::string error;         // "" if there is none
  std::size_t position = 0;  // of the error: an offset in the given text
};
TranslatedRegex translate_python_regex(const std::string& text);

}  // namespace shardproof
