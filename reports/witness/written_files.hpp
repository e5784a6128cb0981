#pragma once

#include <functional>
#include <string>

namespace shardproof::reports {

/// What a tool has written is read again, by the judge's own reading (WholeFile, SavedCheckpoint),
/// and held against the checkpoint that it was made of, every tensor as a whole. Each gives what is
/// wrong first, with tensor and index; empty if nothing is. `before_each` is called before each
/// tensor; what it throws ends the reading.

/// A checkpoint for another grid: the same tensors with the same bits, counters and steps.
std::string repartition_problem(
    const std::string& checkpoint, const std::string& written,
    const std::function<void()>& before_each = [] {});

/// A safetensors file: the checkpoint's weights and nothing else, by their Hugging Face names.
std::string consolidation_problem(
    const std::string& checkpoint, const std::string& file,
    const std::function<void()>& before_each = [] {});

}  // namespace shardproof::reports
