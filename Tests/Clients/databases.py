"""A real PostgreSQL and a real Redis: children of the tests, to be killed, frozen and started again."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

from apus import wait_until

AS_ROOT = os.geteuid() == 0


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def binary(name):
    """The newest of Debian's, which are not on the PATH, else whatever is."""
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    found = str(versions[-1]) if versions else shutil.which(name)
    assert found, f"{name} is not installed: apt-get install postgresql redis-server"
    return found


def children(pid):
    """The processes that have this one as their parent."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "stat").read_text().rsplit(")", 1)[1].split()[1] == str(pid):
                found.append(int(entry.name))
        except OSError:
            pass  # it has ended meanwhile
    return found


def is_gone(pid):
    """Whether a process has ended, even if nobody has taken note of it yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


class Child:
    """A server in a folder of its own. It ends with the tests, however they end."""

    def __init__(self, user=None):
        self.folder = Path(tempfile.mkdtemp(prefix="apus-"))
        self.port, self.password, self.user = free_port(), secrets.token_hex(16), user if AS_ROOT else None
        self.process = None
        if self.user:
            shutil.chown(self.folder, self.user, self.user)

    def dropped(self, *options):
        """The beginning of a command that runs as a user who may not do everything."""
        user = [f"--reuid={self.user}", f"--regid={self.user}", "--init-groups"] if self.user else []
        return ["setpriv", *user, *options, "--"] if user or options else []

    def run(self, *arguments):
        log = (self.folder / "log").open("ab")
        self.process = subprocess.Popen(
            [*self.dropped("--pdeathsig=INT"), *arguments], cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log,
            stderr=log)
        log.close()
        wait_until(lambda: self.answers() or self.process.poll() is not None, 30, f"an answer of {arguments[0]}")
        assert self.process.poll() is None, (self.folder / "log").read_text()[-2000:]

    def family(self):
        return [self.process.pid, *children(self.process.pid)]

    def signal_all(self, number):
        """Signals the server and its children, the server first; tells which they were."""
        family = self.family()
        for pid in family:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass  # it has ended meanwhile
        return family

    def freeze(self):
        """It keeps its connections, and says nothing more."""
        self.signal_all(signal.SIGSTOP)

    def thaw(self):
        self.signal_all(signal.SIGCONT)

    def kill(self):
        """Ends it as a power cut would."""
        self.freeze()  # or it would start children anew, and they would notice its end
        family = self.signal_all(signal.SIGKILL)
        self.process.wait(30)
        wait_until(lambda: all(map(is_gone, family)), 30, "the end of its children")

    def stop(self):
        """Ends it in order."""
        if self.process.poll() is None:
            self.thaw()
            self.process.send_signal(signal.SIGINT)
            self.process.wait(30)

    def remove(self):
        self.stop()
        shutil.rmtree(self.folder)

    def revive(self):
        """Whatever was done to it: it runs and answers."""
        if self.process.poll() is not None:
            self.start()
        self.thaw()


class PostgreSQL(Child):
    """A cluster with one ordinary role, `apus`, and a new database for whoever wants one."""

    # Nobody pulls the plug here: what a process wrote is there after its end, flushed or not.
    SETTINGS = {
        "listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off", "shared_buffers": "32MB",
        "max_connections": "100"}

    def __init__(self):
        super().__init__(user="postgres")
        self.count = 0
        secret = self.folder / "password"
        secret.write_text(self.password)
        if self.user:
            shutil.chown(secret, self.user)
        subprocess.run(
            [*self.dropped(), binary("initdb"), "--pgdata", self.folder / "data", "--username", "postgres", "--pwfile",
             secret, "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync"],
            check=True, capture_output=True)
        self.start()
        self.query(f"CREATE ROLE apus LOGIN PASSWORD '{self.password}'")

    def start(self):
        settings = [word for name, value in self.SETTINGS.items() for word in ("-c", f"{name}={value}")]
        self.run(binary("postgres"), "-D", self.folder / "data", "-p", str(self.port), *settings)

    def answers(self):
        asked = [binary("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(asked, check=False).returncode == 0

    def query(self, sql, database="postgres"):
        """The rows of an answer as text, asked as the superuser."""
        with self.begin(sql, database) as asked:
            told, complaint = asked.communicate(timeout=60)
        assert asked.returncode == 0, complaint
        return told.splitlines()

    def begin(self, sql, database):
        """Has something asked as the superuser, and does not wait for the answer."""
        return subprocess.Popen(
            [binary("psql"), "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-d", database, "-qAtc", sql],
            env=os.environ | {"PGPASSWORD": self.password}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def database(self):
        self.count += 1
        self.query(f"CREATE DATABASE apus_{self.count} OWNER apus")
        return Database(self, f"apus_{self.count}")


class Database:
    """An empty database of its own on a server."""

    def __init__(self, server, name):
        self.server, self.name = server, name
        self.url = f"postgres://apus:{server.password}@127.0.0.1:{server.port}/{name}"

    def query(self, sql):
        return self.server.query(sql, self.name)

    def connections(self):
        """How many connections Apus has to it."""
        asked = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{self.name}' AND usename = 'apus'"
        return int(self.server.query(asked)[0])


class Redis(Child):
    """A Redis that forgets everything at its end."""

    def __init__(self):
        super().__init__()
        self.url = f"redis://:{self.password}@127.0.0.1:{self.port}/0"
        self.start()

    def start(self):
        self.run(
            binary("redis-server"), "--port", str(self.port), "--bind", "127.0.0.1", "--requirepass", self.password,
            "--save", "", "--appendonly", "no", "--dir", str(self.folder))

    def answers(self):
        try:
            return self.ask("PING") == "+PONG"
        except OSError:
            return False

    def ask(self, command):
        """The first line of the answer to a command."""
        with socket.create_connection(("127.0.0.1", self.port), 5) as connection:
            connection.sendall(f"AUTH {self.password}\r\n{command}\r\n".encode())
            lines = connection.makefile("rb")
            assert lines.readline() == b"+OK\r\n"
            return lines.readline().decode().strip()
