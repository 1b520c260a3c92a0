# For run.sh and cluster.sh: the Go SDK, with the repository of fpnn-sdk-go as
# FPNN_SDK (default: beside the first one), and Debian's package of the codec.

prepare_sdk()
{
	local fpnn=${FPNN_SDK:-$(dirname "$sdk")/fpnn-sdk-go} codec=${GO_CODEC:-/usr/share/gocode}
	local hub=$work/sdk/src/github.com

	[ -f "$sdk/src/rtm/rtmServerClient.go" ] ||
		give_up "$sdk is no rtm-server-sdk-go: it has no src/rtm/rtmServerClient.go"
	[ -f "$fpnn/src/fpnn/tcpClient.go" ] ||
		give_up "there is no $fpnn/src/fpnn/tcpClient.go: give the folder of fpnn-sdk-go as FPNN_SDK"
	command -v go >/dev/null || give_up "there is no go (Debian: golang-go)"
	[ -d "$codec/src/github.com/ugorji/go/codec" ] ||
		give_up "there is no ugorji/go/codec (Debian: golang-github-ugorji-go-codec-dev)"
	mkdir -p "$hub/highras/rtm-server-sdk-go" "$hub/highras/fpnn-sdk-go" "$hub/ugorji" "$work/sdk/driver"
	cp -R "$sdk/src" "$hub/highras/rtm-server-sdk-go/"
	cp -R "$fpnn/src" "$hub/highras/fpnn-sdk-go/"
	cp -R "$codec/src/github.com/ugorji/go" "$hub/ugorji/"
	cp test/interop/go_sdk.go "$work/sdk/driver/"
	(cd "$work/sdk/driver" && GO111MODULE=off GOPATH="$work/sdk" GOCACHE="$work/sdk/cache" CGO_ENABLED=0 \
		go build -o ../run go_sdk.go) >"$logs/compile.log" 2>&1 ||
		{ tail -n 40 "$logs/compile.log"; give_up "the driver doesn't compile against this SDK"; }
	chmod -R a+rX "$work/sdk"
}

run_driver()
{
	timeout 600 "$sdk/run" "$host" "$port" "$pid" "$secret" "$cluster_dir/$2.pem" "$1" "$2"
}
