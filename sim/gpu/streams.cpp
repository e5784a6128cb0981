#include "sim/gpu/streams.hpp"

#include <algorithm>
#include <chrono>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "sim/gpu/running.hpp"
#include "sim/gpu/runtime.hpp"
#include "sim/gpu/schedule.hpp"

namespace shardproof::sim::gpu {
namespace {

using Kind = Schedule::Kind;

// Handles of what was destroyed are known, so none is ever given again.
struct Streams {
  StreamQueue fallback;  // the default stream
  std::vector<std::unique_ptr<StreamQueue>> made;
  std::unordered_map<const EventState*, std::unique_ptr<EventState>> events;
};
Streams& streams() {
  static Streams now;
  return now;
}

std::vector<StreamQueue*> with_tasks() {
  std::vector<StreamQueue*> found;
  if (!streams().fallback.tasks.empty()) found.push_back(&streams().fallback);
  for (const auto& stream : streams().made)
    if (!stream->tasks.empty()) found.push_back(stream.get());
  return found;
}

/// Tells `running` whose work it is, and takes that back.
class Working {
 public:
  explicit Working(const Task& task) {
    running.work = &task.what;
    running.label = &task.label;
  }
  Working(const Working&) = delete;
  Working& operator=(const Working&) = delete;
  ~Working() { running.work = running.label = nullptr; }
};

/// A finding drops what other tasks there are; this one is in nobody's queue while it runs.
bool run_first(StreamQueue& stream) {
  Task task = std::move(stream.tasks.front());
  stream.tasks.pop_front();
  if (task.work) {
    const Working working(task);
    try {
      if (!task.work()) {
        stream.tasks.push_front(std::move(task));
        return false;
      }
    } catch (...) {
      set_lost(true);
      drop_tasks();
      throw;
    }
  }
  if (task.marked) task.marked->past = true;
  ++stream.done;
  return true;
}

/// Does one thing that brings the stream on, in another stream if it waits for that one. False if
/// there is none, or it waits for another process.
bool advance(StreamQueue& stream) {
  if (stream.tasks.empty()) return false;
  const Task& first = stream.tasks.front();
  if (first.awaited && !first.awaited->past) return advance(*first.awaited->stream);
  return run_first(stream);
}

/// The same where the stream's own work is to run as late as it may: what other streams are awaited
/// for, up to `goal` or to the end, runs before it. So work of theirs that should have waited for
/// this stream's, and does not, comes too early.
bool advance_late(StreamQueue& stream, const Marker* goal = nullptr) {
  const std::size_t end = goal != nullptr ? goal->number : stream.done + stream.tasks.size();
  for (stream.looked_at = std::max(stream.looked_at, stream.done); stream.looked_at < end;
       ++stream.looked_at) {
    const Task& task = stream.tasks[stream.looked_at - stream.done];
    if (task.awaited && !task.awaited->past)
      return advance_late(*task.awaited->stream, task.awaited.get());
  }
  return !stream.tasks.empty() && run_first(stream);
}

bool advance_any() {
  const auto found = with_tasks();
  return std::ranges::any_of(found, [](StreamQueue* stream) { return advance(*stream); });
}

bool advance_some() {
  const auto found = with_tasks();
  return !found.empty() && advance(*found[next_choice(static_cast<std::uint32_t>(found.size()))]);
}

void run_what_is_due() {
  switch (schedule().kind) {
    case Kind::latest: return;
    case Kind::earliest:
      while (advance_any()) {
      }
      return;
    case Kind::random:
      while (next_choice(4) == 0 && advance_some()) {
      }
  }
}

/// Until `done`, which `stream` brings about; by `goal`, if there is one. What waits for other
/// processes is asked again and again; when that has been in vain for a while, other streams may go
/// on too, whatever the schedule: the other process may wait for them.
template <class Done>
void run_until(Done done, StreamQueue& stream, const Marker* goal = nullptr) {
  using Clock = std::chrono::steady_clock;
  constexpr std::chrono::milliseconds patience(100);
  auto moved = Clock::now();
  while (!done()) {
    const bool on = schedule().kind == Kind::latest   ? advance_late(stream, goal)
                    : schedule().kind == Kind::random ? advance_some()
                                                      : advance_any();
    if (on || (Clock::now() - moved > patience && advance_any()))
      moved = Clock::now();
    else
      std::this_thread::sleep_for(std::chrono::microseconds(20));
  }
}

}  // namespace

StreamQueue* make_stream() {
  return streams().made.emplace_back(std::make_unique<StreamQueue>()).get();
}
EventState* make_event() {
  auto made = std::make_unique<EventState>();
  EventState* const handle = made.get();
  streams().events[handle] = std::move(made);
  return handle;
}

StreamQueue* find_stream(StreamQueue* handle) {
  if (handle == nullptr || handle == &streams().fallback) return &streams().fallback;
  const auto same = [handle](const auto& stream) { return stream.get() == handle; };
  return std::ranges::any_of(streams().made, same) && handle->alive ? handle : nullptr;
}
EventState* find_event(EventState* handle) {
  return streams().events.contains(handle) && handle->alive ? handle : nullptr;
}
bool has_streams() {
  return std::ranges::any_of(streams().made, [](const auto& stream) { return stream->alive; });
}

void ask(StreamQueue& stream, Task task) {
  if (running.work != nullptr) fail("asks for other work: " + task.what);
  if (is_lost()) return;
  task.label = current_label();
  if (task.marked) task.marked->number = stream.done + stream.tasks.size();
  stream.tasks.push_back(std::move(task));
  run_what_is_due();
}

void wait_for(const MarkerPointer& marker) {
  run_until([&] { return marker->past; }, *marker->stream, marker.get());
}
void wait_for(StreamQueue& stream) {
  run_until([&] { return stream.tasks.empty(); }, stream);
}
void wait_for_all() {
  for (auto found = with_tasks(); !found.empty(); found = with_tasks()) wait_for(*found.front());
}

bool poll(Marker& marker) {
  run_what_is_due();
  constexpr int enough = 1000;
  if (!marker.past && ++marker.queries > enough) advance(*marker.stream);
  return marker.past;
}

void drop_tasks() {
  for (StreamQueue* const stream : with_tasks()) {
    for (const Task& task : stream->tasks)
      if (task.marked) task.marked->past = true;  // nobody waits for what will not be
    stream->done += stream->tasks.size();
    stream->tasks.clear();
  }
}

void destroy_all_streams() {
  drop_tasks();
  for (const auto& stream : streams().made) stream->alive = false;
  for (const auto& [handle, event] : streams().events) event->alive = false;
}

}  // namespace shardproof::sim::gpu
