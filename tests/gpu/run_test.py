"""Tests of what tests/gpu/run and tests/gpu/bundle do, where there is no GPU.

ABundle packs the build that SHARDPROOF_BUILD names and runs a few rows of the table from there, on
a simulated GPU, in an environment that is empty.
"""

import importlib.machinery
import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import types
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import libraries
import process
import scenarios
from place import ROOT, Place, newest_version
from table import Answer, Step, Table

HERE = pathlib.Path(__file__).resolve().parent
loader = importlib.machinery.SourceFileLoader("gpu_run", str(HERE / "run"))
gpu_run = importlib.util.module_from_spec(importlib.util.spec_from_loader("gpu_run", loader))
sys.dont_write_bytecode = True
loader.exec_module(gpu_run)
BUILD = os.environ.get("SHARDPROOF_BUILD")


def step(name, result="passed", seconds=0.0, limit_s=60.0, timed_out=False):
    def do(limit_s):
        time.sleep(min(seconds, limit_s))
        return Answer(result, timed_out=timed_out or seconds > limit_s)

    return Step(name, name, limit_s, do)


class TheTable(unittest.TestCase):
    def test_fails_if_one_row_has_failed_and_not_for_what_is_unavailable(self):
        table = Table(60)
        table.run([step("a"), step("b", "unavailable"), step("c", "skipped"),
                   step("d", "not shown")])
        self.assertEqual(table.exit_code(), 0)
        table.run([step("e", "failed")])
        self.assertEqual(table.exit_code(), 1)

    def test_a_step_that_throws_has_failed_by_its_message(self):
        def throws(limit_s):
            raise ValueError("no such file")

        table = Table(60)
        table.run([Step("a", "a", 60, throws)])
        self.assertEqual((table.rows[0].result, table.rows[0].detail),
                         ("failed", "ValueError: no such file"))

    def test_what_has_not_begun_when_the_time_is_over_is_skipped(self):
        table = Table(2.2)
        table.run([step("a", seconds=0.5), step("b")])
        self.assertEqual([(row.result, row.detail) for row in table.rows],
                         [("passed", ""), ("skipped", "out of time")])

    def test_a_step_that_the_whole_time_cuts_is_skipped_and_one_that_its_own_cuts_has_failed(self):
        table = Table(2.5)
        table.run([step("a", "failed", limit_s=0.1, timed_out=True),
                   step("b", "failed", seconds=60)])
        self.assertEqual([row.result for row in table.rows], ["failed", "skipped"])

    def test_rows_keep_the_order_of_the_steps_whatever_ends_first(self):
        table = Table(60)
        table.run([step("a", seconds=0.3), step("b")], jobs=2)
        self.assertEqual([row.name for row in table.rows], ["a", "b"])
        self.assertEqual([row["name"] for row in json.loads(table.json({}))["rows"]], ["a", "b"])


class AProcess(unittest.TestCase):
    def run_for(self, limit_s, script):
        with tempfile.TemporaryDirectory() as folder:
            return process.run(["/bin/sh", "-c", script], os.environ, f"{folder}/log", limit_s)

    def test_its_output_and_its_exit_code_are_kept(self):
        ended = self.run_for(30, "echo out; echo err >&2; exit 3")
        self.assertEqual((ended.code, ended.output), (3, "out\nerr\n"))

    def test_nothing_of_it_is_left_after_its_limit(self):
        ended = self.run_for(1, "setsid sh -c 'exit 0'; sleep 77.125 & echo $!; wait")
        self.assertIsNone(ended.code)
        stat = pathlib.Path(f"/proc/{ended.output.strip()}/stat")
        self.assertTrue(not stat.exists() or stat.read_text().rpartition(") ")[2][0] == "Z")

    def test_a_program_that_is_not_there_has_exit_code_127(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(process.run(["/not/there"], {}, f"{folder}/log", 1).code, 127)


class Libraries(unittest.TestCase):
    def test_are_found_in_the_folders_of_the_environment_first(self):
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "libnccl.so.2").touch()
            before = os.environ.get("LD_LIBRARY_PATH")
            os.environ["LD_LIBRARY_PATH"] = f"/not/there:{folder}"
            try:
                self.assertEqual(libraries.find("libnccl.so.2"), f"{folder}/libnccl.so.2")
            finally:
                os.environ.pop("LD_LIBRARY_PATH")
                if before is not None:
                    os.environ["LD_LIBRARY_PATH"] = before

    def test_are_found_in_a_pythons_packages(self):
        with tempfile.TemporaryDirectory() as folder:
            library = pathlib.Path(folder, "nvidia/cu99/lib/libof_cuda.so.99")
            library.parent.mkdir(parents=True)
            library.touch()
            os.environ["PYTHONPATH"] = folder
            try:
                self.assertEqual(libraries.find("libof_cuda.so.99"), str(library))
            finally:
                os.environ.pop("PYTHONPATH")

    def test_that_are_nowhere_are_none(self):
        self.assertIsNone(libraries.find("libof_nobody.so.1"))

    def test_the_newest_symbols_say_which_runtime_is_newer(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "libstdc++.so.6")
            path.write_bytes(b"\0GLIBCXX_3.4\0GLIBCXX_3.4.30\0GLIBCXX_3.4.9\0")
            self.assertEqual(newest_version(path), (3, 4, 30))


class Scenarios(unittest.TestCase):
    def test_every_family_of_the_catalog_has_one(self):
        catalog = ROOT / "scenarios/catalog"
        types = {json.loads(path.read_text())["model_type"]
                 for path in (catalog / "models").glob("tiny*/config.json")}
        self.assertGreaterEqual(len(types), 10)
        self.assertEqual(set(scenarios.family_files(catalog)), types)

    def test_every_dtype_and_stage_is_in_a_covering_set(self):
        covering = scenarios.covering([str(number) for number in range(10)], 1)
        self.assertEqual({dtype for _, dtype, _ in covering}, set(scenarios.DTYPES))
        self.assertEqual({stage for _, _, stage in covering}, {0, 1, 2})


class Ends(unittest.TestCase):
    def test_a_program_without_an_engine_for_gpus_has_failed_and_says_why(self):
        runs = gpu_run.Runs.__new__(gpu_run.Runs)
        runs.real, runs.place = "cuda", types.SimpleNamespace(program="shardproof")
        for cuda, result in (("not built", "failed"), ("13.0", "passed"),
                             ("real = cuda: cannot be loaded: libnccl.so.2", "failed")):
            output = f"shardproof 0.1.0\n  cuda                 {cuda}\n"
            runs.start = lambda *_, output=output: types.SimpleNamespace(code=0, output=output)
            answer = runs.program().do(60)
            self.assertEqual(answer.result, result)
            self.assertIn(cuda, answer.detail)

    """What the end of a sanitizer, or of a planted fault, means."""

    def of_sanitizer(self, code, *lines):
        text = "".join(f"========= {line}\n" for line in ("COMPUTE-SANITIZER", *lines))
        return gpu_run.sanitizer_answer(process.Ended(code, text, 1.0)).result

    def test_a_sanitizer_that_refuses_the_device_is_unavailable(self):
        self.assertEqual(self.of_sanitizer(201, "Error: Device not supported. Please refer"),
                         "unavailable")

    def test_what_a_sanitizer_found_is_a_failure_also_when_it_is_stopped(self):
        for code in (86, None):
            self.assertEqual(self.of_sanitizer(code, "Invalid __global__ write of size 4 bytes"),
                             "failed")
        self.assertEqual(self.of_sanitizer(86, "RACECHECK SUMMARY: 1 hazard displayed"), "failed")

    def test_no_hazard_has_passed_and_a_failing_test_has_failed(self):
        clean = "RACECHECK SUMMARY: 0 hazards displayed (0 errors, 0 warnings)"
        self.assertEqual(self.of_sanitizer(0, clean), "passed")
        self.assertEqual(self.of_sanitizer(201, clean), "failed")
        self.assertEqual(self.of_sanitizer(None), "skipped")

    def test_a_test_that_finds_no_gpu_has_failed_where_the_driver_lists_one(self):
        for reason, result in (("there is no GPU here: ...", "failed"), ("2 needed", "skipped")):
            ended = process.Ended(77, f"skipped: {reason}\n-----\n", 1.0)
            self.assertEqual(gpu_run.skip(ended), Answer(result, reason))

    def test_every_case_of_a_program_of_faults_is_a_row(self):
        program = """#!/bin/sh
case $1 in
  --list_content) printf 'planted*\\n    none*\\n    a_late_wait*\\n    a_race*\\n' >&2 ;;
  *none | *a_race) exit 0 ;;
  *) echo 'x.cpp(3): error: in "planted/a_late_wait": check failed'; exit 201 ;;
esac
"""
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "faults")
            path.write_text(program)
            path.chmod(0o755)
            place = Place.__new__(Place)
            place.root, place.bundled, place.tests = ROOT, False, [
                {"name": "faults", "label": "gpu_fault", "command": [str(path)], "environment": {}}]
            machine = types.SimpleNamespace(folders=lambda: [], gpus=[{}], sanitizer=None)
            runs = gpu_run.Runs(place, machine, "cuda", pathlib.Path(folder))
            answers = {step.name: step.do(10) for step in runs.planted_cases(place.tests[0])}
        self.assertEqual({name: answer.result for name, answer in answers.items()},
                         {"fault/none": "passed", "fault/a_late_wait": "not shown",
                          "fault/a_race": "shown"})


@unittest.skipIf(BUILD is None, "SHARDPROOF_BUILD names no build")
class ABundle(unittest.TestCase):
    def test_runs_with_an_empty_environment_on_a_simulated_gpu(self):
        with tempfile.TemporaryDirectory() as folder:
            bundle = f"{folder}/bundle"
            subprocess.run([HERE / "bundle", bundle, "--build", BUILD], check=True)
            # The program loads it by itself: where it was not packed, one of this machine would do.
            self.assertTrue(os.path.exists(f"{bundle}/lib/libopenblas.so.0"))
            answer = subprocess.run(
                [sys.executable, f"{bundle}/tests/gpu/run", "--simulated", "--out",
                 f"{folder}/out", "--only", r"^scenario/gpt2-(fp64-tp1|\w+-tp2)-dp1-"],
                env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False)
            table = pathlib.Path(folder, "out/table.json")
            self.assertEqual(answer.returncode, 0, answer.stdout + answer.stderr)
            rows = json.loads(table.read_text(encoding="utf-8"))["rows"]
            self.assertEqual([row["result"] for row in rows], ["passed"] * 4, rows)

    def test_without_a_gpu_is_skipped(self):
        if os.path.exists("/dev/nvidiactl"):
            self.skipTest("there is a GPU")
        with tempfile.TemporaryDirectory() as folder:
            answer = subprocess.run([HERE / "run", "--build", BUILD, "--out", folder],
                                    capture_output=True, text=True, check=False)
            self.assertEqual(answer.returncode, 77, answer.stdout + answer.stderr)
            self.assertIn("there is no GPU here", answer.stderr)


if __name__ == "__main__":
    unittest.main()
