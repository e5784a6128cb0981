// Any bytes as a Hugging Face config.json. The first byte chooses a family, whose name then stands
// for the file's model_type: half of the inputs would else die of it.
#include "scenarios/config/model/model_config.hpp"

#include "scenarios/model/families.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace shardproof;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  fuzz::refused_or([&] {
    JsonValue config = parse_json(fuzz::text_of(data + 1, size - 1), "config.json");
    const std::size_t chosen = data[0] % (families().size() + 1);  // one more: as it is
    if (config.is_object() && chosen < families().size())
      config.set("model_type", families()[chosen].model_type);
    const ModelDescription model = model_from_json(config);
    SHARDPROOF_EXPECTS(hash_of(model_from_json(to_json(model))) == hash_of(model));
  });
  return 0;
}
