// Any bytes as a DeepSpeed config, read for several sizes of the world and for both modes.
#include "scenarios/config/deepspeed/deepspeed_config.hpp"

#include "tests/fuzz/fuzz.hpp"

using namespace shardproof;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  for (const int world : {1, 8, 6})
    fuzz::refused_or([&] {
      const JsonValue config = parse_json(fuzz::text_of(data, size), "ds.json");
      const DeepSpeedConfig training = deepspeed_from_json(config, world);
      // What was accepted is written so that it reads back as the same.
      const JsonValue written = to_json(training);
      SHARDPROOF_EXPECTS(write_json(to_json(deepspeed_from_json(written, world))) ==
                         write_json(written));
    });
  return 0;
}
