"""PromQL beside a real Prometheus: the same samples, the same expressions, equal answers.

    promql_differential.py BINARY [--seed 7117] [--expressions 300] [--file EXPRESSIONS] [--shown 15]

Both get the same remote-write requests. Each expression of `promql_expressions`, and of a file if one is
given (one a line), is asked at three instants and over three ranges. Debian's Prometheus is 2.42 and we
answer as 3 does; the samples keep off what differs by design. What else 3 changed is named in `CHANGED`,
counted and not compared.
"""

import argparse
import re
import time
from collections import Counter

from promql_answers import difference
from promql_expressions import LISTED, Expressions
from promql_samples import SPAN, Samples
from prometheus_peer import Api, Prometheus, wait_until
from server import Watchfire, close, expect
from write_request import VERSION, request, series

# What Prometheus 3 answers otherwise than 2.42, by intent.
CHANGED = [
    (re.compile(r"\batan2\b"), "2.42 leaves the metric's name on what atan2 gives"),
    (re.compile(r"=~\".*(?<!\\)\.[^*+]"), "in 3 the dot of a regular expression is a line's end as well"),
    (re.compile(r"\[\w+:\w*\].*\[\w+:\w*\]"), "a subquery within one has its points on the edges of ranges"),
    (re.compile(r"label_\w+\(up, \"(~|a b)\"|count_values\(\"a b\""), "in 3 a label may have any name"),
    (re.compile(r"\bpredict_linear\(.*@"), "2.42 moves the range of predict_linear although @ holds it"),
]
PEER_FLAGS = ["--web.enable-remote-write-receiver", "--storage.tsdb.retention.time=10d"]


def load(samples, ours, theirs):
    for slice_ in samples.slices():
        body = request([series(labels, values) for labels, values in slice_])
        for api in (theirs, ours):
            status, _, answer = api.send("POST", "/api/v1/write", body, VERSION)
            if status not in (200, 204):
                raise SystemExit(f"{api.host} refused samples: {status} {answer.decode(errors='replace')[:500]}")
    total = sum(len(values) for _, values in samples.series)
    for api in (theirs, ours):
        wait_until(lambda: held(api, samples) == total, f"{api.host} holds all {total} samples")
    return total


def held(api, samples):
    """How many samples a server has."""
    names = sorted({labels["__name__"] for labels, _ in samples.series})
    counts = (api.value(f"sum(count_over_time({name}[{SPAN}s]))", time=samples.start + SPAN) for name in names)
    return sum(count or 0 for count in counts)


def questions(expression, start):
    """Instants and ranges; half a second beside what any sample or subquery has."""
    instants = [("query", {"time": start + at}) for at in (3000.5, 6500.5, SPAN + 60.5)]
    ranges = [(120.5, SPAN + 300.5, 37), (120.5, SPAN + 300.5, 173), (-600.5, 900.5, 15)]
    return [(path, {"query": expression, **parameters}) for path, parameters in instants] + [
        ("query_range", {"query": expression, "start": start + first, "end": start + last, "step": step}) for first, last, step in ranges
    ]


class Judge:
    def __init__(self, theirs, ours, start, shown):
        self.theirs, self.ours, self.start, self.shown = theirs, ours, start, shown
        self.answers, self.wrong, self.changed, self.expressions, self.errors = 0, Counter(), 0, 0, 0

    def judge(self, expression):
        if any(pattern.search(expression) for pattern, _ in CHANGED):
            self.changed += 1
            return
        self.expressions += 1
        written = expression.replace("holt_winters", "double_exponential_smoothing")
        for path, parameters in questions(expression, self.start):
            _, right = self.theirs.post(path, **parameters)
            _, found = self.ours.post(path, **{**parameters, "query": written})
            self.answers += 1
            self.errors += right["status"] == "error"
            is_ordered = path == "query" and re.match(r"(sort|sort_desc|topk|bottomk) ?\(", expression) and not re.search(r"\) (by|without) \(", expression)
            wrong = difference(right, found, is_ordered)
            if wrong:
                self.wrong[wrong[0]] += 1
                self.tell(expression, path, parameters, wrong)
                return

    def tell(self, expression, path, parameters, wrong):
        if sum(self.wrong.values()) <= self.shown:
            at = {name: value for name, value in parameters.items() if name != "query"}
            print(f"     {expression}\n       {path} {at}: {wrong[0]}: {wrong[1][:500]}", flush=True)

    def report(self, what):
        differing = sum(self.wrong.values())
        kinds = ", ".join(f"{count} by {kind}" for kind, count in self.wrong.most_common())
        print(f"     {what}: {self.answers} answers compared, {self.errors} of them errors, {self.changed} expressions left out as changed in 3")
        expect(differing == 0, f"{what}: {self.expressions - differing} of {self.expressions} expressions answered as Prometheus does {kinds}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--seed", type=int, default=7117)
    parser.add_argument("--expressions", type=int, default=300)
    parser.add_argument("--file")
    parser.add_argument("--shown", type=int, default=15)
    options = parser.parse_args()
    start = (int(time.time()) - SPAN - 1200) // 60 * 60
    samples = Samples(options.seed, start)
    fire, peer = Watchfire(options.binary), Prometheus("global: {}\n", *PEER_FLAGS)
    ours = Api(fire.addresses["listen"], "/prometheus")
    total = load(samples, ours, peer.api)
    print(f"seed {options.seed}: {len(samples.series)} series, {total} samples from {start}")
    sets = {"listed": LISTED, "generated": list(Expressions(options.seed).some(options.expressions))}
    if options.file:
        with open(options.file) as file:
            sets["from " + options.file] = [line.strip() for line in file if line.strip()]
    for what, expressions in sets.items():
        judge = Judge(peer.api, ours, start, options.shown)
        for expression in expressions:
            judge.judge(expression)
        judge.report(what)
    peer.stop()
    fire.stop()
    close()


if __name__ == "__main__":
    main()
