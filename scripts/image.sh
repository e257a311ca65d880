#!/bin/sh
# `./check --image`: builds the image without a daemon, and has it migrate, serve and answer as its own user over a root
# that is mounted for reading only. What the network needs (index, certificates) is mounted while it is built, and is not in the image.
set -eu
command -v buildah >/dev/null 2>&1 || { echo "image: not built, there is no buildah here (apt-get install buildah)"; exit 0; }
ROOT=$(cd "$(dirname "$0")/.." && pwd)
WORK=$(mktemp -d)
CTR=
export BUILDAH_ISOLATION=chroot STORAGE_DRIVER="${STORAGE_DRIVER:-vfs}"
BASE=$(sed -n 's/^FROM //p' "$ROOT/Dockerfile")
IMAGE=localhost/scrum-ml-check

end() {
    if [ -n "$CTR" ]; then buildah umount "$CTR" >/dev/null 2>&1 || true; buildah rm "$CTR" >/dev/null 2>&1 || true; fi
    rm -rf "$WORK"
}
trap end EXIT
fail() { echo "image: $*" >&2; exit 1; }
in_image() { buildah run --user scrum-ml "$CTR" -- "$@"; }

# Where the base image cannot be had, a Debian of the same release with its own Python takes its name.
stand_in() {
    command -v debootstrap >/dev/null 2>&1 ||
        { echo "image: not built, $BASE cannot be pulled and there is no debootstrap here (apt-get install debootstrap)"; exit 0; }
    debootstrap --variant=minbase --include=python3,python3-pip,ca-certificates,passwd bookworm "$WORK/debian" \
        "${DEBIAN_MIRROR:-http://deb.debian.org/debian}" >"$WORK/log" 2>&1 || fail "debootstrap: $(tail -1 "$WORK/log")"
    # As the base image has them: `python` and `pip`, free to install.
    ln -s python3 "$WORK/debian/usr/bin/python"
    rm -f "$WORK/debian"/usr/lib/python3*/EXTERNALLY-MANAGED
    scratch=$(buildah from scratch)
    buildah add -q "$scratch" "$WORK/debian" / >/dev/null
    buildah config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$scratch"
    buildah commit -q "$scratch" "docker.io/library/$BASE" >/dev/null
    buildah rm "$scratch" >/dev/null
    rm -rf "$WORK/debian"
}
if buildah pull -q --policy always "docker.io/library/$BASE" >/dev/null 2>&1; then echo "image: on $BASE"
elif buildah inspect --type image "docker.io/library/$BASE" >/dev/null 2>&1; then echo "image: on what stands here for $BASE"
else stand_in; echo "image: on a Debian of debootstrap's in place of $BASE"; fi

set -- --volume /etc/ssl/certs:/etc/ssl/certs:ro
if [ -f /etc/pip.conf ]; then set -- "$@" --volume /etc/pip.conf:/etc/pip.conf:ro; fi
for name in PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_CERT http_proxy https_proxy no_proxy; do
    if value=$(printenv "$name"); then set -- "$@" --build-arg "$name=$value"; fi
done
buildah bud -q --pull-never "$@" --tag "$IMAGE" "$ROOT" >"$WORK/log" 2>&1 || fail "it cannot be built: $(tail -5 "$WORK/log")"
echo "image: built"

CTR=$(buildah from --pull-never "$IMAGE")
[ "$(in_image id -u)" = 10001 ] || fail "it does not run as its own user."
in_image sh -c '! touch /app/written /usr/written 2>/dev/null' || fail "its user can write to the root."

# And now nobody can: the root is mounted for reading only, as `docker run --read-only` does, and all that it writes to is
# the folder of its data and /tmp.
MOUNT=$(buildah mount "$CTR")
export MOUNT
read_only() {
    unshare --mount --pid --fork --kill-child sh -eu -c '
        mount --bind "$MOUNT" "$MOUNT"
        mount --bind "$DATA" "$MOUNT/var/lib/scrum-ml"
        mount -t tmpfs -o mode=1777 none "$MOUNT/tmp"
        for each in proc dev; do mount --rbind "/$each" "$MOUNT/$each"; done
        mount -o remount,ro,bind "$MOUNT"
        ! touch "$MOUNT/written" 2>/dev/null || { echo "even root can write to it" >&2; exit 1; }
        exec chroot --userspec=10001 "$MOUNT" /usr/bin/env -i HOME=/var/lib/scrum-ml "PATH=$IMAGE_PATH" $IMAGE_ENV \
            sh -c "cd /app && exec \"\$@\"" sh "$@"' sh "$@"
}
# What the image sets, as the container would have it; none of it holds a blank. Read and not asked of a process in the
# image: what such a one prints is lost at times, and without a PATH nothing is found.
IMAGE_SETS=$(buildah inspect --format '{{range .OCIv1.Config.Env}}{{println .}}{{end}}' "$CTR")
IMAGE_PATH=$(printf '%s\n' "$IMAGE_SETS" | sed -n 's/^PATH=//p')
[ -n "$IMAGE_PATH" ] || fail "it sets no PATH."
IMAGE_ENV=$(printf '%s\n' "$IMAGE_SETS" | grep -v '^PATH=' | tr '\n' ' ')
DATA="$WORK/data"
mkdir "$DATA" && chown 10001 "$DATA" && chmod 700 "$DATA"
# It is reached from inside the namespace by a folder that everybody may enter.
chmod 755 "$WORK"
export IMAGE_PATH IMAGE_ENV DATA
read_only python manage.py migrate --verbosity 0 >"$WORK/log" 2>&1 || fail "it cannot migrate: $(tail -3 "$WORK/log")"
read_only python manage.py seed_demo >"$WORK/log" 2>&1 || fail "it cannot make the demonstration: $(tail -3 "$WORK/log")"
read_only python - <"$ROOT/scripts/image_ask.py" >"$WORK/log" 2>&1 || fail "it does not answer: $(tail -3 "$WORK/log")"
echo "image: $(tail -1 "$WORK/log"), with a root that nobody can write to"
