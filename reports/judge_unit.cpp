#include "reports/judge_unit.hpp"

#include <cstdio>

namespace shardproof::reports {

std::string describe(reference::UnitKind kind, const reference::UnitAttributes& a,
                     const reference::UnitPrecision& p, NonFinite non_finite) {
  char text[320];
  std::snprintf(text, sizeof text, "%s %lld %lld %lld %a %a %a %a %d %d %s %lld of",
                reference::name_of(kind), static_cast<long long>(a.head_dim),
                static_cast<long long>(a.groups), static_cast<long long>(a.extent), a.eps, a.theta,
                a.factor, a.weight_decay, static_cast<int>(a.mean_form), static_cast<int>(a.gelu),
                shardproof::name_of(a.weight_layout), static_cast<long long>(a.part));
  std::string description = text;
  if (a.padding) description += " padding " + std::to_string(*a.padding);
  std::snprintf(text, sizeof text, " %lld %lld %d %d", static_cast<long long>(a.experts),
                static_cast<long long>(a.experts_per_token), static_cast<int>(a.route),
                static_cast<int>(a.expert_rows));
  description += text;
  for (const std::int64_t part : a.parts) description += " " + std::to_string(part);
  std::snprintf(text, sizeof text, " | %s %lld %lld %a %lld %s %a %a %a %a",
                shardproof::name_of(a.pairing), static_cast<long long>(a.heads),
                static_cast<long long>(a.v_head_dim), a.scale, static_cast<long long>(a.window),
                shardproof::name_of(a.frequencies.scaling), a.frequencies.factor, a.frequencies.low,
                a.frequencies.high, a.frequencies.original_positions);
  description += text;
  std::snprintf(text, sizeof text, " | %s %s %lld %lld %s |", name_of(p.output), name_of(p.compute),
                static_cast<long long>(p.partials), static_cast<long long>(p.partial_terms),
                name_of(p.hop));
  return description + text + (non_finite == NonFinite::accepted ? " skipped" : "");
}

std::string memo_key(reference::UnitKind kind, const reference::UnitAttributes& attributes,
                     const reference::UnitPrecision& precision,
                     std::span<const HashedTensor> tensors, NonFinite non_finite) {
  std::string key = describe(kind, attributes, precision, non_finite);
  for (const HashedTensor& tensor : tensors) {
    char hash[20];
    std::snprintf(hash, sizeof hash, " %016llx", static_cast<unsigned long long>(tensor.hash));
    key += hash + std::string(name_of(tensor.dtype)) + to_string(tensor.shape);
  }
  return key;
}

UnitVerdict judge_unit(reference::UnitKind kind, const reference::UnitAttributes& attributes,
                       const reference::UnitPrecision& precision,
                       std::span<const reference::Operand> arguments,
                       std::span<const double> recorded, NonFinite non_finite) {
  const reference::UnitResult unit = reference::replay(kind, attributes, precision, arguments);
  UnitVerdict verdict;
  // Beside an inf there is no bound. Where one is accepted, what it did not reach still is compared.
  verdict.sound = unit.sound || (non_finite == NonFinite::accepted && !unit.finite_arguments);
  if (!verdict.sound) return verdict;
  verdict.proof = unit.bound.empty() && unit.error.empty() ? Proof::bitwise : Proof::sound;
  verdict.comparison = compare_to_set(precision.output, unit, recorded, non_finite);
  return verdict;
}

std::vector<bool> failing_elements(Dtype storage, const reference::UnitResult& unit,
                                   std::span<const double> recorded, NonFinite non_finite) {
  std::vector<bool> failing(recorded.size());
  for (std::size_t i = 0; i < recorded.size(); ++i)
    failing[i] = !passes(storage, unit, i, recorded[i], non_finite);
  return failing;
}

}  // namespace shardproof::reports
