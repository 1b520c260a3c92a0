# Shell functions of the scripts that run in the matrix's folders and print TAP;
# sourced by bash, with the current folder /src/rtm.
passed=0
failed=0

# check name command...: what it prints is shown when it fails
check()
{
	local name=$1
	local output

	shift
	if output=$("$@" 2>&1); then
		passed=$((passed + 1))
		echo "ok $((passed + failed)) - $name"
	else
		failed=$((failed + 1))
		echo "not ok $((passed + failed)) - $name"
		printf '%s\n' "$output" | sed 's/^/# /' | head -n 60
	fi
}

# is name got expected
is()
{
	check "$1" test "$2" = "$3"
	[ "$2" = "$3" ] || printf '#      got: %s\n# expected: %s\n' "$2" "$3"
}

# The script ends with it.
done_testing()
{
	echo "1..$((passed + failed))"
	echo "$passed passed, $failed failed"
	[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
	exit
}

# give_up message: nothing after it makes sense
give_up()
{
	check "$1" false
	done_testing
}

# sql port statement: its result, unaligned
sql()
{
	runuser -u postgres -- psql -X -At -v ON_ERROR_STOP=1 -h /var/run/postgresql -p "$1" -d shop -c "$2"
}

# poll port statement: until it says t, for a minute
poll()
{
	for _ in $(seq 300); do
		[ "$(sql "$1" "$2")" != t ] || return 0
		sleep 0.2
	done
	echo "never true: $2"
	return 1
}
