"""A running Watchfire, and what a client asks of it."""

import json
import os
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request


class Watchfire:
    """In a folder of its own, or in one that was used before."""

    def __init__(self, binary, command="serve", *more, folder=None, listen="127.0.0.1:0"):
        self.dir = None if folder else tempfile.TemporaryDirectory()
        folder = folder or self.dir.name
        addresses = [f"--listen={listen}", "--otlp-grpc=127.0.0.1:0", "--otlp-http=127.0.0.1:0"]
        arguments = [binary, command, *addresses, "--print-addresses", f"--data-dir={folder}", *more]
        self.started = time.time()
        # Who compares all series with another's wants none of this machine's.
        environment = {"WATCHFIRE_HOST_METRICS": "off", **os.environ}
        self.process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
        self.said = []
        threading.Thread(target=lambda: self.said.extend(self.process.stderr), daemon=True).start()
        line = self.process.stdout.readline()
        if not line:
            time.sleep(0.5)
            raise SystemExit("it did not start: " + "".join(self.said))
        self.addresses = json.loads(line)
        self.url = "http://" + self.addresses["listen"]

    def ask(self, path, body=None, timeout=60, **parameters):
        """The status and the answer, whatever they are."""
        query = "?" + urllib.parse.urlencode(parameters) if parameters else ""
        headers = {"content-type": "application/x-ndjson"} if body is not None else {}
        request = urllib.request.Request(self.url + path + query, body, headers)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def get(self, path, **parameters):
        status, answer = self.ask(path, **parameters)
        if status != 200:
            raise SystemExit(f"GET {path} {parameters}: {status} {answer.decode()}")
        return json.loads(answer)

    def ingest(self, body):
        """Sends lines, again where the server is too busy."""
        while True:
            status, answer = self.ask("/api/v1/ingest/logs", body)
            if status == 200:
                return json.loads(answer)
            if status not in (429, 503):
                raise SystemExit(f"lines were refused: {status} {answer.decode()}")
            time.sleep(0.5)

    def promql(self, query):
        return self.get("/prometheus/api/v1/query", query=query)["data"]["result"]

    def kill(self):
        """Ends it as a power failure would."""
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.terminate()
        code = self.process.wait(timeout=60)
        expect(code == 0, f"a clean stop (exit code {code})")
        if self.dir:
            self.dir.cleanup()


passed = failed = 0


def expect(holds, what):
    global passed, failed
    passed, failed = passed + bool(holds), failed + (not holds)
    print("ok  " if holds else "FAIL", what, flush=True)


def close():
    print(f"{passed} passed, {failed} failed")
    raise SystemExit(1 if failed else 0)
