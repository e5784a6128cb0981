"""Checks that docs/scenario.md names every key that the readers of a scenario know, and has a row
for no other.

Keys are the names in scenarios/config/**.cpp that a reader is asked for, and those in its tables of
keys. A Hugging Face config.json has its own tables, in scenarios/model, and readers.
"""

import pathlib
import re
import sys

root = pathlib.Path(__file__).parents[1]
# Asked for one by one, or under a name of their own.
CALL = re.compile(r'\b(?:find|require|integer|number|boolean|string|one_of|section|read|'
                  r'read_subset)\('
                  r'\s*(?:reader, )?"([a-z0-9_]+)"')
TABLE = re.compile(r'(?:const char\* \w+|NeutralKey \w+)\[\] = \{(.*?)\};', re.S)
ROW = re.compile(r'\{"([a-z0-9_]+)"')
LOOP = re.compile(r'for \(const char\* \w+ : \{([^}]*)\}')
WORD = re.compile(r'"([a-z0-9_]+)"')
OF_A_CONFIG_JSON = root / "scenarios/config/model"
# Written in prose, or of a config.json.
ELSEWHERE = {"base_model_tp_plan", "device", "steps_done"}


def keys_of(source):
    source = re.sub(r"//.*", "", source)
    keys = set(CALL.findall(source))
    for table in TABLE.findall(source):
        keys |= set((ROW if "{" in table else WORD).findall(table))
    for loop in LOOP.findall(source):
        keys |= set(WORD.findall(loop))
    return keys


known = set()
for path in sorted((root / "scenarios/config").rglob("*.cpp")):
    if OF_A_CONFIG_JSON not in path.parents:
        known |= keys_of(path.read_text())
known -= ELSEWHERE
page = (root / "docs/scenario.md").read_text()
said = {part for name in re.findall(r"`([a-z0-9_.]+)`", page) for part in name.split(".")}
first_cells = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
rows = {name.split(".")[-1] for cell in first_cells
        for name in re.findall(r"`([a-z0-9_.]+)`", cell)}
for key in sorted(known - said):
    print(f"docs/scenario.md says nothing of the key {key}")
for key in sorted(rows - known):
    print(f"docs/scenario.md has a row for {key}, which no reader asks for")
if len(known) < 100:
    print(f"only {len(known)} keys found in scenarios/config")
sys.exit(bool(known - said or rows - known or len(known) < 100))
