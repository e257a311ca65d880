# Sourced by run, test, check and bench after they set ROOT: `bootstrap base|dev` puts the locked environment in place.
# Needs Debian's python3 only. Idempotent: an unchanged lock costs a checksum. Afterwards $PYTHON is the environment's.
set -eu

VENV="${SCRUM_ML_VENV:-$ROOT/.venv}"
# Relative folders are the caller's; later steps change directory.
case $VENV in /*) ;; *) VENV="$PWD/$VENV" ;; esac
case ${SCRUM_ML_VAR_DIR:-/} in /* | "~"* | "\$"* | \"* | \'*) ;; *) export SCRUM_ML_VAR_DIR="$PWD/$SCRUM_ML_VAR_DIR" ;; esac
PYTHON="$VENV/bin/python"
# From any directory: imports find the project, and a user's own settings for Python and pip do not leak in.
export PYTHONPATH="$ROOT"
unset PYTHONHOME PIP_USER PIP_TARGET PIP_PREFIX 2>/dev/null || true
export UV_PYTHON_DOWNLOADS=never UV_NO_PROGRESS=1
# One thread of linear algebra a process: web processes, workers and tests share the cores, and fighting for them makes
# a training two to three times slower.
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}" OPENBLAS_NUM_THREADS="${OPENBLAS_NUM_THREADS:-1}"

bootstrap_fail() { echo "setup: $*" >&2; exit 1; }

bootstrap_python() {
    for candidate in python3.11 python3.12 python3.13 python3.14 python3; do
        command -v "$candidate" >/dev/null 2>&1 || continue
        "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' || continue
        echo "$candidate"; return
    done
    bootstrap_fail "Python 3.11, 3.12, 3.13 or 3.14 is needed (Debian 12: apt-get install python3)."
}

bootstrap_ensurepip() {
    # Debian ships Python without ensurepip; only root may add it.
    "$1" -c 'import ensurepip' 2>/dev/null && return
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1 ||
        bootstrap_fail "Python's venv module is missing; ask an administrator for: apt-get install python3-venv"
    echo "setup: installing python3-venv" >&2
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-venv
    } >/dev/null </dev/null || bootstrap_fail "apt-get could not install python3-venv (see above)."
    "$1" -c 'import ensurepip' 2>/dev/null || bootstrap_fail "$1 has no venv module, and python3-venv did not bring it."
}

bootstrap_venv() {
    python=$(bootstrap_python)
    bootstrap_ensurepip "$python"
    if [ -d "$VENV" ] && [ ! -f "$VENV/pyvenv.cfg" ] && [ -n "$(ls -A "$VENV")" ]; then
        bootstrap_fail "$VENV is not a virtual environment; choose another place with SCRUM_ML_VENV."
    fi
    "$python" -m venv --clear "$VENV" || bootstrap_fail "could not make a virtual environment in $VENV."
    "$PYTHON" -m pip install -q --disable-pip-version-check --require-hashes -r "$ROOT/scripts/uv.txt" ||
        bootstrap_fail "could not download the installer; is there a connection to a Python package index?"
}

# Scripts in an environment name its place, and its Python may be upgraded away: then it is made anew.
bootstrap_usable() {
    [ -x "$VENV/bin/uv" ] && [ "$(cat "$VENV/.place" 2>/dev/null)" = "$VENV" ] && "$PYTHON" -c '' 2>/dev/null
}

bootstrap_install() {
    echo "setup: installing the locked packages ($1), once" >&2
    # The lock names all there is; pip would look for an extra of it (coverage[toml]) among newer versions as well.
    # Byte-compiled now, because an environment that forbids writing bytecode would pay 10 s at every start.
    "$VENV/bin/uv" pip install -q --python "$PYTHON" --require-hashes --compile-bytecode -r "$ROOT/$1" ||
        "$PYTHON" -m pip install -q --disable-pip-version-check --no-deps --require-hashes -r "$ROOT/$1" ||
        bootstrap_fail "could not install $1 (see above)."
    PYTHONDONTWRITEBYTECODE= "$PYTHON" -m compileall -q "$ROOT/apps" "$ROOT/base" >/dev/null ||
        echo "setup: the project could not be byte-compiled; starts will be slower" >&2
}

bootstrap_want() { echo "$(cat "$ROOT/$1" "$ROOT/scripts/uv.txt" | sha256sum)$VENV"; }

bootstrap() {
    # The dev lock holds the base lock (a test says so), so that after ./test there is nothing left to do for ./run.
    case $1 in
    base) lock=requirements.txt sets=base ;;
    dev) lock=requirements-dev.txt sets="base dev" ;;
    *) bootstrap_fail "unknown set: $1" ;;
    esac
    stamp="$VENV/.installed-$1"
    export PATH="$VENV/bin:$PATH"
    want=$(bootstrap_want "$lock")
    if [ "$(cat "$stamp" 2>/dev/null)" = "$want" ] && [ -x "$PYTHON" ]; then return; fi
    mkdir -p "$VENV" 2>/dev/null && [ -w "$VENV" ] ||
        bootstrap_fail "cannot write to $VENV; name a writable place with SCRUM_ML_VENV."
    # Two first starts at once (./run in one window, ./test in another) take turns.
    if command -v flock >/dev/null 2>&1; then exec 9<"$VENV"; flock 9; fi
    if [ "$(cat "$stamp" 2>/dev/null)" != "$want" ] || [ ! -x "$PYTHON" ]; then
        if ! bootstrap_usable; then bootstrap_venv; echo "$VENV" > "$VENV/.place"; fi
        bootstrap_install "$lock"
        for each in $sets; do
            case $each in base) bootstrap_want requirements.txt ;; dev) bootstrap_want requirements-dev.txt ;;
            esac > "$VENV/.installed-$each"
        done
    fi
    exec 9<&-
}
