#include <boost/test/unit_test.hpp>

#include "reference/ops/dual.hpp"
#include "reference/ops/matmul.hpp"
#include "reference/ops/ops.hpp"
#include "reference/run/micro_step.hpp"
#include "tests/reference/golden.hpp"
#include "tests/reference/random_tensors.hpp"

namespace shardproof::reference {

namespace {

using testing::Golden;
using testing::Random;
using testing::relative_difference;

const std::vector<std::string> variants = {"llama-gqa", "llama-bias"};

using DualTensor = TensorOf<Dual>;

/// The model's losses a second time, in dual numbers: weights + e direction.
DualTensor dual_loss(const Golden& golden, const Parameters& direction, std::int64_t groups) {
  const ModelDescription& model = golden.model;
  const auto weight = [&](const std::string& name) {
    const Tensor& value = golden.parameters.at(name);
    DualTensor dual(value.shape);
    for (std::int64_t i = 0; i < dual.size(); ++i) dual[i] = Dual(value[i], direction.at(name)[i]);
    return dual;
  };
  const auto norm = [&](const std::string& module, const DualTensor& x) {
    return rms_norm(x, weight(module + ".weight"), model.rms_norm_eps);
  };
  const auto linear = [&](const std::string& module, const DualTensor& x) {
    const DualTensor product = matmul(x, weight(module + ".weight"));
    if (!golden.parameters.contains(module + ".bias")) return product;
    return add_bias(product, weight(module + ".bias"));
  };
  const RotaryTables tables =
      rotary_tables(golden.tokens.columns(), model.head_dim, model.rope_theta);

  DualTensor x = embedding(weight("model.embed_tokens.weight"), golden.tokens);
  for (std::int64_t i = 0; i < model.num_hidden_layers; ++i) {
    const std::string block = "model.layers." + std::to_string(i);
    const DualTensor in = norm(block + ".input_layernorm", x);
    const auto q = rotary(linear(block + ".self_attn.q_proj", in), tables.cos, tables.sin);
    const auto k = rotary(linear(block + ".self_attn.k_proj", in), tables.cos, tables.sin);
    const auto v = linear(block + ".self_attn.v_proj", in);
    const DualTensor attended = attention(q, k, v, model.head_dim).output;
    x = add(x, linear(block + ".self_attn.o_proj", attended));
    const DualTensor post = norm(block + ".post_attention_layernorm", x);
    const DualTensor activation =
        swiglu(linear(block + ".mlp.gate_proj", post), linear(block + ".mlp.up_proj", post));
    x = add(x, linear(block + ".mlp.down_proj", activation));
  }
  const DualTensor logits = linear("lm_head", norm("model.norm", x));
  return cross_entropy(logits, shift_labels(golden.tokens), groups);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(llama_test)

BOOST_AUTO_TEST_CASE(reverse_and_forward_mode_agree_in_every_parameter) {
  constexpr std::int64_t groups = 2;
  for (const std::string& variant : variants) {
    const Golden golden(variant);
    const MicroStepResult result = golden.run(groups);
    Random random(31);
    for (const ParameterDescription& p : golden.model.parameters) {
      Parameters direction;
      for (const auto& [name, value] : golden.parameters) direction[name] = Tensor(value.shape);
      direction[p.name] = random.tensor(p.shape);

      const DualTensor loss = dual_loss(golden, direction, groups);

      for (std::int64_t group = 0; group < groups; ++group) {
        const std::int64_t size = direction[p.name].size();
        double sum = 0, largest_term = 0;
        for (std::int64_t i = 0; i < size; ++i) {
          const double term = result.gradients.at(p.name)[group * size + i] * direction[p.name][i];
          sum += term;
          largest_term = std::max(largest_term, std::abs(term));
        }
        BOOST_TEST(largest_term > 0);
        BOOST_TEST(std::abs(loss[group].derivative - sum) < 1e-13 * largest_term,
                   variant << " " << p.name << " group " << group);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(the_whole_oracle_on_plain_loops_agrees_with_blas) {
  const Golden golden("llama-bias");
  const MicroStepResult blas = golden.run(2);
  const PlainLoops plain;

  const MicroStepResult loops = golden.run(2);

  BOOST_TEST_REQUIRE(blas.tensors.size() == loops.tensors.size());
  for (std::size_t i = 0; i < blas.tensors.size(); ++i)
    BOOST_TEST(relative_difference(blas.tensors[i].tensor, loops.tensors[i].tensor) < 1e-13,
               blas.tensors[i].name);
  for (const auto& [name, gradient] : blas.gradients)
    BOOST_TEST(relative_difference(gradient, loops.gradients.at(name)) < 1e-13, name);
}

BOOST_AUTO_TEST_CASE(the_gradient_of_the_batch_is_the_mean_of_its_groups) {
  const Golden golden("llama-gqa");
  const MicroStepResult together = golden.run(1), apart = golden.run(2, 0.25);

  for (const auto& [name, gradient] : together.gradients) {
    Tensor mean(gradient.shape);
    for (std::int64_t i = 0; i < mean.size(); ++i)
      mean[i] = 2 * (apart.gradients.at(name)[i] + apart.gradients.at(name)[mean.size() + i]);
    BOOST_TEST(relative_difference(mean, gradient) < 1e-13, name);
  }
}

BOOST_AUTO_TEST_CASE(tied_embeddings_receive_both_gradients) {
  Golden golden("llama-gqa");
  golden.parameters["lm_head.weight"] = golden.parameters["model.embed_tokens.weight"];
  const MicroStepResult untied = golden.run();
  golden.model.tie_word_embeddings = true;
  golden.parameters.erase("lm_head.weight");
  std::erase_if(golden.model.parameters, [](const auto& p) { return p.name == "lm_head.weight"; });

  const MicroStepResult tied = golden.run();

  BOOST_TEST(tied.gradients.count("lm_head.weight") == 0);
  BOOST_TEST(relative_difference(tied.gradients.at("model.embed_tokens.weight"),
                                 add(untied.gradients.at("model.embed_tokens.weight"),
                                     untied.gradients.at("lm_head.weight"))) < 1e-13);
}

BOOST_AUTO_TEST_CASE(parameters_that_do_not_fit_the_description_are_refused) {
  Golden golden("llama-gqa");
  golden.parameters.erase("model.norm.weight");
  BOOST_CHECK_THROW(golden.run(), InvariantError);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace shardproof::reference
