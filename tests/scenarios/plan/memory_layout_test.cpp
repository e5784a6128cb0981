#include "scenarios/plan/memory_layout.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <map>
#include <random>
#include <set>

#include "real/lowering/lowering.hpp"
#include "scenarios/errors.hpp"
#include "scenarios/plan/accounts.hpp"
#include "scenarios/plan/lifetimes.hpp"
#include "tests/support/scenario_runs.hpp"

namespace shardproof::tests {
namespace {

std::vector<Scenario> catalog() {
  std::set<std::filesystem::path> files{"../scenarios/catalog/quickstart.json"};
  for (const char* folder : {"../scenarios/catalog/sweep", "../scenarios/catalog/plan"})
    for (const auto& entry : std::filesystem::directory_iterator(folder))
      files.insert(entry.path());
  std::vector<Scenario> scenarios;
  for (const auto& file : files) scenarios.push_back(read_scenario(file));
  return scenarios;
}

// What lives while a program runs, kept by the lifetimes alone: every value that comes is held
// against all that are there.
class Memory {
 public:
  Memory(const Program& program, Rank rank, const MemoryLayout& layout)
      : program_(program), rank_(rank), layout_(layout) {
    for (std::size_t i = 0; i < program.values.size(); ++i)
      if (program.values[i].lifetime == Lifetime::state) take(static_cast<ValueId>(i));
  }

  void run(const Segment& segment) {
    const SegmentLifetimes lifetimes = lifetimes_of(program_, segment);
    for (std::size_t i = 0; i < segment.ops.size(); ++i) {
      for (const ValueId id : lifetimes.take[i]) take(id);
      for (const ValueId id : segment.ops[i].outputs) take(id);
      for (const ValueId id : lifetimes.give[i]) give_back(id);
    }
    if (segment.closes.empty()) return;
    for (const ValueId id : scope_values(program_)) give_back(id);
  }

  std::size_t most() const { return most_; }
  int overlaps() const { return overlaps_; }

 private:
  void take(ValueId named) {
    const ValueId id = storage_of(program_, named);
    const std::size_t bytes = block_bytes(program_, id, rank_);
    if (!living_.insert(id).second) return;
    most_ = std::max(most_, live_ += bytes);
    if (bytes == 0) return;
    const std::size_t begin = layout_.offset[static_cast<std::size_t>(id)];
    const auto above = places_.lower_bound(begin);
    if (above != places_.end() && above->first < begin + bytes) ++overlaps_;
    if (above != places_.begin() && std::prev(above)->second > begin) ++overlaps_;
    places_[begin] = begin + bytes;
  }
  void give_back(ValueId named) {
    const ValueId id = storage_of(program_, named);
    if (living_.erase(id) == 0) return;
    live_ -= block_bytes(program_, id, rank_);
    places_.erase(layout_.offset[static_cast<std::size_t>(id)]);
  }

  const Program& program_;
  Rank rank_;
  const MemoryLayout& layout_;
  std::set<ValueId> living_;
  std::map<std::size_t, std::size_t> places_;  // begin -> end
  std::size_t live_ = 0;
  std::size_t most_ = 0;
  int overlaps_ = 0;
};

BOOST_AUTO_TEST_SUITE(plan_memory_layout)

// Time goes to the right: the bracket a stands below, b and c share what is above it, and d, which
// meets c alone, lies below c where a is gone.
//     b b c c c
//     a a a . d d
BOOST_AUTO_TEST_CASE(blocks_stand_on_one_another_and_share_what_they_do_not_need_at_once) {
  std::vector<Block> blocks{{.bytes = 128, .spans = {{0, 3}}},
                            {.bytes = 64, .spans = {{0, 2}}},
                            {.bytes = 64, .spans = {{2, 5}}},
                            {.bytes = 128, .spans = {{4, 6}}},
                            {.bytes = 0, .spans = {{0, 6}}}};

  BOOST_TEST(pack(blocks) == 192U);

  BOOST_TEST(blocks[0].offset + blocks[3].offset == blocks[0].offset * 2);
  BOOST_TEST(blocks[1].offset == blocks[2].offset);
  BOOST_TEST(blocks[1].offset != blocks[0].offset);
  std::vector<Block> none;
  BOOST_TEST(pack(none) == 0U);
}

BOOST_AUTO_TEST_CASE(a_block_that_comes_back_finds_its_place_free) {
  std::vector<Block> blocks{{.bytes = 64, .spans = {{0, 1}, {2, 3}}},
                            {.bytes = 64, .spans = {{1, 2}}},
                            {.bytes = 64, .spans = {{2, 4}}}};

  BOOST_TEST(pack(blocks) == 128U);

  BOOST_TEST(blocks[0].offset != blocks[2].offset);
}

BOOST_AUTO_TEST_CASE(no_two_blocks_that_are_needed_at_once_overlap) {
  std::mt19937 random(4711);
  BOOST_TEST_MESSAGE("seed 4711");
  for (int trial = 0; trial < 200; ++trial) {
    std::vector<Block> blocks(random() % 40);
    for (Block& block : blocks) {
      block.bytes = 64 * (random() % 5);
      std::int64_t at = random() % 30;
      for (std::size_t k = 0; k < 1 + random() % 2; ++k) {
        const std::int64_t end = at + 1 + random() % 10;
        block.spans.push_back({at, end});
        at = end + random() % 5;
      }
    }

    const std::size_t bytes = pack(blocks);

    const auto live = [](const Block& block, std::int64_t time) {
      return std::ranges::any_of(
          block.spans, [&](const auto& span) { return span.begin <= time && time < span.end; });
    };
    for (std::int64_t time = 0; time < 80; ++time) {
      std::map<std::size_t, std::size_t> ends;
      for (const Block& block : blocks)
        if (block.bytes > 0 && live(block, time)) {
          BOOST_TEST(!ends.contains(block.offset));
          ends[block.offset] = block.offset + block.bytes;
        }
      std::size_t free = 0;
      for (const auto& [begin, end] : ends) {
        BOOST_TEST(begin >= free);
        BOOST_TEST(end <= bytes);
        free = end;
      }
    }
  }
}

// Of all programs of the catalog, on every rank that differs from another.
BOOST_AUTO_TEST_CASE(no_two_values_that_live_at_one_time_overlap_and_no_byte_is_wasted) {
  for (const Scenario& scenario : catalog()) {
    const Program program = real::lower(scenario);
    const Accounts accounts = accounts_of(program);
    std::size_t largest = 0;
    for (const Rank rank : unlike_ranks(program)) {
      const MemoryLayout layout = memory_layout(program, rank);
      Memory memory(program, rank, layout);
      for (const Segment& segment : program.segments) memory.run(segment);

      BOOST_TEST(memory.overlaps() == 0, scenario.name << ", rank " << rank.value);
      BOOST_TEST(layout.bytes == memory.most(), scenario.name << ", rank " << rank.value << ": "
                                                              << layout.bytes << " for "
                                                              << memory.most());
      largest = std::max(largest, layout.bytes);
    }
    BOOST_TEST(accounts.largest_rank.total_peak == static_cast<std::int64_t>(largest),
               scenario.name);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace shardproof::tests
