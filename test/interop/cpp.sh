# For run.sh and cluster.sh: the C++ SDK, which you have built.
#
# SDK is the folder rtm-server-sdk-cpp with the folder `release` that its
# release.sh makes; FPNN_SDK that of fpnn-sdk-cpp, built likewise (default:
# beside the first one).

prepare_sdk()
{
	local fpnn=${FPNN_SDK:-$(dirname "$sdk")/fpnn-sdk-cpp}

	[ -f "$sdk/release/lib/librtm.a" ] && [ -f "$sdk/release/include/rtm.h" ] ||
		give_up "$sdk is no built rtm-server-sdk-cpp: it has no release/lib/librtm.a and release/include/rtm.h"
	[ -f "$fpnn/release/lib/libfpnn.a" ] ||
		give_up "there is no $fpnn/release/lib/libfpnn.a: give the folder of a built fpnn-sdk-cpp as FPNN_SDK"
	command -v "${CXX:-g++}" >/dev/null || give_up "there is no C++ compiler"
	mkdir "$work/sdk"
	"${CXX:-g++}" -std=c++14 -O1 -g -Wall -Wno-class-memaccess -o "$work/sdk/driver" test/interop/cpp_sdk.cpp \
		-isystem "$sdk/release/include" -isystem "$fpnn/release/include/fpnn" \
		-isystem "$fpnn/release/include/fpnn/core" -isystem "$fpnn/release/include/fpnn/base" \
		-isystem "$fpnn/release/include/fpnn/proto" -isystem "$fpnn/release/include/fpnn/proto/msgpack" \
		"$sdk/release/lib/librtm.a" "$fpnn/release/lib/libfpnn.a" -lpthread -lz >"$logs/compile.log" 2>&1 ||
		{ tail -n 40 "$logs/compile.log"; give_up "the driver doesn't compile against this SDK"; }
	chmod -R a+rX "$work/sdk"
}

run_driver()
{
	timeout 600 "$sdk/driver" "$host" "$port" "$pid" "$secret" "$cluster_dir/$2.pem" "$1" "$2"
}
