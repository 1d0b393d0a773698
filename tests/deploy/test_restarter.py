"""The script itself, in a checkout without a virtual environment."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NO_PYTHON = (
    "No Python 3.11 or newer with venv runs here: install one"
    " (Debian, Ubuntu: apt install python3 python3-venv) or set PYTHON to its path.\n"
)
SYSTEM_FOLDER = "/usr/bin/"
FAILING_SHIM = "#!/bin/sh\necho 'version manager: command not found' >&2\nexit 127\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The script beside a `deploy` that tells which Python was chosen, on a system that has none of its own."""
    script = (ROOT / "restarter.sh").read_text()
    assert SYSTEM_FOLDER in script
    (tmp_path / "restarter.sh").write_text(script.replace(SYSTEM_FOLDER, f"{tmp_path}/system/"))
    (tmp_path / "system").mkdir()
    (tmp_path / "deploy").mkdir()
    (tmp_path / "deploy" / "installation.py").write_text("import sys\nsys.exit(f'chosen for {sys.argv[1]}')\n")
    return tmp_path


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A search path with what the script calls, and with shims that fail."""
    folder = tmp_path / "programs"
    folder.mkdir()
    (folder / "dirname").symlink_to(shutil.which("dirname") or "dirname")
    write_program(folder / "python3.12", FAILING_SHIM)
    write_program(folder / "python3", FAILING_SHIM)
    return folder


def write_program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def run(checkout: Path, programs: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [shutil.which("bash") or "bash", str(checkout / "restarter.sh"), *arguments],
        env={"PATH": str(programs), "HOME": str(checkout), **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_restarter_says_that_no_python_runs(checkout: Path, programs: Path):
    done = run(checkout, programs)

    assert (done.returncode, done.stderr) == (1, NO_PYTHON)


def test_restarter_passes_over_shims_that_fail(checkout: Path, programs: Path):
    write_program(programs / "python3.11", f'#!/bin/sh\nexec {sys.executable} "$@"\n')

    done = run(checkout, programs)

    assert (done.returncode, done.stderr) == (1, "chosen for requirements.txt\n")


def test_restarter_prefers_the_systems_own_python(checkout: Path, programs: Path):
    other = f'#!/bin/sh\n[ "$1" = -c ] || exec echo "another was chosen"\nexec {sys.executable} "$@"\n'
    write_program(programs / "python3.13", other)
    write_program(checkout / "system" / "python3", f'#!/bin/sh\nexec {sys.executable} "$@"\n')

    done = run(checkout, programs)

    assert (done.returncode, done.stderr) == (1, "chosen for requirements.txt\n")


def test_restarter_finds_a_python_that_a_version_manager_hides(checkout: Path, programs: Path):
    hidden = checkout / ".pyenv" / "versions" / "3.11.7" / "bin"
    hidden.mkdir(parents=True)
    write_program(hidden / "python", f'#!/bin/sh\nexec {sys.executable} "$@"\n')

    done = run(checkout, programs, "test")

    assert (done.returncode, done.stderr) == (1, "chosen for requirements-dev.txt\n")


def test_restarter_takes_the_python_that_it_is_told(checkout: Path, programs: Path):
    done = run(checkout, programs, PYTHON=sys.executable)

    assert (done.returncode, done.stderr) == (1, "chosen for requirements.txt\n")


@pytest.mark.parametrize("verb", ["stop", "status", "logs"])
def test_restarter_installs_nothing_only_to_look_or_stop(checkout: Path, programs: Path, verb: str):
    done = run(checkout, programs, verb, PYTHON=sys.executable)

    assert (done.returncode, done.stderr) == (3, "Nothing was started here yet: ./restarter.sh does it.\n")


def test_restarter_explains_its_verbs_when_asked_for_another(checkout: Path, programs: Path):
    write_program(programs / "cat", '#!/bin/sh\nwhile read -r line; do echo "$line"; done\n')

    done = run(checkout, programs, "begin")

    assert done.returncode == 2
    assert done.stderr.startswith("Usage: ./restarter.sh")
