#include "reports/units/batch.hpp"

#include "scenarios/errors.hpp"
#include "scenarios/trace/tensor_hash.hpp"

namespace shardproof::reports {

UnitMemo::Digest UnitMemo::digest(const std::string& key) {
  return xxh3_128(std::as_bytes(std::span(key)));
}

void Batch::add(std::shared_ptr<Work> work) {
  parts_ += work->parts();
  crew_.add(std::move(work));
}

void Batch::add(const std::shared_ptr<HashedOnce>& hashed) {
  add(std::shared_ptr<Work>(hashed->underway));
  hashed_.push_back(hashed);
}

void Batch::add(const std::shared_ptr<JudgedOnce>& judged) {
  add(std::shared_ptr<Work>(judged->underway));
  judged_.push_back(judged);
}

void Batch::finish() {
  crew_.wait();
  for (const auto& hashed : hashed_) {
    hashed->hash = hashed->underway->hash();
    hashed->underway.reset();
  }
  for (const auto& judged : judged_) {
    try {
      judged->verdict = judged->underway->verdict();
    } catch (const InvariantError&) {
      judged->error = std::current_exception();
    }
    judged->underway.reset();
  }
  hashed_.clear();
  judged_.clear();
  parts_ = 0;
}

}  // namespace shardproof::reports
