#include "scenarios/partition/sub_parameters.hpp"

#include <algorithm>
#include <numeric>

#include "scenarios/partition/autotp_raises.hpp"

namespace shardproof {

namespace {

using Entry = SubParameterShape::Entry;

std::string text(std::int64_t number) { return std::to_string(number); }

constexpr std::int64_t kLargestSize = std::int64_t{1} << 40;

// Sizes come from a user's file: a product beyond any weight stays where it is.
std::int64_t product_of(const Shape& sizes) {
  constexpr std::int64_t beyond = std::int64_t{1} << 60;
  std::int64_t product = 1;
  for (const std::int64_t size : sizes) product = product > beyond / size ? beyond : product * size;
  return product;
}

std::int64_t sum_of(const std::vector<std::int64_t>& sizes) {
  return std::accumulate(sizes.begin(), sizes.end(), std::int64_t{0});
}

class Resolver {
 public:
  Resolver(const Shape& weight, const SubParameterShape& shape, const std::string& name,
           const SourcePlace& place)
      : weight_(weight), shape_(shape), name_(name), place_(place) {}

  SubParameters resolve() const {
    SubParameters resolved{fill_in(known()), {}, shape_.dim};
    check_against_weight(resolved);
    resolved.sizes = sub_sizes(resolved.logical[index()]);
    return resolved;
  }

 private:
  std::size_t index() const { return static_cast<std::size_t>(shape_.dim); }
  const Entry& cut() const { return shape_.entries[index()]; }
  [[noreturn]] void fail(const std::string& why) const {
    throw AutoTpRaises(place_, "layer " + name_ + ": " + why);
  }

  // -1 where a size has to be inferred; a count at the cut dimension says nothing of its size.
  Shape known() const {
    Shape sizes;
    for (const Entry& entry : shape_.entries) sizes.push_back(entry.size);
    sizes[index()] = cut().is_list ? sum_of(cut().sub_sizes) : -1;
    return sizes;
  }

  Shape fill_in(Shape sizes) const {
    const std::int64_t numel = element_count(weight_);
    const auto unknown = std::count(sizes.begin(), sizes.end(), -1);
    if (unknown == 0 && product_of(sizes) != numel)
      fail("shape product " + text(product_of(sizes)) + " != weight numel " + text(numel));
    if (unknown == 1) {
      auto& gap = *std::find(sizes.begin(), sizes.end(), -1);
      gap = 1;
      const std::int64_t others = product_of(sizes);
      if (numel % others != 0) fail("cannot infer shape for weight with numel " + text(numel));
      gap = numel / others;
    }
    if (unknown > 1 && sizes.size() != weight_.size())
      fail("shape has multiple inferred dims and is ambiguous for weight " + to_string(weight_));
    for (std::size_t i = 0; i < sizes.size(); ++i)
      if (sizes[i] == -1) sizes[i] = weight_[i];
    return sizes;
  }

  // With the right product and input features, the output features are right, too.
  void check_against_weight(const SubParameters& resolved) const {
    if (resolved.logical.back() != weight_[1])
      fail("shape last dim " + text(resolved.logical.back()) + " must match weight input dim " +
           text(weight_[1]));
    if (resolved.logical.size() < 2) fail("shape must include at least one output dimension");
  }

  std::vector<std::int64_t> sub_sizes(std::int64_t size) const {
    if (cut().is_list) return cut().sub_sizes;
    if (cut().size == -1) return {size};
    if (size % cut().size != 0)
      fail("partition_dim size " + text(size) + " not divisible by sub-param count " +
           text(cut().size));
    return std::vector<std::int64_t>(static_cast<std::size_t>(cut().size), size / cut().size);
  }

  const Shape& weight_;
  const SubParameterShape& shape_;
  const std::string& name_;
  const SourcePlace& place_;
};

}  // namespace

void check_shape(const SubParameterShape& shape, const std::string& name,
                 const SourcePlace& place) {
  const auto fail = [&](const std::string& why) { throw ScenarioError(place, name + ": " + why); };
  const auto count = static_cast<std::int64_t>(shape.entries.size());
  if (shape.dim < 0 || shape.dim >= count)
    fail("partition_dim " + text(shape.dim) + " is out of range for shape length " + text(count));
  for (std::int64_t i = 0; i < count; ++i) {
    const Entry& entry = shape.entries[static_cast<std::size_t>(i)];
    if (entry.is_list) {
      if (i != shape.dim)
        fail("nested tuple only allowed at partition_dim=" + text(shape.dim) + ", got at " +
             text(i));
      if (entry.sub_sizes.empty()) fail("sub-parameter size tuple cannot be empty");
      for (const std::int64_t size : entry.sub_sizes)
        if (size < 1 || size > kLargestSize) fail("sub-parameter sizes must be positive integers");
    } else if (entry.size != -1 && (entry.size < 1 || entry.size > kLargestSize)) {
      fail(i == shape.dim ? "partition_dim spec must be positive integer or -1"
                          : "shape dimensions must be positive integers or -1");
    }
  }
}

std::int64_t SubParameters::repeats() const {
  if (cuts_input()) return 1;
  return product_of({logical.begin(), logical.begin() + dim});
}

std::int64_t SubParameters::features_per_step() const {
  if (cuts_input()) return 1;
  return product_of({logical.begin() + dim + 1, logical.end() - 1});
}

SubParameters resolve_sub_parameters(const Shape& weight, const SubParameterShape& shape,
                                     const std::string& name, const SourcePlace& place) {
  SHARDPROOF_EXPECTS(weight.size() == 2, name, to_string(weight));
  check_shape(shape, name, place);
  return Resolver(weight, shape, name, place).resolve();
}

}  // namespace shardproof
