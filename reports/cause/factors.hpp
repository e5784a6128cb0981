#pragma once

#include <optional>
#include <string>
#include <vector>

#include "reports/cause/suspect.hpp"

namespace shardproof::reports {

/// A number that a parallel run has and that a wrong one may have too much or too little: "tp".
struct NamedFactor {
  double value;
  std::string name;
};

/// T, D, their product, the micro-steps, what they are together, the loss scale, T - 1 and D - 1,
/// one over each, their squares, the root of T and of D, and -1. None is 1.
std::vector<NamedFactor> named_factors(const Suspect& suspect);
/// The names of all that have a value: "1/tp, 1/dp".
std::string names_of(const std::vector<NamedFactor>& factors, double value);

/// Everything that was recorded is the expected value times one number, which has a name.
std::optional<Cause> named_factor_of(const Suspect& suspect);
/// The same, a whole number or one over it, or else the shortest decimal that fits.
std::optional<Cause> any_factor_of(const Suspect& suspect);

/// The factor that most of the wrong elements have, with their share.
std::optional<Cause> factor_of_most(const Suspect& suspect);

}  // namespace shardproof::reports
