# For run.sh and cluster.sh: the Python SDK.  Debian's Python, as its packages
# of msgpack and cryptography are Debian's.

python=/usr/bin/python3

prepare_sdk()
{
	[ -f "$sdk/src/rtm/__init__.py" ] && [ -f "$sdk/src/fpnn/__init__.py" ] ||
		give_up "$sdk is no rtm-server-sdk-python: it has no src/rtm and src/fpnn"
	"$python" -c 'import msgpack, cryptography' 2>/dev/null ||
		give_up "$python has no msgpack and cryptography (Debian: python3-msgpack, python3-cryptography)"
	mkdir "$work/sdk"
	cp -R "$sdk/src" "$work/sdk/"
	chmod -R a+rX "$work/sdk"
}

run_driver()
{
	timeout 600 "$python" -B -W ignore test/interop/python_sdk.py "$sdk/src" \
		"$host" "$port" "$pid" "$secret" "$cluster_dir/$2.pem" "$1" "$2"
}
