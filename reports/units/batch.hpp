#pragma once

#include <memory>
#include <vector>

#include "reports/units/unit_judgement.hpp"
#include "reports/units/unit_memo.hpp"
#include "reports/values/hashed_tensor.hpp"

namespace shardproof::reports {

/// What is to be hashed and judged. A crew is at it from the moment it is added; what was found is
/// known when all of it is done.
class Batch {
 public:
  void add(std::shared_ptr<Work> work);
  void add(const std::shared_ptr<HashedOnce>& hashed);
  void add(const std::shared_ptr<JudgedOnce>& judged);
  bool is_full() const { return parts_ >= enough; }
  /// Until all is done; from then on it is known, and the batch is empty.
  void finish();

 private:
  static constexpr std::size_t enough = 1 << 14;

  Crew crew_;
  std::vector<std::shared_ptr<HashedOnce>> hashed_;
  std::vector<std::shared_ptr<JudgedOnce>> judged_;
  std::size_t parts_ = 0;
};

}  // namespace shardproof::reports
