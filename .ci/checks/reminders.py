"""The reminders service from outside, through the gateway: several devices that come to hold the same,
tokens, conditional requests, conflicts by their rule, bad sessions and bad input; killed while it takes
changes, it loses none that it acknowledged.

    reminders.py path/to/watchfire
"""

import argparse
import random
import tempfile
import threading
import time

from reminder_service import KEY, Services, delete, put, session
from server import close, expect


def sync(services):
    phone, watch = session("anna"), session("anna", "watch")
    services.send(phone, [put("z", "r1")])
    _, first = services.fetch(watch)
    applied = services.send(phone, [put("a", "r1", "Bisoprolol", 1), put("b", "r2", "Metformin"), delete("c", "r1", 2)])
    expect([one["outcome"] for one in applied] == ["applied"] * 3, "a batch of changes is applied")
    status, headers, page = services.ask("GET", f"/v1/sync/fetch?token={first}", watch)
    told = [(record["id"], record["deleted"]) for record in page["changes"]]
    expect(status == 200 and told == [("r2", False), ("r1", True)], f"the other device fetches what changed, and what was deleted: {told}")
    whole, _ = services.fetch(watch)
    expect(list(whole) == ["r2"], "who begins anew is not told of what was deleted before")
    path, etag = f"/v1/sync/fetch?token={page['token']}", headers["etag"]
    status, same, body = services.ask("GET", path, watch, headers={"if-none-match": etag})
    expect(status == 304 and not body and same["etag"] == etag, "nothing new: 304")
    expect("next-sync" in same and same["cache-control"] == "private, no-cache", f"a 304 says when to come again: {same.get('next-sync')}")
    services.send(phone, [put("d", "r3")])
    status, _, page = services.ask("GET", path, watch, headers={"if-none-match": etag})
    expect(status == 200 and [record["id"] for record in page["changes"]] == ["r3"], "after a change the same request brings it")
    status, headers, problem = services.ask("GET", path, session("ben"))
    expect(status == 410 and "full-sync" in headers.get("link", "") and problem["trace_id"], "a token of another person is gone (410), with where to begin anew")
    expect(services.ask("GET", "/v1/sync/fetch?token=nonsense", watch)[0] == 410, "so is one that is none")


def conflicts(services):
    phone, watch = session("carl"), session("carl", "watch")
    services.send(phone, [put("a", "r", "first")])
    over = services.send(watch, [put("a", "r", "second")])[0]
    expect(over["outcome"] == "applied_over" and over["overwrote"]["document"]["title"] == "first", "the last one wins, and is told what it wrote over")
    kept = services.ask("GET", "/v1/reminders/r/superseded", phone)[2]["superseded"]
    expect([one["document"]["title"] for one in kept] == ["first"], "what was written over is kept")
    gone = services.send(phone, [delete("b", "r", 1)])[0]
    expect(gone["outcome"] == "applied_over", "a deletion wins over a change that it did not know")
    late = services.send(watch, [put("b", "r", "third", 2)])[0]
    expect(late["outcome"] == "kept_deleted" and late["record"]["deleted"], "a change to what was deleted meanwhile is not applied, and is told")
    again = services.ask("POST", "/v1/sync/send", watch, {"changes": [put("a", "r", "second")]})[2]["results"][0]
    expect(again["repeated"] and again["result"] == over, "a change that is sent again is answered alike")
    other = services.send(watch, [put("a", "r", "something else")])[0]
    expect(other.get("reason") == "change_id_reused", "its id cannot be used for another")


def refusals(services):
    def refused(token, what, part):
        status, headers, problem = services.ask("GET", "/v1/sync/fetch", token)
        challenge = headers.get("www-authenticate", "")
        expect(status == 401 and part in challenge and problem["status"] == 401, f"{what}: 401, {challenge}")

    good = session("anna")
    refused(None, "no session", "Bearer realm")
    refused(good[:-3] + "AAA", "a forged session", "invalid_token")
    refused(session("anna", lifetime=0), "an expired session", "expired")
    refused(session("anna", key="another"), "a session signed by another", "signature")
    refused(session("anna", key_id="old", key=KEY), "a session of a key that is not in use", "key")
    refused(session("anna", lifetime=10**6).replace("wfs1.", "wfs2."), "another form", "not a session")

    bad = put("x", "r9", zone="Mars/Base")
    bad["reminder"]["schedule"]["times"] = ["25:00"]
    status, _, problem = services.ask("POST", "/v1/sync/send", good, {"changes": [put("y", "r8"), bad]})
    places = [error["pointer"] for error in problem.get("errors", [])]
    expect(status == 422 and places == ["/changes/1/reminder/schedule/zone", "/changes/1/reminder/schedule/times/0"], f"bad input is named with its place: {places}")
    expect("r8" not in services.fetch(good)[0], "and nothing of such a body is done")
    for body, wanted in [(b"{", 400), (b"[]", 422), (b'{"changes":"x"}', 422), (b'{"changes":[' + b"1," * 50_000 + b"1]}", 413)]:
        status = services.ask("POST", "/v1/sync/send", good, body)[0]
        expect(status == wanted, f"{body[:20]!r}…: {status}")
    for path in ("/v1/sync/fetch?limit=0", "/v1/due?from=yesterday", "/v1/sync/fetch?limit=9999999999999999999999"):
        expect(services.ask("GET", path, good)[0] == 400, f"{path}: 400")
    expect(services.ask("GET", "/v1/reminders/nothing", good)[0] == 404, "what is not there: 404")
    expect(services.ask("DELETE", "/v1/sync/fetch", good)[0] == 405, "what is not offered: 405")


def due_times(services):
    token = session("dora")
    services.send(token, [put("a", "r"), {"op": "mark", "change_id": "m", "base_version": 0, "reminder_id": "r", "due_at": "2026-10-25T07:00:00Z", "mark": {"done": "done", "at": "2026-10-25T07:04:00Z"}}])
    found = services.ask("GET", "/v1/due?from=2026-10-24T00:00:00Z&until=2026-10-26T00:00:00Z", token)[2]["due"]
    times = [one["due_at"] for one in found]
    expect(times == ["2026-10-24T06:00:00Z", "2026-10-24T18:00:00Z", "2026-10-25T07:00:00Z", "2026-10-25T19:00:00Z"], f"due times keep to the wall clock when summer time ends: {times}")
    expect(found[2]["mark"] and found[2]["mark"]["document"]["done"] == "done", "with what was done about them")


def converge(services, seed):
    """Devices that send at random, at the same time, and repeat what they sent."""
    def live(device, dice):
        token = session("erik", device)
        known, since = {}, None
        for n in range(40):
            fetched, since = services.fetch(token, since, limit=3)
            known |= fetched
            id = f"r{dice.randrange(6)}"
            base = known.get(id, {"version": 0})["version"]
            change = delete(f"c{n}", id, base) if dice.random() < 0.3 else put(f"c{n}", id, f"{device} {n}", base)
            for _ in range(dice.choice([1, 1, 2])):
                services.send(token, [change])
        states[device] = known, since

    states = {}
    devices = ["phone", "watch", "tablet"]
    threads = [threading.Thread(target=live, args=(device, random.Random(seed + n))) for n, device in enumerate(devices)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    held = []
    for device in devices:
        known, since = states[device]
        known |= services.fetch(session("erik", device), since, limit=2)[0]
        held.append({id: record for id, record in known.items() if not record["deleted"]})
    whole = services.fetch(session("erik", "new"))[0]
    expect(all(one == whole for one in held), f"three devices at once come to hold the same {len(whole)} reminders")


def killed(binary, services, folder):
    """Clients send as fast as they can; the process is killed in the midst."""
    acknowledged, stop = {}, threading.Event()

    def send(person):
        token, n = session(person), 0
        while not stop.is_set():
            try:
                services.send(token, [put(f"c{n}", f"r{n}", f"{person} {n}")])
            except Exception:  # It was killed.
                return
            acknowledged.setdefault(person, []).append(f"r{n}")
            n += 1

    threads = [threading.Thread(target=send, args=(f"killed-{n}",)) for n in range(16)]
    for thread in threads:
        thread.start()
    until = time.time() + 30
    while sum(map(len, acknowledged.values())) < 300 and time.time() < until:
        time.sleep(0.05)
    services.kill()
    stop.set()
    for thread in threads:
        thread.join()
    services = Services(binary, folder)
    count = sum(map(len, acknowledged.values()))
    lost = [(person, id) for person, ids in acknowledged.items() for id in set(ids) - set(services.fetch(session(person))[0])]
    expect(count >= 300 and not lost, f"killed after {count} acknowledged changes of {len(acknowledged)} people: none is lost {lost[:3]}")
    records, _ = services.fetch(session("carl"))
    expect(records == {}, "what was deleted stays so")
    return services


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("binary")
    arguments.add_argument("--seed", type=int, default=7117)
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        services = Services(options.binary, folder)
        sync(services)
        conflicts(services)
        refusals(services)
        due_times(services)
        converge(services, options.seed)
        before = services.fetch(session("erik", "new"))
        services = killed(options.binary, services, folder)
        after, since = services.fetch(session("erik", "new"), before[1])
        expect(after == {} and since, "a sync token is good after a restart")
        expect(services.stop() == 0, "a clean stop")
        secrets = [line for line in services.lines + services.said if KEY in line or "wfs1." in line]
        expect(not secrets, f"no key and no session in any log line: {secrets[:1]}")
    close()


main()
