# make interop, and the same for other languages, without the folder of an SDK say so
# and are no failure; with a folder that is none they are one.  That they find
# anything needs an SDK: see test/interop/README.md.
use strict;
use warnings;
use FindBin;
use IPC::Open3;
use Test::More;

my $top = "$FindBin::RealBin/../..";

# (exit status, what was printed) of a make target
sub make
{
	my ($target, @variables) = @_;
	# a make that runs this test lends its variables, and its jobs
	local @ENV{qw(MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES SDK)};
	delete @ENV{qw(MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES SDK)};
	my $pid = open3(my $in, my $out, undef, 'make', '-s', '-C', $top, $target, @variables);
	close $in;
	my $text = do { local $/; <$out> };
	waitpid($pid, 0);
	return ($? >> 8, $text);
}

my %repository = (
	'interop' => 'rtm-server-sdk-python',
	'interop-cpp' => 'rtm-server-sdk-cpp',
	'interop-go' => 'rtm-server-sdk-go',
	'interop-java' => 'rtm-server-sdk-java',
	'interop-node' => 'rtm-server-sdk-nodejs',
	'interop-php' => 'rtm-server-sdk-php');

foreach my $target (sort keys %repository)
{
	my ($status, $text) = make($target);

	is($status, 0, "make $target without SDK: exit status 0");
	like($text, qr/^\Q$target\E: skipped, as no SDK was given/m, '... says that it was skipped');
	like($text, qr/make \Q$target SDK=<folder of $repository{$target}>/, '... and what to give');

	($status, $text) = make($target, 'SDK=/nonexistent');
	isnt($status, 0, "make $target with a folder that isn't there: fails");
	like($text, qr/there is no folder \/nonexistent/, '... says why');
}

done_testing();
