// Every layout into every other: 100,000 pairs of small configurations in memory, 300 through
// files. Each element of the state says where it belongs (ranks.hpp), so what arrives is compared
// with what the new configuration's own ranks would hold, byte for byte. What ranks hold alike is
// carried once; that the parts of a rank make up its memory, padding zero, is seen once for each
// configuration.

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstdio>
#include <map>
#include <optional>
#include <random>
#include <set>

#include "scenarios/config/scenario_file.hpp"
#include "tests/scenarios/checkpoint/ranks.hpp"
#include "tests/support/sweep.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace shardproof;
using tests::numbered;
using tests::Ranks;

namespace {

constexpr int kPairsInMemory = 100'000;
constexpr int kPairsInFiles = 300;

struct Model {
  const char* scenario;  // of the sweep
  std::vector<std::string> overrides;
};

// Small: tensors of a few dozen elements, with dimensions that few degrees divide.
const std::vector<std::string> kLlama{"hidden_size=8", "intermediate_size=6", "vocab_size=11",
                                      "num_hidden_layers=1"};
const std::vector<Model> kModels{
    {"chatglm-tp2-dp2-zero1-bf16",
     {"hidden_size=16", "kv_channels=4", "ffn_hidden_size=12", "padded_vocab_size=12",
      "num_layers=1"}},
    {"tiny-bias-tp2-dp2-zero1-bf16", kLlama},
    {"llama-uneven-tp3-dp2-zero1-bf16", kLlama},
    {"qwen2-tied-tp_plan-tp2-dp1-zero0-bf16", kLlama},
    {"qwen3-tp_plan-tp2-dp2-zero1-bf16",
     {"hidden_size=8", "intermediate_size=6", "vocab_size=11", "num_hidden_layers=1",
      "head_dim=2"}},
    {"phi3-mha-tp2-dp2-zero1-bf16",
     {"hidden_size=8", "intermediate_size=8", "vocab_size=12", "num_hidden_layers=1"}},
    {"gpt2-tp2-dp2-zero1-bf16", {"n_embd=8", "vocab_size=11", "n_layer=1"}},
    {"bloom-tp2-dp2-zero1-bf16", {"hidden_size=8", "vocab_size=11", "n_layer=1"}},
};

// One configuration: what its ranks would write into a checkpoint, and what they want of one.
struct Layout {
  struct Saved {
    TensorSources sources;
    std::vector<std::vector<std::byte>> parts;  // by holder
  };
  struct Wanted {
    std::string tensor;
    std::vector<Region> regions;
    std::size_t element_bytes;
    std::vector<std::byte> expected;
  };
  std::string name;
  Ranks ranks;
  std::map<std::string, Saved> saved;
  std::vector<Wanted> wanted;

  int world() const { return ranks.program.grid().world(); }
};

void add_saved(Layout& layout, const HeldTensor& held, const std::vector<std::byte>& stored) {
  Layout::Saved& saved = layout.saved.at(held.piece.name);
  saved.sources.add(static_cast<int>(saved.parts.size()), held.piece.regions);
  saved.parts.push_back(stored);
}

Layout layout_of(const std::string& name, Program program) {
  Layout layout{name, numbered(std::move(program)), {}, {}};
  for (const TensorRow& tensor : carried_tensors(layout.ranks.program))
    layout.saved.try_emplace(tensor.name, TensorSources(tensor.shape));
  Ranks rebuilt = tests::ranks_of(layout.ranks.program, std::byte{0});
  std::set<std::string> known;
  for (int rank = 0; rank < layout.world(); ++rank)
    for (const HeldTensor& held : held_state(layout.ranks.program, Rank{rank})) {
      const std::size_t size = size_bytes(held.dtype);
      std::vector<std::byte> stored =
          stored_bytes(held.piece, layout.ranks.bytes(rank)(held.value), size);
      put_back(held.piece, stored, size, rebuilt.space(rank)(held.value));
      if (held.saved) add_saved(layout, held, stored);
      std::string key = held.piece.name;
      for (const Region& region : held.piece.regions) key += to_string(region);
      if (known.insert(key).second)
        layout.wanted.push_back({held.piece.name, held.piece.regions, size, std::move(stored)});
    }
  BOOST_REQUIRE_MESSAGE(rebuilt.memory == layout.ranks.memory, name);
  for (const auto& [tensor, saved] : layout.saved)
    BOOST_REQUIRE_MESSAGE(saved.sources.missing().empty() && saved.sources.repeats().empty(),
                          name << ": " << tensor);
  return layout;
}

struct Grid {
  int tp, dp, zero;
};

// Nothing where the model cannot be cut so.
std::optional<Layout> layout_on(const Model& model, const Grid& grid, bool uneven) {
  std::vector<std::string> overrides = model.overrides;
  for (const auto& [key, value] : {std::pair<std::string, int>{"world", grid.tp * grid.dp},
                                   {"tensor_parallel.autotp_size", grid.tp},
                                   {"zero_optimization.stage", grid.zero}})
    overrides.push_back(key + "=" + std::to_string(value));
  overrides.push_back(std::string("uneven=") + (uneven ? "true" : "false"));
  try {
    const Scenario scenario = read_scenario(tests::sweep_file(model.scenario), overrides);
    const std::string name = std::string(model.scenario) + " on tp " + std::to_string(grid.tp) +
                             " dp " + std::to_string(grid.dp) + " zero " +
                             std::to_string(grid.zero) + (uneven ? " uneven" : "");
    return layout_of(name, real::lower(scenario));
  } catch (const ScenarioError&) {
    return std::nullopt;
  }
}

// Degrees from 1 to 16, cut evenly where that is possible, in every stage. Ranks of large grids are
// many: most grids are small, but there are some of up to 256 ranks.
std::vector<Layout> random_layouts(const Model& model, std::mt19937& random) {
  std::vector<Grid> grids;
  for (int tp = 1; tp <= 16; ++tp)
    for (int dp = 1; dp <= 16; ++dp)
      for (const int zero : {0, 1}) grids.push_back({tp, dp, zero});
  std::shuffle(grids.begin(), grids.end(), random);
  std::stable_sort(grids.begin() + 16, grids.end(), [](const Grid& a, const Grid& b) {
    return a.tp * a.dp <= 32 && b.tp * b.dp > 32;
  });
  std::vector<Layout> layouts;
  for (const Grid& grid : grids) {
    if (layouts.size() == 130) break;
    std::optional<Layout> layout = layout_on(model, grid, /*uneven=*/false);
    if (!layout) layout = layout_on(model, grid, /*uneven=*/true);
    if (layout) layouts.push_back(std::move(*layout));
  }
  return layouts;
}

bool goes_into(const Layout& from, const Layout& to) {
  std::vector<std::byte> arrived;
  for (const Layout::Wanted& wanted : to.wanted) {
    const Layout::Saved& saved = from.saved.at(wanted.tensor);
    arrived.assign(wanted.expected.size(), std::byte{0});
    copy_regions(
        saved.sources,
        [&](int holder) {
          return std::span<const std::byte>(saved.parts[static_cast<std::size_t>(holder)]);
        },
        wanted.regions, wanted.element_bytes, arrived);
    if (arrived != wanted.expected) return false;
  }
  return true;
}

bool goes_into_through_files(const Layout& from, const Layout& to,
                             const tests::TemporaryFolder& folder) {
  save(from.ranks, folder / "from");
  repartition(Checkpoint(folder / "from"), to.ranks.program, tests::origin_of(to.ranks.program),
              folder / "to");
  return tests::loaded(folder / "to", to.ranks.program).memory == to.ranks.memory;
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_layout_goes_into_every_other_bit_for_bit) {
  const unsigned seed = std::random_device()();
  std::printf("seed %u\n", seed);
  std::mt19937 random(seed);
  const tests::TemporaryFolder folder;
  int in_memory = 0;
  int in_files = 0;
  for (std::size_t m = 0; m < kModels.size(); ++m) {
    const std::vector<Layout> layouts = random_layouts(kModels[m], random);
    std::vector<std::pair<const Layout*, const Layout*>> pairs;
    for (const Layout& from : layouts)
      for (const Layout& to : layouts)
        if (&from != &to) pairs.emplace_back(&from, &to);
    std::shuffle(pairs.begin(), pairs.end(), random);
    const int part = static_cast<int>(m) + 1;
    const int parts = static_cast<int>(kModels.size());
    std::printf("%s: %zu layouts\n", kModels[m].scenario, layouts.size());
    for (const auto& [from, to] : pairs) {
      if (in_memory >= kPairsInMemory / parts * part) break;
      BOOST_REQUIRE_MESSAGE(goes_into(*from, *to), from->name << " into " << to->name);
      ++in_memory;
      if (in_files >= kPairsInFiles * part / parts || from->world() + to->world() > 24) continue;
      BOOST_REQUIRE_MESSAGE(goes_into_through_files(*from, *to, folder),
                            from->name << " into " << to->name << ", through files");
      ++in_files;
    }
  }
  BOOST_TEST(in_memory == kPairsInMemory);
  BOOST_TEST(in_files == kPairsInFiles);
}
