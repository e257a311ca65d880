#!/bin/sh
# `./check --next-django`: whether the service works with the Django after the one that is locked. An environment of its
# own, the quick tests that use the framework most, one line; it tells and never fails.
. "$ROOT/scripts/bootstrap.sh"
# Whatever fails from here on is told.
set +e
NEXT="${NEXT_DJANGO:-django>=6.0,<7}"
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
say() { echo "next-django: $*"; exit 0; }

bootstrap dev >&2 || say "not known, the environment cannot be made"
# Django 6 asks for Python 3.12. What stands in the path may point to nothing, and where pyenv is, its versions stand beside
# the path.
newer=
for each in python3.14 python3.13 python3.12 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.1[234].*/bin/python; do
    newer=$("$each" -c 'import sys; print(sys.executable)' 2>/dev/null) && break
done
[ -n "$newer" ] || say "not known, it needs Python 3.12 to 3.14, and there is none here"
"$VENV/bin/uv" venv -q --python "$newer" "$WORK/venv" >&2 || say "not known, no environment can be made"
# What is locked, but for Django and what is tied to it; then Django, with what it asks for.
sed -n 's/^\([a-zA-Z0-9._-]*==[^ ]*\)\( ;[^\\]*\)\{0,1\}.*/\1\2/p' "$ROOT/requirements-dev.txt" | grep -vE '^(django|asgiref|sqlparse)==' >"$WORK/locked"
{ "$VENV/bin/uv" pip install -q --python "$WORK/venv/bin/python" --no-deps -r "$WORK/locked" &&
    "$VENV/bin/uv" pip install -q --python "$WORK/venv/bin/python" "$NEXT"; } >"$WORK/log" 2>&1 ||
    say "not known, $NEXT cannot be had here: $(tail -1 "$WORK/log" | cut -c1-120)"
version=$("$WORK/venv/bin/python" -c 'import django; print(django.__version__)')
cd "$ROOT" || exit 0
export SCRUM_ML_VAR_DIR="$WORK/var"
# Deprecations are the next version's business: here they are no errors.
"$WORK/venv/bin/python" -m pytest -p no:cacheprovider -W default --disable-warnings -m "not engine and not slow" \
    apps/accounts apps/access apps/common apps/projects apps/notifications apps/dashboard/tests/test_account.py \
    >"$WORK/log" 2>&1
code=$?
if [ "$code" = 0 ]; then say "Django $version works: $(tail -1 "$WORK/log")"; fi
# Whoever wants to know more reads the log.
cat "$WORK/log" >&2
say "Django $version does not work yet: $(tail -1 "$WORK/log" | cut -c1-160)"
