# Shell functions of test/matrix/run.sh: folders with a Debian in them.  Sourced
# by bash in the top folder.
#
#	$cache/base-RELEASE		as debootstrap makes it, with fresh package lists; kept
#	$cache/apt-RELEASE		packages that were downloaded; kept
#	$cache/deps-RELEASE		base and what demo/install-deps.sh installs; kept
#	$cache/run-NAME			a copy in which something runs; removed afterwards
#	$cache/log/				what was printed
#
# What a folder needs to run programs, /proc and /dev, is mounted in a mount
# namespace of each command only (enter.sh), so nothing is ever left mounted,
# and its processes end with it.

max_age=$((7 * 24 * 3600))	# seconds that a base and its packages are kept
min_space=6000000			# KiB
default_mirror=http://deb.debian.org/debian

# The mirror that this machine's apt uses for Debian's packages.
find_mirror()
{
	mirror=$(apt-get indextargets --format '$(REPO_URI) $(LABEL)' 'Created-By: Packages' 2>/dev/null |
		sed -n 's,/* Debian$,,p' | grep -E '^https?://' | head -n 1)
	mirror=${MATRIX_MIRROR:-${mirror:-$default_mirror}}
}

# This machine's way to the network, for the apt in a folder.
apt_settings()
{
	apt-config dump 2>/dev/null |
		grep -iE '^Acquire::((http|https)::proxy|Check-Valid-Until|Check-Date|Retries)' || true
	echo 'APT::Install-Recommends "false";'
	echo 'APT::Sandbox::User "root";'
	echo 'APT::Keep-Downloaded-Packages "true";'
	echo 'Dpkg::Use-Pty "0";'
}

# Is it for want of the network that the command with this log failed?
network_failed()
{
	grep -qE 'Failed to fetch|Unable to fetch|Temporary failure|Could ?n.t (connect|resolve|download)|Could not (connect|resolve)|Failed getting release file|unable to connect' "$1"
}

# Why there can be no folders on this machine; empty: there can.
why_not()
{
	local space

	if [ "$(id -u)" -ne 0 ]; then
		echo "it needs root (chroot, mount)"
	elif ! command -v debootstrap >/dev/null && ! demo/install-deps.sh --matrix >"$cache/log/install-deps.log" 2>&1; then
		echo "debootstrap isn't there and can't be installed: $(tail -n 1 "$cache/log/install-deps.log")"
	elif ! unshare --mount --pid --fork --propagation private true 2>/dev/null; then
		echo "this machine allows no mount namespaces"
	else
		space=$(df --output=avail -k "$cache" | tail -n 1)
		[ "$space" -ge "$min_space" ] || echo "only $((space / 1000)) MB are free in $cache"
	fi
}

# enter folder command...: as root, in the folder, with /proc and /dev
enter()
{
	unshare --mount --pid --ipc --fork --kill-child --propagation private \
		bash test/matrix/enter.sh "$@" </dev/null
}

is_fresh()
{
	[ -d "$1" ] && [ $(($(date +%s) - $(stat -c %Y "$1/.made"))) -lt "$max_age" ]
}

remove_folder()
{
	rm -rf --one-file-system "$1"
}

debootstrap_base()
{
	local release=$1
	local folder=$2
	local script=/usr/share/debootstrap/scripts/$release
	local proxy

	# a debootstrap that is older than the release
	[ -e "$script" ] || script=/usr/share/debootstrap/scripts/sid
	proxy=$(apt-config dump --format '%v%n' Acquire::http::Proxy 2>/dev/null | grep -v DIRECT)
	env ${proxy:+http_proxy="$proxy"} LC_ALL=C \
		debootstrap --variant=minbase "$release" "$folder" "$mirror" "$script" || return
	apt_settings >"$folder/etc/apt/apt.conf.d/99matrix"
	rm -f "$folder/etc/apt/apt.conf.d/docker-clean"
	cp -L /etc/resolv.conf "$folder/etc/resolv.conf"
	echo "deb $mirror $release main" >"$folder/etc/apt/sources.list"
	# quickly, and nothing for readers
	printf '%s\n' force-unsafe-io 'path-exclude=/usr/share/man/*' 'path-exclude=/usr/share/locale/*' \
		>"$folder/etc/dpkg/dpkg.cfg.d/matrix"
	# no daemon, no default cluster
	printf '#!/bin/sh\nexit 101\n' >"$folder/usr/sbin/policy-rc.d"
	chmod 755 "$folder/usr/sbin/policy-rc.d"
	mkdir -p "$folder/etc/postgresql-common/createcluster.d"
	echo 'create_main_cluster = false' >"$folder/etc/postgresql-common/createcluster.d/matrix.conf"
	in_release="$release" enter "$folder" apt-get -qq update
}

# make_base release: 1 if it can't be had, with the reason in $why
make_base()
{
	local folder=$cache/base-$1
	local log=$cache/log/debootstrap-$1.log

	! is_fresh "$folder" || return 0
	note "debootstrap of $1 from $mirror"
	remove_folder "$folder"
	remove_folder "$folder.new"
	remove_folder "$cache/deps-$1"
	remove_folder "$cache/apt-$1"
	if ! debootstrap_base "$1" "$folder.new" >"$log" 2>&1; then
		why="debootstrap of $1 failed ($log): $(grep -E '^(E|W|Err)' "$log" | tail -n 1)"
		remove_folder "$folder.new"
		return 1
	fi
	touch "$folder.new/.made"
	mv "$folder.new" "$folder"
}

# The project as it is here, without what a build leaves, in /src/rtm.
copy_project()
{
	mkdir -p "$1/src/rtm"
	tar -c --exclude=./.git --exclude='*.o' --exclude='*.bc' --exclude='*.so' \
		--exclude=./tmp_check --exclude=./results --exclude=./output_iso . |
		tar -x --no-same-owner -C "$1/src/rtm"
}

# A copy of the base or deps folder to run in: $folder
new_folder()
{
	folder=$cache/run-$2
	remove_folder "$folder"
	cp -a --reflink=auto "$1" "$folder" && copy_project "$folder"
}

# make_deps release major: base and what the tests need, kept
make_deps()
{
	local deps=$cache/deps-$1
	local log=$cache/log/deps-$1.log

	if [ ! -d "$deps" ] || ! cmp -s demo/install-deps.sh "$deps/.made"; then
		note "installing what tests need in $1"
		new_folder "$cache/base-$1" "deps-$1" || return
		in_release=$1 enter "$folder" sh -c "cd /src/rtm && demo/install-deps.sh" >"$log" 2>&1 || {
			tail -n 20 "$log"
			return 1
		}
		rm -rf "$folder/src"
		cp demo/install-deps.sh "$folder/.made"
		remove_folder "$deps"
		mv "$folder" "$deps"
	fi
}
