#include <boost/test/unit_test.hpp>

#include "real/comm/mpi_communicator.hpp"
#include "real/cpu/device.hpp"
#include "real/run/gather_replaced_layer_params.hpp"
#include "real/run/rank_run.hpp"
#include "scenarios/errors.hpp"
#include "tests/support/mpi_main.hpp"
#include "tests/support/scenario_runs.hpp"
#include "tests/support/temporary_folder.hpp"

namespace shardproof::tests {
namespace {

using real::GatherReplacedLayerParams;

const std::string row = "model.layers.0.mlp.down_proj";
const std::string column = "model.layers.1.self_attn.q_proj";
const Moment here{Moment::Stage::final, -1, -1};

// The layers cut unevenly over two TP ranks, the attention's in blocks of heads (4 of 8 features).
Scenario cut_unevenly(Scenario scenario) {
  if (scenario.parallel.tensor_parallel != 2) return scenario;
  for (auto& [module, partition] : scenario.partition.modules)
    if (partition.style != LayerPartition::Style::replicated)
      partition.widths =
          module.find(".mlp.") == std::string::npos ? Widths{{8, 8}, {8, 8}} : Widths{{40, 8}};
  return scenario;
}

// One rank of an engine whose weights are loaded; every rank of the job makes one.
class LoadedEngine {
 public:
  explicit LoadedEngine(bool uneven = false)
      : LoadedEngine(uneven ? cut_unevenly(even_scenario()) : even_scenario()) {}

  static Scenario even_scenario() {
    return on_grid(sweep("tiny-bias-tp2-dp2-zero1-bf16"),
                   {mpi_process().world() > 1 ? 2 : 1,
                    mpi_process().world() > 2 ? mpi_process().world() / 2 : 1, 1});
  }

  explicit LoadedEngine(const Scenario& scenario)
      : scenario_(scenario),
        program_(real::checked_program(scenario_)),
        inputs_(scenario_),
        communicator_(program_.grid(), scenario_.reduction, device_),
        run_({scenario_, program_, inputs_, Execution::real, folder_.path().string(),
              mpi_process().rank()},
             device_, communicator_, {}) {
    run_.executor().begin("initialize", {});
    while (!run_.executor().advance()) {
    }
  }

  real::RankExecutor& executor() { return run_.executor(); }
  const Scenario& scenario() const { return scenario_; }
  std::vector<double> whole(const std::string& name) const {
    return inputs_.parameter(name, shardproof::whole(scenario_.model.parameter(name).shape));
  }
  std::vector<double> own(const std::string& name) {
    for (std::size_t i = 0; i < program_.values.size(); ++i)
      if (program_.values[i].name == "parameter/" + name)
        return executor().read(static_cast<ValueId>(i));
    return {};
  }
  std::vector<double> shard_of(const std::string& name, const std::vector<double>& full) {
    for (const Value& value : program_.values)
      if (value.name == "parameter/" + name) {
        const std::vector<Region> regions =
            regions_of(value.shape, value.placement, program_.grid(), mpi_process().rank());
        std::vector<double> shard(static_cast<std::size_t>(element_count(regions)));
        extract(std::as_bytes(std::span(full)), value.shape, regions, sizeof(double),
                std::as_writable_bytes(std::span(shard)));
        return shard;
      }
    return {};
  }

 private:
  Scenario scenario_;
  Program program_;
  real::Inputs inputs_;
  real::CpuDevice device_;
  real::MpiCommunicator communicator_;
  TemporaryFolder folder_;
  real::RankRun run_;
};

std::string weight_of(const std::string& layer) { return layer + ".weight"; }
std::string bias_of(const std::string& layer) { return layer + ".bias"; }

BOOST_AUTO_TEST_SUITE(gather_replaced_layer_params)

BOOST_AUTO_TEST_CASE(shows_whole_parameters_and_leaves_their_shards_unchanged) {
  for (const bool uneven : {false, true})
    for (const std::string& layer : {row, column}) {
      LoadedEngine engine(uneven);
      const std::vector<double> before = engine.own(weight_of(layer));

      GatherReplacedLayerParams scope(engine.executor(), layer, here);
      const std::vector<double> gathered = scope.read(weight_of(layer));
      scope.close();

      BOOST_CHECK(gathered == engine.whole(weight_of(layer)));
      BOOST_CHECK(engine.own(weight_of(layer)) == before);
    }
}

BOOST_AUTO_TEST_CASE(keeps_an_edit_that_all_ranks_make) {
  LoadedEngine engine;
  std::vector<double> edited = engine.whole(weight_of(row));
  for (double& element : edited) element *= 2;

  GatherReplacedLayerParams scope(engine.executor(), row, here);
  scope.write(weight_of(row), edited);
  scope.close();

  BOOST_CHECK(engine.own(weight_of(row)) == engine.shard_of(weight_of(row), edited));
}

BOOST_AUTO_TEST_CASE(cuts_again_when_an_exception_passes) {
  LoadedEngine engine;
  std::vector<double> edited = engine.whole(weight_of(row));
  edited[0] = 8;

  try {
    GatherReplacedLayerParams scope(engine.executor(), row, here);
    scope.write(weight_of(row), edited);
    throw std::runtime_error("in the scope");
  } catch (const std::runtime_error&) {
  }

  BOOST_CHECK(engine.executor().open_scope().empty());
  BOOST_CHECK(engine.own(weight_of(row)) == engine.shard_of(weight_of(row), edited));
}

BOOST_AUTO_TEST_CASE(refuses_nesting_foreign_parameters_and_layers_that_are_not_sharded) {
  LoadedEngine engine;
  {
    GatherReplacedLayerParams scope(engine.executor(), row, here);
    BOOST_CHECK_THROW(GatherReplacedLayerParams(engine.executor(), column, here), InvariantError);
    BOOST_CHECK_THROW(GatherReplacedLayerParams(engine.executor(), row, here), InvariantError);
    BOOST_CHECK_THROW(scope.read(weight_of(column)), InvariantError);
    BOOST_CHECK_THROW(scope.read(bias_of(row)), InvariantError);  // replicated
    BOOST_CHECK_THROW(engine.executor().begin("micro_step", {Moment::Stage::step, 0, 0}),
                      InvariantError);
    scope.close();
    BOOST_CHECK_THROW(scope.read(weight_of(row)), InvariantError);
    BOOST_CHECK_THROW(scope.close(), InvariantError);
  }
  BOOST_CHECK_THROW(GatherReplacedLayerParams(engine.executor(), "model.norm", here),
                    InvariantError);
}

BOOST_AUTO_TEST_CASE(ranks_that_leave_different_weights_are_told) {
  if (mpi_process().world() == 1) return;  // nobody to differ from
  LoadedEngine engine;
  std::vector<double> edited = engine.whole(weight_of(row));
  edited[0] = mpi_process().rank().value;

  GatherReplacedLayerParams scope(engine.executor(), row, here);
  scope.write(weight_of(row), edited);

  BOOST_CHECK_THROW(scope.close(), EnvironmentError);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace shardproof::tests
