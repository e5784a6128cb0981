"""Checks that every header of the wings compiles alone: it includes, or declares, all it names.

    python3 tests/headers.py BUILD

The build compiles X.hpp alone where X.cpp includes it before everything else, and that is the rule.
The headers without an X.cpp are compiled here, by the C++ compiler and with the flags of a source
near them: those of real/cuda as for the simulated GPU.
"""

import concurrent.futures
import itertools
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[1]
TOPS = ["scenarios", "reference", "real", "sim", "reports"]
FIRST_INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.M)


def flags_of(entry):
    """Compiler and flags, without what names the source or a precompiled header."""
    words = shlex.split(entry["command"])
    compiler = next(i for i, word in enumerate(words) if word.startswith("-")) - 1
    for before, word in itertools.pairwise(["", *words[compiler:]]):
        named = before in ("-o", "-include") or word == entry["file"]
        if not named and word not in ("-o", "-include", "-c", "-Winvalid-pch"):
            yield word


def flags_by_folder(build):
    """{folder: the flags of its first source, and what any has defined, or sees}."""
    flags = {}
    for entry in json.loads((build / "compile_commands.json").read_text(encoding="utf-8")):
        path = pathlib.Path(entry["file"])
        is_source = path.suffix in (".cpp", ".cu") and "nvcc" not in entry["command"].split()[0]
        if is_source and path.is_relative_to(ROOT):
            found = list(flags_of(entry))
            known = flags.setdefault(path.parent, found)
            known += [word for word in found if word[:2] in ("-D", "-I") and word not in known]
    return flags


def error_of(header, flags):
    """What the compiler says of a source that includes nothing but the header; empty: nothing."""
    folder = next((p for p in header.parents if p in flags), ROOT)
    source = f'#include "{header.relative_to(ROOT).as_posix()}"\n'
    command = [*flags[folder], "-fsyntax-only", "-x", "c++", "-"]
    done = subprocess.run(command, input=source, capture_output=True, text=True, check=False)
    return done.stderr if done.returncode else ""


def is_included_first(header, name):
    """Whether the header's own source shows that it compiles alone."""
    own = header.with_suffix(".cpp")
    first = FIRST_INCLUDE.search(own.read_text(encoding="utf-8"))
    return first is not None and first[1] == name


def main():
    headers = [p for top in TOPS for p in sorted((ROOT / top).rglob("*.hpp"))]
    if len(headers) < 100:
        sys.exit(f"headers: only {len(headers)} found in {ROOT}")
    problems, alone = [], []
    for header in headers:
        name = header.relative_to(ROOT).as_posix()
        if not header.with_suffix(".cpp").exists():
            alone.append(header)
        elif not is_included_first(header, name):
            problems.append(f"{name}: its own source does not include it before everything else")
    flags = flags_by_folder(pathlib.Path(sys.argv[1]))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as workers:
        problems += filter(None, workers.map(lambda header: error_of(header, flags), alone))
    counts = f"{len(headers)} headers compile alone, {len(alone)} of them tried here"
    print("\n".join(problems) or counts)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
