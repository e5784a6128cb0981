#pragma once

#include <cstdint>
#include <optional>

#include "scenarios/dtype.hpp"
#include "scenarios/partition/partition_rules.hpp"

namespace shardproof {

/// How training is divided among ranks: the DeepSpeed keys of which the oracle knows nothing.
struct ParallelConfig {
  int tensor_parallel = 1;       // tensor_parallel.autotp_size; 0 and 1 shard nothing
  bool tp_overlap_comm = false;  // a column's backward all-reduce runs beside its weight gradient
  int zero_stage = 0;            // 0, 1 or 2
  /// Of what replicas send one another (communication_data_type): the working dtype if absent.
  std::optional<Dtype> dp_wire;
  std::int64_t reduce_bucket_size = 500'000'000;  // elements
  bool overlap_comm = false;  // a bucket is reduced while the next one is filled
  /// Parameters go to the owners of a flat vector in turn: the vector has those of each owner one
  /// after another. Only where ZeRO cuts vectors among several replicas.
  bool round_robin_gradients = false;
  PartitionRules partition_rules;
};

}  // namespace shardproof
