#include "scenarios/files/background_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <stop_token>
#include <system_error>
#include <thread>
#include <vector>

#include "scenarios/files/file_descriptor.hpp"
#include "scenarios/files/write_failure.hpp"
#include "scenarios/pulse.hpp"

namespace shardproof {

struct BackgroundFile::Target {
  std::string path;
  FileDescriptor file;
  std::atomic<int> error{0};  // the first
};

// Memory goes round: the pages of a fresh piece of it cost as much as writing them.
class BackgroundFile::Queue {
 public:
  static std::shared_ptr<Queue> of_this_process();
  Queue() { free_.reserve(most_chunks); }

  void take(Target& target, std::uint64_t offset, std::size_t size, const Fill& fill);
  void take(Target& target, std::uint64_t offset, std::span<const std::byte> bytes);
  void finish();

 private:
  static constexpr std::size_t chunk_bytes = std::size_t{1} << 20;
  static constexpr std::size_t most_chunks = 16;
  static constexpr std::size_t part_bytes = std::size_t{1} << 16;

  struct Piece {
    Target* target = nullptr;
    std::uint64_t offset = 0;
    std::size_t size = 0;
    bool goes_on_at(const Target& other, std::uint64_t at) const {
      return target == &other && offset + size == at;
    }
  };
  struct Chunk {
    std::unique_ptr<std::byte[]> memory;
    std::size_t used = 0;
    std::vector<Piece> pieces;  // one after another
  };

  static std::size_t part_of(std::size_t size, std::size_t room);
  static void write(const Chunk& chunk);
  static void write(const Piece& piece, const std::byte* bytes);

  void add(Target& target, std::uint64_t offset, std::size_t size, const Fill& fill);
  bool is_full();
  Chunk new_chunk();
  void make_room(std::unique_lock<std::mutex>& lock);
  void hand_over();
  void begin_thread();
  void write_next(std::unique_lock<std::mutex>& lock);
  void work(const std::stop_token& stop);

  std::mutex producing_;
  Chunk open_;  // is filled; without memory if none is

  std::mutex mutex_;  // of what follows
  std::condition_variable_any brought_, written_;
  std::deque<Chunk> waiting_;
  std::vector<Chunk> free_;
  std::size_t made_ = 0, under_way_ = 0;
  std::jthread thread_;  // ends before the rest does
};

std::shared_ptr<BackgroundFile::Queue> BackgroundFile::Queue::of_this_process() {
  static std::mutex mutex;
  static std::weak_ptr<Queue> shared;
  const std::lock_guard lock(mutex);
  std::shared_ptr<Queue> queue = shared.lock();
  if (!queue) shared = queue = std::make_shared<Queue>();
  return queue;
}

// All of it, or what fits; 0: too little does.
std::size_t BackgroundFile::Queue::part_of(std::size_t size, std::size_t room) {
  return size <= room ? size : room / part_bytes * part_bytes;
}

void BackgroundFile::Queue::take(Target& target, std::uint64_t offset, std::size_t size,
                                 const Fill& fill) {
  const std::lock_guard producing(producing_);
  add(target, offset, size, fill);
}

// Where the thread is behind, to write from where they are is faster than to wait and to copy.
void BackgroundFile::Queue::take(Target& target, std::uint64_t offset,
                                 std::span<const std::byte> bytes) {
  const std::lock_guard producing(producing_);
  while (!bytes.empty()) {
    const auto some = bytes.first(std::min(bytes.size(), chunk_bytes));
    if (some.size() == chunk_bytes && is_full())
      write(Piece{&target, offset, some.size()}, some.data());
    else
      add(target, offset, some.size(), [rest = some](std::span<std::byte> part) mutable {
        std::memcpy(part.data(), rest.data(), part.size());
        rest = rest.subspan(part.size());
      });
    offset += some.size();
    bytes = bytes.subspan(some.size());
  }
}

void BackgroundFile::Queue::add(Target& target, std::uint64_t offset, std::size_t size,
                                const Fill& fill) {
  while (size > 0) {
    if (!open_.memory) open_ = new_chunk();
    const std::size_t count = part_of(size, chunk_bytes - open_.used);
    if (count == 0) {
      hand_over();
      begin_thread();
      continue;
    }
    fill({open_.memory.get() + open_.used, count});
    if (open_.pieces.empty() || !open_.pieces.back().goes_on_at(target, offset))
      open_.pieces.push_back({&target, offset, 0});
    open_.pieces.back().size += count;
    open_.used += count;
    offset += count;
    size -= count;
  }
}

bool BackgroundFile::Queue::is_full() {
  const std::lock_guard lock(mutex_);
  return free_.empty() && made_ == most_chunks;
}

BackgroundFile::Queue::Chunk BackgroundFile::Queue::new_chunk() {
  std::unique_lock lock(mutex_);
  if (free_.empty() && made_ < most_chunks) {
    Chunk chunk{std::make_unique_for_overwrite<std::byte[]>(chunk_bytes), 0, {}};
    ++made_;
    return chunk;
  }
  if (free_.empty()) make_room(lock);
  Chunk chunk = std::move(free_.back());
  free_.pop_back();
  return chunk;
}

void BackgroundFile::Queue::make_room(std::unique_lock<std::mutex>& lock) {
  const Pulse::LongCall underway(Pulse::LongCall::seconds_of_file(most_chunks * chunk_bytes));
  while (free_.empty())
    if (waiting_.empty())
      written_.wait(lock);
    else
      write_next(lock);
}

void BackgroundFile::Queue::hand_over() {
  if (!open_.memory) return;
  const std::lock_guard lock(mutex_);
  waiting_.push_back(std::move(open_));
  open_ = {};
  brought_.notify_one();
}

void BackgroundFile::Queue::begin_thread() {
  if (thread_.joinable()) return;
  try {
    thread_ = std::jthread([this](const std::stop_token& stop) { work(stop); });
  } catch (const std::system_error&) {  // where no more threads are allowed, the owner writes
  }
}

void BackgroundFile::Queue::work(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (brought_.wait(lock, stop, [this] { return !waiting_.empty(); })) write_next(lock);
}

// The lock is held when it is called, and when it returns.
void BackgroundFile::Queue::write_next(std::unique_lock<std::mutex>& lock) {
  Chunk chunk = std::move(waiting_.front());
  waiting_.pop_front();
  ++under_way_;
  lock.unlock();
  write(chunk);
  chunk.used = 0;
  chunk.pieces.clear();
  lock.lock();
  --under_way_;
  free_.push_back(std::move(chunk));
  written_.notify_all();
}

void BackgroundFile::Queue::write(const Chunk& chunk) {
  const std::byte* bytes = chunk.memory.get();
  for (const Piece& piece : chunk.pieces) {
    write(piece, bytes);
    bytes += piece.size;
  }
}

void BackgroundFile::Queue::write(const Piece& piece, const std::byte* bytes) {
  std::size_t done = 0;
  while (done < piece.size && piece.target->error == 0) {
    const ssize_t written = ::pwrite(piece.target->file.get(), bytes + done, piece.size - done,
                                     static_cast<off_t>(piece.offset + done));
    if (written > 0)
      done += static_cast<std::size_t>(written);
    else if (written == 0 || errno != EINTR)
      piece.target->error = written == 0 ? EIO : errno;
  }
}

void BackgroundFile::Queue::finish() {
  const std::lock_guard producing(producing_);
  const Pulse::LongCall underway(Pulse::LongCall::seconds_of_file(most_chunks * chunk_bytes));
  hand_over();
  std::unique_lock lock(mutex_);
  while (!waiting_.empty()) write_next(lock);
  written_.wait(lock, [this] { return under_way_ == 0; });
}

BackgroundFile::BackgroundFile(const std::string& path)
    : target_(std::make_unique<Target>()), queue_(Queue::of_this_process()) {
  target_->path = path;
  target_->file = FileDescriptor(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!target_->file.is_open()) throw write_failure(path, "cannot be opened", errno);
}

BackgroundFile::~BackgroundFile() { queue_->finish(); }

void BackgroundFile::expect_no_error() const {
  if (const int error = target_->error)
    throw write_failure(target_->path, "cannot be written", error);
}

void BackgroundFile::write(std::uint64_t offset, std::size_t size, const Fill& fill) {
  expect_no_error();
  queue_->take(*target_, offset, size, fill);
}

void BackgroundFile::write(std::uint64_t offset, std::span<const std::byte> bytes) {
  expect_no_error();
  queue_->take(*target_, offset, bytes);
}

void BackgroundFile::finish() {
  queue_->finish();
  expect_no_error();
}

}  // namespace shardproof
