#pragma once

#include <utility>

#include "bounds_cases.hpp"

namespace shardproof::testing {

using tests::CpuKernels;
using Arguments = std::vector<Stored>;

/// Collects the cases of one dtype and distribution.
struct Builder {
  Dtype storage;
  Distribution distribution;
  const Extents& e;
  Dice& dice;
  std::vector<Case> cases;

  Dtype compute() const { return storage == Dtype::fp64 ? Dtype::fp64 : Dtype::fp32; }
  Stored draw(Shape shape) { return dice.tensor(storage, std::move(shape), distribution); }

  template <class Run>
  Case& put(reference::UnitKind kind, reference::UnitAttributes attributes, Arguments arguments,
            Shape output, Run run) {
    cases.push_back({storage,
                     distribution,
                     kind,
                     attributes,
                     {.output = storage, .compute = compute(), .hop = storage},
                     std::move(arguments),
                     std::move(output),
                     run});
    return cases.back();
  }

  void movement();
  void single_roundings();
  void products();
  void partial_products();
  void reductions();
  void norms();
  void positions();
  void attention();
  void attention_backward();
  void activation();
  void loss();
  void squared_errors();
  void optimizer();
  void sgd();
  void torch_optimizer();
  void scalars();
  // bounds_cases_families.cpp: what other families than Llama's compute
  void layer_norms();
  void norms_of_heads();
  void gelu();
  void relu();
  void caps();
  void shifted_norms();
  // bounds_cases_attention.cpp: positions and attention in other forms than Llama's
  void other_positions();
  void other_attention();
  void capped_attention();
  // bounds_cases_heads.cpp: features by heads and blocks, weights (I, O)
  void positions_of_tokens();
  void splits();
  void repeated_heads();
  void weights_in_out();
  // bounds_cases_experts.cpp
  void experts_of_tokens();
  void experts_by_scores();
  void sigmoids();
};

}  // namespace shardproof::testing
