"""The table: one row a step, each with a time limit, all within one.

Steps are given in the order of their importance: when the time is over, what has not begun is
`skipped: out of time`.
"""

import concurrent.futures
import dataclasses
import json
import threading
import time
from typing import Callable

# `shown` and `not shown` are of planted faults, and neither is a failure.
RESULTS = ("passed", "failed", "unavailable", "skipped", "shown", "not shown")
LEAST_S = 2.0  # a step that has less is not begun


@dataclasses.dataclass
class Answer:
    result: str
    detail: str = ""
    timed_out: bool = False


@dataclasses.dataclass
class Step:
    name: str  # "scenario/llama-bf16-tp2"
    what: str  # "llama, bf16, 2 ranks on one GPU"
    limit_s: float
    do: Callable[[float], Answer]  # of the seconds that it may take


@dataclasses.dataclass
class Row:
    name: str
    what: str
    result: str
    detail: str
    seconds: float


class Table:
    """Rows of the steps that were run, in the order of the steps; `tell` is called for each."""

    def __init__(self, limit_s, tell=lambda row: None):
        self.started = time.monotonic()
        self.limit_s = limit_s
        self.tell = tell
        self.rows = []
        self.lock = threading.Lock()

    def seconds(self):
        return time.monotonic() - self.started

    def left_s(self):
        return self.limit_s - self.seconds()

    def run(self, steps, jobs=1):
        """As many steps at a time as `jobs`."""
        places = range(len(self.rows), len(self.rows) + len(steps))
        self.rows += [Row(step.name, step.what, "skipped", "not begun", 0.0) for step in steps]
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            list(pool.map(self.run_step, places, steps))

    def run_step(self, place, step):
        started = time.monotonic()
        left_s = self.left_s()
        if left_s < LEAST_S:
            answer = Answer("skipped", "out of time")
        else:
            answer = self.answer_of(step, min(step.limit_s, left_s))
            if answer.timed_out and left_s < step.limit_s:
                answer = Answer("skipped", "out of time, before its end")
        row = Row(step.name, step.what, answer.result, answer.detail, time.monotonic() - started)
        with self.lock:
            self.rows[place] = row
            self.tell(row)

    @staticmethod
    def answer_of(step, limit_s):
        try:
            return step.do(limit_s)
        except Exception as error:  # a step's own mistake is its failure, not the end of the table
            return Answer("failed", f"{type(error).__name__}: {error}")

    def exit_code(self):
        return 1 if any(row.result == "failed" for row in self.rows) else 0

    def counts(self):
        """"31 passed, 1 failed"."""
        numbers = {name: sum(row.result == name for row in self.rows) for name in RESULTS}
        return ", ".join(f"{number} {name}" for name, number in numbers.items() if number)

    def text(self, columns=200):
        width = max([len(row.what) for row in self.rows] + [4])
        lines = [f"{'what':{width}}  {'result':11}  {'seconds':>7}  detail"]
        for row in self.rows:
            line = f"{row.what:{width}}  {row.result:11}  {row.seconds:7.1f}  {row.detail}"
            lines.append(line.rstrip()[:columns])
        return "\n".join(lines)

    def json(self, about):
        rows = [{**dataclasses.asdict(row), "seconds": round(row.seconds, 2)} for row in self.rows]
        return json.dumps({"schema": "shardproof-gpu-run-1", **about, "limit_s": self.limit_s,
                           "seconds": round(self.seconds(), 1), "summary": self.counts(),
                           "rows": rows}, indent=2) + "\n"
