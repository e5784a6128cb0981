#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <string>

namespace shardproof::sim::gpu {

struct StreamQueue;

/// A place in a stream: past when all that was asked before it is done.
struct Marker {
  StreamQueue* stream = nullptr;
  std::size_t number = 0;  // of its task, among all that the stream was asked for
  bool past = false;
  int queries = 0;  // while it was not
};
using MarkerPointer = std::shared_ptr<Marker>;

/// What a stream was asked for: work, or to wait for a place in a stream, or to mark one.
struct Task {
  std::string what;
  std::string label = {};
  std::function<bool()> work = {};  // whether it is done
  MarkerPointer awaited = {};
  MarkerPointer marked = {};
};

struct StreamQueue {
  std::deque<Task> tasks;     // not done yet
  std::size_t done = 0;       // tasks before those
  std::size_t looked_at = 0;  // tasks before this one wait for nothing that is not past
  bool alive = true;
};

struct EventState {
  MarkerPointer recorded;  // null: never
  bool alive = true;
};

StreamQueue* make_stream();
EventState* make_event();
/// The stream of that handle, the default one for null; null if it was destroyed, or is none.
StreamQueue* find_stream(StreamQueue* handle);
EventState* find_event(EventState* handle);
bool has_streams();

/// Asks a stream for a task, and runs what the schedule runs now.
void ask(StreamQueue& stream, Task task);

// Run what must be done before the host may go on. Findings come out of them.
void wait_for(const MarkerPointer& marker);
void wait_for(StreamQueue& stream);
void wait_for_all();
/// Whether the marker is past. A schedule that never gets there by itself does so when it was asked
/// a thousand times.
bool poll(Marker& marker);

/// Work that is not done will not be.
void drop_tasks();
void destroy_all_streams();

}  // namespace shardproof::sim::gpu
