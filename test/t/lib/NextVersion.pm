# An installation of PostgreSQL of the test's own, which has the scripts of
# test/update besides what is installed: they play the next version.  Nothing is
# written outside of the test's folder.
package NextVersion;

use strict;
use warnings;
use Cwd qw(abs_path);
use Exporter 'import';
use File::Copy qw(copy);
use File::Path qw(make_path);
use FindBin;

our @EXPORT = qw(next_installation);

sub config { my ($what) = @_; chomp(my $out = `'$ENV{PG_CONFIG}' --$what`); return $out }

# Everything in a folder, linked.
sub link_all
{
	my ($from, $to) = @_;
	make_path($to);
	opendir(my $dir, $from) or die "$from: $!";
	symlink("$from/$_", "$to/$_") || die "$to/$_: $!" for grep { !-e "$to/$_" && !/^\.\.?$/ } readdir $dir;
	return;
}

# For PostgreSQL::Test::Cluster's install_path.  A server looks for its files
# where it is itself, by the way from its own folder to theirs.
sub next_installation
{
	my $root = abs_path($ENV{TESTDIR}) . '/next';
	my ($bin, $lib, $share) = map { config($_) } 'bindir', 'pkglibdir', 'sharedir';
	make_path("$root$bin", "$root$share/extension");
	for my $program ('postgres', 'initdb', 'pg_ctl')
	{
		copy("$bin/$program", "$root$bin/$program") or die "$program: $!";
		chmod 0755, "$root$bin/$program";
	}
	link_all($bin, "$root$bin");
	link_all($lib, "$root$lib");
	my @scripts = glob "$FindBin::RealBin/../update/*.sql" or die 'there is no script';
	for my $script (@scripts)
	{
		copy($script, "$root$share/extension/") or die "$script: $!";
	}
	link_all("$share/extension", "$root$share/extension");
	link_all($share, "$root$share");
	return "$root$bin/.." =~ s{/[^/]+/\.\.$}{}r;
}

1;
