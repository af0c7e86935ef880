"""Do `watchfire test rules` and promtool agree? Each case is run with nothing expected, so that both tell what
they got, which is compared; and then with what promtool got expected, which both must pass.

    rule_tests.py path/to/watchfire [--case PART_OF_NAME]
"""

import argparse
import concurrent.futures
import json
import os
import re
import subprocess
import sys
import tempfile

from rule_cases import cases, indented

LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')
ALERT = re.compile(r"Labels:(\{.*\})\s*\n\s*Annotations:(\{.*\})")
BLOCK = re.compile(r"^ *(?:name: .*\n *)?(?:alertname: (?P<alert>.*?), time: (?P<at>\S+?), *|expr: (?P<expr>\".*\"), time: (?P<when>\S+?),) *$", re.M)


def labels(text):
    name = re.match(r"[a-zA-Z_:][a-zA-Z0-9_:]*(?=[{ ]|$)", text)
    found = {key: json.loads(f'"{value}"') for key, value in LABEL.findall(text)}
    if name:
        found["__name__"] = name.group()
    return tuple(sorted(found.items()))


def samples(text):
    """`{a="b"} 1E+00, {…} 2`, as pairs."""
    text, found = text.strip(), []
    while text and text != "nil":
        match = re.match(r'((?:[a-zA-Z_:][a-zA-Z0-9_:]*)?(?:\{(?:[^"}]|"(?:[^"\\]|\\.)*")*\})?) (\S+?)(?:, |$)', text)
        if not match:
            return text
        found.append((labels(match.group(1)), float(match.group(2))))
        text = text[match.end():]
    return found


def got(output):
    """What a run says it got: by alert or expression, and time."""
    found, starts = {}, list(BLOCK.finditer(output))
    for start, after in zip(starts, starts[1:] + [None]):
        block = output[start.end():after.start() if after else len(output)]
        _, _, block = block.partition("got:")
        if start["alert"]:
            alerts = [(labels(one), labels(two)) for one, two in ALERT.findall(block)]
            found["alert", start["alert"], start["at"]] = sorted(alerts)
        else:
            found["expr", json.loads(start["expr"]), start["when"]] = sorted_samples(samples(block.split("\n")[0]))
    return found


def sorted_samples(found):
    return found if isinstance(found, str) else sorted(found)


def same(a, b):
    if isinstance(a, float) and isinstance(b, float):
        return a == b or a != a and b != b or abs(a - b) <= 1e-12 * max(abs(a), abs(b))
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, str) and isinstance(b, str) and "<error expanding template:" in a:
        return "<error expanding template:" in b
    return a == b


def seconds(text):
    units = {"h": 3600, "m": 60, "s": 1}
    return sum(float(number) * units[unit] for number, unit in re.findall(r"([\d.]+)([hms])", text))


def written(case, expected, folder):
    """Writes the case as files; what is expected is what was got, or nothing."""
    groups = case.get("groups") or "- name: g\n  rules:" + ("\n" + indented(case["rules"]) if case["rules"] else " []\n")
    with open(f"{folder}/rules.yml", "w", encoding="utf-8") as file:
        file.write("groups:\n" + groups)
    test = {"interval": case.get("interval", "1m"),
            "input_series": [{"series": name, "values": values} for name, values in case["series"].items()],
            "alert_rule_test": [], "promql_expr_test": []}
    at = {(kind, name, seconds(time)): value for (kind, name, time), value in (expected or {}).items()}
    for name, times in case.get("alerts", []):
        for time in times:
            alerts = at.get(("alert", name, seconds(time)), [])
            told = [{"exp_labels": {k: v for k, v in one if k != "alertname"}, "exp_annotations": dict(two)} for one, two in alerts]
            test["alert_rule_test"].append({"eval_time": time, "alertname": name, "exp_alerts": told or None})
    if expected is None:
        for one in test["alert_rule_test"]:
            one["exp_alerts"] = [{"exp_labels": {"nobody": "expects this"}}]
    for expr, time in case.get("exprs", []):
        found = at.get(("expr", expr, seconds(time)), [])
        told = [{"labels": as_series(one), "value": value} for one, value in found]
        if expected is None:
            told = [{"labels": '{nobody="expects this"}', "value": 1}]
        test["promql_expr_test"].append({"expr": expr, "eval_time": time, "exp_samples": told})
    for key in ("external_labels", "external_url"):
        if key in case:
            test[key] = case[key]
    whole = {"rule_files": ["rul*.yml"], "evaluation_interval": case.get("evaluation_interval", "1m"),
             "tests": [test] * case.get("copies", 1)}
    if "group_eval_order" in case:
        whole["group_eval_order"] = case["group_eval_order"]
    with open(f"{folder}/tests.yml", "w", encoding="utf-8") as file:
        file.write(re.sub(r": (-?)(NaN|Infinity)\b", lambda found: f": {found[1]}.{found[2].lower()[:3]}", json.dumps(whole)))


def as_series(pairs):
    return "{" + ", ".join(f"{name}={json.dumps(value)}" for name, value in pairs) + "}"


def run(tool, folder):
    done = subprocess.run([*tool, "test", "rules", "tests.yml"], cwd=folder, capture_output=True, text=True, timeout=600)
    return done.returncode, done.stdout + done.stderr


def compared(name, case, ours):
    """What differs, in words."""
    tools, faults = {"promtool": ["promtool"], "watchfire": [ours]}, []
    with tempfile.TemporaryDirectory() as folder:
        written(case, None, folder)
        first = {tool: run(command, folder) for tool, command in tools.items()}
        if case.get("verdict_only"):
            codes = {tool: code for tool, (code, _) in first.items()}
            return [] if codes["promtool"] == codes["watchfire"] else [f"{name}: {codes}\n{first['watchfire'][1]}"]
        theirs, mine = got(first["promtool"][1]), got(first["watchfire"][1])
        if not theirs:
            return [f"{name}: promtool told nothing:\n{first['promtool'][1]}"]
        for key in sorted(set(theirs) | set(mine)):
            if not same(theirs.get(key), mine.get(key)):
                faults.append(f"{name}: {key}\n    promtool  {theirs.get(key)}\n    watchfire {mine.get(key)}")
        if "<error" in str(theirs):
            return faults
        written(case, theirs, folder)
        for tool, command in tools.items():
            code, output = run(command, folder)
            if code and not any(value != value for found in theirs.values() for value in numbers(found)):
                faults.append(f"{name}: {tool} does not pass what promtool got:\n{output}")
    return faults


def numbers(found):
    return [one[1] for one in found if isinstance(one[1], float)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--case", default="")
    options = parser.parse_args()
    ours = os.path.abspath(options.binary)
    chosen = [(name, case) for name, case in cases() if options.case in name]
    faults = []
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for found in pool.map(lambda one: compared(*one, ours), chosen):
            faults += found
    print(*faults, sep="\n")
    print(f"{len(chosen)} cases, {len(faults)} differences")
    sys.exit(1 if faults else 0)


main()
