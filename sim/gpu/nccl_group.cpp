#include "sim/gpu/nccl_group.hpp"

#include <thread>
#include <utility>

namespace shardproof::sim::gpu {

std::chrono::milliseconds nccl_patience = std::chrono::minutes(5);

std::string who(const Group& group, int rank) {
  return "rank " + std::to_string(rank) + " of \"" + group.name + "\" (" +
         std::to_string(group.member(rank)) + " of the job)";
}

Until arrived(Post& post, std::function<void()> late) {
  return {[&post] {
            const bool done = post.done();
            if (!done) std::this_thread::yield();  // the others may share this core
            return done;
          },
          nccl_patience, std::move(late)};
}

}  // namespace shardproof::sim::gpu
