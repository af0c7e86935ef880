"""Where alerts are routed, judged by Alertmanager's own amtool; and amtool at work against us.

    routing.py BINARY [--configurations 70] [--labels 16] [--seed 7117] [--shown 10]

Generated and hand-written configurations are asked for generated labels, by `amtool config routes test` and by
`watchfire explain route`: both must name the same receivers in the same order. What amtool refuses we refuse.
Names beyond ASCII are known to Alertmanager since 0.27 only: there the answers are written down here.
"""

import argparse
import concurrent.futures
import json
import os
import random
import subprocess
import tempfile
import time

from server import Watchfire, close, expect

NAMES = ["team", "service", "severity", "env", "instance", "a", "b_1"]
VALUES = {
    "team": ["core", "web", "data", "core-web"],
    "service": ["api", "db", "api.v2", "queue 1"],
    "severity": ["critical", "warning", "info", "page"],
    "env": ["prod", "dev", "prod-eu", "staging"],
    "instance": ["host:9100", "10.0.0.1:80", "a\\b"],
    "a": ["1", "x|y", "$", "ä"],
    "b_1": ["b", "B", "bb"],
}
PATTERNS = [
    "", ".*", ".+", "prod.*", "prod|dev", "(core|web)", "a.*|b", "[a-c]+", "^prod$", "pro", "critical|page", "^", "$",
    "(?i)B+", r"\d+", r"api\.v2", r"host:\d+", "x.y", r"[^d].*", "(?:core)-?(?:web)?", r"\w+", r"\S+", "[[:alpha:]]+",
]


def quote(text):
    """A YAML text, whatever it holds."""
    return json.dumps(text, ensure_ascii=False)


def condition(dice):
    """One line of `matchers`."""
    name = dice.choice(NAMES)
    if dice.random() < 0.5:
        value, operators = dice.choice([*VALUES[name], "", "other"]), ["=", "!="]
    else:
        value, operators = dice.choice(PATTERNS), ["=~", "!~"]
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    plain = value and all(c.isalnum() or c in "-.:|*+" for c in value)
    space = dice.choice(["", "", " "])
    text = value if plain and dice.random() < 0.4 else f'"{escaped}"'
    return f"{name}{space}{dice.choice(operators)}{space}{text}"


def matching(dice):
    """The lines of a route that say what it matches."""
    lines = []
    if dice.random() < 0.4:
        name = dice.choice(NAMES)
        lines.append(f"match: {{{name}: {quote(dice.choice([*VALUES[name], '']))}}}")
    if dice.random() < 0.3:
        lines.append(f"match_re: {{{dice.choice(NAMES)}: {quote(dice.choice(PATTERNS))}}}")
    if dice.random() < 0.6:
        conditions = [condition(dice) for _ in range(dice.choice([1, 1, 2, 3]))]
        if dice.random() < 0.3:
            conditions = ["{" + ",".join(conditions) + dice.choice(["", ","]) + "}"]
        lines.append(f"matchers: [{', '.join(map(quote, conditions))}]")
    return lines


def tree(dice, receivers, depth, budget):
    """A route's children."""
    lines = []
    for _ in range(dice.randint(1, 4)):
        if budget[0] == 0:
            break
        budget[0] -= 1
        own = matching(dice)
        if dice.random() < 0.8:
            own.append(f"receiver: {dice.choice(receivers)}")
        if dice.random() < 0.35:
            own.append("continue: true")
        if dice.random() < 0.3:
            own.append(f"group_by: [{dice.choice(['alertname', 'team, env', chr(39) + '...' + chr(39)])}]")
        if dice.random() < 0.2:
            own.append(f"{dice.choice(['group_wait', 'group_interval', 'repeat_interval'])}: {dice.choice(['30s', '5m', '1h30m'])}")
        if depth < 3 and dice.random() < 0.5:
            below = tree(dice, receivers, depth + 1, budget)
            if below:
                own += ["routes:", *below]
        if not own:
            own = ["continue: false"]
        lines += [("- " if index == 0 else "  ") + line for index, line in enumerate(own)]
    return lines


def configuration(dice):
    receivers = [f"r{index}" for index in range(dice.randint(2, 7))]
    lines = ["route:", f"  receiver: {receivers[0]}", "  routes:"]
    lines += ["  " + line for line in tree(dice, receivers, 1, [25])]
    lines += ["receivers:", *(f"- name: {name}" for name in receivers)]
    return "\n".join(lines) + "\n"


def label_set(dice):
    names = dice.sample(NAMES, dice.randint(0, len(NAMES)))
    return {name: dice.choice([*VALUES[name], *(["other"] if dice.random() < 0.3 else [])]) for name in names} or {"x": "y"}


RECEIVERS = "receivers: [{name: all}, {name: a}, {name: b}, {name: c}, {name: d}]\n"

# Configurations, each with the labels that it is asked for.
WRITTEN = [
    ("route: {receiver: all}\n", [{"x": "y"}]),
    # The first match wins, unless it lets others follow.
    ("route: {receiver: all, routes: [{receiver: a, match: {x: y}}, {receiver: b, match: {x: y}}]}\n", [{"x": "y"}, {"x": "z"}]),
    ("route: {receiver: all, routes: [{receiver: a, continue: true}, {receiver: b, continue: true}, {receiver: c}, {receiver: d}]}\n", [{"x": "y"}]),
    ("route: {receiver: all, routes: [{receiver: a, match: {x: y}, continue: true}]}\n", [{"x": "y"}, {"z": "y"}]),
    # Deep, with what is inherited.
    ("""
route:
  receiver: all
  routes:
  - matchers: [team=core]
    routes:
    - matchers: [severity=page]
      receiver: a
      continue: true
      routes: [{matchers: [env!=prod], receiver: b}]
    - matchers: [severity=~"page|warning"]
    - receiver: c
  - matchers: ['team=~".+"']
    receiver: d
""", [{"team": "core"}, {"team": "core", "severity": "page"}, {"team": "core", "severity": "page", "env": "prod"},
      {"team": "core", "severity": "warning"}, {"team": "web"}, {"env": "prod"}]),
    # A label that is not there is an empty one.
    ("route: {receiver: all, routes: [{receiver: a, matchers: ['x=\"\"']}, {receiver: b, matchers: ['x!=\"\"']}]}\n", [{"x": "y"}, {"z": "y"}]),
    ("route: {receiver: all, routes: [{receiver: a, match: {x: ''}}, {receiver: b, match_re: {x: '.*'}}]}\n", [{"x": "y"}, {"z": "y"}]),
    ("route: {receiver: all, routes: [{receiver: a, match_re: {x: ''}}, {receiver: b, match_re: {x: '|y'}}]}\n", [{"x": "y"}, {"x": "z"}, {"z": "y"}]),
    # Expressions fit whole values.
    ("route: {receiver: all, routes: [{receiver: a, match_re: {x: 'b|c'}}, {receiver: b, matchers: ['x=~\"ab|\"']}]}\n", [{"x": "b"}, {"x": "abc"}, {"x": "ab"}, {"x": "cc"}]),
    ("route: {receiver: all, routes: [{receiver: a, matchers: ['x!~\"y.*\"', 'x!=\"\"']}]}\n", [{"x": "y"}, {"x": "zy"}, {"z": "y"}]),
    # Several in one line, quotes, escapes.
    ("route: {receiver: all, routes: [{receiver: a, matchers: ['{x=\"a,b\",z!=c}']}, {receiver: b, matchers: ['x=\"a\\\"b\"']}, {receiver: c, matchers: ['x=a\\\\b']}]}\n",
     [{"x": "a,b"}, {"x": "a,b", "z": "c"}, {"x": "a\\b"}]),
    # A duplicate, and one that is never reached.
    ("route: {receiver: all, routes: [{receiver: a, continue: true}, {receiver: a}, {receiver: b}]}\n", [{"x": "y"}]),
    ("route: {receiver: all, routes: [{receiver: a, matchers: ['x=y', 'x=z']}]}\n", [{"x": "y"}]),
    # Muted or not: that is a matter of time, not of routing.
    ("""
route:
  receiver: all
  routes: [{receiver: a, match: {x: y}, mute_time_intervals: [always], active_time_intervals: [always]}]
time_intervals: [{name: always, time_intervals: [{times: [{start_time: '00:00', end_time: '24:00'}]}]}]
""", [{"x": "y"}]),
]

# Read by Alertmanager since 0.27: (routes, labels, receivers).
UTF8 = [
    ("[{receiver: a, matchers: ['\"my name\"=x']}]", ['{"my name"="x"}'], ["a"]),
    ("[{receiver: a, matchers: ['größe=~\"k.*\"']}]", ["größe=klein"], ["a"]),
    ("[{receiver: a, matchers: ['größe=~\"k.*\"']}]", ["größe=g"], ["all"]),
    ("[{receiver: a, matchers: ['{k8s.pod!=\"\"}'], group_by: [k8s.pod]}]", ["k8s.pod=a"], ["a"]),
    ("[{receiver: a, matchers: ['{k8s.pod!=\"\"}']}]", ["k8s=a"], ["all"]),
    ("[{receiver: a, match: {k8s.pod: x}}]", ["k8s.pod=x"], ["a"]),
    ("[{receiver: a, matchers: ['\"a\\u0020b\"=\"\\U0001F642\"']}]", ['{"a b"="🙂"}'], ["a"]),
]

WRONG = [
    "", "route: {}", "route: {receiver: x}", "rout: {receiver: all}", "route: {receiver: all, routes: [{receiver: x}]}",
    "route: {receiver: all, match: {a: b}}", "route: {receiver: all, match_re: {a: b}}", "route: {receiver: all, matchers: [a=b]}",
    "route: {receiver: all, continue: true}", "route: {receiver: all, mute_time_intervals: [x]}",
    "route: {receiver: all, active_time_intervals: [x]}", "route: {receiver: all, routes: [{mute_time_intervals: [x]}]}",
    "route: {receiver: all, group_by: [a, a]}", "route: {receiver: all, group_by: [a, '...']}", "route: {receiver: all, group_by: ['']}",
    "route: {receiver: all, group_interval: 0s}", "route: {receiver: all, repeat_interval: 0s}", "route: {receiver: all, group_wait: 5}",
    "route: {receiver: all, group_wait: 1m1h}", "route: {receiver: all, routes: [{matchers: [a]}]}", "route: {receiver: all, routes: [{matchers: ['a=~(']}]}",
    "route: {receiver: all, routes: [{match_re: {a: '('}}]}", "route: {receiver: all, routes: [{matchers: ['a=\"b']}]}",
    "route: {receiver: all, unknown: 1}", "route: [a]", "route: {receiver: all}\ninhibit_rules: [{source_match_re: {a: '*'}}]",
    "route: {receiver: all}\ninhibit_rules: [{sources: [a=b]}]", "route: {receiver: all}\nglobal: {resolve_timeout: soon}",
    "route: {receiver: all}\nglobal: {unknown: 1}", "route: {receiver: all}\nreceivers: [{name: z}]",
    "route: {receiver: all}\ntime_intervals: [{time_intervals: []}]", "route: {receiver: all}\ntime_intervals: [{name: x}, {name: x}]",
    "route: {receiver: all}\ntime_intervals: [{name: x}]\nmute_time_intervals: [{name: x}]",
    *(
        "route: {receiver: all}\ntime_intervals: [{name: x, time_intervals: [{%s}]}]" % text
        for text in [
            "weekdays: [funday]", "weekdays: ['friday:monday']", "months: [brumaire]", "months: ['may:april']", "years: ['2027:2026']", "years: [x]",
            "days_of_month: ['0']", "days_of_month: ['32']", "days_of_month: ['-1:1']", "days_of_month: ['5:1']", "location: Mars/Olympus",
            "times: [{start_time: '10:00'}]", "times: [{start_time: '10:00', end_time: '10:00'}]", "times: [{start_time: '9:00', end_time: '10:00'}]",
            "times: [{start_time: '10:00', end_time: '24:01'}]", "unknown: 1",
        ]
    ),
]


def run(*arguments):
    return subprocess.run(arguments, capture_output=True, text=True, timeout=120)


def by_amtool(path, labels):
    words = [f"{name}={value}" for name, value in labels.items()]
    answer = run("amtool", "config", "routes", "test", f"--config.file={path}", *words)
    return answer.stdout.strip().split(",") if answer.returncode == 0 else f"refused: {answer.stderr.strip()[-200:]}"


def by_us(binary, path, words):
    answer = run(binary, "explain", "route", f"--config={path}", *words)
    return json.loads(answer.stdout)["receivers"] if answer.returncode == 0 else f"refused: {answer.stderr.strip()[-200:]}"


def generated(options, folder):
    dice = random.Random(options.seed)
    configurations = [(configuration(dice), [label_set(dice) for _ in range(options.labels)]) for _ in range(options.configurations)]
    written = [(text if "receivers:" in text else text + RECEIVERS, asked) for text, asked in WRITTEN]
    cases = []
    for index, (text, asked) in enumerate([*written, *configurations]):
        path = os.path.join(folder, f"{index}.yml")
        with open(path, "w") as file:
            file.write(text)
        cases += [(path, labels) for labels in asked]

    def judged(case):
        path, labels = case
        words = [f"{name}={value}" for name, value in labels.items()]
        return case, by_amtool(path, labels), by_us(options.binary, path, words)

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(judged, cases))
    wrong = [one for one in answers if one[1] != one[2]]
    for (path, labels), theirs, ours in wrong[: options.shown]:
        with open(path) as file:
            print(f"--- {labels}\n    amtool {theirs}\n    ours   {ours}\n{file.read()}")
    reached = {receiver for _, theirs, _ in answers for receiver in theirs}
    refused = sum(isinstance(theirs, str) for _, theirs, _ in answers)
    expect(not wrong, f"{len(answers)} label sets over {len(written) + len(configurations)} configurations reach the same receivers ({len(wrong)} do not)")
    expect(refused < len(answers) / 10 and len(reached) > 5, f"the cases are worth asking ({refused} refused by amtool)")
    several = sum(len(theirs) > 1 for _, theirs, _ in answers if not isinstance(theirs, str))
    expect(several > len(answers) / 20, f"{several} reach several receivers")


def beyond_ascii(binary, folder):
    for index, (routes, words, expected) in enumerate(UTF8):
        path = os.path.join(folder, f"utf8-{index}.yml")
        with open(path, "w") as file:
            file.write(f"route: {{receiver: all, routes: {routes}}}\n{RECEIVERS}")
        found = by_us(binary, path, words)
        expect(found == expected, f"{routes} {words}: {found}")


def refusals(binary, folder):
    differing = []
    for index, text in enumerate(WRONG):
        path = os.path.join(folder, f"wrong-{index}.yml")
        with open(path, "w") as file:
            file.write(text if "receivers:" in text or not text else text + "\n" + RECEIVERS)
        theirs, ours = run("amtool", "check-config", path), run(binary, "check", "alertmanager", path)
        place = ours.stdout.startswith(f"{path}:") and ours.stdout[len(path) + 1:].split(":")[0].isdigit()
        if theirs.returncode == 0 or ours.returncode != 1 or not place:
            differing.append((text, theirs.returncode, ours.returncode, ours.stdout))
    for one in differing:
        print("---", *one)
    expect(not differing, f"{len(WRONG)} wrong files are refused, as amtool refuses them, with their places")


AT_WORK = """
route:
  receiver: all
  group_by: [alertname]
  routes: [{receiver: a, match: {team: core}}]
receivers: [{name: all, webhook_configs: [{url: 'http://127.0.0.1:1/hidden'}]}, {name: a}]
inhibit_rules: [{source_matchers: [severity=critical], target_matchers: [severity=warning], equal: [instance]}]
time_intervals: [{name: nights, time_intervals: [{times: [{start_time: '22:00', end_time: '24:00'}], location: Europe/Berlin}]}]
"""


def at_work(binary, folder):
    """amtool's commands against our API."""
    path = os.path.join(folder, "work.yml")
    with open(path, "w") as file:
        file.write(AT_WORK)
    server = Watchfire(binary, "serve", f"--alertmanager-config={path}", "--default-rules=false")
    at = f"--alertmanager.url={server.url}/alertmanager"

    def amtool(*arguments, fails=False):
        answer = run("amtool", at, *arguments)
        expect((answer.returncode != 0) == fails, f"amtool {' '.join(arguments)} {answer.stderr.strip()[-300:] if answer.returncode and not fails else ''}")
        return answer.stdout

    amtool("alert", "add", "alertname=Down", "instance=1", "severity=critical", "team=core", "--annotation=summary=it is down", "--generator-url=http://here/")
    amtool("alert", "add", "alertname=Slow", "instance=1", "severity=warning")
    amtool("alert", "add", "alertname=Slow", "instance=2", "severity=warning")
    alerts = json.loads(amtool("alert", "query", "-o", "json"))
    expect([a["labels"]["alertname"] for a in alerts].count("Slow") == 1 and len(alerts) == 2, "what is inhibited is not among the active")
    alerts = json.loads(amtool("alert", "query", "-o", "json", "--inhibited"))
    expect(len(alerts) == 1 and alerts[0]["labels"]["instance"] == "1" and alerts[0]["status"]["state"] == "suppressed", "one is inhibited")
    expect(json.loads(amtool("alert", "query", "-o", "json", "--receiver=a"))[0]["labels"]["alertname"] == "Down", "alerts by their receiver")
    expect("it is down" in amtool("alert", "query", "-o", "extended", "alertname=~D.*"), "alerts by a filter, with their annotations")
    expect("Down" in amtool("alert", "query"), "alerts as a table")

    silence = amtool("silence", "add", "alertname=Slow", "instance=2", "--comment=works", "--author=ada", "--duration=1h").strip()
    silences = json.loads(amtool("silence", "query", "-o", "json"))
    expect([s["id"] for s in silences] == [silence] and silences[0]["createdBy"] == "ada", "the silence is there")
    expect(json.loads(amtool("alert", "query", "-o", "json", "instance=2")) == [], "its alert is not active")
    expect(len(json.loads(amtool("alert", "query", "-o", "json", "--silenced"))) == 1, "its alert is silenced")
    expect(silence in amtool("silence", "query", "alertname=Slow"), "silences by a filter")
    expect(silence not in amtool("silence", "query", "alertname=Other"), "silences by a filter that they do not fit")
    same = amtool("silence", "update", silence, "--duration=2h", "--comment=more works").strip()
    silences = json.loads(amtool("silence", "query", "-o", "json"))
    expect([s["comment"] for s in silences] == ["more works"] and silences[0]["id"] == silence, f"the silence is longer {same[:80]!r}")
    exported = amtool("silence", "query", "-o", "json")
    amtool("silence", "expire", silence)
    expect(json.loads(amtool("silence", "query", "-o", "json")) == [], "no silence is left")
    expect(silence in amtool("silence", "query", "--expired", "--within=1h"), "the expired one is remembered")
    amtool("silence", "expire", silence, fails=True)
    amtool("silence", "add", "alertname=~.*", "--comment=all", "--author=ada", fails=True)
    with open(os.path.join(folder, "silences.json"), "w") as file:
        silences = json.loads(exported)
        file.write(json.dumps([{**silences[0], "id": "", "comment": str(index)} for index in range(25)]))
    amtool("silence", "import", os.path.join(folder, "silences.json"))
    expect(len(json.loads(amtool("silence", "query", "-o", "json"))) == 25, "25 silences are imported")

    shown = amtool("config", "show")
    expect("receiver: \"a\"" in shown and "hidden" not in shown, "the configuration is shown, without addresses")
    expect("team=\"core\"" in amtool("config", "routes", "show"), "the routes are shown")
    expect(amtool("config", "routes", "test", "team=core").strip() == "a", "routes are tested against us")
    expect("status" in amtool("cluster", "show").lower(), "the cluster is shown")

    with open(path, "w") as file:
        file.write(AT_WORK.replace("{name: a}]", "{name: a}, {name: new}]"))
    status, _ = server.ask("/alertmanager/-/reload", b"")
    names = [receiver["name"] for receiver in server.get("/alertmanager/api/v2/receivers")]
    expect(status == 200 and names == ["all", "a", "new"], f"the file is read anew ({status} {names})")
    with open(path, "w") as file:
        file.write("route: {}\n")
    status, answer = server.ask("/alertmanager/-/reload", b"")
    names = [receiver["name"] for receiver in server.get("/alertmanager/api/v2/receivers")]
    expect(status == 500 and b"work.yml:1:" in answer and len(names) == 3, f"a wrong one is refused, the other stays ({status} {answer})")
    for path in ["healthy", "ready"]:
        expect(server.ask(f"/alertmanager/-/{path}") == (200, b"OK"), f"it is {path}")
    until = time.time() + 60
    while len(server.get("/api/v1/incidents")["incidents"]) < 1 and time.time() < until:
        time.sleep(0.3)
    incidents = server.get("/api/v1/incidents")["incidents"]
    expect(incidents and any("it is down" in incident["title"] for incident in incidents), f"what was received is an incident ({[i['title'] for i in incidents]})")
    server.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("--configurations", type=int, default=70)
    parser.add_argument("--labels", type=int, default=16)
    parser.add_argument("--seed", type=int, default=7117)
    parser.add_argument("--shown", type=int, default=10)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        at_work(options.binary, folder)
        beyond_ascii(options.binary, folder)
        refusals(options.binary, folder)
        generated(options, folder)
    close()


main()
