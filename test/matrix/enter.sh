#!/bin/bash
# enter.sh folder command...: run the command in the folder, as its root.  Called
# in mount and process namespaces of its own, which end with the command.
set -eu
folder=$1
shift

mount -t proc proc "$folder/proc"
mount -t tmpfs -o mode=755 tmpfs "$folder/dev"
for device in null zero full random urandom tty; do
	touch "$folder/dev/$device"
	mount --bind "/dev/$device" "$folder/dev/$device"
done
mkdir "$folder/dev/pts" "$folder/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$folder/dev/pts"
mount -t tmpfs -o mode=1777 tmpfs "$folder/dev/shm"
ln -s pts/ptmx "$folder/dev/ptmx"
ln -s /proc/self/fd "$folder/dev/fd"
ln -s /proc/self/fd/0 "$folder/dev/stdin"
ln -s /proc/self/fd/1 "$folder/dev/stdout"
ln -s /proc/self/fd/2 "$folder/dev/stderr"
# packages are downloaded once for all folders of a release
if [ -n "${in_release:-}" ]; then
	mkdir -p "$(dirname "$folder")/apt-$in_release/partial"
	mount --bind "$(dirname "$folder")/apt-$in_release" "$folder/var/cache/apt/archives"
fi

# nothing of this machine's environment
settings=()
for name in CI MAKEFLAGS MATRIX_SUITES PG_CONFIG PG_TEST_TIMEOUT_DEFAULT SUITE_TIMEOUT TAP_FILES; do
	[ -z "${!name:-}" ] || settings+=("$name=${!name}")
done
exec chroot "$folder" /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin \
	LANG=C.UTF-8 TERM=dumb DEBIAN_FRONTEND=noninteractive "${settings[@]}" "$@"
