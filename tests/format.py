"""Checks that no line passes 100 columns, and that clang-format would change no file.

Exit code 77 (skipped) without clang-format, unless a line is too long.
"""

import pathlib
import re
import shutil
import subprocess
import sys

COLUMNS = 100
root = pathlib.Path(__file__).parents[1]
tops = ["scenarios", "reference", "real", "sim", "reports", "tests"]
written = [p for top in tops for p in sorted((root / top).rglob("*"))]
written += [root / "main.cpp", root / "CMakeLists.txt"]
cpp = [p for p in written if p.suffix in (".hpp", ".cpp")]
scripts = [p for p in written if p.suffix in (".py", ".cmake") or p.name == "CMakeLists.txt"]
if len(cpp) < 100:
    sys.exit(f"format: only {len(cpp)} C++ files found in {root}")


def without_texts(source):
    """Without raw strings of several lines: what a test reads or expects is as long as it is."""

    def emptied(text):
        lines = text[0].count("\n")
        return 'R"(' + "\n" * lines + ')"' if lines else text[0]

    return re.sub(r'R"(\w*)\(.*?\)\1"', emptied, source, flags=re.S)


too_long = 0
for path in cpp + scripts:
    for number, line in enumerate(without_texts(path.read_text(encoding="utf-8")).split("\n"), 1):
        if len(line) > COLUMNS:
            too_long += 1
            print(f"{path.relative_to(root)}:{number}: {len(line)} columns")
if too_long:
    sys.exit(f"format: {too_long} lines pass {COLUMNS} columns")
if shutil.which("clang-format") is None:
    print("clang-format is not installed")
    sys.exit(77)
command = ["clang-format", "--dry-run", "-Werror", "--ferror-limit=1", *map(str, cpp)]
sys.exit(subprocess.run(command, check=False).returncode)
