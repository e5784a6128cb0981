#include "scenarios/pulse.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <utility>

#include "scenarios/memory_peak.hpp"

namespace shardproof {

namespace {

// The record is written once a second; memory is looked at more often, as its peaks are short.
constexpr auto interval = std::chrono::milliseconds(50);
constexpr int looks_for_a_record = 20;

std::int64_t nanoseconds_now() {
  return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Of a fixed size, and written over itself: that needs no room on a disk that has become full.
constexpr std::size_t record_bytes = 1024;

std::string text_of(const PulseRecord& record) {
  std::ostringstream text;
  text << record.beats << '\n'
       << name_of(record.doing) << '\n'
       << record.slowest_seconds << ' ' << record.expected_seconds << '\n'
       << record.host << ' ' << record.process << '\n'
       << record.who << '\n'
       << record.what.substr(0, record_bytes / 2) << '\n';
  std::string padded = text.str();
  padded.resize(record_bytes, '\n');
  return padded;
}

std::optional<PulseRecord> record_in(const std::filesystem::path& path) {
  std::ifstream file(path);
  PulseRecord record;
  std::string doing;
  if (!(file >> record.beats >> doing >> record.slowest_seconds >> record.expected_seconds >>
        record.host >> record.process))
    return std::nullopt;
  const auto known = from_name<Doing>(doing);
  file.ignore();
  if (!known || !std::getline(file, record.who) || !std::getline(file, record.what))
    return std::nullopt;
  record.doing = *known;
  return record;
}

void write_record(const std::string& path, const PulseRecord& record) {
  const std::string text = text_of(record);
  // Opened and closed each time, so that a reader on another node of the cluster sees it.
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  if (file < 0) return;
  [[maybe_unused]] const ssize_t written = ::write(file, text.data(), text.size());
  ::close(file);
}

}  // namespace

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

Pulse& Pulse::of_this_process() {
  static Pulse pulse;
  return pulse;
}

void Pulse::publish(const std::string& folder) {
  const std::string path = folder + "/" + host_name() + "." + std::to_string(::getpid());
  last_ = nanoseconds_now();
  static_cast<void>(MemoryPeak::of_this_process());  // made first, it outlives the publisher
  {
    const std::lock_guard lock(mutex_);
    path_ = path;
  }
  write_record(path, record());
  publisher_ =
      std::jthread([this, path](const std::stop_token& stop) { keep_publishing(stop, path); });
}

void Pulse::keep_publishing(const std::stop_token& stop, const std::string& path) const {
  std::mutex asleep;
  std::condition_variable_any wake;
  std::string told;
  std::unique_lock lock(asleep);
  MemoryPeak& memory = MemoryPeak::of_this_process();
  for (int looks = 0; !stop.stop_requested(); ++looks) {
    memory.look();
    if (looks % looks_for_a_record == 0) {
      const PulseRecord now = record();
      if (std::string text = text_of(now); text != told) {
        write_record(path, now);
        told = std::move(text);
      }
    }
    wake.wait_for(lock, stop, interval, [] { return false; });
  }
  memory.look();
  const std::filesystem::path place(path);
  leave_peak(place.parent_path(), place.filename(), memory);
  std::error_code none;
  std::filesystem::remove(path, none);
}

PulseRecord Pulse::record() const {
  const std::lock_guard lock(mutex_);
  PulseRecord record{who_, what_, host_name(), ::getpid(), doing_};
  record.expected_seconds = expected_;  // before the beats: see ~LongCall
  record.beats = beats_;
  record.slowest_seconds = static_cast<double>(slowest_) / 1e9;
  return record;
}

// At once: whoever dies in the next second has come as far as this.
void Pulse::call(const std::string& who) {
  std::string path;
  {
    const std::lock_guard lock(mutex_);
    who_ = who;
    path = path_;
  }
  if (!path.empty()) write_record(path, record());
}

// What it waited for, or did to get ready, is no measure of how long its work takes.
void Pulse::beat() {
  const std::int64_t now = nanoseconds_now();
  const std::int64_t took = now - last_.exchange(now);
  // Of two threads at once either will do.
  if (doing_ == Doing::working && took > slowest_) slowest_ = took;
  ++beats_;
}

void Pulse::set(Doing doing, std::string_view what) {
  const std::lock_guard lock(mutex_);
  beat();
  doing_ = doing;
  what_ = what;
}

Pulse::Waiting::Waiting(std::string_view what) {
  Pulse& pulse = of_this_process();
  const std::lock_guard lock(pulse.mutex_);
  pulse.beat();
  doing_ = pulse.doing_;
  const bool starts = doing_ == Doing::starting || doing_ == Doing::waiting_to_start;
  pulse.doing_ = starts ? Doing::waiting_to_start : Doing::waiting;
  what_ = std::exchange(pulse.what_, std::string(what));
}

Pulse::Waiting::~Waiting() { of_this_process().set(doing_, what_); }

Pulse::LongCall::LongCall(double seconds) : seconds_(seconds) {
  of_this_process().expected_ += seconds_;
}

// The beat first: between the two there must be no record of an old beat without its allowance.
Pulse::LongCall::~LongCall() {
  of_this_process().beat();
  of_this_process().expected_ -= seconds_;
}

std::vector<PulseRecord> read_pulses(const std::string& folder) {
  std::error_code none;
  std::vector<std::filesystem::path> files;
  for (std::filesystem::directory_iterator entry(folder, none), end; entry != end && !none;
       entry.increment(none))
    files.push_back(entry->path());
  std::ranges::sort(files);
  std::vector<PulseRecord> records;
  for (const std::filesystem::path& file : files)
    if (auto record = record_in(file)) records.push_back(std::move(*record));
  return records;
}

}  // namespace shardproof
