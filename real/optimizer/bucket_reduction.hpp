#pragma once

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "real/optimizer/flat_partition.hpp"

namespace shardproof::real {

/// The mean of gradients over the replicas, bucket by bucket: how every stage of ZeRO reduces.
///
///   flatten    the bucket's gradients, one after another
///   divide     by D                       where the policy divides before (spec-autotp 7.7.3)
///   all_reduce over dp, in the policy's wire dtype
///   scale      by RN(1/D)                 where it multiplies after (spec-autotp 7.7.2, 7.11)
///
/// Under `ring`, with three replicas or more, the elements of parameters that every TP rank holds
/// are added in rank order in a bucket that cuts of unlike size lay out otherwise on each TP rank:
/// what is replicated stays alike in bits (docs/decisions/0009).
///
/// A DP group of one reduces nothing and divides by nothing. Without overlap a bucket is complete
/// before the next one is packed. With overlap (overlap_comm) the buffers are two: a bucket travels
/// while the next one is packed, and waits before the one after that may be.
class BucketReduction {
 public:
  /// `take` is told each averaged bucket, "reduce/*/averaged", as soon as it is complete.
  using Take = std::function<void(std::size_t bucket, ValueId averaged)>;
  BucketReduction(Builder& builder, const FlatPartition& partition, Take take)
      : builder_(builder), partition_(partition), take_(std::move(take)) {}

  /// The gradients of the bucket's entries, in their order: each still a sum over the replicas.
  void start(std::size_t bucket, const std::vector<ValueId>& gradients);
  /// Waits for every bucket that is under way.
  void finish();

  static std::string module_of(std::size_t bucket) { return "bucket_" + std::to_string(bucket); }

 private:
  struct UnderWay {
    std::size_t bucket;
    ValueId reduced;
  };
  ValueId flat_value(std::size_t bucket, const std::string& name, Dtype dtype, AxisPlacement dp);
  bool lies_elsewhere_on_tp_ranks(std::size_t bucket) const;
  void finish_oldest();

  Builder& builder_;
  const FlatPartition& partition_;
  Take take_;
  std::deque<UnderWay> under_way_;
};

}  // namespace shardproof::real
