#!/bin/bash
#
# Install what building, testing and the demo need and this machine lacks, from
# Debian's packages: install-deps.sh [--fuzz | --ha | --interop | --lint | --matrix]
#
# Says nothing and touches nothing when everything is there.  Runs as root, or
# as a user who may use sudo.  With --fuzz also what `make fuzz` needs, with
# --ha what `make test-ha` needs (whose services aren't started), with --interop what `make interop` needs, with --lint what `make lint` needs; with
# --matrix only what `make test-matrix` needs (which installs the rest in folders
# of its own).
#
# The PostgreSQL it installs for is, in this order: that of $PG_CONFIG, the
# newest server on this machine, that of pg_config, the release's default.  No
# default cluster is created or started.  A PostgreSQL that doesn't come from
# Debian's packages must bring its server headers itself.

set -eu

fuzz=no
ha=no
interop=no
lint=no
matrix=no
case ${1:-} in
	'') ;;
	--fuzz) fuzz=yes ;;
	--ha) ha=yes ;;
	--interop) interop=yes ;;
	--lint) lint=yes ;;
	--matrix) matrix=yes ;;
	*) echo "usage: $0 [--fuzz | --ha | --interop | --lint | --matrix]" >&2; exit 2 ;;
esac

have() { command -v "$1" >/dev/null 2>&1; }

die()
{
	printf 'install-deps: %s\n' "$@" >&2
	exit 1
}

# The pg_config that the build will use, if there is one already.
find_pg_config()
{
	local newest

	if [ -n "${PG_CONFIG:-}" ]; then
		have "$PG_CONFIG" || die "PG_CONFIG is $PG_CONFIG, but there is no such program"
		echo "$PG_CONFIG"
		return
	fi
	newest=$(ls -d /usr/lib/postgresql/*/bin/postgres 2>/dev/null | sort -V | tail -n 1)
	if [ -n "$newest" ] && [ -x "${newest%/postgres}/pg_config" ]; then
		echo "${newest%/postgres}/pg_config"
	elif [ -z "$newest" ] && have pg_config; then
		echo pg_config
	fi
}

# Major version to install packages for; empty: the release's default.
pg_major()
{
	local newest

	if [ -n "$pg_config" ]; then
		"$pg_config" --version | sed -E 's/^[^0-9]*([0-9]+).*/\1/'
	else
		newest=$(ls -d /usr/lib/postgresql/*/bin/postgres 2>/dev/null | sort -V | tail -n 1)
		[ -z "$newest" ] || echo "$newest" | cut -d / -f 5
	fi
}

have_server()
{
	[ -n "$pg_config" ] && [ -x "$("$pg_config" --bindir)/postgres" ] &&
		[ -x "$("$pg_config" --bindir)/initdb" ]
}

have_headers()
{
	[ -n "$pg_config" ] && [ -f "$("$pg_config" --pgxs)" ] &&
		[ -f "$("$pg_config" --includedir-server)/postgres.h" ]
}

have_cron()
{
	[ -n "$pg_config" ] && [ -f "$("$pg_config" --sharedir)/extension/pg_cron.control" ]
}

have_library()
{
	have pkg-config && pkg-config --exists "$1"
}

# What is missing, as names that a reader understands.
find_missing()
{
	missing=
	if [ "$matrix" = yes ]; then
		have debootstrap || missing=debootstrap
		return
	fi
	have gcc || missing="$missing gcc"
	have make || missing="$missing make"
	[ -f /usr/include/stdio.h ] || missing="$missing libc-headers"
	have pkg-config || missing="$missing pkg-config"
	have perl || missing="$missing perl"
	have prove || missing="$missing prove"
	have flock || missing="$missing flock"
	have_server || missing="$missing postgresql-server"
	have_headers || missing="$missing postgresql-headers"
	have_library msgpack-c || have_library msgpack || missing="$missing msgpack-c"
	have_library libcares || missing="$missing c-ares"
	have_library openssl || missing="$missing openssl-headers"
	perl -MIPC::Run -e 1 2>/dev/null || missing="$missing perl-IPC-Run"
	if [ "$fuzz" = yes ] && ! have clang; then
		missing="$missing clang"
	fi
	if [ "$ha" = yes ]; then
		have patroni || missing="$missing patroni"
		/usr/bin/python3 -c 'import etcd' 2>/dev/null || missing="$missing python3-etcd"
		have etcd || missing="$missing etcd-server"
		[ -x /usr/sbin/haproxy ] || have haproxy || missing="$missing haproxy"
		[ -x /usr/sbin/pgbouncer ] || have pgbouncer || missing="$missing pgbouncer"
	fi
	if [ "$interop" = yes ]; then
		/usr/bin/python3 -c 'import msgpack' 2>/dev/null || missing="$missing python3-msgpack"
		/usr/bin/python3 -c 'import cryptography' 2>/dev/null || missing="$missing python3-cryptography"
	fi
	if [ "$lint" = yes ]; then
		have shellcheck || missing="$missing shellcheck"
		have clang-tidy || missing="$missing clang-tidy"
		have clang-format || missing="$missing clang-format"
	fi
	missing=${missing# }
}

# pg_cron is wanted where the release has it, and not needed.
cron_wanted()
{
	local major

	[ "$matrix" = no ] && ! have_cron || return 1
	major=$(pg_major)
	[ -n "$major" ] || return 1
	have apt-cache || return 1
	has_candidate "postgresql-$major-cron"
}

has_candidate()
{
	LC_ALL=C apt-cache policy "$1" 2>/dev/null | grep -q '^  Candidate: [^(]'
}

as_root()
{
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	elif have sudo; then
		sudo "$@"
	else
		die "installing packages needs root or sudo; missing: $missing"
	fi
}

# Without a question asked.
may_install()
{
	[ "$(id -u)" -eq 0 ] || { have sudo && sudo -n true 2>/dev/null; }
}

apt_get()
{
	as_root env DEBIAN_FRONTEND=noninteractive LC_ALL=C apt-get -qq \
		-o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 "$@"
}

# The first of the names that this release has.
first_package()
{
	local name

	for name in "$@"; do
		if has_candidate "$name"; then
			echo "$name"
			return
		fi
	done
	die "none of these packages is in the sources of apt: $*"
}

# Map what is missing to packages of this release.
choose_packages()
{
	local need

	packages=
	for need in $missing; do
		case $need in
			gcc|libc-headers) packages="$packages gcc libc6-dev" ;;
			pkg-config) packages="$packages $(first_package pkg-config pkgconf)" ;;
			flock) packages="$packages util-linux" ;;
			prove) packages="$packages perl" ;;
			postgresql-server) packages="$packages postgresql-$major" ;;
			postgresql-headers) packages="$packages postgresql-server-dev-$major" ;;
			msgpack-c) packages="$packages $(first_package libmsgpack-c-dev libmsgpack-dev)" ;;
			c-ares) packages="$packages libc-ares-dev" ;;
			openssl-headers) packages="$packages libssl-dev" ;;
			perl-IPC-Run) packages="$packages libipc-run-perl" ;;
			*) packages="$packages $need" ;;
		esac
	done
	if [ "$matrix" = no ] && ! have_cron && has_candidate "postgresql-$major-cron"; then
		packages="$packages postgresql-$major-cron"
	fi
	# shellcheck disable=SC2086
	packages=$(printf '%s\n' $packages | sort -u | tr '\n' ' ')
}

# While they are installed: services that are for tests only don't start.  The file that says so, if
# there was none.
no_services()
{
	local file=/usr/sbin/policy-rc.d

	[ "$ha" = yes ] && [ ! -e "$file" ] || return 0
	printf '#!/bin/sh\nexit 101\n' | as_root tee "$file" >/dev/null
	as_root chmod 755 "$file"
	echo "$file"
}

# While the packages are installed: no cluster "main" for a new server.
no_default_cluster()
{
	local dir=/etc/postgresql-common/createcluster.d
	local file=$dir/rtm-no-main.conf

	if [ ! -e "$dir" ]; then
		as_root mkdir -p "$dir"
	fi
	echo 'create_main_cluster = false' | as_root tee "$file" >/dev/null
	# shellcheck disable=SC2064
	trap "as_root rm -f '$file' $(no_services)" EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
}

pg_config=$(find_pg_config)
find_missing
if [ -z "$missing" ] && { ! cron_wanted || ! may_install; }; then
	exit 0
fi

if ! have apt-get; then
	[ -n "$missing" ] || exit 0
	die "this machine has no apt-get (not Debian?); please install by hand:" \
		"  $missing" \
		"(PostgreSQL 15 or later with its server headers, msgpack-c, OpenSSL, c-ares, gcc, make, pkg-config, perl with IPC::Run)"
fi

if [ -n "${PG_CONFIG:-}" ] && ! have_headers &&
	[ "$("$PG_CONFIG" --bindir)" != "/usr/lib/postgresql/$(pg_major)/bin" ]; then
	die "PG_CONFIG is $PG_CONFIG, which isn't Debian's: install its server headers yourself"
fi

echo "# missing: ${missing:-pg_cron}"
if [ -n "$missing" ]; then
	apt_get update || die "apt-get update failed"
fi
major=$(pg_major)
if [ -z "$major" ]; then
	# 15+248 -> 15
	major=$(LC_ALL=C apt-cache policy postgresql | sed -nE 's/^  Candidate: ([0-9]+).*/\1/p')
	[ -n "$major" ] || die "apt knows no package postgresql: check /etc/apt/sources.list"
fi
choose_packages
echo "# installing: $packages"
no_default_cluster
# shellcheck disable=SC2086
if ! log=$(apt_get install -y --no-install-recommends $packages 2>&1); then
	printf '%s\n' "$log" | tail -n 30 >&2
	[ -n "$missing" ] || exit 0
	die "apt-get install failed; needed: $packages"
fi

pg_config=$(find_pg_config)
find_missing
[ -z "$missing" ] || die "still missing after the installation: $missing"
