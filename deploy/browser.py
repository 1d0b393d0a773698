"""The browser that the tests of /t.js drive: found, or installed where Debian's package manager may be asked."""

import os
import shutil
import subprocess

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_APT = ["apt-get", "-o", "DPkg::Lock::Timeout=300", "-y", "-qq"]
_INSTALL = ([*_APT, "update"], [*_APT, "--no-install-recommends", "install", "chromium"])


class BrowserMissing(Exception):
    """There is no Chromium here and none could be installed; the message says what to do."""


def find_browser() -> str | None:
    """Return the path of a Chromium or Chrome that starts; `CHROMIUM_PATH` comes first."""
    wanted = [os.environ.get("CHROMIUM_PATH", ""), *NAMES]
    return next((path for path in map(shutil.which, filter(None, wanted)) if path and _starts(path)), None)


def ensure_browser(*, may_install: bool) -> str:
    """Return the path of a Chromium, installing Debian's first where there is none. Raises `BrowserMissing`."""
    found = find_browser()
    if found:
        return found
    if not may_install or not shutil.which("apt-get"):
        raise BrowserMissing(
            "The tests need Chromium or Chrome. Install it (Debian: apt-get install chromium, as root) "
            "or set CHROMIUM_PATH to its path."
        )
    print("Installing chromium, which the tests drive; the first time takes a minute ...", flush=True)
    for command in _INSTALL:
        _run(command)
    found = find_browser()
    if not found:
        raise BrowserMissing("apt-get installed chromium, but it does not start: run chromium --version to see why.")
    return found


def _starts(path: str) -> bool:
    """Some distributions put a script in its place that only asks to install it."""
    try:
        return subprocess.run([path, "--version"], capture_output=True, check=False, timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _run(command: list[str]) -> None:
    quietly = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(command, env=quietly, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("E:")]
        raise BrowserMissing(
            "The tests need Chromium and apt-get could not install it "
            f"({said[0] if said else 'it gave no reason'}). Install it, or set CHROMIUM_PATH to its path."
        )
