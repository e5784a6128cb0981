#pragma once

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "real/comm/channel.hpp"
#include "scenarios/errors.hpp"

namespace shardproof::real {

/// The post of a group whose members are threads: one mailbox for each pair.
class ThreadPost {
 public:
  using Message = std::vector<std::byte>;
  explicit ThreadPost(int size)
      : size_(size), boxes_(static_cast<std::size_t>(size) * static_cast<std::size_t>(size)) {}

  int size() const { return size_; }
  void put(int from, int to, Message message) {
    const std::lock_guard lock(mutex_);
    box(from, to).push_back(std::move(message));
    arrived_.notify_all();
  }
  Message take(int from, int to) {
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [&] { return !box(from, to).empty(); });
    Message message = std::move(box(from, to).front());
    box(from, to).pop_front();
    return message;
  }

 private:
  std::deque<Message>& box(int from, int to) {
    return boxes_[static_cast<std::size_t>(from * size_ + to)];
  }
  int size_;
  std::vector<std::deque<Message>> boxes_;
  std::mutex mutex_;
  std::condition_variable arrived_;
};

class ThreadChannel : public Channel {
 public:
  ThreadChannel(ThreadPost& post, GroupRank rank) : post_(post), rank_(rank) {}
  GroupRank rank() const override { return rank_; }
  int size() const override { return post_.size(); }
  void send(GroupRank to, std::span<const std::byte> message) override {
    bytes_sent += message.size();
    post_.put(rank_.value, to.value, {message.begin(), message.end()});
  }
  void receive(GroupRank from, std::span<std::byte> message) override {
    const ThreadPost::Message taken = post_.take(from.value, rank_.value);
    SHARDPROOF_EXPECTS(taken.size() == message.size(), taken.size(), message.size());
    std::ranges::copy(taken, message.begin());
  }
  void exchange(GroupRank to, std::span<const std::byte> outgoing, GroupRank from,
                std::span<std::byte> incoming) override {
    send(to, outgoing);
    receive(from, incoming);
  }
  std::size_t bytes_sent = 0;

 private:
  ThreadPost& post_;
  GroupRank rank_;
};

/// Runs member(channel) for every member of a group of `size`, each on a thread of its own.
template <class Member>
void for_each_member(int size, Member member) {
  ThreadPost post(size);
  std::vector<std::jthread> threads;
  for (int r = 0; r < size; ++r)
    threads.emplace_back([&, r] {
      ThreadChannel channel(post, GroupRank{r});
      member(channel);
    });
}

}  // namespace shardproof::real
