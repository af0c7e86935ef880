"""The hourly peak: 20,000 requests of the reminders' clients at one moment, through the gateway, while
partners' programmes go on. All of them must be answered by 2xx or 304 within 10 s. The generator is
`watchfire load` on the same machine; its CPU is stated. Partners' p99 is stated before and during.

    hourly_peak.py path/to/watchfire [--requests 20000] [--partner-rate 100]
"""

import argparse
import json
import os
import subprocess
import tempfile
import time

from reminder_service import NOWHERE, Services, put, session
from server import close, expect

PEOPLE, PARTNERS = 1500, 50
PARTNER_KEY = "wf_the-key-of-heart-care"
# Two cores do no more at once than this; what waits in the gateway stands in nobody's way.
BASE_AT_ONCE = 24
KEYS = {
    "keys": [{"key": PARTNER_KEY, "consumer": "heart-care", "class": "partner"}],
    "classes": {"anonymous": {"in_flight": BASE_AT_ONCE, "waiting": 22_000}},
}


def seeded(services):
    """People with three reminders each, so that they all are at version 3."""
    for n in range(PEOPLE):
        services.send(session(f"p{n}"), [put(f"s{m}", f"r{m}") for m in range(3)])
    for n in range(PARTNERS):
        services.send(session(f"p{n}", programme="heart-care"), [put(f"s{m}", f"r{m}") for m in range(3)])
    etags = [services.ask("GET", "/v1/sync/fetch", session("p0", programme=of))[1]["etag"] for of in (None, "heart-care")]
    return [etag.replace("\\", "").replace('"', '\\"') for etag in etags]


def targets(folder, name, gateway, sessions, senders, etag, key=None):
    """Two in three have nothing new (304), one in six fetches, one in six sends."""
    for kind, tokens in (("readers", sessions), ("senders", senders)):
        with open(f"{folder}/{name}.{kind}", "w") as file:
            file.write("\n".join(tokens))
    own = f', x-api-key = "{key}"' if key else ""
    common = f'authorization = "Bearer {{{{pick @{name}.readers}}}}"' + own
    sending = f'authorization = "Bearer {{{{pick @{name}.senders}}}}"' + own
    change = json.dumps(put("c-{{uuid}}", "r-{{uuid}}")).replace("'", "")
    url = f"http://{gateway}/reminders/v1/sync"
    text = f"""
[[target]]
name = "unchanged"
url = "{url}/fetch"
headers = {{ {common}, if-none-match = "{etag}" }}
weight = 4
[[target]]
name = "fetch"
url = "{url}/fetch"
headers = {{ {common} }}
weight = 1
[[target]]
name = "send"
url = "{url}/send"
method = "POST"
headers = {{ {sending}, content-type = "application/json" }}
body = '{{"changes":[{change}]}}'
weight = 1
"""
    with open(f"{folder}/{name}.toml", "w") as file:
        file.write(text)
    return f"{folder}/{name}.toml"


def load(binary, *arguments):
    command = [binary, "load", "--json", "--expect=2xx,304", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def outcome(process):
    said, told = process.communicate(timeout=120)
    if not said:
        raise SystemExit(f"the generator failed: {told}")
    return json.loads(said)


def cpu(process):
    """Seconds of CPU that a process has used."""
    with open(f"/proc/{process.pid}/stat") as file:
        fields = file.read().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def right(result):
    """How many requests have 2xx or 304."""
    return sum(count for status, count in result["statuses"].items() if status.startswith("2") or status == "304")


def told(name, result):
    latency = result["latency_ms"]["corrected"]
    figures = ", ".join(f"{part} {latency[part]:.1f}" for part in ("p50", "p90", "p99", "max") if latency[part] is not None)
    generator = result["cpu"]["seconds"] if result["cpu"] else 0
    print(f"     {name}: {result['requests']['answered']} answered {result['statuses']}, {figures} ms, generator {generator:.2f} s CPU")
    return latency


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("binary")
    arguments.add_argument("--requests", type=int, default=20_000)
    arguments.add_argument("--partner-rate", type=int, default=100)
    arguments.add_argument("--partner-p99", type=float, default=100, help="what partners may wait at the peak, ms, on a machine this small")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        services = Services(options.binary, f"{folder}/data", NOWHERE | {"WATCHFIRE_GATEWAY_KEYS": json.dumps(KEYS)})
        base_tag, partner_tag = seeded(services)
        def many(count, prefix, programme=None):
            return [session(f"{prefix}{n}", programme=programme) for n in range(count)]

        base = targets(folder, "base", services.gateway, many(PEOPLE, "p"), many(PEOPLE, "s"), base_tag)
        own = many(PARTNERS, "p", "heart-care"), many(PARTNERS, "s", "heart-care")
        partners = targets(folder, "partners", services.gateway, *own, partner_tag, PARTNER_KEY)
        steady = ["--targets", partners, "--profile=steady", f"--rate={options.partner_rate}", "--connections=16"]

        before = told("partners before", outcome(load(options.binary, *steady, "--duration=8s")))
        alongside = load(options.binary, *steady, "--duration=12s")
        time.sleep(2)
        used, begun = cpu(services.process), time.time()
        peak = outcome(load(options.binary, "--targets", base, "--profile=hourly-peak", f"--at-once={options.requests}", "--rate=0", "--duration=1s", "--timeout=15s"))
        seconds, used = time.time() - begun, cpu(services.process) - used
        slowest = told("peak", peak)["max"]
        during = outcome(alongside)
        while_it_lasted = told("partners during", during)

        answered = peak["statuses"]
        good = right(peak)
        print(f"     services {used:.2f} s CPU in {seconds:.1f} s, {1e6 * used / options.requests:.0f} µs a request")
        expect(good == options.requests, f"{good} of {options.requests} requests at once have 2xx or 304: {answered} {peak['failures']}")
        expect(slowest is not None and slowest < 10_000, f"the last one is answered after {slowest} ms")
        expect(answered.get("304", 0) > options.requests / 3, "most have nothing new")
        expect(right(during) == during["requests"]["due"], f"no request of a partner fails meanwhile: {during['statuses']}")
        expect(while_it_lasted["p99"] <= options.partner_p99, f"partners' p99 is {while_it_lasted['p99']:.1f} ms during the peak, {before['p99']:.1f} ms before")
        services.stop()
    close()


main()
