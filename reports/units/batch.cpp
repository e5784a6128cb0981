#include "reports/units/batch.hpp"

#include <algorithm>

#include "scenarios/errors.hpp"
#include "scenarios/trace/tensor_hash.hpp"

namespace shardproof::reports {

namespace {

template <class Once, class Result>
void take(Once& once, Result result) {
  try {
    result();
  } catch (const InvariantError&) {
    once.error = std::current_exception();
  }
  once.underway.reset();
}

}  // namespace

UnitMemo::Digest UnitMemo::digest(const std::string& key) {
  return xxh3_128(std::as_bytes(std::span(key)));
}

bool KnownOnce::is_of_other_bytes() const {
  return std::ranges::any_of(of, [](const auto& c) { return c->is_known() && !c->holds(); });
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
  for (const auto& hashed : hashed_)
    take(*hashed, [&] { hashed->hash = hashed->underway->hash(); });
  for (const auto& judged : judged_)
    take(*judged, [&] { judged->verdict = judged->underway->verdict(); });
  hashed_.clear();
  judged_.clear();
  parts_ = 0;
}

}  // namespace shardproof::reports
