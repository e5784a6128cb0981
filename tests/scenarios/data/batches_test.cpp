#include "scenarios/data/batches.hpp"

#include <boost/test/unit_test.hpp>
#include <fstream>
#include <set>

#include "tests/support/error_of.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace shardproof;
using tests::error_of;
using tests::TemporaryFolder;

namespace {

Task task_of(DataConfig data) {
  Task task;
  task.data = std::move(data);
  task.model.vocab_size = 256;
  task.seed = 9;
  task.replicas = 2;
  task.training.micro_batch = 2;
  task.training.accumulation = 3;
  return task;
}

std::string write_text(const TemporaryFolder& folder, const std::string& text) {
  std::ofstream(folder / "data", std::ios::binary) << text;
  return folder / "data";
}

// All samples of some steps, in their order over the run.
std::vector<std::vector<std::int64_t>> samples_of(const Task& task, int steps) {
  const Batches batches(task);
  const auto length = static_cast<std::ptrdiff_t>(task.data.sequence);
  std::vector<std::vector<std::int64_t>> samples;
  for (int step = 0; step < steps; ++step)
    for (int micro = 0; micro < task.training.accumulation; ++micro)
      for (int dp = 0; dp < task.replicas; ++dp) {
        const auto tokens = batches.tokens(StepIndex{step}, MicroStep{micro}, dp);
        BOOST_REQUIRE_EQUAL(tokens.size(),
                            static_cast<std::size_t>(task.training.micro_batch * length));
        for (auto begin = tokens.begin(); begin != tokens.end(); begin += length)
          samples.emplace_back(begin, begin + length);
      }
  return samples;
}

}  // namespace

// 197 starts, a prime: every other stride would reach them all, too.
BOOST_AUTO_TEST_CASE(samples_of_a_text_are_its_windows_one_after_another) {
  const TemporaryFolder folder;
  std::string text;
  for (int i = 0; i < 201; ++i) text += static_cast<char>(i);
  const Task task = task_of({DataConfig::Source::text, write_text(folder, text), 5});
  const auto samples = samples_of(task, 3);

  BOOST_REQUIRE_EQUAL(samples.size(), 36U);  // 3 steps x 3 micro-steps x 2 replicas x 2
  for (std::size_t n = 0; n < samples.size(); ++n)
    for (std::size_t t = 0; t < 5; ++t)
      BOOST_TEST(samples[n][t] == static_cast<std::int64_t>(5 * n + t));
}

BOOST_AUTO_TEST_CASE(no_two_samples_are_the_same_window_until_every_start_was_used) {
  const TemporaryFolder folder;
  std::string text;
  for (int i = 0; i < 41; ++i) text += static_cast<char>(i);
  const Task task =
      task_of({DataConfig::Source::text, write_text(folder, text), 6});  // 36 starts; 6 divides 36
  const auto samples = samples_of(task, 3);

  BOOST_TEST(samples.size() == 36U);
  BOOST_TEST(std::set(samples.begin(), samples.end()).size() == 36U);
  for (const auto& sample : samples)
    for (std::size_t t = 1; t < 6; ++t) BOOST_REQUIRE_EQUAL(sample[t], sample[t - 1] + 1);
}

BOOST_AUTO_TEST_CASE(a_text_of_exactly_one_sequence_is_enough) {
  const TemporaryFolder folder;
  const Task task = task_of({DataConfig::Source::text,
                             write_text(folder,
                                        "\xff"
                                        "bcd"),
                             4});

  for (const auto& sample : samples_of(task, 1))
    BOOST_TEST((sample == std::vector<std::int64_t>{255, 'b', 'c', 'd'}));
}

BOOST_AUTO_TEST_CASE(a_step_sees_the_same_samples_however_they_are_divided) {
  const TemporaryFolder folder;
  std::string text;
  for (int i = 0; i < 300; ++i) text += static_cast<char>(i * i % 251);
  const std::string path = write_text(folder, text);
  Task one = task_of({DataConfig::Source::text, path, 5});
  Task other = one;
  one.replicas = 1;
  one.training.micro_batch = 4;
  other.replicas = 4;
  other.training.micro_batch = 1;

  BOOST_TEST((samples_of(one, 2) == samples_of(other, 2)));
}

BOOST_AUTO_TEST_CASE(generated_samples_differ_and_repeat_with_the_seed) {
  Task task = task_of({DataConfig::Source::generated, "", 16});
  const auto samples = samples_of(task, 2);

  BOOST_TEST(std::set(samples.begin(), samples.end()).size() == samples.size());
  BOOST_TEST((samples_of(task, 2) == samples));
  for (const auto& sample : samples)
    for (const std::int64_t token : sample) BOOST_REQUIRE(token >= 0 && token < 256);
  task.seed = 10;
  BOOST_TEST((samples_of(task, 2) != samples));
}

BOOST_AUTO_TEST_CASE(a_token_list_is_read_and_its_faults_are_named) {
  const TemporaryFolder folder;
  const auto error_with = [&](const std::string& text) {
    const Task task = task_of({DataConfig::Source::tokens, write_text(folder, text), 3});
    return error_of([&] { Batches{task}; }, folder.path().string() + "/");
  };

  BOOST_TEST(error_with("[0, 255, 7]") == "no error");
  BOOST_TEST(error_with("[0, 256, 7]") ==
             "data:1:5: token 1 is 256, outside the vocabulary of 256");
  BOOST_TEST(error_with("[0, 1, -7]") == "data:1:8: token 2 is -7, outside the vocabulary of 256");
  BOOST_TEST(error_with("[0, 1]") == "data: 2 tokens are fewer than one sequence of 3");
  BOOST_TEST(error_with("[0, 1.5, 2]") == "data:1:5: a token = 1.5: expected a whole number");
  BOOST_TEST(error_with("{}") == "data:1:1: the tokens = {}: expected a list [5, 17, ...]");
}

BOOST_AUTO_TEST_CASE(a_replica_with_nothing_but_padding_is_refused) {
  const TemporaryFolder folder;
  const auto error_with = [&](const std::string& text, Mode mode = Mode::training) {
    Task task = task_of({DataConfig::Source::tokens, write_text(folder, text), 3});
    task.data.padding = 0;
    task.training.accumulation = 1;
    task.training.micro_batch = 1;
    task.steps = 2;
    task.mode = mode;
    return error_of([&] { Batches{task}; }, folder.path().string() + "/");
  };
  // Two replicas: samples 0 and 1 in step 0, 2 and 3 in step 1. A first token is nobody's label.
  BOOST_TEST(error_with("[1,2,0, 3,0,4, 5,6,0, 7,8,9]") == "no error");
  BOOST_TEST(error_with("[1,2,0, 3,0,4, 5,6,0, 7,0,0]") ==
             "data: data.padding = 0: step 1, micro-step 0, replica 1 has no other label (its first"
             " sample is number 3): the mean of no losses is no number");
  BOOST_TEST(error_with("[1,2,0, 3,0,4, 5,6,0, 7,0,0]", Mode::inference) == "no error");
}

BOOST_AUTO_TEST_CASE(a_micro_step_or_replica_that_is_not_there_breaks_an_invariant) {
  const Batches batches(task_of({DataConfig::Source::generated, "", 4}));
  BOOST_CHECK_THROW(batches.tokens(StepIndex{0}, MicroStep{3}, 0), InvariantError);
  BOOST_CHECK_THROW(batches.tokens(StepIndex{0}, MicroStep{0}, 2), InvariantError);
}
