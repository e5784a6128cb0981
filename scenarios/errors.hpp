#pragma once

#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace shardproof {

/// Where in a user's file something stands. `line` and `column` count from 1; 0 means unknown.
struct SourcePlace {
  std::string file;
  int line = 0;
  int column = 0;
};

/// "smoke/tp2.json:7:9", "smoke/tp2.json", or "" when nothing is known.
std::string to_string(const SourcePlace& place);

/// Bad input: something a user wrote or passed. Ends the program with exit code 2.
/// what() is `file:line:column: message`, or one such line for each of several problems.
class ScenarioError : public std::runtime_error {
 public:
  /// How the value at the place is at fault.
  ///
  ///   wrong            another value would do
  ///   not_implemented  it asks for what is not there: no other value says the same
  ///   missing          the object at the place lacks a key
  ///   conflict         it does not fit another value, and either may be the wrong one
  enum class Kind { wrong, not_implemented, missing, conflict };

  explicit ScenarioError(const std::string& message) : std::runtime_error(message) {}
  ScenarioError(const SourcePlace& place, const std::string& message, Kind kind = Kind::wrong);
  /// One problem of several places, at least one: what() names the first.
  ScenarioError(std::vector<SourcePlace> places, const std::string& message);
  /// Several at once, those first that nobody can repair; of one, the same as that one.
  static ScenarioError of_all(std::vector<ScenarioError> problems);

  /// None when nothing is known.
  const std::vector<SourcePlace>& places() const { return places_; }
  Kind kind() const { return kind_; }

 private:
  std::vector<SourcePlace> places_;
  Kind kind_ = Kind::wrong;
};

/// The machine, a library or another process failed. Ends the program with exit code 3.
class EnvironmentError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Something of ours is broken: an invariant that `SHARDPROOF_EXPECTS` states did not hold.
class InvariantError : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

namespace detail {
[[noreturn]] void fail_expectation(const char* expression, const char* file, int line,
                                   const std::string& values);

template <class... Values>
std::string join_values(const Values&... values) {
  std::ostringstream text;
  ((text << ' ' << values), ...);
  return text.str();
}
}  // namespace detail

}  // namespace shardproof

/// States an invariant, in every build. The values (and any text among them) are printed if it
/// fails.
#define SHARDPROOF_EXPECTS(condition, ...)                                                    \
  do {                                                                                        \
    if (!(condition)) [[unlikely]]                                                            \
      ::shardproof::detail::fail_expectation(#condition, __FILE__, __LINE__,                  \
                                             ::shardproof::detail::join_values(__VA_ARGS__)); \
  } while (false)
