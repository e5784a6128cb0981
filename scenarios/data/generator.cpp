#include "scenarios/data/generator.hpp"

#include <Random123/philox.h>
#include <xxhash.h>

#include "scenarios/errors.hpp"

namespace shardproof {

namespace {

std::uint32_t low(std::uint64_t value) { return static_cast<std::uint32_t>(value); }
std::uint32_t high(std::uint64_t value) { return static_cast<std::uint32_t>(value >> 32); }

// 1 / sqrt(8 (65536^2 - 1) / 12)
constexpr double kPerDeviation = 1.8688123650118534e-05;
constexpr std::int64_t kMeanOfSum = 4 * 65535;

}  // namespace

std::array<std::uint32_t, 4> philox(const std::array<std::uint32_t, 4>& counter,
                                    const std::array<std::uint32_t, 2>& key) {
  const philox4x32_ctr_t in = {{counter[0], counter[1], counter[2], counter[3]}};
  const philox4x32_key_t with = {{key[0], key[1]}};
  const philox4x32_ctr_t out = philox4x32_R(10, in, with);
  return {out.v[0], out.v[1], out.v[2], out.v[3]};
}

Generator::Generator(std::uint64_t seed, std::string_view name)
    : key_{low(seed), high(seed)}, name_hash_(XXH3_64bits(name.data(), name.size())) {}

std::array<std::uint32_t, 4> Generator::words(std::int64_t index) const {
  const auto position = static_cast<std::uint64_t>(index);
  return philox({low(position), high(position), low(name_hash_), high(name_hash_)}, key_);
}

double Generator::uniform(std::int64_t index) const {
  const auto word = words(index);
  const std::uint64_t bits = (std::uint64_t{word[0]} << 32) | word[1];
  return static_cast<double>(bits >> 11) * 0x1p-53;
}

double Generator::normal(std::int64_t index) const {
  std::int64_t sum = 0;
  for (const std::uint32_t word : words(index)) sum += (word & 0xffffU) + (word >> 16);
  return static_cast<double>(sum - kMeanOfSum) * kPerDeviation;
}

std::int64_t Generator::below(std::int64_t bound, std::int64_t index) const {
  SHARDPROOF_EXPECTS(bound >= 1 && bound <= (std::int64_t{1} << 32), bound);
  const std::uint64_t product = std::uint64_t{words(index)[0]} * static_cast<std::uint64_t>(bound);
  return static_cast<std::int64_t>(product >> 32);
}

}  // namespace shardproof
