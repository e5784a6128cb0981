"""Checks that clang-format would change no file. Exit code 77 (skipped) without clang-format."""

import pathlib
import shutil
import subprocess
import sys

root = pathlib.Path(__file__).parents[1]
tops = ["scenarios", "reference", "real", "sim", "reports", "tests"]
files = [root / "main.cpp"]
files += [p for top in tops for p in sorted((root / top).rglob("*")) if p.suffix in (".hpp", ".cpp")]
if len(files) < 100:
    sys.exit(f"format: only {len(files)} files found in {root}")
if shutil.which("clang-format") is None:
    print("clang-format is not installed")
    sys.exit(77)
command = ["clang-format", "--dry-run", "-Werror", "--ferror-limit=1", *map(str, files)]
sys.exit(subprocess.run(command, check=False).returncode)
