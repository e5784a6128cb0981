"""What is run on the GPU: scenarios of the catalog, each changed by `--override`.

A family's scenario is the plainest of the sweep's that are cut for TP 2 x DP 2; so a family that is
added to the catalog is in the table without a word here.
"""

from __future__ import annotations

import dataclasses
import json
import pathlib
import re

DTYPES = ("bf16", "fp32", "fp16", "fp64")


@dataclasses.dataclass(frozen=True)
class Grid:
    name: str
    tp: int
    dp: int

    @property
    def ranks(self):
        return self.tp * self.dp


ONE = Grid("1 rank", 1, 1)
TP2 = Grid("TP 2", 2, 1)
TP2_DP2 = Grid("TP 2 x DP 2", 2, 2)


def family_files(catalog):
    """{"gpt2": path of a scenario of it}, of every family in the catalog's sweep."""
    plain = re.compile(r"(\w+?)(-\w+)?-tp2-dp2-zero[012]-(bf16|fp32|fp64)\.json")
    files = {}
    for path in sorted((catalog / "sweep").glob("*.json"), key=lambda path: (len(path.name), path)):
        model = re.search(r'"config"\s*:\s*"([^"]+)"', path.read_text(encoding="utf-8"))
        match = plain.fullmatch(path.name)
        if not model or not match:
            continue
        config = json.loads((path.parent / model[1]).read_text(encoding="utf-8"))
        if config["model_type"] == match[1]:
            files.setdefault(match[1], path)
    return dict(sorted(files.items()))


def ranks_of(file):
    return int(re.search(r'"world"\s*:\s*(\d+)', pathlib.Path(file).read_text(encoding="utf-8"))[1])


def of_dtype(dtype):
    return [
        f"bf16.enabled={str(dtype == 'bf16').lower()}",
        f"fp16.enabled={str(dtype == 'fp16').lower()}",
        *(["fp16.loss_scale=128"] if dtype == "fp16" else []),
        f"precision={'fp64' if dtype == 'fp64' else 'from_deepspeed'}",
    ]


def of_grid(grid):
    return [f"world={grid.ranks}", f"tensor_parallel.autotp_size={grid.tp}"]


def of_machine(real, executions):
    """On that machine; NCCL adds in an order of its own."""
    listed = ",".join(f'"{name}"' for name in executions)
    return [f"real={real}", "reduction=library", f"executions=[{listed}]"]


def covering(families, shift):
    """[(family, dtype, ZeRO stage)]: every family once, and the dtypes and stages in turn; another
    shift pairs them otherwise."""
    return [(family, DTYPES[(number + shift) % len(DTYPES)], (number + shift) % 3)
            for number, family in enumerate(families)]
