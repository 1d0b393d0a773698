#!/usr/bin/env bash
# Starts, restarts, stops and tests the whole tracker; the work is done by deploy/*.py.
set -eu

usage() {
    cat <<'TEXT'
Usage: ./restarter.sh              start or restart everything; Ctrl-C stops it
       ./restarter.sh -d           the same in the background
       ./restarter.sh stop         stop everything
       ./restarter.sh status       what runs, and where
       ./restarter.sh logs [name]  the logs of all processes, or of one
       ./restarter.sh test [...]   lint, types, contracts and tests; arguments go to pytest
TEXT
}

# A version manager's shim may exist and fail, and a distribution may leave venv out: try it.
runs() {
    "$1" -c 'import sys, ssl, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

# The system's own comes first: distributions optimise theirs by a profile, version managers as a rule do not, and a
# click then costs the edge a sixth more.
find_python() {
    local candidate
    for candidate in "${PYTHON:-}" /usr/bin/python3.13 /usr/bin/python3.12 /usr/bin/python3.11 /usr/bin/python3 \
        python3.13 python3.12 python3.11 python3 python "${PYENV_ROOT:-$HOME/.pyenv}"/versions/*/bin/python; do
        if [ -n "$candidate" ] && runs "$candidate"; then
            printf '%s\n' "$candidate"
            return 0
        fi
    done
    echo "No Python 3.11 or newer with venv runs here: install one" \
        "(Debian, Ubuntu: apt install python3 python3-venv) or set PYTHON to its path." >&2
    return 1
}

case "${1:-start}" in
    -h | --help | help) usage; exit 0 ;;
    start | -d | stop | status | logs | test) ;;
    *) usage >&2; exit 2 ;;
esac

here=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
cd -- "$here"
HOME=${HOME:-/}
python=.venv/bin/python

case "${1:-start}" in
    stop | status | logs)
        if ! runs "$python"; then
            echo "Nothing was started here yet: ./restarter.sh does it." >&2
            exit 3
        fi
        ;;
    *)
        runs "$python" || python=$(find_python)
        packages=requirements.txt
        [ "${1:-start}" != test ] || packages=requirements-dev.txt
        "$python" -m deploy.installation "$packages"
        ;;
esac

exec .venv/bin/python -m deploy.control "$@"
