// What follows from recorded tensors, made from its definition.
#include "reports/units/derived.hpp"

#include <boost/test/unit_test.hpp>
#include <cstring>

#include "real/checksum.hpp"

using namespace shardproof;
using namespace shardproof::reports;

namespace {

SharedTensor tensor_of(Dtype dtype, const std::vector<double>& values) {
  Bytes bytes(values.size() * size_bytes(dtype));
  encode(dtype, values, bytes);
  return tensor_in(dtype, {std::ssize(values)}, in_memory(std::move(bytes)));
}

Bytes all_of(const SharedTensor& tensor) {
  Bytes bytes(tensor->bytes());
  tensor->read_range(0, bytes);
  return bytes;
}

std::vector<double> checksum_of(const SharedTensor& tensor) {
  std::vector<double> halves;
  derived_checksum(tensor)->decode({0, 1, 0, 2}, halves);
  return halves;
}

// By the engine's words, one at a time.
std::vector<double> engine_checksum(const Bytes& bytes) {
  std::uint64_t hash = real::checksum_of_length(bytes.size());
  for (std::size_t at = 0; at < bytes.size(); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, &bytes[at], std::min<std::size_t>(8, bytes.size() - at));
    hash += real::checksum_of_word(word, at / 8);
  }
  return {real::checksum_half(hash, 0), real::checksum_half(hash, 1)};
}

BOOST_AUTO_TEST_SUITE(derived_tensors)

BOOST_AUTO_TEST_CASE(a_checksum_is_the_engines_whatever_the_last_word_lacks) {
  for (const std::size_t count : {0UL, 1UL, 3UL, 4UL, 5UL, 700'003UL}) {
    const SharedTensor tensor = tensor_of(Dtype::bf16, std::vector<double>(count, 1.25));
    BOOST_TEST((checksum_of(tensor) == engine_checksum(all_of(tensor))), count);
  }
}

BOOST_AUTO_TEST_CASE(two_tensors_differ_by_one_bit_anywhere_or_by_their_kind) {
  const auto differ = [](const SharedTensor& a, const SharedTensor& b) {
    std::vector<double> flag;
    derived_difference(a, b)->decode({0, 1, 0, 1}, flag);
    return flag.at(0) != 0;
  };
  std::vector<double> values(700'003, 1.25);
  const SharedTensor tensor = tensor_of(Dtype::bf16, values);
  BOOST_TEST(!differ(tensor, tensor_of(Dtype::bf16, values)));
  BOOST_TEST(differ(tensor, tensor_of(Dtype::fp16, values)));
  BOOST_TEST(differ(tensor, tensor_of(Dtype::bf16, {1.25})));
  for (const std::size_t at : {0UL, 600'000UL, 700'002UL}) {
    std::vector<double> other = values;
    other[at] = 1.2578125;
    BOOST_TEST(differ(tensor, tensor_of(Dtype::bf16, other)), at);
  }
}

BOOST_AUTO_TEST_CASE(what_several_members_send_is_rounded_to_the_wire_and_what_one_keeps_is_not) {
  const std::vector<double> values{1 + 0x1p-9, 3};
  const SharedTensor member = tensor_of(Dtype::fp32, values);

  const SharedTensor sent = sent_terms(Dtype::bf16, std::vector{member, member});

  BOOST_TEST((sent->shape() == Shape{2, 2}));
  BOOST_TEST((all_of(sent) == all_of(tensor_of(Dtype::bf16, {1, 3, 1, 3}))));
  BOOST_TEST((all_of(sent_terms(Dtype::bf16, std::vector{member})) == all_of(member)));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
