#pragma once

#include <cstddef>
#include <memory>
#include <span>

namespace shardproof::reports {

/// Something that falls into parts, any of which may be done before any other, on any thread. What
/// they leave behind does not depend on that.
class Work {
 public:
  virtual ~Work() = default;
  virtual std::size_t parts() const = 0;
  virtual void run(std::size_t part) = 0;
};

/// Does all parts of all works, on as many threads as the judge may use; one takes the next part
/// when it has done its last. Of several exceptions the one of the first part is thrown.
void run_all(std::span<const std::shared_ptr<Work>> works);

/// The same of one.
void run_parts(const std::shared_ptr<Work>& work);

/// How many threads run_all() uses; at first as many as there are processors for this process.
void use_threads(int count);
int threads_in_use();

}  // namespace shardproof::reports
