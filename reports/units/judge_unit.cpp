#include "reports/units/judge_unit.hpp"

#include <bit>
#include <cmath>
#include <type_traits>

namespace shardproof::reports {

namespace {

// Fields one after another, each exactly as it is: a number of fp64 as its bits.
struct Description {
  std::string text;

  template <typename Field, typename T>
  void operator()(Field, const T& value) {
    write(value);
  }
  void write(std::int64_t value) { text += ' ' + std::to_string(value); }
  void write(bool value) { write(std::int64_t{value}); }
  void write(double value) { text += ' ' + std::to_string(std::bit_cast<std::uint64_t>(value)); }
  template <typename Enumeration>
  requires std::is_enum_v<Enumeration>
  void write(Enumeration value) { write(static_cast<std::int64_t>(value)); }
  void write(const std::optional<std::int64_t>& value) {
    text += value ? " some" : " none";
    if (value) write(*value);
  }
  void write(const std::vector<std::int64_t>& values) {
    write(static_cast<std::int64_t>(values.size()));
    for (const std::int64_t value : values) write(value);
  }
  void write(const std::vector<double>& values) {
    write(static_cast<std::int64_t>(values.size()));
    for (const double value : values) write(value);
  }
};

bool has_bounds(const reference::UnitResult& unit) {
  for (std::size_t i = 0; i < unit.bound.size(); ++i)
    if (std::isfinite(unit.value[i]) && !std::isfinite(unit.bound[i] + unit.error[i])) return false;
  return true;
}

}  // namespace

std::string describe(reference::UnitKind kind, const reference::UnitAttributes& attributes,
                     const reference::UnitPrecision& precision, NonFinite non_finite) {
  Description description{reference::name_of(kind)};
  for_each_field(attributes, description);
  for_each_field(precision, description);
  description.text += non_finite == NonFinite::accepted ? " | skipped" : " |";
  return description.text;
}

std::string memo_key(reference::UnitKind kind, const reference::UnitAttributes& attributes,
                     const reference::UnitPrecision& precision,
                     std::span<const HashedTensor> tensors, NonFinite non_finite) {
  std::string key = describe(kind, attributes, precision, non_finite);
  for (const HashedTensor& tensor : tensors) key += key_of(tensor);
  return key;
}

std::string key_of(const HashedTensor& tensor) {
  char hash[20];
  std::snprintf(hash, sizeof hash, " %016llx", static_cast<unsigned long long>(tensor.hash));
  return hash + std::string(name_of(tensor.dtype)) + to_string(tensor.shape);
}

std::string derived_key(const std::string& how, Dtype dtype, const Shape& shape) {
  return how + " as " + name_of(dtype) + to_string(shape);
}

UnitVerdict judge_result(const reference::UnitResult& unit, Dtype storage,
                         std::span<const double> recorded, NonFinite non_finite) {
  UnitVerdict verdict;
  // A sum that may leave the range has no sound bound. In a step that is skipped for what did, its
  // elements are compared all the same, and what such a number has reached may be anything; but of
  // finite numbers an element without a bound is not known to be right.
  verdict.sound = unit.sound || (non_finite == NonFinite::accepted &&
                                 (!unit.finite_arguments || has_bounds(unit)));
  if (!verdict.sound) return verdict;
  verdict.proof = unit.bound.empty() && unit.error.empty() ? Proof::bitwise : Proof::sound;
  verdict.comparison = compare_to_set(storage, unit, recorded, non_finite);
  return verdict;
}

}  // namespace shardproof::reports
