# For run.sh and cluster.sh: the Java SDK, with the repository of fpnn-sdk-java as
# FPNN_SDK (default: beside the first one), and the jars of msgpack-core and gson.

# shellcheck disable=SC2034	# for cluster.sh: Java has given up the other ones
curve=secp256r1

prepare_sdk()
{
	local fpnn=${FPNN_SDK:-$(dirname "$sdk")/fpnn-sdk-java} jars=${JAVA_JARS:-/usr/share/java} jar

	[ -f "$sdk/src/main/java/com/fpnn/rtm/RTMServerClient.java" ] ||
		give_up "$sdk is no rtm-server-sdk-java: it has no src/main/java/com/fpnn/rtm/RTMServerClient.java"
	[ -f "$fpnn/src/main/java/com/fpnn/sdk/TCPClient.java" ] ||
		give_up "there is no $fpnn/src/main/java/com/fpnn/sdk/TCPClient.java: give the folder of fpnn-sdk-java as FPNN_SDK"
	command -v javac >/dev/null || give_up "there is no javac (Debian: default-jdk-headless)"
	mkdir "$work/sdk"
	for jar in msgpack-core gson; do
		[ -f "$jars/$jar.jar" ] ||
			give_up "there is no $jars/$jar.jar (Debian: libmsgpack-java, libgoogle-gson-java; or set JAVA_JARS)"
		cp -L "$jars/$jar.jar" "$work/sdk/"
	done
	find "$sdk/src/main/java" "$fpnn/src/main/java" -name '*.java' >"$work/sdk/sources"
	javac -nowarn -encoding UTF-8 -d "$work/sdk/classes" -cp "$work/sdk/msgpack-core.jar:$work/sdk/gson.jar" \
		@"$work/sdk/sources" test/interop/JavaSdk.java >"$logs/compile.log" 2>&1 ||
		{ tail -n 40 "$logs/compile.log"; give_up "the driver doesn't compile against this SDK"; }
	chmod -R a+rX "$work/sdk"
}

run_driver()
{
	timeout 600 java -Dfile.encoding=UTF-8 -cp "$sdk/classes:$sdk/msgpack-core.jar:$sdk/gson.jar" JavaSdk \
		"$host" "$port" "$pid" "$secret" "$cluster_dir/$2.pem" "$1" "$2"
}
