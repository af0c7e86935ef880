"""What the benches of logs and traces share: a server in a folder, its load over OTLP, and times."""

import http.client
import json
import os
import queue
import statistics
import struct
import subprocess
import threading
import time
import urllib.parse

from server import expect

CONNECTIONS = 4


class Server:
    def __init__(self, binary, folder):
        addresses = ["--listen=127.0.0.1:0", "--otlp-grpc=127.0.0.1:0", "--otlp-http=127.0.0.1:0"]
        self.process = subprocess.Popen(
            [binary, "serve", *addresses, "--print-addresses", f"--data-dir={folder}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        said = json.loads(self.process.stdout.readline())
        self.console = http.client.HTTPConnection(said["listen"], timeout=120)
        self.otlp = said["otlp_http"]

    def cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def peak_memory(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))

    def get(self, path, **parameters):
        self.console.request("GET", path + "?" + urllib.parse.urlencode(parameters))
        answer = self.console.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise SystemExit(f"GET {path} {parameters}: {answer.status} {body.decode()}")
        return json.loads(body)

    def stop(self):
        """CPU seconds and peak memory of its whole life."""
        self.process.terminate()
        _, status, used = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        expect(self.process.returncode == 0, f"a clean stop (exit code {self.process.returncode})")
        return used.ru_utime + used.ru_stime, used.ru_maxrss * 1024


def frames(path):
    with open(path, "rb") as file:
        while header := file.read(4):
            yield file.read(struct.unpack("<I", header)[0])


def load(server, route, bodies):
    """Seconds, and how often the server asked to come again."""
    waiting, refused, failed = queue.Queue(maxsize=2 * CONNECTIONS), [], []

    def send():
        connection = http.client.HTTPConnection(server.otlp, timeout=120)
        while (body := waiting.get()) is not None:
            while True:
                connection.request("POST", route, body, {"content-type": "application/x-protobuf"})
                answer = connection.getresponse()
                text = answer.read()
                if answer.status not in (429, 503):
                    break
                refused.append(answer.status)
                time.sleep(float(answer.headers["retry-after"]))
            if answer.status != 200 or text:
                failed.append((answer.status, text))

    senders = [threading.Thread(target=send) for _ in range(CONNECTIONS)]
    for sender in senders:
        sender.start()
    started = time.monotonic()
    for body in bodies:
        waiting.put(body)
    for _ in senders:
        waiting.put(None)
    for sender in senders:
        sender.join()
    expect(not failed, f"every request is wholly accepted {failed[:1]}")
    return time.monotonic() - started, len(refused)


def folder_bytes(folder):
    return sum(os.path.getsize(os.path.join(at, name)) for at, _, names in os.walk(folder) for name in names)


def timed(ask, runs):
    """The median and the longest, in milliseconds."""
    took = []
    for _ in range(runs):
        started = time.perf_counter()
        ask()
        took.append((time.perf_counter() - started) * 1e3)
    return statistics.median(took), max(took)
