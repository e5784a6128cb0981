#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace shardproof::sim::gpu {

/// Messages among the processes of the MPI job, apart from all others. Nothing here waits.
class Messages {
 public:
  /// EnvironmentError if MPI has not begun.
  Messages();
  ~Messages();
  Messages(const Messages&) = delete;
  Messages& operator=(const Messages&) = delete;

  /// Whether all processes have come; until then nothing is to be sent. EnvironmentError if MPI
  /// fails.
  bool ready();
  int rank() const { return rank_; }
  int size() const { return size_; }
  /// Which tag no group of this process has yet.
  int next_tag() const { return next_tag_; }
  void set_next_tag(int tag) { next_tag_ = tag; }

 private:
  friend class Post;
  struct State;
  std::unique_ptr<State> state_;
  int rank_ = 0;
  int size_ = 1;
  int next_tag_ = 1;
};

/// Messages on their way. Those from one process to another with one tag arrive in the order sent.
/// They own what they carry: a Post may go while they are under way.
class Post {
 public:
  explicit Post(Messages& messages);
  ~Post();
  Post(const Post&) = delete;
  Post& operator=(const Post&) = delete;

  void send(int to, int tag, std::vector<std::byte> content);
  /// The place of what will have arrived when it is done.
  const std::vector<std::byte>& receive(int from, int tag, std::size_t bytes);
  /// All of it.
  bool done();
  /// The message that lies there.
  bool done(const std::vector<std::byte>& content);

 private:
  struct State;
  Messages& messages_;
  std::unique_ptr<State> state_;
};

}  // namespace shardproof::sim::gpu
