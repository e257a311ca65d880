# Sourced by run, test, check and bench: `bootstrap base|dev` puts the locked environment in place and first on PATH.
# Needs Debian's python3 only. Idempotent: an unchanged lock costs a checksum.
set -eu

VENV="${SCRUM_ML_VENV:-.venv}"
export UV_PYTHON_DOWNLOADS=never UV_NO_PROGRESS=1 UV_NO_CONFIG=1

bootstrap_fail() { echo "setup: $*" >&2; exit 1; }

bootstrap_python() {
    for candidate in python3.11 python3.12 python3.13 python3; do
        command -v "$candidate" >/dev/null 2>&1 || continue
        "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || continue
        echo "$candidate"; return
    done
    bootstrap_fail "Python 3.11, 3.12 or 3.13 is needed (Debian 12: apt-get install python3)."
}

bootstrap_venv() {
    python=$(bootstrap_python)
    if ! "$python" -c 'import ensurepip' 2>/dev/null; then
        # Debian ships Python without ensurepip; only root may add it.
        [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1 ||
            bootstrap_fail "the venv module is missing; ask an administrator for: apt-get install python3-venv"
        echo "setup: installing python3-venv" >&2
        apt-get update -qq >&2
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-venv >&2
    fi
    "$python" -m venv "$VENV"
    "$VENV/bin/python" -m pip install -q --disable-pip-version-check --require-hashes -r scripts/uv.txt
}

bootstrap() {
    case $1 in base) lock=requirements.txt ;; dev) lock=requirements-dev.txt ;; *) bootstrap_fail "unknown set: $1" ;; esac
    stamp="$VENV/.installed-$1"
    want=$(cat "$lock" scripts/uv.txt | sha256sum)
    PATH="$PWD/$VENV/bin:$PATH"
    export PATH
    if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$want" ]; then return; fi
    [ -x "$VENV/bin/uv" ] || bootstrap_venv
    echo "setup: installing the locked packages ($lock), once" >&2
    "$VENV/bin/uv" pip install -q --python "$VENV/bin/python" --require-hashes --compile-bytecode -r "$lock"
    PYTHONDONTWRITEBYTECODE= "$VENV/bin/python" -m compileall -q apps base || true
    echo "$want" > "$stamp"
}
