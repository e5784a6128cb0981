#pragma once

#include <string>

namespace shardproof::tests {

inline std::size_t occurrences(const std::string& text, const std::string& word) {
  std::size_t count = 0;
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1))
    ++count;
  return count;
}

inline bool contains(const std::string& text, const std::string& word) {
  return occurrences(text, word) > 0;
}

}  // namespace shardproof::tests
