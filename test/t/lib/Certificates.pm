# Authorities and certificates for TLS, made with the program openssl.  Each is
# named by its path without the endings .pem and .key.
package Certificates;

use strict;
use warnings;
use PostgreSQL::Test::Utils;
use Test::More;

our $VERSION = 1;
my $dir;
my $serial = 0;

sub possible { return system('openssl version >/dev/null 2>&1') == 0 }

sub folder { return $dir ||= PostgreSQL::Test::Utils::tempdir }

sub openssl
{
	my $log = `openssl @_ 2>&1`;
	BAIL_OUT("openssl @_: $log") if $?;
}

# An authority of our own.
sub authority
{
	my ($name) = @_;
	my $path = folder() . "/$name";
	openssl("req -x509 -newkey rsa:2048 -nodes -keyout $path.key -out $path.pem -days 10 -subj /CN=$name");
	return $path;
}

# A certificate for some names, for some days (default 10).
sub certificate
{
	my ($name, $ca, $names, $days) = @_;
	my $path = folder() . "/$name";
	$serial++;
	$days = 10 unless defined $days;
	append_to_file("$path.ext", "subjectAltName=$names\n");
	openssl("req -newkey rsa:2048 -nodes -keyout $path.key -out $path.csr -subj /CN=$name");
	openssl("x509 -req -in $path.csr -CA $ca.pem -CAkey $ca.key -set_serial $serial -days $days -extfile $path.ext -out $path.pem");
	return $path;
}

1;
