"""Which keys of a config.json some configuration class of transformers reads, as C++.

    python config_keys.py > ../../scenarios/config/model/transformers_keys.cpp

A class reads what its __init__ takes by name, what it takes out of **kwargs, and the other
spellings of its attribute_map. Of the classes that read a key, the row names one: the first of
WELL_KNOWN, else the first by name. Needs transformers alone, no torch.
"""

import importlib
import inspect
import pkgutil
import re

import transformers
import transformers.models

FROM_KWARGS = re.compile(r"""kwargs(?:\.pop\(|\.get\(|\[)\s*["'](\w+)["']""")

# Only to warn that a Trainer's setting is no config's: the value goes nowhere.
UNREAD = {"gradient_checkpointing"}

WELL_KNOWN = [
    "PretrainedConfig", "LlamaConfig", "MistralConfig", "Qwen2Config", "Qwen3Config", "Phi3Config",
    "GPT2Config", "BloomConfig", "MixtralConfig", "DeepseekV2Config", "DeepseekV3Config",
    "Gemma2Config", "Gemma3TextConfig", "GPTNeoXConfig", "FalconConfig", "OPTConfig", "BertConfig",
    "T5Config",
]

HEAD = """\
// Written by tests/oracle/config_keys.py from transformers {version}.
#include "scenarios/config/model/transformers_keys.hpp"

namespace shardproof {{

std::span<const TransformersKey> transformers_keys() {{
  static constexpr TransformersKey keys[] = {{
"""
TAIL = """\
  };
  return keys;
}

}  // namespace shardproof
"""


def configuration_classes():
    base = transformers.PretrainedConfig
    yield base
    for module in pkgutil.walk_packages(transformers.models.__path__, "transformers.models."):
        if ".configuration_" not in module.name:
            continue
        found = importlib.import_module(module.name)
        for thing in vars(found).values():
            if inspect.isclass(thing) and issubclass(thing, base) and thing is not base:
                yield thing


def keys_of(config_class):
    if "__init__" in vars(config_class):
        yield from list(inspect.signature(config_class.__init__).parameters)[1:]
        yield from FROM_KWARGS.findall(inspect.getsource(config_class.__init__))
    yield from vars(config_class).get("attribute_map", {})


def main():
    reader = {}
    classes = {c.__name__: c for c in configuration_classes()}
    for name in WELL_KNOWN + sorted(classes):
        for key in set(keys_of(classes[name])) - {"kwargs"} - UNREAD:
            reader.setdefault(key, name)
    print(HEAD.format(version=transformers.__version__), end="")
    for key in sorted(reader):
        print(f'      {{"{key}", "{reader[key]}"}},')
    print(TAIL, end="")


main()
