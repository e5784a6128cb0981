#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "scenarios/enum_names.hpp"
#include "scenarios/errors.hpp"

namespace shardproof {

/// What a planted defect does: see apply_injections.
enum class EditKind {
  drop,
  run_twice,
  add_bias_before_reduce,
  swap_shards,
  stale,
  scale,
  regroup,
  retype,
  set,
  read,
  drop_wait,
  restream,
  reuse,
  not_restored
};

template <>
struct Names<EditKind> {
  static constexpr std::array all{"drop",        "double",      "add_bias_before_reduce",
                                  "swap_shards", "stale",       "scale",
                                  "regroup",     "retype",      "set",
                                  "read",        "drop_wait",   "restream",
                                  "reuse",       "not_restored"};
};
static_assert(Names<EditKind>::all.size() == static_cast<std::size_t>(EditKind::not_restored) + 1);

/// When `set` writes: as if the kernel had computed the value, after it was recorded and before it
/// is read, or when the step has ended.
enum class SetTime { output, after_record, between_steps };

template <>
struct Names<SetTime> {
  static constexpr std::array all{"output", "after_record", "between_steps"};
};

/// What `not_restored` is of, which is no op of a program; what it may leave out beside tensors.
inline constexpr const char* load_of_checkpoint = "checkpoint/load";
inline constexpr const char* counted_updates = "updates";

/// A defect to plant (DESIGN section 7). Which fields mean something depends on `edit`.
struct Injection {
  EditKind edit = EditKind::drop;
  std::string op;                   // as `shardproof plan` prints it
  std::vector<int> ranks;           // empty: all
  std::vector<int> steps;           // empty: all
  std::vector<int> micro_steps;     // empty: all; else of an op that runs in micro-steps
  double factor = 1.0;              // scale
  std::string dtype;                // retype
  std::string group;                // regroup
  std::vector<std::int64_t> index;  // set: in the local tensor; absent: element 0; read: the input
  std::string value;                // set: "nan", a number, or "flip:BIT"; read: a value;
                                    // not_restored: a saved tensor
  SetTime when = SetTime::output;   // set
  SourcePlace place;                // for errors: an edit that names no op of the program

  /// `micro_step` is -1 outside of micro-steps.
  bool active_in(int step, int micro_step) const;
  bool concerns(int rank) const;
};

/// Which bit a value of `set` flips, "flip:3"; nothing if it is no such value.
std::optional<int> flipped_bit(const std::string& value);

}  // namespace shardproof
