# Shell functions that run-tests.sh and bench/run.sh share; sourced by bash in the
# top folder.  The one who sources it defines give_up(message...).
#
#	work	folder of this run, which the unprivileged user owns
#	tree	copy of the project in it
#	logs	folder for logs in it

work=

note() { printf '%s\n' "# $*"; }

install_dependencies()
{
	[ -x demo/install-deps.sh ] || return 0
	demo/install-deps.sh || give_up "demo/install-deps.sh failed"
}

# Run a command as the unprivileged user, in the copy.
as_user()
{
	if [ "$(id -u)" -ne 0 ]; then
		(cd "$tree" && "$@")
	else
		(cd "$tree" && runuser -u "$test_user" -- env HOME="$work" "$@")
	fi
}

# ... and as root, where that is what installing needs.
as_installer()
{
	if [ "$(id -u)" -eq 0 ] || [ -w "$("$PG_CONFIG" --pkglibdir)" ]; then
		"$@"
	else
		sudo -n "$@"
	fi
}

choose_user()
{
	test_user=$(id -un)
	[ "$(id -u)" -eq 0 ] || return 0
	test_user=${TEST_USER:-postgres}
	id "$test_user" >/dev/null 2>&1 || useradd --system --shell /bin/sh "$test_user" ||
		give_up "cannot create the user $test_user"
}

# A copy of what git would have, the copy's own rubbish left out.
copy_tree()
{
	work=$(mktemp -d "${TMPDIR:-/tmp}/rtm-test.XXXXXX") || give_up "cannot make a folder"
	tree=$work/tree
	logs=$work/log
	mkdir "$tree" "$logs"
	tar -c --exclude=./.git --exclude='*.o' --exclude='*.bc' --exclude='*.so' \
		--exclude=./tmp_check --exclude=./results --exclude=./output_iso \
		--exclude=./demo/.cluster . | tar -x --no-same-owner -C "$tree" ||
		give_up "cannot copy the tree"
	chmod 755 "$work"
	if [ "$(id -u)" -eq 0 ]; then
		chown -R "$test_user" "$work"
	fi
}

find_pg_config()
{
	if [ -z "${PG_CONFIG:-}" ]; then
		PG_CONFIG=$(command -v pg_config || ls -d /usr/lib/postgresql/*/bin/pg_config 2>/dev/null | sort -V | tail -n 1)
	fi
	[ -n "$PG_CONFIG" ] && "$PG_CONFIG" --pgxs >/dev/null 2>&1 || give_up "no pg_config: PostgreSQL's server headers are missing"
	export PG_CONFIG
	bindir=$("$PG_CONFIG" --bindir)
	pgxs_dir=$(dirname "$(dirname "$("$PG_CONFIG" --pgxs)")")
	perl_lib=$pgxs_dir/test/perl
}

build()
{
	if ! as_user make -s -j2 PG_CONFIG="$PG_CONFIG" WERROR=-Werror all >"$logs/build.log" 2>&1; then
		tail -n 60 "$logs/build.log"
		give_up "the build failed"
	fi
	# installs are for the whole machine: one at a time
	if ! as_installer flock "$("$PG_CONFIG" --pkglibdir)" \
		make -s -C "$tree" PG_CONFIG="$PG_CONFIG" WERROR=-Werror install >"$logs/install.log" 2>&1; then
		tail -n 60 "$logs/install.log"
		give_up "make install failed"
	fi
	note "built and installed with $("$PG_CONFIG" --version)"
}
