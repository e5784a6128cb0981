#include "reports/cause/recorded_bits.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <tuple>

#include "reports/values/hashed_tensor.hpp"
#include "reports/values/ranges.hpp"
#include "reports/verdict/findings.hpp"
#include "scenarios/trace/tensor_hash.hpp"

namespace shardproof::reports {

namespace {

// What somebody wrote: stored, or known by its hash alone.
struct Written {
  std::string path;
  int rank = 0;
  std::uint64_t hash = 0;
  Dtype dtype = Dtype::fp64;
  std::int64_t elements = 0;
  Moment moment = {};
  const StoredDataset* dataset = nullptr;  // nullptr: it is not stored
  std::int64_t sequence = -1;              // of the op that wrote it; -1: no log says
};

Written written(const StoredDataset& dataset) {
  return {dataset.info.path,
          dataset.rank,
          dataset.info.hash,
          dataset.info.dtype,
          element_count(dataset.info.regions),
          moment_of(dataset.info.path),
          &dataset};
}

Written written(const Suspect& suspect, int rank, const AccessRecord& access) {
  const EngineTrace& trace = *suspect.trace.engine();
  const Value& value = trace.program(rank).value(access.value);
  const std::int64_t elements = element_count(
      local_shape(trace.program(rank), value, Rank{rank}, trace.rows(rank, access.moment)));
  return {folder_of(access.moment) + "/" + value.name,
          rank,
          access.hash,
          value.dtype,
          elements,
          access.moment,
          nullptr,
          access.sequence};
}

std::optional<Written> wrong_tensor(const Suspect& suspect) {
  if (suspect.dataset != nullptr) {
    Written wrong = written(*suspect.dataset);
    if (suspect.executed != nullptr) wrong.sequence = suspect.executed->sequence;
    return wrong;
  }
  if (suspect.executed == nullptr) return std::nullopt;
  for (const AccessRecord* write : suspect.executed->writes)
    if (suspect.path_of(*write) == suspect.divergence.tensor)
      return written(suspect, suspect.divergence.rank, *write);
  return std::nullopt;
}

// Numbers that many tensors hold prove nothing.
bool is_common(double value) { return value == 0 || std::fabs(value) == 1; }

// Whether elements tell a tensor from others: two numbers at least that are not zero.
class Telling {
 public:
  void look_at(double value) {
    if (value == 0 || std::isnan(value)) return;
    if (!first_) first_ = value;
    two_ = two_ || value != *first_;
    ++count_;
  }
  bool is_enough(Dtype dtype) const {
    const int bits = dtype == Dtype::int64 ? 4 : format_of(dtype).precision;
    return two_ && count_ * bits >= bits_beyond_chance;
  }

 private:
  std::optional<double> first_;
  bool two_ = false;
  std::int64_t count_ = 0;
};

// The first elements of what is stored say enough, or the tensor is no more than them.
bool is_telling(const Suspect& suspect, const Written& wrong) {
  if (suspect.dataset == nullptr) return wrong.elements > 8;  // a hash of more than a few numbers
  constexpr std::int64_t looked_at = 1 << 16;
  const std::int64_t count = std::min(wrong.elements, looked_at);
  const std::vector<double> values =
      decoded_range(*stored_tensor(suspect.trace.reader(), *suspect.dataset), 0, count);
  if (count == 1) return !is_common(values[0]) && std::isfinite(values[0]);
  Telling telling;
  for (const double value : values) telling.look_at(value);
  return telling.is_enough(wrong.dtype);
}

// ---- what the other value is to the wrong one; the nearest first

enum class Kin {
  own_input,
  earlier,        // the same name on the same rank
  slice_of_rank,  // the same name and moment, on another rank
  earlier_there,  // the same name on another rank, at another moment
  other,          // another name on the same rank
  other_there,
};

std::string in_words(const Suspect& suspect, const Written& other, Kin kin) {
  const std::string rank = std::to_string(other.rank);
  const std::string then = other.moment.stage == Moment::Stage::initial
                               ? suspect.context.scenario.resume.empty()
                                     ? "what the run began with"
                                     : "what the checkpoint held"
                               : "what " + shardproof::in_words(other.moment) + " held";
  switch (kin) {
    case Kin::own_input:
      return suspect.began->op->name.find("all_reduce") != std::string::npos
                 ? "nothing was reduced: rank " + std::to_string(suspect.divergence.rank) +
                       " has what it brought itself"
                 : "what the op read was passed on as it was";
    case Kin::earlier: return "stale: " + then;
    case Kin::slice_of_rank: return "what rank " + rank + " holds";
    case Kin::earlier_there: return "stale, and another rank's: " + then + " on rank " + rank;
    case Kin::other: return "another tensor's elements";
    case Kin::other_there: return "another tensor's elements, of rank " + rank;
  }
  return "";
}

Cause cause_of(const Suspect& suspect, const Written& other, Kin kin, double score = 1) {
  const bool elsewhere = other.rank != suspect.divergence.rank;
  return {
      "bits equal to " + other.path + (elsewhere ? " of rank " + std::to_string(other.rank) : ""),
      1.0, score, in_words(suspect, other, kin), true};
}

bool is_wrong_too(const Suspect& suspect, int rank) {
  const std::vector<int>& ranks = suspect.divergence.ranks;
  return std::ranges::find(ranks, rank) != ranks.end();
}

// Whether it was there already when the wrong one was written.
bool was_before(const Written& other, const Written& wrong) {
  if (other.moment != wrong.moment) return other.moment < wrong.moment;
  if (other.dataset != nullptr && wrong.dataset != nullptr)
    return other.dataset->info.order < wrong.dataset->info.order;
  return other.sequence >= 0 && other.sequence < wrong.sequence;
}

// Other elements of the same tensor, on a rank that is right.
bool is_slice_of_another(const Suspect& suspect, const Written& wrong, const Written& other) {
  return other.rank != wrong.rank && !is_wrong_too(suspect, other.rank) &&
         other.dataset != nullptr && wrong.dataset != nullptr &&
         other.dataset->info.regions != wrong.dataset->info.regions;
}

std::optional<Kin> kin_of(const Suspect& suspect, const Written& wrong, const Written& other) {
  const bool same_rank = other.rank == wrong.rank;
  const bool same_name = name_in_folder(other.path) == name_in_folder(wrong.path);
  if (same_name && other.moment == wrong.moment)
    return is_slice_of_another(suspect, wrong, other) ? std::optional(Kin::slice_of_rank)
                                                      : std::nullopt;
  if (same_name && other.moment < wrong.moment)
    return same_rank ? Kin::earlier : Kin::earlier_there;
  // One weight does not follow from another, whichever was loaded first.
  const bool beside = wrong.moment.stage == Moment::Stage::initial && other.dataset != nullptr &&
                      other.moment == wrong.moment &&
                      name_in_folder(other.path).starts_with("parameter/");
  if (!beside && !was_before(other, wrong)) return std::nullopt;
  return same_rank ? Kin::other : Kin::other_there;
}

// The nearest of all that have the wrong tensor's bits.
class Nearest {
 public:
  Nearest(const Suspect& suspect, const Written& wrong) : suspect_(suspect), wrong_(wrong) {}

  void look_at(const Written& other) {
    if (other.hash != wrong_.hash || other.dtype != wrong_.dtype ||
        other.elements != wrong_.elements)
      return;
    const auto kin = kin_of(suspect_, wrong_, other);
    // One number may be another by chance, unless they have a name in common.
    if (!kin || (wrong_.elements == 1 && *kin >= Kin::other && !are_scalars_of_a_step(other)))
      return;
    const auto nearness = [](const std::pair<Kin, Written>& x) {
      return std::tuple(x.second.moment,
                        x.second.dataset ? x.second.dataset->info.order : x.second.sequence);
    };
    const std::pair<Kin, Written> candidate{*kin, other};
    if (!found_ || candidate.first < found_->first ||
        (candidate.first == found_->first && nearness(*found_) < nearness(candidate)))
      found_ = candidate;
  }
  std::optional<Cause> cause() const {
    if (!found_) return std::nullopt;
    return cause_of(suspect_, found_->second, found_->first);
  }
  bool is_namesake() const { return found_ && found_->first < Kin::other; }

 private:
  bool are_scalars_of_a_step(const Written& other) const {
    const auto scalar = [](const Written& of) {
      return name_in_folder(of.path).starts_with("scalar/");
    };
    return scalar(wrong_) && scalar(other) && other.rank == wrong_.rank;
  }

  const Suspect& suspect_;
  const Written& wrong_;
  std::optional<std::pair<Kin, Written>> found_;
};

// "reduce/*/reduced" is what "reduce/model.norm.weight/reduced" is a part of.
bool is_part_of(const std::string& name, const std::string& value) {
  const std::size_t star = value.find('*');
  return star == std::string::npos
             ? name == value
             : name.starts_with(value.substr(0, star)) && name.ends_with(value.substr(star + 1));
}

// The op wrote what it had read.
std::optional<Cause> own_input(const Suspect& suspect, const Written& wrong) {
  if (suspect.executed == nullptr || suspect.began == nullptr) return std::nullopt;
  const std::string name = name_in_folder(wrong.path);
  for (const AccessRecord* write : suspect.executed->writes) {
    const Written as_written = written(suspect, wrong.rank, *write);
    if (!is_part_of(name, name_in_folder(as_written.path))) continue;
    for (const AccessRecord* read : suspect.began->reads) {
      Written other = written(suspect, wrong.rank, *read);
      if (read->hash != write->hash || other.elements != as_written.elements) continue;
      for (const auto& [path, holders] : suspect.trace.reader().datasets())
        for (const StoredDataset& dataset : holders)
          if (dataset.rank == wrong.rank && dataset.info.hash == wrong.hash &&
              is_part_of(name_in_folder(path), name_in_folder(other.path)))
            other.path = path;
      return cause_of(suspect, other, Kin::own_input);
    }
  }
  return std::nullopt;
}

bool is_zero(const Written& wrong) {
  return wrong.elements > 1 && wrong.hash == hash_of(zero_tensor(wrong.dtype, {wrong.elements}));
}

// The slices of a weight that other ranks must begin with.
std::optional<Cause> given_slice(const Suspect& suspect, const Written& wrong) {
  const auto whole = given_weight(suspect.context.scenario, wrong.path);
  if (!whole || whole->dtype != wrong.dtype) return std::nullopt;
  for (const StoredDataset& other : suspect.trace.reader().datasets().at(wrong.path)) {
    const std::vector<Region>& regions = other.info.regions;
    if (regions == suspect.dataset->info.regions || element_count(regions) != wrong.elements ||
        whole->shape != other.info.full_shape || tensor_hash(cut(*whole, regions)) != wrong.hash)
      continue;
    return Cause{"slice of rank " + std::to_string(other.rank), 1.0, 1.0,
                 has_slice_of(suspect, other.rank), true};
  }
  return std::nullopt;
}

}  // namespace

std::optional<Cause> equal_bits(const Suspect& suspect) {
  const auto wrong = wrong_tensor(suspect);
  // Of an op that may not be what it is the result is not wrong for that.
  if (!wrong || suspect.divergence.wrong_elements == 0) return std::nullopt;
  const bool zero = is_zero(*wrong), tells = is_telling(suspect, *wrong);
  if (zero || tells)
    if (auto cause = own_input(suspect, *wrong)) return cause;
  if (zero) return Cause{"zeros", 0.0, 1.0, "all of it is zero", true};
  if (!tells) return std::nullopt;
  Nearest nearest(suspect, *wrong);
  for (const auto& [path, holders] : suspect.trace.reader().datasets())
    for (const StoredDataset& dataset : holders)
      if (dataset.info.hash == wrong->hash) nearest.look_at(written(dataset));
  if (nearest.is_namesake()) return nearest.cause();
  if (auto cause = given_slice(suspect, *wrong)) return cause;
  if (auto cause = nearest.cause()) return cause;
  if (suspect.trace.engine() == nullptr) return std::nullopt;
  for (int rank = 0; rank < suspect.trace.world(); ++rank)
    for (const AccessRecord& access : suspect.trace.reader().accesses(rank))
      if (access.write != 0 && access.hash == wrong->hash)
        nearest.look_at(written(suspect, rank, access));
  return nearest.cause();
}

// ---- of elements

namespace {

constexpr std::size_t most_others = 64;

// Tensors that may explain some elements, the nearest first: what the op read, then the same name,
// then what the rank wrote before.
std::vector<std::pair<Kin, const StoredDataset*>> others_of(const Suspect& suspect,
                                                            const Written& wrong) {
  std::vector<std::pair<Kin, const StoredDataset*>> others;
  std::set<std::string> read;
  if (suspect.began != nullptr)
    for (const AccessRecord* access : suspect.began->reads) read.insert(suspect.path_of(*access));
  for (const auto& [path, holders] : suspect.trace.reader().datasets())
    for (const StoredDataset& dataset : holders) {
      if (&dataset == suspect.dataset || dataset.info.dtype != wrong.dtype ||
          element_count(dataset.info.regions) != wrong.elements)
        continue;
      auto kin = kin_of(suspect, wrong, written(dataset));
      if (dataset.rank == wrong.rank && read.contains(path)) kin = Kin::own_input;
      if (kin && *kin != Kin::other_there) others.emplace_back(*kin, &dataset);
    }
  std::ranges::stable_sort(others, [](const auto& a, const auto& b) {
    return std::pair(a.first, -a.second->info.order) < std::pair(b.first, -b.second->info.order);
  });
  others.resize(std::min(others.size(), most_others));
  return others;
}

struct Match {
  std::int64_t count = 0;  // wrong elements with the bits of the other tensor
  Telling telling;
};

Match match(const Suspect& suspect, const StoredDataset& other) {
  const Probed& numbers = suspect.probe->numbers();
  std::vector<double> recorded;
  std::vector<std::int64_t> places;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (numbers.wrong[i] == 0) continue;
    recorded.push_back(numbers.recorded[i]);
    places.push_back(numbers.stored[i]);
  }
  const std::vector<double> there =
      decoded_at(*stored_tensor(suspect.trace.reader(), other), places);
  Match found;
  for (std::size_t i = 0; i < recorded.size(); ++i) {
    if (there[i] != recorded[i] || std::signbit(there[i]) != std::signbit(recorded[i])) continue;
    ++found.count;
    found.telling.look_at(recorded[i]);
  }
  return found;
}

// One element of many is no other's by chance where it has many bits, and a name in common.
bool is_certain(const Match& match, Kin kin, const Probed& numbers) {
  if (match.telling.is_enough(numbers.storage)) return true;
  if (match.count != 1 || numbers.wrong_count != 1 || kin >= Kin::other) return false;
  const auto wrong = std::ranges::find(numbers.wrong, 1) - numbers.wrong.begin();
  return format_of(numbers.storage).precision >= bits_beyond_chance &&
         !is_common(numbers.recorded[static_cast<std::size_t>(wrong)]);
}

}  // namespace

std::optional<Cause> equal_elements(const Suspect& suspect) {
  if (!suspect.probe || suspect.dataset == nullptr || suspect.is_scalar()) return std::nullopt;
  const Probed& numbers = suspect.probe->numbers();
  if (numbers.storage != suspect.dataset->info.dtype || numbers.storage == Dtype::int64)
    return std::nullopt;
  const Written wrong = written(*suspect.dataset);
  std::optional<Cause> most;
  for (const auto& [kin, other] : others_of(suspect, wrong)) {
    const Match found = match(suspect, *other);
    if (!is_certain(found, kin, numbers)) continue;
    const double score =
        static_cast<double>(found.count) / static_cast<double>(numbers.wrong_count);
    if (most && *most->score >= score) continue;
    most = cause_of(suspect, written(*other), kin, score);
    most->certain = score == 1;
    if (score == 1) break;
  }
  return most;
}

namespace {

// What an op of the log read otherwise than it was written, and that writing.
struct Change {
  const AccessRecord* read = nullptr;
  const AccessRecord* write = nullptr;
};

std::optional<Change> change_read_by(const EngineTrace& trace, int rank, std::int64_t sequence) {
  std::map<std::int32_t, const AccessRecord*> last;
  for (const ExecutedOp& executed : trace.executed(rank)) {
    if (executed.sequence > sequence) break;
    if (executed.sequence == sequence && executed.op->kind != OpKind::wait)
      for (const AccessRecord* read : executed.reads)
        if (const auto write = last.find(read->value);
            write != last.end() && write->second->hash != read->hash)
          return Change{read, write->second};
    for (const AccessRecord* write : executed.writes) last[write->value] = write;
  }
  return std::nullopt;
}

}  // namespace

std::optional<Cause> changed_bytes(const Suspect& suspect, std::int64_t sequence) {
  const EngineTrace* trace = suspect.trace.engine();
  const int rank = suspect.divergence.rank;
  if (trace == nullptr) return std::nullopt;
  const auto change = change_read_by(*trace, rank, sequence);
  if (!change) return std::nullopt;
  // Whose bytes it has become, if it is somebody's.
  Written wrong = written(suspect, rank, *change->write);
  const std::string path = wrong.path;
  wrong.hash = change->read->hash;
  if (wrong.elements > 8) {
    Nearest nearest(suspect, wrong);
    for (int other = 0; other < suspect.trace.world(); ++other)
      for (const AccessRecord& access : suspect.trace.reader().accesses(other))
        if (access.write != 0 && access.hash == wrong.hash && access.moment <= change->read->moment)
          nearest.look_at(written(suspect, other, access));
    if (auto cause = nearest.cause()) return cause;
  }
  const bool is_zero = wrong.hash == hash_of(zero_tensor(wrong.dtype, {wrong.elements}));
  const std::string zero = is_zero ? ": they were all zero" : "";
  const Moment &read = change->read->moment, &write = change->write->moment;
  if (checkpoint_read_between(suspect.context.scenario, write, read))
    return Cause{"not restored", std::nullopt, 1.0,
                 "what the checkpoint gave back are not the bytes of " + path + zero, true};
  const bool later = read.step != write.step;
  return Cause{later ? "changed between the steps" : "changed after it was written", std::nullopt,
               1.0,
               "the bytes of " + path + " changed after they were written" +
                   (later ? ", between the steps" : ", before they were read") + zero,
               true};
}

}  // namespace shardproof::reports
