# For run.sh and cluster.sh: the Node.js SDK, with its dependencies in
# node_modules (npm install in its folder).

prepare_sdk()
{
	[ -f "$sdk/src/rtm/RTMServerClient.js" ] ||
		give_up "$sdk is no rtm-server-sdk-nodejs: it has no src/rtm/RTMServerClient.js"
	[ -d "$sdk/node_modules/msgpack-lite" ] && [ -d "$sdk/node_modules/int64-buffer" ] ||
		give_up "$sdk has no node_modules: run npm install in it"
	command -v node >/dev/null || give_up "there is no node"
	mkdir "$work/sdk"
	cp -R "$sdk/src" "$sdk/node_modules" "$work/sdk/"
	chmod -R a+rX "$work/sdk"
}

run_driver()
{
	timeout 600 node test/interop/node_sdk.js "$sdk" \
		"$host" "$port" "$pid" "$secret" "$cluster_dir/$2.pem" "$1" "$2"
}
