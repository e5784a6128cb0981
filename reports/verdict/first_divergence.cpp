#include "reports/verdict/first_divergence.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

namespace shardproof::reports {

bool is_of_checksum(const std::string& tensor) {
  return tensor.substr(tensor.rfind('/') + 1).starts_with("checksum");
}

namespace {

// What tells failing units apart.
using UnitKey = std::tuple<std::string, Moment, std::string>;  // execution, moment, op

UnitKey key_of(const Failure& failure) {
  return {failure.divergence.execution, failure.divergence.moment, failure.divergence.op};
}

// Not a factor between the numbers that are shown, but what a check has read of the program.
bool says_why(const FirstDivergence& divergence) {
  return divergence.cause && divergence.cause->certain;
}

void forget_numbers(FirstDivergence& divergence) {
  divergence.index.clear();
  divergence.expected = divergence.got = divergence.error = divergence.bound = 0;
  if (!says_why(divergence)) divergence.cause.reset();
}

struct Candidate {
  const Failure* failure;
  int sharpness;
  bool has_numbers() const {
    return !failure->divergence.index.empty() && !is_of_checksum(failure->divergence.tensor);
  }
};

bool earlier(const Candidate& a, const Candidate& b) {
  const auto rank = [](const Candidate& c) {
    return std::tuple(c.failure->sequence, c.sharpness,
                      c.failure->divergence.execution == "sim" ? 0 : 1, c.failure->divergence.rank);
  };
  return rank(a) < rank(b);
}

// Checks of a tier are heard where those of the tiers before it have found nothing.
enum class Tier { numbers, shadow, symptoms };

Tier tier_of(const RankedTally& check) {
  if (check.sharpness == symptom) return Tier::symptoms;
  return check.sharpness == only_in_shadow ? Tier::shadow : Tier::numbers;
}

// The candidates of a list of checks.
std::vector<Candidate> candidates_of(const std::vector<RankedTally>& checks, Tier tier) {
  std::vector<Candidate> candidates;
  for (const RankedTally& check : checks)
    if (tier_of(check) == tier)
      for (const Failure& failure : check.tally.failures())
        candidates.push_back({&failure, check.sharpness});
  return candidates;
}

// Some failures name an op but no element: its output is not stored, or what is wrong is the op
// itself. The first wrong element at or after it, in the same moment, shows what came of it.
void adopt_numbers(FirstDivergence& divergence, const Failure& of,
                   const std::vector<Candidate>& candidates) {
  const Candidate* shown = nullptr;
  for (const Candidate& candidate : candidates)
    if (candidate.has_numbers() && candidate.failure->divergence.moment == of.divergence.moment &&
        candidate.failure->divergence.execution == divergence.execution &&
        candidate.failure->sequence >= of.sequence &&
        (shown == nullptr || earlier(candidate, *shown)))
      shown = &candidate;
  if (shown == nullptr) return;
  const FirstDivergence& from = shown->failure->divergence;
  divergence.tensor = from.tensor;
  divergence.index = from.index;
  divergence.expected = from.expected;
  divergence.got = from.got;
  divergence.error = from.error;
  divergence.bound = from.bound;
  divergence.wrong_elements = from.wrong_elements;
  if (!says_why(divergence)) divergence.cause = from.cause;
}

// Of what is shown: whoever judged that tensor then has what it was held against.
std::shared_ptr<const Evidence> evidence_of(const FirstDivergence& divergence,
                                            const std::vector<Candidate>& candidates) {
  const Candidate* found = nullptr;
  for (const Candidate& candidate : candidates) {
    const FirstDivergence& of = candidate.failure->divergence;
    if (candidate.failure->evidence != nullptr && of.execution == divergence.execution &&
        of.moment == divergence.moment && of.tensor == divergence.tensor &&
        (found == nullptr || earlier(candidate, *found)))
      found = &candidate;
  }
  return found == nullptr ? nullptr : found->failure->evidence;
}

}  // namespace

Divergence first_divergence(const std::vector<RankedTally>& checks) {
  // A wrong number of collectives is a symptom: it names the op only if no number is wrong.
  std::vector<Candidate> candidates;
  for (const Tier tier : {Tier::numbers, Tier::symptoms, Tier::shadow})
    if (candidates.empty()) candidates = candidates_of(checks, tier);
  if (candidates.empty()) return {};
  std::set<UnitKey> units;
  for (const Candidate& candidate : candidates) units.insert(key_of(*candidate.failure));

  const Candidate first = *std::min_element(candidates.begin(), candidates.end(), earlier);
  Divergence result;
  result.first = first.failure->divergence;
  result.sequence = first.failure->sequence;
  std::set<int> ranks;
  for (const Candidate& candidate : candidates)
    if (key_of(*candidate.failure) == key_of(*first.failure) &&
        candidate.sharpness == first.sharpness)
      ranks.insert(candidate.failure->divergence.ranks.begin(),
                   candidate.failure->divergence.ranks.end());
  result.first->ranks.assign(ranks.begin(), ranks.end());
  if (!first.has_numbers()) {
    forget_numbers(*result.first);
    adopt_numbers(*result.first, *first.failure, candidates);
  }
  result.evidence = evidence_of(*result.first, candidates);
  result.others = static_cast<std::int64_t>(units.size()) - 1;
  return result;
}

}  // namespace shardproof::reports
