"""Stack traces of real runtimes, thrown at known sites, are told apart and found to be the same.

    fingerprints.py path/to/watchfire

Each runtime runs a program with 20 throw sites in seven variants: other lines, another folder, other
ids in the message, a library's frame in between, wrapped once, another deploy. What `watchfire explain
fingerprint` makes of them is held against the sites, pair by pair. Those of .NET are recorded by hand,
those of Firefox and Safari are made of V8's.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from itertools import combinations
from pathlib import Path

from throw_sites import RUNTIMES, missing, traces

GOAL = 0.99


def grouped(binary, told, root):
    """The group of each trace, by the code that the server runs."""
    file = Path(root) / "lines.ndjson"
    lines = []
    for runtime, _, one in told:
        lines.append(json.dumps({"service.name": runtime, "exception.type": one["type"], "exception.message": one["message"], "exception.stacktrace": one["stack"]}))
    file.write_text("\n".join(lines) + "\n")
    done = subprocess.run([binary, "explain", "fingerprint", str(file)], capture_output=True, text=True, check=True, timeout=120)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    if len(answers) != len(told):
        raise SystemExit(f"FAIL {len(answers)} answers to {len(told)} traces")
    return answers


def judged(pairs):
    """Pairs that are rightly one group, wrongly one, and wrongly two."""
    counts = Counter()
    for (site, group), (other_site, other_group) in combinations(pairs, 2):
        counts[(site == other_site, group == other_group)] += 1
    return counts[(True, True)], counts[(False, True)], counts[(True, False)]


def f1(right, joined, split):
    precision = right / (right + joined) if right + joined else 1.0
    recall = right / (right + split) if right + split else 1.0
    return precision, recall, 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def examples(runtime, told, answers):
    """One pair of each kind of mistake, for who has to mend it."""
    own = [(variant, one, answer) for (name, variant, one), answer in zip(told, answers) if name == runtime]
    base = {one["site"]: (one, answer) for variant, one, answer in own if variant == "base"}
    for variant, one, answer in own:
        before, expected = base[one["site"]]
        if answer["group"] != expected["group"]:
            show = lambda found: [f"{f['module']}.{f['function']}" for f in found["frames"] if f["counted"]]
            print(f"  site {one['site']}, {variant}: {answer['type']} {show(answer)}\n    but base: {expected['type']} {show(expected)}")
            return


def main():
    binary = sys.argv[1]
    told, failed = [], False
    with tempfile.TemporaryDirectory(prefix="sites-") as root:
        for runtime in RUNTIMES:
            lacking = missing(runtime)
            if lacking:
                print(f"{'FAIL' if os.environ.get('CI') == 'true' else 'skipped'} {runtime}: no {', '.join(lacking)}")
                failed |= os.environ.get("CI") == "true"
                continue
            told += [(runtime, variant, one) for variant, one in traces(runtime, root)]
        answers = grouped(binary, told, root)
        total = (0, 0, 0)
        for runtime in dict.fromkeys(runtime for runtime, _, _ in told):
            pairs = [(one["site"], answer["group"]) for (name, _, one), answer in zip(told, answers) if name == runtime]
            counts = judged(pairs)
            total = tuple(a + b for a, b in zip(total, counts))
            precision, recall, score = f1(*counts)
            good = score >= GOAL
            failed |= not good
            print(f"{'ok' if good else 'FAIL'} {runtime}: {len(pairs)} traces, precision {precision:.4f}, recall {recall:.4f}, F1 {score:.4f}")
            if not good:
                examples(runtime, told, answers)
    precision, recall, score = f1(*total)
    print(f"{'ok' if score >= GOAL else 'FAIL'} all: {len(told)} traces, precision {precision:.4f}, recall {recall:.4f}, F1 {score:.4f}")
    sys.exit(1 if failed or score < GOAL else 0)


if __name__ == "__main__":
    main()
