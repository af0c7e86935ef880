"""Real logs: the lines of LogHub, sent by `watchfire send logs`, must come back as they were, and be found by
their words. Needs the network (or a copy of the repository), so it is no part of .ci/run.

    corpora.py BINARY [--repository https://github.com/logpai/loghub] [--sample 200]
"""

import argparse
import json
import pathlib
import random
import subprocess
import tempfile
import time

from log_lines import rfc3339, tokens
from server import Watchfire, close, expect


def corpora(repository, folder):
    """(name, lines) of each file of two thousand lines."""
    subprocess.run(["git", "clone", "-q", "--depth", "1", repository, folder], check=True)
    for path in sorted(pathlib.Path(folder).glob("*/*_2k.log")):
        text = path.read_text(encoding="utf-8", errors="replace")
        # Each line is one message, whatever other ends of lines are in it.
        yield path.parent.name, [line for line in text.replace("\r\n", "\n").split("\n") if line]


def wrapped(name, lines, start):
    for n, line in enumerate(lines):
        yield {"timestamp": rfc3339(start + n * 10**6), "severity": "INFO", "service.name": name, "message": line, "n": n}


def run(*command, **more):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, **more)


def found(fire, query, start):
    """The numbers of the lines, as a reader of the page gets them."""
    numbers, cursor = [], {}
    while True:
        page = fire.get("/api/v1/logs", q=query, start=rfc3339(start), limit=1000, **cursor)
        numbers += [record["n"] for record in page["records"]]
        if page["next"] is None:
            return numbers
        cursor = {"cursor": page["next"]}


def judge(fire, binary, name, lines, start, sample):
    r = random.Random(name)
    listed = run(binary, "search", f'service:"{name}"', "--server", fire.url, "--json", "-n", 0)
    records = [json.loads(line) for line in listed.stdout.splitlines()]
    same = [record["message"] for record in reversed(records)] == lines
    expect(same, f"{name}: {len(records)} of {len(lines)} lines come back as they were")
    words = [f" {' '.join(tokens(line))} " for line in lines]
    wrong = 0
    for n in r.sample(range(len(lines)), min(sample, len(lines))):
        parts = words[n].split()
        if not parts:
            continue
        at = r.randrange(len(parts))
        phrase = parts[at : at + r.choice([1, 2, 5, 1000])]
        quoted = '"' + " ".join(phrase) + '"'
        asked = {
            f'service:"{name}" {quoted}': f" {' '.join(phrase)} ",
            f'service:"{name}" {phrase[0][:3]}*': f" {phrase[0][:3]}",
            # The line as it stands, pasted between quotes.
            f'service:"{name}" "' + lines[n].replace("\\", "\\\\").replace('"', '\\"') + '"': words[n],
        }
        for query, needle in asked.items():
            right = [m for m in reversed(range(len(lines))) if needle in words[m]]
            if (answer := found(fire, query, start)) != right:
                wrong += 1
                print(f"     {query}: {len(answer)} for {len(right)}")
    expect(wrong == 0, f"{name}: words, phrases and whole lines are found ({wrong} are not)")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--repository", default="https://github.com/logpai/loghub")
    parser.add_argument("--sample", type=int, default=200)
    options = parser.parse_args()
    start = (int(time.time()) - 1800) * 10**9
    with tempfile.TemporaryDirectory() as folder:
        known = list(corpora(options.repository, f"{folder}/loghub"))
        data = f"{folder}/data"
        fire = Watchfire(options.binary, folder=data)
        for name, lines in known:
            text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in wrapped(name, lines, start))
            sent = run(options.binary, "send", "logs", "--server", fire.url, input=text)
            expect(sent.returncode == 0, f"{name}: {sent.stdout.strip()} {sent.stderr[:300]}")
        for when in ("in memory", "on disk"):
            print(when)
            if when == "on disk":
                fire = Watchfire(options.binary, folder=data)
            for name, lines in known:
                judge(fire, options.binary, name, lines, start, options.sample)
            fire.stop()
    close()


main()
