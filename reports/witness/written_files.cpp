#include "reports/witness/written_files.hpp"

#include <algorithm>
#include <cstdio>

#include "reports/witness/saved_checkpoint.hpp"
#include "scenarios/errors.hpp"
#include "scenarios/files/folder_replacement.hpp"

namespace shardproof::reports {

namespace {

std::string shown(const WholeTensor& whole, std::int64_t i) {
  double value = 0;
  decode(whole.dtype, whole.element(i), {&value, 1});
  char text[32];
  std::snprintf(text, sizeof text, "%.9g", value);
  return text;
}

// Where two tensors part; empty if they are alike.
std::string difference(const std::string& name, const WholeTensor& expected,
                       const WholeTensor& got) {
  if (got.dtype != expected.dtype || got.shape != expected.shape)
    return name + " is " + name_of(got.dtype) + " " + to_string(got.shape) + ", expected " +
           name_of(expected.dtype) + " " + to_string(expected.shape);
  if (got.bytes == expected.bytes) return "";
  std::int64_t i = 0;
  while (std::ranges::equal(got.element(i), expected.element(i))) ++i;
  return name + " at index " + to_string(unravel(i, got.shape)) + " is " + shown(got, i) +
         ", the checkpoint holds " + shown(expected, i);
}

template <typename Map>
std::string first_beyond(const Map& a, const Map& b) {
  for (const auto& [name, value] : a)
    if (!b.contains(name)) return name;
  return "";
}

std::string problem_of_counts(const SavedCheckpoint& from, const SavedCheckpoint& to) {
  if (to.steps_done() != from.steps_done())
    return "it tells " + std::to_string(to.steps_done()) + " steps, the checkpoint " +
           std::to_string(from.steps_done());
  if (to.counters() != from.counters()) return "its counters are not the checkpoint's";
  if (to.told("model_hash").text != from.told("model_hash").text) return "it is of another model";
  return "";
}

std::string repartition_problem(const SavedCheckpoint& from, const SavedCheckpoint& to,
                                const std::function<void()>& before_each) {
  if (const std::string wrong = problem_of_counts(from, to); !wrong.empty()) return wrong;
  if (const std::string extra = first_beyond(to.tensors(), from.tensors()); !extra.empty())
    return extra + " is not in the checkpoint";
  for (const auto& [name, tensor] : from.tensors()) {
    before_each();
    if (const std::string parts = difference(name, from.tensor(name), to.tensor(name));
        !parts.empty())
      return parts;
  }
  return "";
}

std::string consolidation_problem(const SavedCheckpoint& from, const WholeFile& to,
                                  const std::function<void()>& before_each) {
  const std::string folder = "parameter/";
  if (to.metadata("format") != "pt") return "its metadata do not say that it is torch's";
  std::size_t weights = 0;
  for (const auto& [name, tensor] : from.tensors()) {
    if (!name.starts_with(folder)) continue;
    ++weights;
    before_each();
    const std::string known = name.substr(folder.size());
    if (const std::string parts = difference(known, from.tensor(name), to.tensor(known));
        !parts.empty())
      return parts;
  }
  return to.rows().size() == weights ? "" : "it holds other tensors than the checkpoint's weights";
}

}  // namespace

std::string repartition_problem(const std::string& checkpoint, const std::string& written,
                                const std::function<void()>& before_each) {
  try {
    return repartition_problem(SavedCheckpoint(FolderReplacement::whole(checkpoint)),
                               SavedCheckpoint(written), before_each);
  } catch (const ScenarioError& error) {
    return error.what();
  }
}

std::string consolidation_problem(const std::string& checkpoint, const std::string& file,
                                  const std::function<void()>& before_each) {
  try {
    return consolidation_problem(SavedCheckpoint(FolderReplacement::whole(checkpoint)),
                                 WholeFile(file), before_each);
  } catch (const ScenarioError& error) {
    return error.what();
  }
}

}  // namespace shardproof::reports
