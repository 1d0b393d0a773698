"""Everything that must hold before a change is kept: lint, types, contracts, migrations, tests."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from deploy.embedded import EmbeddedPostgres, EmbeddedValkey
from deploy.environment import NAMES, SECRETS

MOST_CONNECTIONS = 300
# What a production server sets, for Django's own deployment checks.
PRODUCTION = {
    "SECURE_SSL": "1",
    "ALLOWED_HOSTS": "tracker.example",
    "CSRF_TRUSTED_ORIGINS": "https://tracker.example",
    "PUBLIC_WEB_URL": "https://tracker.example",
    "PUBLIC_CLICK_URL": "https://click.tracker.example",
    "EGRESS_ALLOWED_ADDRESSES": "",
}


@dataclass(frozen=True, kw_only=True)
class Check:
    """One command that must end with exit code 0."""

    title: str
    command: list[str]
    variables: Mapping[str, str] = field(default_factory=dict)


def run_all(root: Path, pytest_arguments: Sequence[str]) -> int:
    """Run all checks against servers that exist only for this run; return the exit code.

    A failed check does not hide the next ones; pytest comes last, so that its closing line
    is the last one when nothing else failed.
    """
    with _throwaway_servers() as addresses:
        variables = _variables(addresses)
        failed = [check.title for check in _checks() if not _run(check, root=root, variables=variables)]
        tests = Check(title="tests", command=[*_module("pytest", "-n", "2"), *pytest_arguments])
        tests_pass = _run(tests, root=root, variables=variables)
    if failed:
        print(f"\nFailed before the tests: {', '.join(failed)} (see the headings above).", file=sys.stderr)
    return 0 if tests_pass and not failed else 1


def _checks() -> list[Check]:
    manage = [sys.executable, "manage.py"]
    return [
        Check(title="lint", command=_module("ruff", "check")),
        Check(title="format", command=_module("ruff", "format", "--check")),
        Check(title="types", command=_module("mypy")),
        Check(title="import contracts", command=[str(Path(sys.prefix, "bin", "lint-imports"))]),
        Check(title="migrations", command=[*manage, "makemigrations", "--check", "--dry-run"]),
        Check(
            title="deployment settings",
            command=[*manage, "check", "--deploy", "--fail-level", "WARNING"],
            variables=PRODUCTION,
        ),
    ]


def _run(check: Check, *, root: Path, variables: Mapping[str, str]) -> bool:
    print(f"\n=== {check.title}: {' '.join(_shown(check.command))}", flush=True)
    started = time.monotonic()
    done = subprocess.run(check.command, cwd=root, env={**variables, **check.variables}, check=False)
    if done.returncode != 0:
        seconds = time.monotonic() - started
        print(f"=== {check.title} FAILED after {seconds:.0f} s (exit code {done.returncode})", flush=True)
    return done.returncode == 0


@contextmanager
def _throwaway_servers() -> Iterator[dict[str, str]]:
    """Yield the addresses of servers whose data is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="tracker-test-"))
    folder.chmod(0o711)  # for root: the account that runs Postgres has to pass through
    (folder / "var" / "static").mkdir(parents=True)  # whitenoise warns at each request without it
    postgres = EmbeddedPostgres(folder / "postgres", max_connections=MOST_CONNECTIONS)
    valkey = EmbeddedValkey(folder / "valkey")
    try:
        postgres.start()
        valkey.start()
        postgres.create_database("tracker")
        yield {
            "DATABASE_URL": postgres.url("tracker"),
            "REDIS_URL": valkey.url(),
            "VAR_DIR": str(folder / "var"),
        }
    finally:
        postgres.remove()
        valkey.remove()
        shutil.rmtree(folder, ignore_errors=True)


def _variables(addresses: Mapping[str, str]) -> dict[str, str]:
    """The caller's environment, without what it says of a tracker that may run beside."""
    others = {name: value for name, value in os.environ.items() if name not in NAMES}
    made = {name: make() for name, make in SECRETS.items()}
    return {**others, **made, **addresses}


def _module(name: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", name, *arguments]


def _shown(command: Sequence[str]) -> list[str]:
    return ["python" if word == sys.executable else Path(word).name if "/bin/" in word else word for word in command]
