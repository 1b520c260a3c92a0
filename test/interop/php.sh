# For run.sh and cluster.sh: the PHP SDK, with its dependencies in vendor/
# (composer install in its folder) or beside it.

prepare_sdk()
{
	[ -f "$sdk/src/RTMServerClient.php" ] ||
		give_up "$sdk is no rtm-server-sdk-php: it has no src/RTMServerClient.php"
	command -v php >/dev/null || give_up "there is no php (Debian: php-cli)"
	php -r 'exit(extension_loaded("msgpack") && extension_loaded("gmp") ? 0 : 1);' ||
		give_up "php has no msgpack and gmp (Debian: php-msgpack, php-gmp)"
	mkdir "$work/sdk" "$work/sdk/beside"
	cp -R "$sdk/." "$work/sdk/rtm"
	if [ ! -f "$sdk/vendor/autoload.php" ]; then
		for folder in fpnn-sdk-php elliptic-php bn-php bigint-wrapper-php; do
			[ -d "$sdk/../$folder" ] ||
				give_up "$sdk has no vendor/autoload.php (composer install), and beside it is no $folder"
			cp -R "$sdk/../$folder" "$work/sdk/beside/"
		done
	fi
	chmod -R a+rX "$work/sdk"
}

run_driver()
{
	timeout 600 php -d error_reporting=0 test/interop/php_sdk.php "$sdk" \
		"$host" "$port" "$pid" "$secret" "$cluster_dir/$2.pem" "$1" "$2"
}
