# Shell functions for test scripts that need one server with the installed
# extension; sourced by bash.  A folder and a cluster of the script's own are
# made by start_cluster and removed when the script ends.  Uses the program
# $PG_CONFIG (default: pg_config in PATH).  Not for root.
#
#	run_psql	psql in the database "docs", stopping at the first error
#	have_cron	yes if pg_cron is installed and preloaded

cluster_dir=
bindir=$("${PG_CONFIG:-pg_config}" --bindir)

bail_out()
{
	echo "Bail out! $*"
	exit 1
}

stop_cluster()
{
	local status=$?

	[ -n "$cluster_dir" ] || exit "$status"
	if [ -f "$cluster_dir/data/postmaster.pid" ]; then
		"$bindir/pg_ctl" -D "$cluster_dir/data" -m fast -w stop >/dev/null ||
			"$bindir/pg_ctl" -D "$cluster_dir/data" -m immediate -w stop >/dev/null
	fi
	rm -rf "$cluster_dir"
	exit "$status"
}

start_cluster()
{
	local preload=rtm

	[ "$(id -u)" -ne 0 ] || bail_out "PostgreSQL doesn't run as root; use test/run-tests.sh"
	unset PGHOST PGPORT PGUSER PGDATABASE PGOPTIONS PGSERVICE PGDATA
	cluster_dir=$(mktemp -d "${TMPDIR:-/tmp}/rtm-docs.XXXXXX") || bail_out "cannot make a folder"
	trap stop_cluster EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	have_cron=no
	if [ -f "$("${PG_CONFIG:-pg_config}" --sharedir)/extension/pg_cron.control" ]; then
		have_cron=yes
		preload=rtm,pg_cron
	fi
	"$bindir/initdb" -D "$cluster_dir/data" -U postgres -A trust -E UTF8 --no-locale \
		>"$cluster_dir/log" 2>&1 || { cat "$cluster_dir/log"; bail_out "initdb failed"; }
	cat >>"$cluster_dir/data/postgresql.conf" <<-CONF
		listen_addresses = ''
		unix_socket_directories = '$cluster_dir'
		shared_preload_libraries = '$preload'
		fsync = off
	CONF
	if [ "$have_cron" = yes ]; then
		cat >>"$cluster_dir/data/postgresql.conf" <<-CONF
			cron.database_name = 'docs'
			cron.host = '$cluster_dir'
		CONF
	fi
	"$bindir/pg_ctl" -D "$cluster_dir/data" -l "$cluster_dir/log" -w start >/dev/null ||
		{ cat "$cluster_dir/log"; bail_out "the server didn't start"; }
	"$bindir/createdb" -h "$cluster_dir" -U postgres docs || bail_out "createdb failed"
}

run_psql()
{
	"$bindir/psql" -X -q -h "$cluster_dir" -U postgres -d docs -v ON_ERROR_STOP=1 "$@"
}
