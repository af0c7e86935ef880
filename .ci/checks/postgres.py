"""A Postgres of its own for a check. By itself: a command, run over it.

    postgres.py [--variable WATCHFIRE_SERVICES_DATABASE] -- COMMAND ...

Without another variable the command's services find the database by their secret `services.database`; the
tests of Rust find the server by WATCHFIRE_TEST_POSTGRES.
"""

import argparse
import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

READY = "database system is ready to accept connections"
PATIENCE = 60


def program(name):
    """Debian keeps the server's programs out of the path."""
    places = sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}"))
    found = shutil.which(name) or (places and places[-1])
    if not found:
        raise SystemExit(f"{name} is not installed: it comes with a Postgres server")
    return found


def owner():
    """The server does not run as root: whom it runs as then."""
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name for entry in pwd.getpwall()}
    user = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def psql(url, statement, schema="public"):
    """What a statement brings, as lines of columns with `|` between them."""
    command = [program("psql"), "-X", "-q", "-t", "-A", "-v", "ON_ERROR_STOP=1", "-c", statement, url]
    environment = {**os.environ, "PGOPTIONS": f"-c search_path={schema}"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise Refused(done.stderr)
    return done.stdout.strip()


class Refused(Exception):
    """Postgres does not do what it is asked."""


class Postgres:
    def __init__(self, *settings):
        self.owner = owner()
        # Another user may not be able to reach a folder for temporary files of our own.
        self.folder = tempfile.mkdtemp(prefix="postgres", dir="/tmp" if self.owner else None)
        if self.owner:
            os.chown(self.folder, self.owner["user"], self.owner["group"])
        os.chmod(self.folder, 0o755)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.data, self.log = os.path.join(self.folder, "data"), os.path.join(self.folder, "log")
        making = [program("initdb"), f"--pgdata={self.data}", "--username=watchfire", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
        subprocess.run(making, check=True, stdout=subprocess.DEVNULL, cwd=self.folder, **self.owner)
        options = ["max_connections=300", "listen_addresses=127.0.0.1", f"unix_socket_directories={self.folder}", *settings]
        self.command = [program("postgres"), "-D", self.data, "-p", str(self.port), *(word for option in options for word in ("-c", option))]
        self.start()

    def start(self):
        with open(self.log, "ab") as log:
            begin = log.tell()
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log, cwd=self.folder, **self.owner)
        end = time.time() + PATIENCE
        while time.time() < end and self.process.poll() is None:
            with open(self.log, "rb") as log:
                log.seek(begin)
                if READY.encode() in log.read():
                    return
            time.sleep(0.05)
        with open(self.log, encoding="utf-8", errors="replace") as log:
            raise SystemExit("Postgres did not start: " + log.read()[-2000:])

    def url(self, name="postgres"):
        return f"postgres://watchfire@127.0.0.1:{self.port}/{name}"

    def database(self, name):
        """Makes a database; its URL."""
        psql(self.url(), f"CREATE DATABASE {name}")
        return self.url(name)

    def crash(self):
        """Ends at once, without a word to its clients, as after the loss of its machine."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--variable", default="WATCHFIRE_SERVICES_DATABASE")
    arguments.add_argument("command", nargs="+")
    chosen = arguments.parse_args()
    # What is tried here is not the disk.
    postgres = Postgres("fsync=off")
    try:
        environment = {**os.environ, chosen.variable: postgres.url()}
        return subprocess.run(chosen.command, env=environment, check=False).returncode
    finally:
        postgres.stop()


if __name__ == "__main__":
    sys.exit(main())
