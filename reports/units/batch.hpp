#pragma once

#include <memory>
#include <vector>

#include "reports/units/unit_judgement.hpp"
#include "reports/units/unit_memo.hpp"
#include "reports/values/hashed_tensor.hpp"

namespace shardproof::reports {

/// What is to be hashed and judged, gathered until there is enough of it for every thread.
class Batch {
 public:
  void add(std::shared_ptr<Work> work);
  void add(const std::shared_ptr<HashedOnce>& hashed);
  void add(const std::shared_ptr<JudgedOnce>& judged);
  bool is_full() const { return parts_ >= enough; }
  /// Does it all; from then on it is known, and the batch is empty.
  void run();

 private:
  static constexpr std::size_t enough = 1 << 14;

  std::vector<std::shared_ptr<Work>> works_;
  std::vector<std::shared_ptr<HashedOnce>> hashed_;
  std::vector<std::shared_ptr<JudgedOnce>> judged_;
  std::size_t parts_ = 0;
};

}  // namespace shardproof::reports
