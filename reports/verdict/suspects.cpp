#include "reports/verdict/suspects.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "reports/verdict/findings.hpp"
#include "scenarios/plan/print/text_table.hpp"

namespace shardproof::reports {

namespace {

std::string signature_text(const Signature& signature) {
  const std::string name = name_of(signature.kind);
  if (signature.kind == Signature::Kind::elements)
    return fmt::format(
        "neither a factor nor an offset ({} elements are not the rounding of their value)",
        signature.coefficient);
  return fmt::format("{} {:.6g} +- {:.1g}", name, signature.coefficient, signature.standard_error);
}

}  // namespace

std::string sentence_of(const SuspectOp& suspect) {
  const FirstDivergence& at = suspect.first;
  return fmt::format("{}: {}, {}, {}: {}, {:.3g} deviations", at.execution, at.op,
                     in_words(at.moment), ranks_text(at.ranks), signature_text(suspect.signature),
                     suspect.z);
}

std::string text_of(const std::vector<SuspectOp>& suspects) {
  if (suspects.empty()) return "";
  const std::int64_t more = std::ssize(suspects) - 1;
  return sentence_of(suspects.front()) +
         (more == 0 ? ""
                    : fmt::format("; {} more op{}", with_thousands(more), more == 1 ? "" : "s"));
}

void Suspects::count(std::int64_t elements, double z) {
  compared_.compared += elements;
  compared_.max_ratio = std::max(compared_.max_ratio, z / suspicious);
}

void Suspects::add(Failure failure, const Signature& signature, double z) {
  const FirstDivergence& at = failure.divergence;
  const auto known = std::ranges::find_if(found_, [&](const Found& found) {
    const FirstDivergence& first = found.suspect.first;
    return first.op == at.op && first.execution == at.execution;
  });
  if (known == found_.end()) {
    SuspectOp suspect{at, signature, z, 1};
    found_.push_back({std::move(failure), std::move(suspect)});
    return;
  }
  SuspectOp& suspect = known->suspect;
  ++suspect.units;
  if (suspect.first.moment == at.moment && std::ranges::count(suspect.first.ranks, at.rank) == 0)
    suspect.first.ranks.push_back(at.rank);
}

std::vector<Suspects::Found> Suspects::in_order() const {
  std::vector<Found> sorted = found_;
  std::ranges::stable_sort(sorted, {}, [](const Found& found) {
    const FirstDivergence& first = found.suspect.first;
    return std::tuple(found.failure.sequence, first.execution != "sim", first.rank);
  });
  return sorted;
}

std::vector<SuspectOp> Suspects::list() const {
  std::vector<SuspectOp> list;
  for (const Found& found : in_order()) list.push_back(found.suspect);
  return list;
}

Tally Suspects::tally(bool strict) const {
  Tally tally("suspects", Proof::statistical);
  const std::vector<Found> found = in_order();
  tally.add(compared_, Proof::statistical);
  if (compared_.compared > most_elements)
    tally.unknown("more elements than one threshold can be for");
  if (strict) tally.add(0, std::ssize(found), Proof::statistical);
  for (const Found& each : found)
    if (strict) tally.fail(each.failure, sentence_of(each.suspect) + ", and the run is strict");
  if (!strict && !found.empty()) tally.trend(text_of(list()));
  return tally;
}

}  // namespace shardproof::reports
