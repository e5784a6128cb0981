#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "real/run/rank_executor.hpp"

namespace shardproof::real {

/// A scope in which one sharded layer's parameters are whole, as DeepSpeed's context manager of the
/// same name gives them (spec-autotp 1.12), without its traps:
///
///   {
///     GatherReplacedLayerParams scope(executor, "model.layers.0.mlp.up_proj", moment);
///     std::vector<double> weight = scope.read("model.layers.0.mlp.up_proj.weight");  // (O, I),
///                                                                                    whole
///     scope.write("model.layers.0.mlp.up_proj.weight", edited);
///     scope.close();
///   }   // here, if close() was not called (an exception passes), the layer is cut again all the
///       same
///
/// Every rank of the group must open and close it together, and leave the same weights: close()
/// compares checksums over all ranks and throws EnvironmentError, after cutting, if they differ.
/// Refuses (InvariantError) a layer that is not sharded, a scope inside another, and a parameter
/// that is not one of the layer's sharded ones (a row-parallel bias is replicated: nothing to
/// gather).
///
/// Blocks until other ranks have done their part: for a rank that is a process, or a world of one.
class GatherReplacedLayerParams {
 public:
  GatherReplacedLayerParams(RankExecutor& executor, const std::string& layer, const Moment& moment);
  ~GatherReplacedLayerParams();
  GatherReplacedLayerParams(const GatherReplacedLayerParams&) = delete;
  GatherReplacedLayerParams& operator=(const GatherReplacedLayerParams&) = delete;

  /// The whole parameter, row-major, decoded.
  std::vector<double> read(const std::string& parameter) const;
  /// Replaces it on this rank; each element is rounded to the parameter's dtype.
  void write(const std::string& parameter, std::span<const double> values);
  void close();

 private:
  void run(const std::string& segment);
  ValueId whole(const std::string& parameter) const;

  RankExecutor& executor_;
  std::string layer_;
  Moment moment_;
  std::map<std::string, ValueId> whole_;
  ValueId spread_ = -1;
  bool open_ = false;
};

}  // namespace shardproof::real
