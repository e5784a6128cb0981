#include "scenarios/driver/progress.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <ostream>
#include <sstream>

#include "scenarios/driver/terminal.hpp"

namespace shardproof {

std::string to_line(const Progress& progress) {
  return "progress " + progress.job + " " + progress.unit + " " + std::to_string(progress.done) +
         "/" + std::to_string(progress.total);
}

namespace {

std::optional<std::int64_t> number_in(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

bool is_pipe(int fd, ino_t inode) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode) && status.st_ino == inode;
}

// A descriptor of the same number may be something else by now, in a process that a launcher
// started: only the pipe of the right inode is written to.
FileDescriptor open_progress_pipe() {
  const char* fd_text = std::getenv("SHARDPROOF_PROGRESS_FD");
  const char* pipe_text = std::getenv("SHARDPROOF_PROGRESS_PIPE");
  if (fd_text == nullptr || pipe_text == nullptr) return {};
  const std::string_view pipe = pipe_text;
  const auto colon = pipe.find(':');
  if (colon == std::string_view::npos) return {};
  const auto fd = number_in(fd_text);
  const auto supervisor = number_in(pipe.substr(0, colon));
  const auto inode = number_in(pipe.substr(colon + 1));
  if (!fd || !supervisor || !inode) return {};
  const auto wanted = static_cast<ino_t>(*inode);
  if (is_pipe(static_cast<int>(*fd), wanted)) {
    return FileDescriptor(::fcntl(static_cast<int>(*fd), F_DUPFD_CLOEXEC, 0));
  }
  const std::string path = "/proc/" + std::to_string(*supervisor) + "/fd/" + fd_text;
  FileDescriptor opened(::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NONBLOCK));
  return opened.is_open() && is_pipe(opened.get(), wanted) ? std::move(opened) : FileDescriptor();
}

}  // namespace

std::optional<Progress> progress_from_line(std::string_view line) {
  std::istringstream words{std::string(line)};
  std::string keyword, fraction, rest;
  Progress progress;
  if (!(words >> keyword >> progress.job >> progress.unit >> fraction) || words >> rest) return {};
  const auto slash = fraction.find('/');
  if (keyword != "progress" || slash == std::string::npos) return {};
  const auto done = number_in(std::string_view(fraction).substr(0, slash));
  const auto total = number_in(std::string_view(fraction).substr(slash + 1));
  if (!done || !total || *done < 0 || *total < *done) return {};
  progress.done = *done;
  progress.total = *total;
  return progress;
}

ProgressReporter::ProgressReporter(std::string job)
    : job_(std::move(job)), pipe_(open_progress_pipe()) {}

void ProgressReporter::report(const std::string& unit, std::int64_t done,
                              std::int64_t total) const {
  if (!pipe_.is_open()) return;
  const std::string line = to_line({job_, unit, done, total}) + "\n";
  // One write: lines of several processes do not mix. A full pipe loses a line, and no more.
  if (::write(pipe_.get(), line.data(), line.size()) < 0) return;
}

void ProgressDisplay::show(const Progress& progress, Time now) {
  const auto [entry, is_new] = shown_.try_emplace(progress.job);
  if (is_new) jobs_.push_back(progress.job);
  Shown& shown = entry->second;
  shown.progress = progress;
  if (terminal_) {
    redraw();
    return;
  }
  const std::int64_t percent = progress.total > 0 ? 100 * progress.done / progress.total : 100;
  if (!is_new && percent / 10 == shown.tenths && now - shown.when < std::chrono::seconds(30)) {
    return;
  }
  shown.tenths = percent / 10;
  shown.when = now;
  out_ << progress.job << ": " << progress.unit << ' ' << progress.done << '/' << progress.total
       << " (" << percent << " %)\n"
       << std::flush;
}

void ProgressDisplay::redraw() {
  constexpr std::int64_t width = 10;
  std::ostringstream line;
  const char* separator = "";
  for (const std::string& job : jobs_) {
    const Progress& progress = shown_.at(job).progress;
    const auto filled = progress.total > 0 ? width * progress.done / progress.total : width;
    line << separator << job << " [" << std::string(static_cast<std::size_t>(filled), '#')
         << std::string(static_cast<std::size_t>(width - filled), '.') << "] " << progress.unit
         << ' ' << progress.done << '/' << progress.total;
    separator = "  ";
  }
  // What wraps is not erased by the next.
  out_ << "\r\033[K" << line.str().substr(0, columns_of(STDERR_FILENO) - 1) << std::flush;
}

void ProgressDisplay::clear() {
  if (terminal_ && !jobs_.empty()) out_ << "\r\033[K" << std::flush;
}

bool stderr_is_terminal() {
  const char* kind = std::getenv("TERM");
  return ::isatty(STDERR_FILENO) != 0 && kind != nullptr && std::string_view(kind) != "dumb";
}

}  // namespace shardproof
