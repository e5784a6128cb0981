// Our own run beside DeepSpeed's, on the files that DeepSpeed read
// (tests/oracle/deepspeed_golden.py).
#include <boost/test/unit_test.hpp>

#include "tests/end_to_end/deepspeed_cases.hpp"

namespace shardproof::tests {
namespace {

const OurRun& our_run(const DeepSpeedCase& of) {
  static std::map<std::string, OurRun> runs;
  return runs.try_emplace(of.file + of.name(), of).first->second;
}

BOOST_AUTO_TEST_SUITE(deepspeed_beside_us)

BOOST_AUTO_TEST_CASE(cuts_weights_and_flat_vectors_as_we_do) {
  for (const DeepSpeedCase& of : we_run) {
    const OurRun& ours = our_run(of);
    const DeepSpeedRun theirs(of);
    int cut = 0;
    std::vector<double> owned(4);
    for (const ParameterDescription& p : ours.scenario().model.parameters) {
      std::vector<double> widths;
      for (const StoredDataset& shard : ours.trace().datasets().at("/initial/parameter/" + p.name))
        for (std::size_t axis = 0; axis < p.shape.size(); ++axis)
          if (const std::int64_t width = shard.info.regions.front().extent[axis];
              width != p.shape[axis] && shard.rank < 2)
            widths.push_back(static_cast<double>(width));
      BOOST_TEST(widths == theirs.widths(p.name), p.name);
      cut += !widths.empty();
      for (const StoredDataset& slice :
           ours.trace().datasets().at("/step/000000/optimizer/" + p.name + "/master"))
        for (const Region& region : slice.info.regions)
          owned[static_cast<std::size_t>(slice.rank)] +=
              static_cast<double>(element_count(region.extent));
    }
    BOOST_TEST(cut == 14);                               // seven of each layer
    BOOST_TEST(owned == theirs.partition().values, of);  // a multiple of 2 D: no padding
  }
}

// Two runs of one computation in one dtype err differently, so neither can be asked to equal the
// other, but both can be measured against fp64. Theirs may be off by `eager` times as much as ours:
// PyTorch rounds after each elementary op, our kernels once at their end (docs/decisions/0002), and
// no op of a Llama has more roundings than attention: scores, scaling, mask, softmax, values. Both
// have the same sums. As norms over a tensor, since single elements err by chance.
constexpr double eager = 5;
// Ours are rounded at some of the places where theirs are: more than theirs they are off only by
// chance, and norms of tensors as small as these may then differ by a small factor.
constexpr double chance = 3;
// And in itself, in roundoffs of the working dtype: some 30 ops forward and as many backward lie
// between a weight and its gradient, each of which rounds what it writes; such errors add up as
// their squares do, to 8. In fp32 the kernels' own sums round as well, 16 terms or more: four times
// that. An update of AdamW takes over what its gradient is off, and no more.
constexpr double own = 32;

// The reference knows no loss scale.
Tensor scaled(Tensor exact, const DeepSpeedCase& of) {
  for (double& value : exact.values) value *= of.loss_scale;
  return exact;
}

struct Distances {
  double theirs, ours, size;
};
Distances distances(const Tensor& theirs, const Tensor& ours, const Tensor& exact) {
  return {norm_of_difference(theirs, exact), norm_of_difference(ours, exact),
          norm_of_difference(exact, Tensor(exact.shape))};
}
void expect_as_close(const Distances& from_exact, const DeepSpeedCase& of,
                     const std::string& path) {
  BOOST_TEST(from_exact.theirs <= eager * from_exact.ours, of << path);
  BOOST_TEST(from_exact.ours <= chance * from_exact.theirs, of << path);
  BOOST_TEST(from_exact.ours <= own * unit_roundoff(of.working) * from_exact.size, of << path);
}

Tensor replica(const Tensor& all, int d) {
  Tensor part(Shape(all.shape.begin() + 1, all.shape.end()));
  for (std::int64_t i = 0; i < part.size(); ++i) part[i] = all[d * part.size() + i];
  return part;
}

BOOST_AUTO_TEST_CASE(computes_our_local_gradients) {
  for (const DeepSpeedCase& of : we_run) {
    const OurRun& ours = our_run(of);
    const DeepSpeedRun theirs(of);
    for (int m = 0; m < micro_steps; ++m) {
      const std::map<std::string, Tensor> exact = ours.exact_local(m);
      for (const ParameterDescription& p : ours.scenario().model.parameters) {
        const std::string path = "/step/000000/micro/" + std::to_string(m) + "/gradient/" + p.name;
        const Tensor engine = ours.engine(path);
        for (int d = 0; d < replicas; ++d)
          expect_as_close(distances(theirs.local(m, d, p.name), replica(engine, d),
                                    scaled(replica(exact.at(p.name), d), of)),
                          of, path);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(has_our_gradients_norms_factors_and_weights) {
  for (const DeepSpeedCase& of : we_run) {
    const OurRun& ours = our_run(of);
    const DeepSpeedRun theirs(of);
    for (int step = 0; step < steps; ++step) {
      // From the first other update on it is another run.
      const bool other_weights = step >= of.first_other_update;
      const bool other_gradients = step > of.first_other_update;
      const std::string folder = "/step/00000" + std::to_string(step) + "/";
      double apart = 0;  // squared distance of all gradients
      for (const ParameterDescription& p : ours.scenario().model.parameters) {
        const Tensor gradient = theirs.of_step(step, "reduced/" + p.name);
        const std::string path = folder + "gradient/" + p.name;
        apart += std::pow(norm_of_difference(gradient, ours.engine(path)), 2);
        if (!other_gradients)
          expect_as_close(distances(gradient, ours.engine(path), scaled(ours.exact(path), of)), of,
                          path);
        const Distances weights = distances(theirs.of_step(step, "master/" + p.name),
                                            ours.engine(folder + "optimizer/" + p.name + "/master"),
                                            ours.exact(folder + "parameter/" + p.name));
        if (!other_weights) expect_as_close(weights, of, folder + "parameter/" + p.name);
        if (step == of.first_other_update)  // it shows in every parameter
          BOOST_TEST(weights.theirs > eager * weights.ours, p.name);
      }
      // Norms cannot be further apart than the gradients, nor factors than norms (but for rounding:
      // of norms as above).
      const double norm = ours.engine(folder + "scalar/grad_norm")[0];
      const double rounding = norm_roundoffs(of) * u * norm;
      const double between = std::abs(theirs.scalar(step, "norm") - norm);
      BOOST_TEST(between <= std::sqrt(apart) / of.loss_scale + rounding, of << folder);
      if (of.unscaled_by[step] != of.loss_scale) continue;  // 10.1 #8
      const double factor = ours.engine(folder + "scalar/clip_factor")[0];
      BOOST_TEST(std::abs(theirs.scalar(step, "factor") / factor - 1) <=
                     (between + rounding) / std::min(norm, theirs.scalar(step, "norm")) + 4 * u,
                 of << folder);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace shardproof::tests
