"""A real Prometheus beside us, and what both are asked in the same words."""

import http.client
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
import urllib.parse

PATIENCE = 60  # seconds until a server is ready, on a machine that does other things too


def free_port():
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return it.getsockname()[1]


class Api:
    """Prometheus' HTTP API under an address, over one connection that is kept."""

    def __init__(self, host, prefix=""):
        self.host, self.prefix, self.connection = host, prefix, None

    def send(self, method, path, body=None, headers=None):
        """Status, headers and body of an answer; a connection that was closed is opened anew."""
        for again in (True, False):
            if self.connection is None:
                self.connection = http.client.HTTPConnection(self.host, timeout=180)
            try:
                self.connection.request(method, self.prefix + path, body, headers or {})
                answer = self.connection.getresponse()
                return answer.status, answer.headers, answer.read()
            except (ConnectionError, http.client.HTTPException):
                self.connection.close()
                self.connection = None
                if not again:
                    raise

    def get(self, path, *pairs, **parameters):
        """The answer as JSON, whatever its status: errors have a shape too."""
        query = urllib.parse.urlencode([*pairs, *parameters.items()])
        status, _, body = self.send("GET", f"/api/v1/{path}?{query}" if query else f"/api/v1/{path}")
        return status, as_json(body)

    def post(self, path, *pairs, **parameters):
        form = urllib.parse.urlencode([*pairs, *parameters.items()])
        headers = {"content-type": "application/x-www-form-urlencoded"}
        status, _, body = self.send("POST", f"/api/v1/{path}", form, headers)
        return status, as_json(body)

    def value(self, query, **parameters):
        """The one number that a query gives; none if there is no series."""
        status, answer = self.post("query", query=query, **parameters)
        if status != 200:
            raise SystemExit(f"{self.host}: {query}: {status} {answer}")
        result = answer["data"]["result"]
        return float(result[0]["value"][1]) if result else None


def as_json(body):
    try:
        return json.loads(body)
    except ValueError:
        return {"status": "error", "errorType": "no JSON", "error": body[:300].decode(errors="replace")}


class Prometheus:
    """Debian's, in a folder of its own."""

    def __init__(self, config="global: {}\n", *flags, folder=None, environment=None):
        self.kept = None if folder else tempfile.TemporaryDirectory()
        self.folder = folder or self.kept.name
        self.port = free_port()
        self.config = os.path.join(self.folder, "prometheus.yml")
        with open(self.config, "w") as file:
            file.write(config)
        self.flags, self.environment = flags, environment
        self.start()

    def start(self):
        self.log = open(os.path.join(self.folder, "log"), "a")
        arguments = [
            "prometheus", f"--config.file={self.config}", f"--storage.tsdb.path={self.folder}/data",
            f"--web.listen-address=127.0.0.1:{self.port}", *self.flags,
        ]
        environment = {**os.environ, **(self.environment or {})}
        self.process = subprocess.Popen(arguments, stdout=self.log, stderr=self.log, env=environment)
        self.host = f"127.0.0.1:{self.port}"
        self.api = Api(self.host)
        wait_until(self.is_ready, "Prometheus is ready", lambda: self.said()[-2000:])

    def is_ready(self):
        if self.process.poll() is not None:
            raise SystemExit("Prometheus did not start: " + self.said()[-2000:])
        try:
            return self.api.send("GET", "/-/ready")[0] == 200
        except OSError:
            return False

    def said(self):
        with open(os.path.join(self.folder, "log")) as file:
            return file.read()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=PATIENCE)
        self.log.close()
        if self.kept:
            self.kept.cleanup()


def wait_until(holds, what, told=lambda: "", patience=PATIENCE):
    """Waits for a condition; ends the check if it never comes."""
    until = time.monotonic() + patience
    while not holds():
        if time.monotonic() > until:
            raise SystemExit(f"{patience} s passed and not yet: {what} {told()}")
        time.sleep(0.2)


def memory(pid):
    """The most that a process had resident so far, in bytes."""
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM:"))


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
