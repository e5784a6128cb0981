#include "scenarios/data/batches.hpp"

#include <numeric>

#include "scenarios/data/generator.hpp"
#include "scenarios/json/object_reader.hpp"

namespace shardproof {

namespace {

std::vector<std::int64_t> bytes_of(const std::string& path) {
  std::vector<std::int64_t> tokens;
  for (const char c : read_text_file(path, "the text"))
    tokens.push_back(static_cast<unsigned char>(c));
  return tokens;
}

[[noreturn]] void refuse_token(const SourcePlace& place, std::size_t i, std::int64_t token,
                               std::int64_t vocabulary) {
  throw ScenarioError(place, "token " + std::to_string(i) + " is " + std::to_string(token) +
                                 ", outside the vocabulary of " + std::to_string(vocabulary));
}

std::vector<std::int64_t> token_list(const std::string& path, std::int64_t vocabulary) {
  const JsonValue list = read_json(path);
  if (!list.is_array()) refuse_value(list, "the tokens", "expected a list [5, 17, ...]");
  std::vector<std::int64_t> tokens;
  for (const JsonValue& element : list.elements) {
    tokens.push_back(as_integer(element, "a token"));
    if (tokens.back() < 0 || tokens.back() >= vocabulary)
      refuse_token(element.place, tokens.size() - 1, tokens.back(), vocabulary);
  }
  return tokens;
}

void check_source(const std::vector<std::int64_t>& tokens, const Task& task) {
  const SourcePlace place{task.data.path};
  for (std::size_t i = 0; i < tokens.size(); ++i)
    if (tokens[i] < 0 || tokens[i] >= task.model.vocab_size)
      refuse_token(place, i, tokens[i], task.model.vocab_size);
  if (static_cast<std::int64_t>(tokens.size()) < task.data.sequence)
    throw ScenarioError(place, std::to_string(tokens.size()) +
                                   " tokens are fewer than one sequence of " +
                                   std::to_string(task.data.sequence));
}

std::int64_t coprime_from(std::int64_t lowest, std::int64_t modulus) {
  while (std::gcd(lowest, modulus) != 1) ++lowest;
  return lowest;
}

}  // namespace

Batches::Batches(const Task& task)
    : training_(task.training),
      sequence_(task.data.sequence),
      vocabulary_(task.model.vocab_size),
      replicas_(task.replicas),
      seed_(task.seed),
      generated_(task.data.source == DataConfig::Source::generated) {
  if (!generated_) read_source(task);
  if (task.data.padding && task.trains()) expect_labels(task);
}

void Batches::read_source(const Task& task) {
  const bool text = task.data.source == DataConfig::Source::text;
  source_ = text ? bytes_of(task.data.path) : token_list(task.data.path, vocabulary_);
  check_source(source_, task);
  stride_ = coprime_from(sequence_, static_cast<std::int64_t>(source_.size()) - sequence_ + 1);
}

// The first token of a sequence is nobody's label.
void Batches::expect_labels(const Task& task) const {
  const std::int64_t padding = *task.data.padding;
  const auto has_label = [&](const std::vector<std::int64_t>& tokens) {
    for (std::size_t i = 0; i < tokens.size(); ++i)
      if (static_cast<std::int64_t>(i) % sequence_ != 0 && tokens[i] != padding) return true;
    return false;
  };
  for (int step = task.first_step; step < task.steps; ++step)
    for (int micro = 0; micro < training_.accumulation; ++micro)
      for (int dp = 0; dp < replicas_; ++dp)
        if (!has_label(tokens(StepIndex{step}, MicroStep{micro}, dp)))
          throw ScenarioError(
              {task.data.path.empty() ? task.file : task.data.path},
              "data.padding = " + std::to_string(padding) + ": step " + std::to_string(step) +
                  ", micro-step " + std::to_string(micro) + ", replica " + std::to_string(dp) +
                  " has no other label (its first sample is number " +
                  std::to_string(first_sample(StepIndex{step}, MicroStep{micro}, dp)) +
                  "): the mean of no losses is no number");
}

std::int64_t Batches::first_sample(StepIndex step, MicroStep micro, int dp_index) const {
  const std::int64_t micro_steps = std::int64_t{step.value} * training_.accumulation + micro.value;
  return (micro_steps * replicas_ + dp_index) * training_.micro_batch;
}

std::vector<std::int64_t> Batches::tokens(StepIndex step, MicroStep micro, int dp_index) const {
  SHARDPROOF_EXPECTS(micro.value >= 0 && micro.value < training_.accumulation, micro.value);
  SHARDPROOF_EXPECTS(dp_index >= 0 && dp_index < replicas_, dp_index, replicas_);
  const std::int64_t first = first_sample(step, micro, dp_index);
  std::vector<std::int64_t> tokens;
  tokens.reserve(static_cast<std::size_t>(training_.micro_batch * sequence_));
  for (std::int64_t b = 0; b < training_.micro_batch; ++b)
    for (std::int64_t t = 0; t < sequence_; ++t) tokens.push_back(token(first + b, t));
  return tokens;
}

std::int64_t Batches::token(std::int64_t sample, std::int64_t position) const {
  if (generated_)
    return Generator(seed_, "tokens").below(vocabulary_, sample * sequence_ + position);
  const std::int64_t starts = static_cast<std::int64_t>(source_.size()) - sequence_ + 1;
  const std::int64_t start = (sample % starts) * (stride_ % starts) % starts;
  return source_[static_cast<std::size_t>(start + position)];
}

}  // namespace shardproof
