#pragma once

#include <span>

#include "scenarios/json/neutral_key.hpp"

namespace shardproof {

/// The keys of one section of a DeepSpeed config that need no code of their own.
struct SectionKeys {
  std::span<const char* const> harmless;
  std::span<const NeutralKey> neutral;
  /// Sections that are accepted only if they are switched off ("enabled" false or absent).
  std::span<const NeutralKey> switched_off;
};

SectionKeys top_level_keys();
/// Of the top level, what says how gradients become an update.
SectionKeys update_keys();
SectionKeys zero_optimization_keys();
SectionKeys offload_keys();
SectionKeys tensor_parallel_keys();
SectionKeys bf16_keys();
SectionKeys fp16_keys();
SectionKeys adam_keys();
/// Of torch's form, whose keys are the arguments of torch's classes.
SectionKeys torch_adam_keys();
SectionKeys sgd_keys();

/// Applies the rows of a section: refuses by name, and appends what it accepted to
/// `without_effect`.
void apply(const SectionKeys& keys, ObjectReader& reader, std::vector<std::string>& without_effect);

/// Accepts all of a section's keys, whatever their values, and appends those that are there to
/// `without_effect`.
void pass_over(const SectionKeys& keys, ObjectReader& reader,
               std::vector<std::string>& without_effect);

}  // namespace shardproof
