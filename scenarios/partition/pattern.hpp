#pragma once

#include <memory>
#include <string>

#include "scenarios/errors.hpp"

namespace shardproof {

/// A regular expression as Python's `re.match` understands it: anchored at the start of the
/// subject, not at its end. "layers" matches "layers.0.up_proj.weight", "up_proj" does not.
///
/// Compiled by PCRE2, in which a few things mean something else or more than in Python: \Z, \v and
/// {,3} are translated; what Python refuses, or what it reads otherwise (verbs, recursion, \K,
/// octal escapes, the flags a, L, u and x), is refused. Matching is limited in steps, depth and
/// memory, so that a hostile pattern ends in an error and not in a hang.
class Pattern {
 public:
  /// `name` and `place` say in errors where it is written: "layer_specs[0].patterns[1]".
  /// Throws ScenarioError with the character at which the syntax is wrong.
  Pattern(std::string text, std::string name, SourcePlace place);

  const std::string& text() const { return text_; }
  /// Throws ScenarioError if the match takes more than the limits allow.
  bool matches(const std::string& subject) const;

 private:
  [[noreturn]] void fail(const std::string& why) const;

  std::string text_;
  std::string name_;
  SourcePlace place_;
  std::shared_ptr<const void> code_;
};

}  // namespace shardproof
