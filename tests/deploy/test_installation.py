"""The virtual environment: when it is touched, and what the user reads when it cannot be made."""

import json
import sys
import tempfile
from pathlib import Path

import pytest

from deploy.installation import InstallationFailed, install


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Requirements that only an index could satisfy, beside this very virtual environment."""
    (tmp_path / "requirements.txt").write_text("a-package-that-nobody-has-made==1.0\n")
    (tmp_path / "requirements-dev.txt").write_text("-r requirements.txt\n")
    return tmp_path


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    """An environment that looks whole and has pip."""
    venv = tmp_path / ".venv"
    (venv / "bin").mkdir(parents=True)
    python = venv / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    return venv


def test_install_says_that_no_index_answers(checkout: Path, venv: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tempfile, "tempdir", str(checkout))
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:1/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")

    with pytest.raises(InstallationFailed, match="No package index answers: connect to the network"):
        install(checkout / "requirements.txt", venv=venv)


def test_install_does_nothing_for_requirements_that_are_installed(checkout: Path, venv: Path):
    (checkout / "requirements.txt").write_text("# nothing yet\n")
    was_needed = install(checkout / "requirements.txt", venv=venv)

    is_needed_again = install(checkout / "requirements.txt", venv=venv)

    assert (was_needed, is_needed_again) == (True, False)


def test_install_notices_a_change_in_an_included_file(checkout: Path, venv: Path):
    (checkout / "requirements.txt").write_text("# nothing yet\n")
    install(checkout / "requirements-dev.txt", venv=venv)
    (checkout / "requirements.txt").write_text("# still nothing\n")

    is_needed_again = install(checkout / "requirements-dev.txt", venv=venv)

    assert is_needed_again


def test_install_remembers_each_file_apart(checkout: Path, venv: Path):
    (checkout / "requirements.txt").write_text("# nothing yet\n")

    install(checkout / "requirements.txt", venv=venv)
    install(checkout / "requirements-dev.txt", venv=venv)

    assert set(json.loads((venv / "installed.json").read_text())) == {"requirements.txt", "requirements-dev.txt"}
