#include "reports/cause/likely_cause.hpp"

#include <cmath>

#include "reports/cause/element_bits.hpp"
#include "reports/cause/factors.hpp"
#include "reports/cause/recorded_bits.hpp"
#include "reports/cause/replays.hpp"
#include "reports/cause/terms.hpp"

namespace shardproof::reports {

namespace {

const RecordedTrace* trace_of(const JudgeContext& context, const FirstDivergence& divergence) {
  for (const RecordedTrace* trace : context.traces)
    if (trace->execution() == divergence.execution) return trace;
  return nullptr;
}

using Search = std::optional<Cause> (*)(const Suspect& suspect);

// Without a free number. Those that hold together predict the same, and are told together.
constexpr Search hypotheses[] = {rearranged,    flipped_bit_of, fewer_bits,      other_terms,
                                 applied_twice, bias_too_often, named_factor_of, other_operand,
                                 other_number,  operand_times};

std::optional<Cause> hypothesis(const Suspect& suspect) {
  std::optional<Cause> first;
  for (const Search search : hypotheses) {
    // An operand's factor is the result's, if that has one: it says no more.
    if (search == operand_times && first) continue;
    auto cause = search(suspect);
    if (cause && first)
      first->alternatives.push_back(std::move(*cause));
    else if (cause)
      first = std::move(cause);
  }
  return first ? first : any_factor_of(suspect);
}

bool is_number(const FirstDivergence& divergence) { return !divergence.index.empty(); }

// The most of what is explained in part.
std::optional<Cause> of_most(const Suspect& suspect, std::optional<Cause> of_bits) {
  std::optional<Cause> most = factor_of_most(suspect);
  if (of_bits && (!most || *of_bits->score >= *most->score)) most = std::move(of_bits);
  if (most && *most->score >= 0.5) return most;
  return std::nullopt;
}

}  // namespace

std::optional<Cause> likely_cause(const JudgeContext& context, const FirstDivergence& divergence,
                                  std::int64_t sequence, std::shared_ptr<const Evidence> evidence) {
  const RecordedTrace* trace = trace_of(context, divergence);
  const bool is_said = divergence.cause && divergence.cause->name != "factor";
  if (trace == nullptr || is_said) return divergence.cause;
  const Suspect suspect = suspect_of(context, *trace, divergence, std::move(evidence));
  if (auto cause = changed_bytes(suspect, sequence)) return cause;
  if (is_number(divergence) && std::isinf(divergence.got) && !std::isinf(divergence.expected))
    return Cause{"inf"};
  if (auto cause = equal_bits(suspect)) {
    // What that comes to: the mean that was not taken is a sum.
    if (auto factor = cause->name == "zeros" ? std::nullopt : named_factor_of(suspect))
      cause->alternatives.push_back(std::move(*factor));
    return cause;
  }
  std::optional<Cause> of_elements = equal_elements(suspect);
  if (of_elements && *of_elements->score == 1) return of_elements;
  if (suspect.is_scalar())
    if (auto cause = named_factor_of(suspect)) return cause;
  if (auto cause = hypothesis(suspect)) return cause;
  if (auto cause = of_most(suspect, std::move(of_elements))) return cause;
  if (!is_number(divergence)) return std::nullopt;
  return Cause{"unexplained"};
}

}  // namespace shardproof::reports
