"""The browser for tests: found where there is one, else installed where it may be, else asked for."""

import os
from pathlib import Path

import pytest

from deploy.browser import BrowserMissing, ensure_browser, find_browser


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder in which programs are found."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CHROMIUM_PATH", raising=False)
    return tmp_path


def put(path: Path, script: str) -> str:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def test_find_browser_finds_one_by_its_usual_names(programs: Path):
    chrome = put(programs / "google-chrome", "exit 0")

    assert find_browser() == chrome


def test_find_browser_prefers_the_one_that_is_named(programs: Path, monkeypatch: pytest.MonkeyPatch):
    put(programs / "chromium", "exit 0")
    mine = put(programs / "mine", "exit 0")
    monkeypatch.setenv("CHROMIUM_PATH", mine)

    assert find_browser() == mine


def test_find_browser_passes_over_one_that_does_not_start(programs: Path):
    put(programs / "chromium", "echo 'requires the chromium snap to be installed' >&2; exit 1")

    assert find_browser() is None


def test_ensure_browser_installs_debians_chromium(programs: Path):
    chromium = programs / "chromium"
    put(
        programs / "apt-get",
        f'case "$*" in *install*chromium) printf "#!/bin/sh\\n" > {chromium}; /bin/chmod 755 {chromium};; esac\n'
        f'echo "$DEBIAN_FRONTEND $*" >> {programs}/asked',
    )

    path = ensure_browser(may_install=True)

    assert path == str(chromium)
    assert (programs / "asked").read_text().splitlines() == [
        "noninteractive -o DPkg::Lock::Timeout=300 -y -qq update",
        "noninteractive -o DPkg::Lock::Timeout=300 -y -qq --no-install-recommends install chromium",
    ]


def test_ensure_browser_says_what_to_install_where_it_may_not(programs: Path):
    put(programs / "apt-get", "exit 0")

    with pytest.raises(BrowserMissing, match="apt-get install chromium, as root"):
        ensure_browser(may_install=False)


def test_ensure_browser_says_what_to_install_where_there_is_no_apt(programs: Path):
    with pytest.raises(BrowserMissing, match="or set CHROMIUM_PATH to its path"):
        ensure_browser(may_install=True)


def test_ensure_browser_says_why_apt_failed(programs: Path):
    put(programs / "apt-get", 'echo "E: Unable to locate package chromium" >&2; exit 100')

    with pytest.raises(BrowserMissing, match=r"\(E: Unable to locate package chromium\)"):
        ensure_browser(may_install=True)


def test_ensure_browser_says_so_when_what_was_installed_does_not_start(programs: Path):
    put(programs / "apt-get", "exit 0")

    with pytest.raises(BrowserMissing, match="it does not start"):
        ensure_browser(may_install=True)


def test_find_browser_finds_the_one_of_this_machine():
    path = find_browser()

    assert path is not None
    assert os.access(path, os.X_OK)
