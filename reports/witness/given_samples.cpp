#include "reports/witness/given_samples.hpp"

#include <cmath>
#include <fstream>
#include <iterator>

#include "scenarios/data/generator.hpp"
#include "scenarios/errors.hpp"
#include "scenarios/json/json_document.hpp"

namespace shardproof::reports {

namespace {

// Euclid's, since two numbers without a common factor are all that is asked for.
std::int64_t common_factor(std::int64_t a, std::int64_t b) {
  while (b != 0) {
    const std::int64_t rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

}  // namespace

GivenSamples::GivenSamples(const Scenario& scenario) : scenario_(scenario) {
  if (scenario.data.source != DataConfig::Source::generated) read_source();
  for (int step = 0; step < scenario.first_step; ++step)
    for (int micro = 0; micro < scenario.training.accumulation; ++micro) next_micro_step();
}

void GivenSamples::read_source() {
  const std::string& path = scenario_.data.path;
  if (scenario_.data.source == DataConfig::Source::text) {
    std::ifstream file(path, std::ios::binary);
    for (std::istreambuf_iterator<char> at(file), end; at != end; ++at)
      source_.push_back(static_cast<unsigned char>(*at));
  } else {
    for (const JsonValue& token : read_json(path).elements) source_.push_back(token.integer);
  }
  SHARDPROOF_EXPECTS(std::ssize(source_) >= scenario_.data.sequence, path, source_.size());
}

// How far on in the source the next window begins.
std::int64_t GivenSamples::stride() const {
  const std::int64_t places = std::ssize(source_) - scenario_.data.sequence + 1;
  std::int64_t stride = scenario_.data.sequence;
  while (common_factor(stride, places) != 1) ++stride;
  return stride;
}

void GivenSamples::append_next(std::vector<std::int64_t>& tokens) {
  const std::int64_t sequence = scenario_.data.sequence;
  if (source_.empty()) {
    const Generator generator(scenario_.seed, "tokens");
    for (std::int64_t t = 0; t < sequence; ++t)
      tokens.push_back(generator.below(scenario_.model.vocab_size, sample_ * sequence + t));
  } else {
    const auto first = source_.begin() + start_;
    tokens.insert(tokens.end(), first, first + sequence);
    start_ = (start_ + stride()) % (std::ssize(source_) - sequence + 1);
  }
  ++sample_;
}

std::vector<std::int64_t> GivenSamples::next_micro_step() {
  std::vector<std::int64_t> tokens;
  for (int replica = 0; replica < scenario_.data_parallel(); ++replica)
    for (std::int64_t b = 0; b < scenario_.training.micro_batch; ++b) append_next(tokens);
  return tokens;
}

// A million samples are alike by chance once in 2^24 runs then.
bool GivenSamples::must_differ() const {
  const double bits = static_cast<double>(scenario_.data.sequence) *
                      std::log2(static_cast<double>(scenario_.model.vocab_size));
  return source_.empty() && bits >= 64;
}

bool SeenSamples::are_new(const std::vector<std::int64_t>& batch, std::int64_t sequence) {
  bool all_new = true;
  for (auto row = batch.begin(); row != batch.end(); row += sequence)
    all_new = seen_.emplace(row, row + sequence).second && all_new;
  return all_new;
}

}  // namespace shardproof::reports
