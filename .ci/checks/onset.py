"""Whether `watchfire explain onset` finds when series began to fail, on series made here.

    python3 .ci/checks/onset.py target/release/watchfire [--seed 1] [--runs 12] [--quiet-days 40]

The generator has nothing in common with the one that the algorithm was fitted on but what the words mean: a step or
a ramp of the rate of a count, Poisson, negative binomial or wandering (a first-order autoregression of the rate's
logarithm). The seed is the time unless it is given, so that no run is like another; a failure prints it.
Prints a table and asserts DESIGN's figures with room for chance.
"""

import argparse
import datetime
import json
import math
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import time

START = datetime.datetime(2026, 1, 5, tzinfo=datetime.UTC)
NOISES = [("poisson", 0), ("nb", 0.05), ("nb", 0.15), ("nb", 0.3), ("ar", 0.2)]
RATES = [0.1, 1, 5, 20]
FACTORS = [3, 5, 10]
RAMPS = [60, 180, 300]


def poisson(dice, mean):
    if mean > 60:
        return max(0, round(dice.gauss(mean, math.sqrt(mean))))
    limit, product, count = math.exp(-mean), dice.random(), 0
    while product > limit:
        product *= dice.random()
        count += 1
    return count


def grown(after, ramp):
    """How much of the failure there has been in all, so long after onset."""
    if after <= 0:
        return 0
    return after - ramp / 2 if after >= ramp else after * after / (2 * ramp)


def series(dice, name, rate, noise, factor, ramp=0, width=10, before=3600, lasts=1200, traffic=False, swing=0, holes=0):
    """`rate` is of ten seconds. Gives the line, and onset and end in seconds after its start."""
    kind, size = noise
    onset = before + dice.uniform(0, 97)
    end = onset + lasts
    phase = dice.uniform(0, math.tau)
    wander = dice.gauss(0, size)
    counts, requests = [], []
    for index in range(math.ceil((end + 1000) / width)):
        low, high = index * width, (index + 1) * width
        part = (grown(min(high, end) - onset, ramp) - grown(min(low, end) - onset, ramp)) / width
        usual = rate * width / 10 * (1 + swing * math.sin(phase + low / 86400 * math.tau))
        lot = 1
        if kind == "nb":
            lot = dice.gammavariate(1 / size, size)
        elif kind == "ar":
            keep = 0.8 ** (width / 10)
            wander = keep * wander + math.sqrt(1 - keep * keep) * dice.gauss(0, size)
            lot = math.exp(wander - size * size / 2)
        times = 1 + (factor - 1) * part
        if traffic:
            asked = poisson(dice, usual * 25 * lot)
            share = min(1, times / 25)
            bad = min(asked, poisson(dice, asked * share))
        else:
            asked, bad = None, poisson(dice, usual * times * lot)
        missing = dice.random() < holes
        counts.append(None if missing else bad)
        requests.append(None if missing else asked)
    line = {"id": name, "start": START.isoformat().replace("+00:00", "Z"), "bin_seconds": width, "counts": counts}
    if traffic:
        line["traffic"] = requests
    return line, onset, end


def explained(binary, lines):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "series.ndjson"
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        begun = time.monotonic()
        done = subprocess.run([binary, "explain", "onset", path], capture_output=True, text=True, check=False)
        took = time.monotonic() - begun
    if done.returncode:
        sys.exit(f"FAIL explain onset: {done.stderr.strip()}")
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [a["id"] for a in answers] == [line["id"] for line in lines], "an answer for each line, in order"
    return answers, took


def seconds(text):
    whole, _, rest = text.removesuffix("Z").partition(".")
    at = datetime.datetime.fromisoformat(whole + "+00:00")
    return (at - START).total_seconds() + (float("0." + rest) if rest else 0)


def quantile(values, share):
    values = sorted(values)
    return values[round((len(values) - 1) * share)] if values else math.nan


class Figures:
    def __init__(self):
        self.delays, self.errors, self.widths, self.covered, self.early = [], [], [], 0, 0

    def add(self, answer, onset):
        if not answer["alarmed"]:
            self.delays.append(math.inf)
            return
        detected = seconds(answer["detected_at"]) - onset
        if detected <= 0:
            self.early += 1
            return
        found = answer["onset"]
        self.delays.append(detected)
        self.errors.append(abs(seconds(found["at"]) - onset))
        self.widths.append(seconds(found["latest"]) - seconds(found["earliest"]))
        self.covered += seconds(found["earliest"]) <= onset <= seconds(found["latest"])

    @property
    def coverage(self):
        return self.covered / max(len(self.errors), 1)

    def row(self, name):
        median = statistics.median(self.errors) if self.errors else math.nan
        width = statistics.median(self.widths) if self.widths else math.nan
        print(
            f"{name:28} n {len(self.delays):5}  early {self.early:3}  detected p50 {quantile(self.delays, 0.5):6.0f} "
            f"p90 {quantile(self.delays, 0.9):6.0f}  error p50 {median:6.1f} p90 {quantile(self.errors, 0.9):6.1f}  "
            f"covered {self.coverage:6.1%}  width {width:6.0f}",
            flush=True,
        )


def measured(binary, dice, plan):
    """`plan`: groups by name, each a list of how to make a series."""
    made = [(name, series(dice, f"{name} {n}", **how)) for name, hows in plan.items() for n, how in enumerate(hows)]
    answers, took = explained(binary, [line for _, (line, _, _) in made])
    groups = {name: Figures() for name in plan}
    for (name, (_, onset, _)), answer in zip(made, answers, strict=True):
        groups[name].add(answer, onset)
    return groups, len(made) / took


def together(groups):
    all_of = Figures()
    for group in groups:
        all_of.delays += group.delays
        all_of.errors += group.errors
        all_of.widths += group.widths
        all_of.covered += group.covered
        all_of.early += group.early
    return all_of


def false_alarms(binary, dice, days):
    """Long series of every noise and rate; gives alarms in 30 days, on average and of the worst."""
    hours = 12
    each = max(1, round(days * 24 / hours))
    found = {}
    for noise in NOISES:
        for rate in RATES:
            lines = [
                series(dice, f"{n}", rate, noise, 1, before=hours * 3600 - 1100, lasts=60, swing=0.3)[0]
                for n in range(each)
            ]
            answers, _ = explained(binary, lines)
            found[f"{noise[0]} {noise[1]}, {rate}"] = sum(a["alarmed"] for a in answers) / (each * hours / 24) * 30
    for name, alarms in found.items():
        print(f"quiet {name:22} {alarms:5.1f} false alarms in 30 days")
    return statistics.mean(found.values()), max(found.values())


def refusals(binary):
    good, _, _ = series(random.Random(1), "x", 1, ("poisson", 0), 1, before=600, lasts=10)
    for wrong, told in [
        ({**good, "counts": [1, -1]}, "counts[1]"),
        ({**good, "bin_seconds": 0}, "bin_seconds"),
        ({**good, "traffic": [1]}, "traffic has 1"),
        ({"id": "x"}, "missing field"),
    ]:
        with tempfile.NamedTemporaryFile("w", suffix=".ndjson") as file:
            file.write(json.dumps(good) + "\n" + json.dumps(wrong) + "\n")
            file.flush()
            done = subprocess.run([binary, "explain", "onset", file.name], capture_output=True, text=True, check=False)
        yield f"a wrong line is named: {told}", done.returncode == 1 and ":2:" in done.stderr and told in done.stderr


def plans(runs):
    steps = {
        f"steps, {rate} in 10 s": [
            {"rate": rate, "noise": noise, "factor": factor} for noise in NOISES for factor in FACTORS for _ in range(runs)
        ]
        for rate in RATES
    }
    ramps = {
        f"ramps, {rate} in 10 s": [
            {"rate": rate, "noise": noise, "factor": factor, "ramp": dice_ramp}
            for noise in NOISES
            for factor in FACTORS
            for dice_ramp in RAMPS
            for _ in range(max(1, runs // 3))
        ]
        for rate in RATES
    }
    kinds = {
        "bins of 1 s": {"width": 1},
        "bins of 30 s": {"width": 30},
        "bins of 60 s": {"width": 60},
        "traffic": {"traffic": True, "swing": 0.6},
        "a rate that swings": {"swing": 0.5},
        "little history": {"before": 900},
        "holes": {"holes": 0.1},
    }
    others = {
        name: [
            {"rate": rate, "noise": ("nb", 0.1), "factor": factor, "ramp": ramp, **kind}
            for rate in [1, 5, 20]
            for factor in [3, 8]
            for ramp in [0, 240]
            for _ in range(max(1, runs // 2))
        ]
        for name, kind in kinds.items()
    }
    return steps, ramps, others


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--runs", type=int, default=12)
    parser.add_argument("--quiet-days", type=float, default=20)
    args = parser.parse_args()
    print(f"seed {args.seed}")
    dice = random.Random(args.seed)
    steps, ramps, others = plans(args.runs)
    groups, speed = measured(args.binary, dice, {**steps, **ramps, **others})
    for name, figures in groups.items():
        figures.row(name)
    frequent = together(groups[name] for name in steps if "0.1" not in name)
    rising = together(groups[name] for name in ramps if "0.1" not in name)
    other = together(groups[name] for name in others)
    frequent.row("steps, 1 in 10 s and more")
    rising.row("ramps, 1 in 10 s and more")
    other.row("other series")
    all_errors = frequent.errors + rising.errors
    average, worst = false_alarms(args.binary, dice, args.quiet_days)
    checks = [
        ("steps: detected p50 within 30 s", quantile(frequent.delays, 0.5) <= 30),
        ("steps: detected p90 within 120 s, and a quarter for chance", quantile(frequent.delays, 0.9) <= 150),
        ("steps: error p50 within 10 s", statistics.median(frequent.errors) <= 10),
        ("steps: 90 % covered", frequent.coverage >= 0.9),
        ("ramps: 90 % covered, less two in a hundred for chance", rising.coverage >= 0.88),
        ("steps and ramps: error p50 within 10 s", statistics.median(all_errors) <= 10),
        ("other series: 90 % covered, less three in a hundred for chance", other.coverage >= 0.87),
        (f"quiet: {average:.1f} false alarms in 30 days on average", average <= 1),
        (f"quiet: {worst:.1f} of the worst kind", worst <= 6),
        (f"{speed:.0f} series a second", True),
        *refusals(args.binary),
    ]
    for name, holds in checks:
        print("ok  " if holds else "FAIL", name)
    if not all(holds for _, holds in checks):
        sys.exit(f"seed {args.seed}")


if __name__ == "__main__":
    main()
