#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>

#include "real/kernels.hpp"
#include "real/tensor_view.hpp"

namespace shardproof::real {

/// A place in the order of a stream: all that was asked of it before.
struct Event {
  std::int64_t number = 0;
};

/// `rows` stretches of `width` bytes each, `from_pitch` bytes apart where they lie and `to_pitch`
/// where they go.
///
///   width 2, rows 2, from_pitch 4, to_pitch 2:   a b . . c d . .   ->   a b c d
struct Copy2d {
  const std::byte* from = nullptr;
  std::size_t from_pitch = 0;
  std::byte* to = nullptr;
  std::size_t to_pitch = 0;
  std::size_t width = 0;
  std::size_t rows = 0;
};

/// What a kernel found in its data that has no meaning.
struct KernelError {
  enum class Code : std::int64_t {
    token,   // `value` is no token of a vocabulary of `limit`
    label,   // `value` is no label of a vocabulary of `limit`
    expert,  // `value` is none of `limit` experts
    rows,    // an expert was chosen `value` times and its tensor has `limit` rows
  };
  Code code = Code::token;
  std::int64_t value = 0;
  std::int64_t limit = 0;
  std::int64_t tag = 0;  // of the call
};
/// "token 7 is not in [0, 5)".
std::string describe(const KernelError& error);

/// Memory, what moves bits in it, the order of work, and a table of kernels. The executor knows
/// devices by this alone.
///
/// All that names a stream may return before it is done: `synchronize` waits for all of it.
class Device {
 public:
  virtual ~Device() = default;
  /// "cpu".
  virtual const char* name() const = 0;
  virtual const KernelTable& kernels() const = 0;

  /// A block is aligned to 64 bytes at least.
  virtual std::byte* allocate(std::size_t bytes) = 0;
  virtual void release(std::byte* block, std::size_t bytes) = 0;
  /// Whether code of the host may read and write the device's memory (when nothing is under way).
  virtual bool host_accessible() const = 0;

  /// Bits are moved: tensors of one dtype and number of elements. They may be the same one.
  virtual void copy(const TensorView& from, const TensorView& to, Stream stream) = 0;
  virtual void copy_2d(const Copy2d& copy, Stream stream) = 0;
  virtual void fill(const TensorView& to, std::byte value, Stream stream) = 0;
  /// The host's bytes may change as soon as the call returns.
  virtual void copy_from_host(std::span<const std::byte> host, const TensorView& to,
                              Stream stream) = 0;
  /// The host's bytes are there after `synchronize`.
  virtual void copy_to_host(const TensorView& from, std::span<std::byte> host, Stream stream) = 0;

  /// All that `stream` was asked for until now.
  virtual Event record(Stream stream) = 0;
  /// What `stream` is asked for from now on begins when `event` is past.
  virtual void wait(Stream stream, Event event) = 0;
  /// The host waits until `event` is past.
  virtual void wait_on_host(Event event) = 0;
  /// What is asked for from now on is part of the op of that name: for profilers, and for errors
  /// that show when the host has gone on.
  virtual void begin_op(const std::string&) {}
  /// Waits for all streams. Gives the first error that a kernel has told since the last time, and
  /// forgets it.
  virtual std::optional<KernelError> synchronize() = 0;
  /// What it chose by itself in the course of the run, for the trace: how it multiplies each shape.
  virtual std::map<std::string, std::string> choices() const { return {}; }
};

}  // namespace shardproof::real
