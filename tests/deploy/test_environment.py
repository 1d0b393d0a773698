"""The variables that all processes share, and where they come from."""

import re
import stat
from pathlib import Path

import pytest

from deploy.environment import (
    NAMES,
    UnusableSetup,
    make_folders,
    read_checkout,
    read_variables,
    with_secrets,
    write_variables,
)

ROOT = Path(__file__).resolve().parents[2]


def test_read_variables_reads_quotes_comments_and_exports(tmp_path: Path):
    (tmp_path / ".env").write_text(
        "# a comment\n\nLOG_LEVEL=DEBUG  # why\nexport WEB_PORT=8010\nALLOWED_HOSTS='a b'\nSECRET_KEY=\n"
    )

    variables = read_variables(tmp_path / ".env")

    assert variables == {"LOG_LEVEL": "DEBUG", "WEB_PORT": "8010", "ALLOWED_HOSTS": "a b"}


@pytest.mark.parametrize("line", ["WEB_PORT 8010", "WEB_PORT=80 10", "=8010", "WEB-PORT=1", "A='open"])
def test_read_variables_names_the_line_that_it_cannot_read(tmp_path: Path, line: str):
    (tmp_path / ".env").write_text(f"DEBUG=0\n{line}\n")

    with pytest.raises(UnusableSetup, match=r"Line 2 of .*\.env is not NAME=value"):
        read_variables(tmp_path / ".env")


def test_write_variables_writes_what_read_variables_reads(tmp_path: Path):
    variables = {"SECRET_KEY": 'a\'b "c" $d #e', "WEB_PORT": "8000"}

    write_variables(tmp_path / "run.env", variables)

    assert read_variables(tmp_path / "run.env") == variables
    assert stat.S_IMODE((tmp_path / "run.env").stat().st_mode) == 0o600


def test_read_checkout_prefers_the_environment_to_the_file(tmp_path: Path):
    (tmp_path / ".env").write_text("WEB_PORT=8010\nEDGE_PORT=8011\n")

    checkout = read_checkout(tmp_path, environment={"WEB_PORT": "8020", "EDGE_PORT": ""})

    assert checkout.web_port == 8020
    assert checkout.edge_port == 8011
    assert checkout.variables["PUBLIC_WEB_URL"] == "http://127.0.0.1:8020"
    assert checkout.var == tmp_path / "var"


def test_read_checkout_points_a_demo_at_the_simulator(tmp_path: Path):
    checkout = read_checkout(tmp_path, environment={"SIMULATOR_PORT": "8099"})

    assert checkout.variables["META_BASE_URL"] == "http://127.0.0.1:8099/meta"
    assert checkout.variables["EGRESS_ALLOWED_ADDRESSES"] == "127.0.0.0/8"
    assert checkout.variables["TRUSTED_PROXIES"] == "127.0.0.1/32,::1/128"


def test_read_checkout_leaves_production_without_the_liberties_of_a_demo(tmp_path: Path):
    checkout = read_checkout(tmp_path, environment={"DEMO": "0"})

    assert {"META_BASE_URL", "EGRESS_ALLOWED_ADDRESSES", "TRUSTED_PROXIES"}.isdisjoint(checkout.variables)


@pytest.mark.parametrize("port", ["80a", "0", "65536", "-1"])
def test_read_checkout_says_that_a_port_is_none(tmp_path: Path, port: str):
    checkout = read_checkout(tmp_path, environment={"WEB_PORT": port})

    with pytest.raises(UnusableSetup, match=r"WEB_PORT is .*: set it to a port"):
        assert checkout.web_port


def test_with_secrets_makes_them_once(tmp_path: Path):
    checkout = read_checkout(tmp_path, environment={})
    make_folders(checkout)

    first = with_secrets(checkout)
    second = with_secrets(checkout)

    assert first == second
    assert len(bytes.fromhex(first["CLICK_ID_KEYS"])) == 32
    assert stat.S_IMODE((tmp_path / "var" / "local.env").stat().st_mode) == 0o600


def test_with_secrets_keeps_one_that_was_given_out_of_its_file(tmp_path: Path):
    checkout = read_checkout(tmp_path, environment={"SECRET_KEY": "given"})
    make_folders(checkout)

    variables = with_secrets(checkout)

    assert variables["SECRET_KEY"] == "given"
    assert set(read_variables(tmp_path / "var" / "local.env")) == {
        "CLICK_ID_KEYS",
        "FIELD_ENCRYPTION_KEYS",
        "PRIVATE_TOKEN_KEY",
    }


def test_make_folders_says_that_nothing_can_be_written(tmp_path: Path):
    (tmp_path / "file").touch()
    checkout = read_checkout(tmp_path, environment={"VAR_DIR": str(tmp_path / "file" / "var")})

    with pytest.raises(UnusableSetup, match="cannot be written: start as its owner, or set VAR_DIR"):
        make_folders(checkout)


def test_example_explains_each_variable_once():
    lines = (ROOT / ".env.example").read_text().splitlines()

    assert sorted(line.partition("=")[0] for line in lines if line and not line.startswith("#")) == sorted(NAMES)


def test_settings_read_only_variables_that_the_example_explains():
    settings = (ROOT / "tracker_project" / "settings.py").read_text()

    read = set(re.findall(r'(?:env_[a-z]+|_read)\("([A-Z_]+)"', settings))

    assert read <= set(NAMES)
