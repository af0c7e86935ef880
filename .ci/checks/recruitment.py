"""Recruitment as people meet it through the gateway, and as a power failure and a forger meet it.

    recruitment.py BINARY [--kills 3]

The whole way of a hire; what each role is refused; two moves on one version; documents that are uploaded,
read in parts, kept once and cleaned up. Then the services are killed while documents are uploaded: what was
acknowledged must be whole afterwards, no file torn, no reference lost, the trail unbroken. In the end the
trail is edited behind the service's back, which it must find. Nothing that tells of a person may be logged.
"""

import argparse
import concurrent.futures
import hashlib
import http.client
import json
import os
import pathlib
import queue
import random
import re
import sqlite3
import subprocess
import tempfile
import threading
import time

from postgres import Refused, psql
from server import close, expect

# A Postgres whose schemas are used instead of files.
DATABASE = os.environ.get("WATCHFIRE_SERVICES_DATABASE")
SECRET = "recruitment-secret-3f9a1c"
PATIENCE = 60
LARGEST = 10 << 20
PERSONS = ["Zebedee", "Quillfeather", "example.org", "7946 0958", "flinches", "91234"]
PDF, PNG = "application/pdf", "image/png"


class Services:
    """All of them in one process, over a folder that outlives it."""

    def __init__(self, binary, folder):
        environment = {**os.environ, "WATCHFIRE_RECRUITMENT_TOKENS": SECRET}
        arguments = [binary, "services", f"--data-dir={folder}", "--gateway=127.0.0.1:0", "--print-addresses"]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(arguments, stdout=pipe, stderr=pipe, text=True, env=environment)
        self.lines, self.ready = [], queue.Queue()
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        self.told = threading.Thread(target=lambda: self.lines.extend(self.process.stderr), daemon=True)
        self.told.start()
        try:
            host, port = self.ready.get(timeout=PATIENCE).rsplit(":", 1)
        except queue.Empty:
            raise SystemExit("they did not start: " + "".join(self.lines))
        self.at = (host, int(port))

    def read(self):
        for line in self.process.stdout:
            self.lines.append(line)
            if '"gateway":' in line and "timestamp" not in line:
                self.ready.put(json.loads(line)["gateway"])

    def own_address(self):
        """Where the service itself listens, which it logs."""
        marked = [line for line in self.lines if '"recruitment ' in line and "listens on " in line]
        return json.loads(marked[0])["message"].rsplit(" ", 1)[1]

    def end(self, power_fails=False):
        self.process.kill() if power_fails else self.process.terminate()
        code = self.process.wait(timeout=PATIENCE)
        self.reader.join(PATIENCE)
        self.told.join(PATIENCE)
        return code


class Answer:
    def __init__(self, answer):
        self.status, self.headers, self.body = answer.status, answer.headers, answer.read()
        self.json = json.loads(self.body) if "json" in (answer.headers["content-type"] or "") else None
        self.tag = answer.headers["etag"]


class Client:
    def __init__(self, services):
        self.services, self.tokens = services, {}

    def send(self, method, path, body=None, token=None, headers=(), prefix="/recruitment"):
        headers = dict(headers)
        if token:
            headers["authorization"] = f"Bearer {token}"
        if isinstance(body, (dict, list)):
            headers["content-type"], body = "application/json", json.dumps(body).encode()
        connection = http.client.HTTPConnection(*self.services.at, timeout=PATIENCE)
        try:
            connection.request(method, prefix + path, body, headers)
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def ask(self, who, method, path, body=None, tag=None):
        return self.send(method, path, body, self.tokens[who], {"if-match": tag} if tag else {})

    def know(self, subject, role):
        issued = self.send("POST", "/v1/tokens", {"subject": subject, "role": role}, SECRET)
        self.tokens[subject] = issued.json["token"]
        return issued.status

    def put(self, application, content, kind="cv", content_type=PDF, digest=None):
        digest = digest or hashlib.sha256(content).hexdigest()
        path = f"/v1/applications/{application}/documents/{digest}?kind={kind}"
        return self.send("PUT", path, content, self.tokens["rita"], {"content-type": content_type})

    def announce(self, application, size):
        """Says how large a document is, and waits for the answer before any of it is sent."""
        connection = http.client.HTTPConnection(*self.services.at, timeout=PATIENCE)
        connection.putrequest("PUT", f"/recruitment/v1/applications/{application}/documents/{'ab' * 32}?kind=cv")
        for name, value in [("authorization", f"Bearer {self.tokens['rita']}"), ("content-type", PDF), ("content-length", size)]:
            connection.putheader(name, value)
        connection.endheaders()
        return connection.getresponse().status

    def link(self, document, who="rita"):
        return self.ask(who, "POST", f"/v1/documents/{document}/links").json["url"]

    def read(self, url, **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.send("GET", url, headers=named, prefix="")

    def position(self, manager, headcount=1, stages=("screening", "interview", "offer")):
        new = {"title": "Engineer", "department": "platform", "location": "Berlin"}
        new |= {"headcount": headcount, "stages": list(stages), "manager": manager}
        draft = self.ask("rita", "POST", "/v1/positions", new)
        path = f"/v1/positions/{draft.json['id']}"
        opened = self.ask("rita", "POST", path + "/opening", tag=draft.tag)
        assert opened.status == 200, opened.body
        return draft.json["id"]

    def candidate(self, email):
        now = time.time()
        stamp = lambda seconds: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
        new = {"name": "Zebedee Quillfeather", "email": email, "phone": "+44 20 7946 0958", "source": "referral"}
        new |= {"consent": {"purpose": "application", "given_at": stamp(now - 60)}}
        return self.ask("rita", "POST", "/v1/candidates", new | {"retain_until": stamp(now + 86400)})

    def application(self, position, email):
        candidate = self.candidate(email).json["id"]
        new = {"candidate": candidate, "position": position}
        new["salary_expectation"] = {"amount": 91234, "currency": "EUR"}
        return candidate, self.ask("rita", "POST", "/v1/applications", new).json["id"]


def pdf(size, seed=0):
    return (b"%%PDF-1.7 Zebedee %d\n" % seed + random.Random(seed).randbytes(size))[:size]


def issues_tokens(client):
    people = {"rita": "recruiter", "mia": "hiring-manager", "max": "hiring-manager", "ivo": "interviewer"}
    people |= {"ada": "admin", "audrey": "auditor"}
    expect({client.know(*person) for person in people.items()} == {201}, "the admin secret issues tokens")
    expect(client.send("POST", "/v1/tokens", {"subject": "x", "role": "admin"}, "guess").status == 401, "a guess does not")
    forged = client.tokens["rita"][:-4] + "AAAA"
    expect(client.send("GET", "/v1/positions", token=forged).status == 401, "a forged token is answered 401")
    short = {"subject": "rita", "role": "recruiter", "expires_in_seconds": 1}
    short = client.send("POST", "/v1/tokens", short, SECRET).json["token"]
    end = time.time() + PATIENCE
    while (status := client.send("GET", "/v1/positions", token=short).status) == 200 and time.time() < end:
        time.sleep(0.2)
    expect(status == 401, "a token expires")


def hires(client):
    position = client.position("mia")
    candidate, application = client.application(position, "Zebedee.Quill@example.org")
    path = f"/v1/applications/{application}"
    twin = client.candidate("zebedee.quill+again@EXAMPLE.org")
    expect(twin.status == 409 and twin.json["duplicates"] == [candidate], "a second entry of one mailbox is found out")
    found = client.ask("rita", "POST", "/v1/candidates/search", {"email": "zebedee.quill@example.org"})
    expect([one["id"] for one in found.json["candidates"]] == [candidate], "the candidate is found by e-mail address")
    assigned = client.ask("mia", "PUT", path + "/interviewers/ivo").status
    seen = client.ask("ivo", "GET", path)
    expect((assigned, seen.status) == (204, 200), "the hiring manager assigns an interviewer, who then sees the application")
    expect("salary_expectation" not in seen.json and "salary_expectation" in client.ask("mia", "GET", path).json, "but no salary")
    noted = client.ask("ivo", "POST", path + "/assessments", {"score": 4, "note": "flinches at pagers"})
    expect(noted.status == 201, "the interviewer writes an assessment")
    early = client.ask("mia", "POST", path + "/hire", tag=seen.tag)
    legal = ["move to interview", "rejection", "withdrawal"]
    expect((early.status, early.json["legal"]) == (409, legal), "nobody is hired from the first stage: 409 names what is legal")
    expect(client.ask("mia", "POST", path + "/moves", {"to": "interview"}).status == 428, "a move needs If-Match")
    tag = seen.tag
    for stage in ["interview", "offer"]:
        moved = client.ask("mia", "POST", path + "/moves", {"to": stage}, tag)
        expect((moved.status, moved.json["stage"]) == (200, stage), f"it moves to the stage {stage}")
        tag = moved.tag
    hired = client.ask("mia", "POST", path + "/hire", tag=tag)
    expect((hired.status, hired.json["state"]) == (200, "hired"), "and is hired")
    again = client.ask("mia", "POST", path + "/rejection", {"reason": "other"}, hired.tag)
    expect((again.status, again.json["legal"]) == (409, []), "after which nothing is legal")
    trail = client.ask("audrey", "GET", f"/v1/audit?object={application}").json["entries"]
    actions = [entry["action"].split(".")[1] for entry in reversed(trail)]
    expect(actions == ["created", "assigned", "moved", "moved", "hired"], f"the trail tells it: {', '.join(actions)}")
    return application


def refuses(client, application):
    """What each role may never do, as the documentation has it."""
    foreign, nobody = client.position("max"), "0192f4c8-6f00-7000-8000-000000000001"
    every = {"recruiter", "manager", "interviewer", "admin", "auditor"}
    names = {"rita": "recruiter", "mia": "manager", "ivo": "interviewer", "ada": "admin", "audrey": "auditor"}
    may = {
        ("POST", "/v1/positions"): "recruiter admin",
        ("GET", "/v1/positions"): "recruiter manager interviewer admin",
        ("PATCH", f"/v1/positions/{nobody}"): "recruiter manager admin",
        ("POST", "/v1/candidates"): "recruiter admin",
        ("POST", "/v1/candidates/search"): "recruiter admin",
        ("GET", "/v1/candidates/duplicates"): "recruiter admin",
        ("POST", f"/v1/candidates/{nobody}/erasure"): "recruiter admin",
        ("GET", "/v1/applications"): "recruiter manager interviewer admin",
        ("POST", f"/v1/applications/{nobody}/moves"): "recruiter manager admin",
        ("POST", f"/v1/applications/{nobody}/withdrawal"): "recruiter admin",
        ("PUT", f"/v1/applications/{nobody}/interviewers/ivo"): "recruiter manager admin",
        ("POST", f"/v1/applications/{nobody}/assessments"): "recruiter manager interviewer admin",
        ("PUT", f"/v1/applications/{nobody}/documents/{'ab' * 32}?kind=cv"): "recruiter admin",
        ("DELETE", f"/v1/documents/{nobody}"): "recruiter admin",
        ("GET", "/v1/clean-up"): "admin",
        ("POST", "/v1/clean-up"): "admin",
        ("GET", "/v1/audit"): "admin auditor",
        ("GET", "/v1/audit/verify"): "admin auditor",
    }
    wrong = []
    for (method, path), roles in may.items():
        if client.send(method, path).status != 401:
            wrong.append((method, path, "nobody"))
        for who, role in names.items():
            status = client.ask(who, method, path, tag='"9"').status
            if (status == 403) != (role not in roles.split()) or status == 401:
                wrong.append((method, path, role, status))
    expect(not wrong, f"{len(may) * (len(every) + 1)} callers are let in or refused as their roles say {wrong}")
    theirs = client.ask("mia", "GET", f"/v1/positions/{foreign}")
    none = client.ask("mia", "GET", f"/v1/positions/{nobody}")
    same = theirs.json["detail"].replace(foreign, "") == none.json["detail"].replace(nobody, "")
    expect((theirs.status, none.status, same) == (404, 404, True), "another's position looks as one that is not there")
    outside = client.ask("max", "GET", f"/v1/applications/{application}").status
    expect(outside == 404, "another's application too")


def moves_once(client):
    position = client.position("mia", stages=("one", "two"))
    _, application = client.application(position, "both@example.org")
    path = f"/v1/applications/{application}/moves"
    outcomes = set()
    with concurrent.futures.ThreadPoolExecutor(2) as both:
        for turn in range(10):
            tag = client.ask("mia", "GET", f"/v1/applications/{application}").tag
            stage = ["two", "one"][turn % 2]
            going = [both.submit(client.ask, who, "POST", path, {"to": stage}, tag) for who in ("mia", "rita")]
            outcomes.add(tuple(sorted(one.result().status for one in going)))
    expect(outcomes == {(200, 412)}, f"of two moves on one version one is answered 412, ten times {outcomes}")


def keeps_documents(client):
    position = client.position("mia")
    _, one = client.application(position, "first@example.org")
    _, other = client.application(position, "second@example.org")
    content = pdf(1_000_000)
    put = client.put(one, content)
    expect(put.status == 201, "a document of 1 MB is uploaded")
    expect(client.put(one, content).status == 200, "the same again is the same document")
    url = client.link(put.json["id"])
    whole = client.read(url)
    expect((whole.status, whole.body) == (200, content), "and read through a signed link")
    expect(whole.headers["content-disposition"] == 'attachment; filename="cv.pdf"', "under a name that tells of nobody")
    expect("immutable" in whole.headers["cache-control"], "it may be kept for as long as the link is good")
    expect(client.read(url, if_none_match=whole.tag).status == 304, "who has it is answered 304")
    part = client.read(url, range="bytes=500000-500099")
    expect((part.status, part.body) == (206, content[500000:500100]), "a range is answered 206")
    beyond = client.read(url, range="bytes=1000000-")
    expect((beyond.status, beyond.headers["content-range"]) == (416, "bytes */1000000"), "one beyond the end 416")
    expect(client.read(url[:-3] + "AAA").status == 403, "a forged link is answered 403")
    expect(client.put(one, b"<script>").status == 415, "what is no document by its first bytes is refused")
    expect(client.put(one, content, content_type=PNG).status == 415, "and what is another than it says")
    expect(client.put(one, content, digest="ab" * 32).status == 422, "and what has another digest")
    expect(client.announce(one, LARGEST + 1) == 413, "and what is too large, before it is sent")
    largest = pdf(LARGEST, 7)
    largest_id = client.put(one, largest).json["id"]
    expect(client.read(client.link(largest_id)).body == largest, "10 MiB come and go whole")
    second = client.put(other, content)
    expect((second.status, second.json["digest"]) == (201, put.json["digest"]), "another application has the same content")
    removed = client.ask("rita", "DELETE", f"/v1/documents/{put.json['id']}").status
    preview = client.ask("ada", "GET", "/v1/clean-up?unreferenced_seconds=0").json
    expect((removed, preview["removed"]["unreferenced_files"]) == (204, 0), "what one still refers to stays")
    expect(client.read(url).status == 404, "though the link to the other document leads nowhere")
    client.ask("rita", "DELETE", f"/v1/documents/{second.json['id']}")
    preview = client.ask("ada", "GET", "/v1/clean-up?unreferenced_seconds=0").json
    expect(preview["removed"]["bytes"] == len(content), "then the dry run tells what would go")
    swept = client.ask("ada", "POST", "/v1/clean-up", {"unreferenced_seconds": 0}).json
    expect(swept["removed"] == preview["removed"] | {}, "and the clean-up removes it")


def erases(client):
    position = client.position("mia")
    candidate, application = client.application(position, "gone@example.org")
    client.put(application, pdf(2_000, 3))
    erased = client.ask("rita", "POST", f"/v1/candidates/{candidate}/erasure")
    expect((erased.status, "name" in erased.json) == (200, False), "a candidate is erased")
    left = client.ask("ada", "GET", f"/v1/audit?object={candidate}").json["entries"]
    expect(left[0]["action"] == "candidate.erased" and "example.org" not in json.dumps(left), "the trail keeps that, not what")


def traced(client, services):
    trace = "%032x" % random.getrandbits(128)
    client.send("GET", "/v1/positions", token=client.tokens["rita"], headers={"traceparent": f"00-{trace}-00000000000000ff-01"})
    end, seen = time.time() + PATIENCE, set()
    while not {"gateway", "recruitment"} <= seen and time.time() < end:
        time.sleep(0.1)
        told = [json.loads(line) for line in list(services.lines) if trace in line]
        seen = {record["service.name"] for record in told}
    expect({"gateway", "recruitment"} <= seen, "a request is one trace through gateway and service")


def measured(services):
    connection = http.client.HTTPConnection(services.own_address(), timeout=PATIENCE)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    wanted = ["recruitment_stored_bytes ", "recruitment_stored_files ", 'recruitment_removed_files_total{reason="unreferenced"}']
    wanted += ['recruitment_uploads_total{outcome="stored"}', 'recruitment_refusals_total{why="forbidden"}', "recruitment_stage_seconds_count"]
    missing = [name for name in wanted if name not in text]
    expect(not missing, f"its metrics tell of files, uploads and refusals {missing}")


def uploads_until_killed(client, services, application, turn):
    """Threads upload, some the same content, until the process is gone. What was acknowledged, by digest."""
    acknowledged, lock = {}, threading.Lock()

    def go(thread):
        for number in range(10_000):
            content = pdf(random.randrange(100_000, 900_000), turn * 1_000_000 + (number if number % 3 else thread * 10_000 + number))
            try:
                put = client.put(application, content)
            except (OSError, http.client.HTTPException):
                return
            if put.status in (200, 201):
                with lock:
                    acknowledged[put.json["digest"]] = put.json["id"]

    threads = [threading.Thread(target=go, args=(thread,)) for thread in range(4)]
    for thread in threads:
        thread.start()
    end = time.time() + PATIENCE
    while len(acknowledged) < 10 and time.time() < end:
        time.sleep(0.02)
    time.sleep(random.random() * 0.5)
    services.end(power_fails=True)
    for thread in threads:
        thread.join()
    return acknowledged


def survives(client, binary, folder, services, kills):
    position = client.position("mia")
    _, application = client.application(position, "kill@example.org")
    acknowledged, ended = {}, []
    for turn in range(kills):
        acknowledged |= uploads_until_killed(client, services, application, turn + 1)
        ended.append(services)
        books(folder)
        services = client.services = Services(binary, folder)
        lost = 0
        for digest, document in acknowledged.items():
            read = client.read(client.link(document))
            lost += hashlib.sha256(read.body).hexdigest() != digest
        expect(not lost, f"killed {turn + 1} times, {len(acknowledged)} acknowledged documents are whole, {lost} are not")
        found = client.ask("audrey", "GET", "/v1/audit/verify").json
        expect(found["whole"], f"the trail of {found['entries']} entries is whole")
    client.ask("ada", "POST", "/v1/clean-up", {})
    expect(not list((folder / "recruitment-files/incoming").iterdir()), "the clean-up leaves nothing that was arriving")
    known = {row[0] for row in ask_file(folder, "SELECT digest FROM files")}
    stored = {path.name for path in (folder / "recruitment-files/stored").glob("*/*")}
    expect(known == stored, f"each of {len(stored)} files is known, and each that is known is there")
    return services, ended


def ask_file(folder, sql):
    if DATABASE:
        return [tuple(line.split("|")) for line in psql(DATABASE, sql, "recruitment").splitlines()]
    with sqlite3.connect(folder / "recruitment.sqlite", timeout=PATIENCE) as database:
        return database.execute(sql).fetchall()


def books(folder):
    torn = [path.name for path in (folder / "recruitment-files/stored").glob("*/*") if hashlib.sha256(path.read_bytes()).hexdigest() != path.name]
    expect(not torn, f"no file is torn {torn}")
    wrong = ask_file(folder, "SELECT digest FROM files WHERE reference_count <> (SELECT count(*) FROM documents WHERE documents.digest = files.digest)")
    expect(not wrong, f"each file has as many references as are counted {wrong}")


def finds_forgery(client, binary, folder, services):
    whole = client.ask("audrey", "GET", "/v1/audit/verify").json
    expect(whole["whole"], "the trail is whole before it is edited")
    services.end()
    forgery = "UPDATE audit SET actor = 'nobody' WHERE sequence = 5"
    try:
        ask_file(folder, forgery)
        expect(False, "the table takes no edit")
    except (sqlite3.Error, Refused) as error:
        expect("append-only" in str(error), f"the table takes no edit: {str(error).splitlines()[0]}")
    ask_file(folder, "DROP TRIGGER audit_is_not_edited" + (" ON audit" if DATABASE else ""))
    ask_file(folder, forgery)
    services = client.services = Services(binary, folder)
    found = client.ask("audrey", "GET", "/v1/audit/verify").json
    expect(found["break"] == {"sequence": 5, "why": "altered"}, f"an edit behind its back is found: {found['break']}")
    return services


def tells_nothing(runs, client):
    text = "".join(line for run in runs for line in run.lines)
    secrets = PERSONS + [SECRET] + list(client.tokens.values())
    # A number may also be a part of an id or of a duration.
    told = lambda secret: re.search(rf"(?<![\w.]){secret}(?!\w)", text) if secret.isdigit() else secret in text
    found = [secret for secret in secrets if told(secret)]
    expect(not found and "recruitment.object" in text, f"{len(text)} characters of logs tell of nobody {found}")
    records = [json.loads(line) for run in runs for line in run.lines if line.startswith('{"timestamp"')]
    bad = [record for record in records if "exception.type" in record]
    expect(not bad, f"{len(records)} records, no exception {bad[:1]}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--kills", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        services = Services(options.binary, folder)
        client = Client(services)
        issues_tokens(client)
        application = hires(client)
        refuses(client, application)
        moves_once(client)
        keeps_documents(client)
        erases(client)
        traced(client, services)
        measured(services)
        services, ended = survives(client, options.binary, folder, services, options.kills)
        last = finds_forgery(client, options.binary, folder, services)
        expect(last.end() == 0, "they stop in order")
        tells_nothing([*ended, services, last], client)
    close()


if __name__ == "__main__":
    main()
