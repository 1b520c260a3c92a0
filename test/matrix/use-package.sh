#!/bin/bash
# use-package.sh major: in a folder of the matrix that has nothing but its
# release's base system, install the package that is in /src, use it, purge it.
set -u
cd /src/rtm || exit 1
. test/matrix/tap.sh
major=$1
package=postgresql-$major-rtm
deb=$(ls /src/"$package"_*.deb)
gate_deb=$(ls /src/"$package"-gate_*.deb)
port=5499

# every file there is, what packages and clusters come and go with left out
snapshot()
{
	find / -xdev \( -path /src -o -path /tmp -o -path /var/cache -o -path /var/lib/apt \
		-o -path /var/lib/dpkg -o -path /var/log -o -path /run -o -path /etc/ssl/certs \
		-o -name '*.pyc' \) -prune -o ! -path /etc/ld.so.cache -print | sort
}

files_are_there()
{
	local share=usr/share/postgresql/$major/extension
	local lib=usr/lib/postgresql/$major/lib
	local doc=usr/share/doc/$package
	local file

	for file in "$lib/rtm.so" $(printf "$share/%s " rtm.control rtm--*.sql) \
		"$doc/README.md.gz" "$doc/doc/operations.md.gz" "$doc/monitoring/postgres_exporter.yml"; do
		[ -e "/$file" ] || [ -e "/${file%.gz}" ] || { echo "/$file isn't there"; return 1; }
	done
	! ldd "/$lib/rtm.so" | grep 'not found'
}

no_gate()
{
	! find / -xdev \( -path /src -o -path /proc \) -prune -o -name '*rtm_gate*' -print | grep .
}

gate_files_are_there()
{
	local share=usr/share/postgresql/$major/extension
	local file

	for file in "usr/lib/postgresql/$major/lib/rtm_gate.so" \
		$(cd gate && printf "$share/%s " rtm_gate.control rtm_gate--*.sql); do
		[ -e "/$file" ] || { echo "/$file isn't there"; return 1; }
	done
}

start_cluster()
{
	pg_createcluster -p "$port" "$major" rtm -- -A trust &&
		mkdir -p "/etc/postgresql/$major/rtm/conf.d" &&
		echo "shared_preload_libraries = 'rtm'" >"/etc/postgresql/$major/rtm/conf.d/rtm.conf" &&
		pg_ctlcluster "$major" rtm start &&
		runuser -u postgres -- createdb -h /var/run/postgresql -p "$port" shop
}

apt-get -qq update >/dev/null
apt-get -qq install -y "postgresql-$major" >/src/apt.log 2>&1 || { cat /src/apt.log; give_up "PostgreSQL can be installed"; }
snapshot >/src/before

check "the package depends on its server" grep -q "postgresql-$major" <(dpkg-deb -f "$deb" Depends)
check "apt installs it with what it depends on" apt-get -qq install -y "$deb"
check "its files are there, its libraries found" files_are_there
check "a cluster starts with the library preloaded" start_cluster
check "CREATE EXTENSION rtm" sql "$port" 'CREATE EXTENSION rtm'
check "nothing of the gate is there" no_gate
check "apt installs the gate's package" apt-get -qq install -y "$gate_deb"
check "its files are there" gate_files_are_there
check "CREATE EXTENSION rtm_gate" sql "$port" 'CREATE EXTENSION rtm_gate'
check "a local gate is set up" sql "$port" 'SELECT rtm_gate_setup()'
check "the first message is sent" sql "$port" "SELECT rtm_send_group_message(51, 1001, 101, 'hello')"
is "and in the history" "$(sql "$port" 'SELECT msg FROM rtm_get_group_message(1001, 101, false, 10)')" hello
check "a message is queued" sql "$port" "SELECT rtm_send_group_message_async(51, 1001, 101, 'later')"
check "and delivered" poll "$port" "SELECT count(*) = 2 FROM rtm_get_group_message(1001, 101, false, 10)"
is "the extension's version is that of the package" \
	"$(sql "$port" "SELECT extversion || '.0' FROM pg_extension WHERE extname = 'rtm'")" \
	"$(dpkg-deb -f "$deb" Version | sed 's/-.*//')"
rm -r "/etc/postgresql/$major/rtm/conf.d"
check "the cluster is dropped" pg_dropcluster --stop "$major" rtm
check "the packages are purged" apt-get -qq purge -y "$package-gate" "$package"
check "with what came with it" apt-get -qq autoremove --purge -y
snapshot >/src/after
check "nothing is left of it" diff /src/before /src/after
done_testing
