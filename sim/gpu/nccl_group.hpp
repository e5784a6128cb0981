#pragma once

// The members of a communicator of the simulated NCCL, and their words to one another: what each
// says to every other before they go on together.

#include <chrono>
#include <cstddef>
#include <cstring>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "sim/gpu/messages.hpp"
#include "sim/gpu/polled.hpp"

namespace shardproof::sim::gpu {

/// How long a member waits for another before it is an error; set_nccl_patience sets it.
extern std::chrono::milliseconds nccl_patience;

/// The members of a communicator, and how a message finds them.
struct Group {
  std::shared_ptr<Messages> messages;
  std::vector<int> members;  // their ranks in the job, by rank
  int rank = 0;
  int tag = 0;  // of its messages
  std::string name;

  int size() const { return static_cast<int>(members.size()); }
  int member(int number) const {
    const int n = size();
    return members[static_cast<std::size_t>((number % n + n) % n)];
  }
};

/// "rank 1 of "tp" (3 of the job)": as errors name a member, so that it is found in the job too.
std::string who(const Group& group, int rank);

/// Everybody's word to everybody, by rank.
template <class Word>
struct Round {
  Round(const Group& group, const Word& own)
      : group(group), post(*group.messages), words(group.members.size()) {
    for (int r = 0; r < group.size(); ++r) {
      if (r == group.rank) continue;
      const auto bytes = std::as_bytes(std::span(&own, 1));
      post.send(group.member(r), group.tag, std::vector<std::byte>(bytes.begin(), bytes.end()));
      arriving.push_back(&post.receive(group.member(r), group.tag, sizeof(Word)));
    }
    words[static_cast<std::size_t>(group.rank)] = own;
  }
  const std::vector<Word>& said() {
    std::size_t next = 0;
    for (int r = 0; r < group.size(); ++r)
      if (r != group.rank)
        std::memcpy(&words[static_cast<std::size_t>(r)], arriving[next++]->data(), sizeof(Word));
    return words;
  }

  /// "rank 0 of "tp" (0 of the job), rank 2 ...": who has said nothing.
  std::string silent() {
    std::string text;
    std::size_t next = 0;
    for (int r = 0; r < group.size(); ++r)
      if (r != group.rank && !post.done(*arriving[next++]))
        text += (text.empty() ? "" : ", ") + who(group, r);
    return text;
  }

  const Group& group;
  Post post;
  std::vector<const std::vector<std::byte>*> arriving;
  std::vector<Word> words;
};

/// Until all messages of `post` have arrived. `late` names, by an error, those who keep it waiting.
Until arrived(Post& post, std::function<void()> late);

}  // namespace shardproof::sim::gpu
