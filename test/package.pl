#!/usr/bin/perl
#
# What people get who don't work on the project: META.json as PGXN wants it, one
# version everywhere, `make install` and `make uninstall`, `make dist`, debian/.
# Prints TAP.  Runs in the top folder of a tree that was built; leaves nothing.
#
use strict;
use warnings;
use Cwd qw(getcwd);
use File::Basename qw(basename);
use File::Find;
use File::Path qw(remove_tree);
use File::Temp qw(tempdir);
use JSON::PP;
use Test::More;

my $pg_config = $ENV{PG_CONFIG} || 'pg_config';
my $top = getcwd();
my $work = tempdir(CLEANUP => 1);

sub slurp
{
	my ($file) = @_;

	open my $fh, '<', $file or return '';
	local $/;
	return scalar <$fh>;
}

# What a command prints; its status is in $?.
sub run
{
	my ($command) = @_;

	return scalar `($command) 2>&1`;
}

sub runs_ok
{
	my ($command, $name) = @_;
	my $output = run($command);

	ok($? == 0, $name) or diag($output);
}

# The files below a folder, sorted.
sub files_in
{
	my ($folder) = @_;
	my @files;

	return () unless -d $folder;
	find({ no_chdir => 1, wanted => sub { push @files, substr($_, length $folder) unless -d } }, $folder);
	return sort @files;
}

# ---- META.json, by the rules of the PGXN Meta Spec 1.0.0

my $semver = qr/^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[A-Za-z][0-9A-Za-z-]*|-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$/;
my %licenses = map { $_ => 1 } qw(agpl_3 apache_1_1 apache_2_0 artistic_1 artistic_2 bsd freebsd
  gfdl_1_2 gfdl_1_3 gpl_1 gpl_2 gpl_3 lgpl_2_1 lgpl_3_0 mit mozilla_1_0 mozilla_1_1 openssl perl_5
  postgresql qpl_1_0 ssleay sun zlib open_source restricted unrestricted unknown);
my %known = map { $_ => 1 } qw(abstract description generated_by license maintainer meta-spec name
  no_index prereqs provides release_status resources tags version);

sub is_text { return defined $_[0] && !ref $_[0] && length $_[0] }
sub is_term { return is_text($_[0]) && length $_[0] >= 2 && $_[0] !~ m{[\s/\\[:cntrl:]]} }

# Requirements of versions: "1.2.3", ">= 1.2.3, < 2.0.0", 0
sub is_range
{
	my ($range) = @_;

	return 0 unless defined $range && !ref $range;
	for my $part (split /\s*,\s*/, $range)
	{
		$part =~ s/^(<=?|>=?|==|!=)\s*//;
		return 0 unless $part eq '0' || $part =~ $semver;
	}
	return 1;
}

sub prereq_errors
{
	my ($prereqs) = @_;
	my @errors;

	for my $phase (keys %$prereqs)
	{
		push @errors, "phase $phase" unless $phase =~ /^(configure|build|test|runtime|develop|x_.*)$/i;
		for my $relation (keys %{ $prereqs->{$phase} })
		{
			my $list = $prereqs->{$phase}{$relation};

			push @errors, "relation $relation"
			  unless $relation =~ /^(requires|recommends|suggests|conflicts|x_.*)$/i;
			push @errors, map { "prereq $_" } grep { !is_term($_) || !is_range($list->{$_}) } keys %$list;
		}
	}
	return @errors;
}

sub provides_errors
{
	my ($provides) = @_;
	my @errors;

	for my $name (keys %$provides)
	{
		my $one = $provides->{$name};

		push @errors, "name of $name" unless is_term($name);
		push @errors, "version of $name" unless ($one->{version} // '') =~ $semver;
		push @errors, "file of $name" unless is_text($one->{file});
		push @errors, map { "$_ of $name" }
		  grep { !/^(file|version|abstract|docfile|x_.*)$/i } keys %$one;
	}
	return @errors;
}

# Everything that the specification doesn't allow.
sub meta_errors
{
	my ($meta) = @_;
	my @errors;

	push @errors, map { "no $_" }
	  grep { !defined $meta->{$_} } qw(abstract maintainer license meta-spec name provides version);
	push @errors, map { "unknown key $_" } grep { !$known{$_} && !/^x_/i } keys %$meta;
	push @errors, 'name' unless is_term($meta->{name});
	push @errors, 'version' unless ($meta->{version} // '') =~ $semver;
	push @errors, map { "$_ is no text" }
	  grep { exists $meta->{$_} && !is_text($meta->{$_}) } qw(abstract description generated_by);
	push @errors, map { "maintainer" }
	  grep { !is_text($_) } ref $meta->{maintainer} ? @{ $meta->{maintainer} } : $meta->{maintainer};
	push @errors, ref $meta->{license} eq 'HASH'
	  ? map { "license $_" } grep { $meta->{license}{$_} !~ m{^[a-z]+://} } keys %{ $meta->{license} }
	  : map { 'license ' . ($_ // '') } grep { !$licenses{ $_ // '' } } ref $meta->{license} ? @{ $meta->{license} } : $meta->{license};
	push @errors, 'meta-spec' unless ($meta->{'meta-spec'}{version} // '') =~ /^1\.0\.\d+$/;
	push @errors, 'release_status'
	  unless ($meta->{release_status} // 'stable') =~ /^(stable|testing|unstable)$/;
	push @errors, map { "tag $_" } grep { !is_text($_) || length $_ > 255 || m{[/\\[:cntrl:]]} } @{ $meta->{tags} || [] };
	push @errors, prereq_errors($meta->{prereqs} || {});
	push @errors, provides_errors($meta->{provides} || {});
	return @errors;
}

sub test_meta
{
	my $text = slurp('META.json');
	my $meta = eval { decode_json($text) };
	my %damage = (
		'a version of two numbers' => sub { $_[0]{version} = '1.1' },
		'no license' => sub { delete $_[0]{license} },
		'a license that nobody knows' => sub { $_[0]{license} = 'ours' },
		'no file of an extension' => sub { delete $_[0]{provides}{rtm}{file} },
		'a key of our own' => sub { $_[0]{sponsors} = 'none' },
		'a name with a blank' => sub { $_[0]{name} = 'r t m' });

	ok(ref $meta eq 'HASH', 'META.json is JSON') or return;
	is_deeply([ meta_errors($meta) ], [], 'META.json keeps the PGXN Meta Spec');
	for my $name (sort keys %damage)
	{
		my $bad = decode_json($text);

		$damage{$name}->($bad);
		ok(scalar(meta_errors($bad)), "$name would be noticed");
	}
	is_deeply([ sort keys %{ $meta->{provides} } ], [qw(rtm rtm_gate)], 'META.json provides both extensions');
	for my $one (values %{ $meta->{provides} })
	{
		ok(-f $one->{file}, "$one->{file} is there");
		ok(-f $one->{docfile}, "$one->{docfile} is there");
	}
	return $meta;
}

# ---- one version

sub test_versions
{
	my ($meta) = @_;
	my ($version) = slurp('rtm.control') =~ /^default_version = '(.*)'/m;
	my ($gate) = slurp('gate/rtm_gate.control') =~ /^default_version = '(.*)'/m;
	my ($changes) = slurp('CHANGELOG.md') =~ /^## (\S+)/m;
	my ($debian) = slurp('debian/changelog') =~ /^rtm \(([^)]+)-\d+\)/;

	like($version, qr/^\d+\.\d+$/, "rtm.control's version is $version");
	is($gate, $version, 'gate/rtm_gate.control has it');
	is($changes, $version, 'CHANGELOG.md begins with it');
	is($debian, "$version.0", 'debian/changelog has it');
	is($meta->{version}, "$version.0", 'META.json has it');
	is($meta->{provides}{$_}{version}, "$version.0", "META.json has it for $_") for qw(rtm rtm_gate);
	for my $extension (qw(rtm gate/rtm_gate))
	{
		my %next = map { /--([^-]+)--([^-]+)\.sql$/ ? ($1 => $2) : () } glob "$extension--*--*.sql";
		my @bases = map { /--([^-]+)\.sql$/ ? $1 : () } glob "$extension--*.sql";

		for my $released (@bases, keys %next)
		{
			my $at = $released;

			$at = $next{$at} while $next{$at};
			is($at, $version, "$extension $released can be updated to it");
		}
	}
}

# ---- make install, make uninstall

# Where the files of an installation have to be, for these folders.
sub expected_files
{
	my ($libdir, $sharedir) = @_;

	return sort("$libdir/rtm.so", "$libdir/rtm_gate.so",
		map { "$sharedir/extension/" . basename($_) } glob('{,gate/}*.control'), glob('rtm--*.sql'), glob('gate/rtm_gate--*.sql'));
}

sub without_bitcode
{
	return grep { !m{/bitcode/} } @_;
}

sub test_install
{
	my $dest = "$work/dest";
	my $make = "make -s PG_CONFIG='$pg_config'";
	chomp(my $libdir = `$pg_config --pkglibdir`);
	chomp(my $sharedir = `$pg_config --sharedir`);

	mkdir $dest;
	runs_ok("$make DESTDIR='$dest' install", 'make install DESTDIR=...');
	is_deeply([ without_bitcode(files_in($dest)) ], [ expected_files($libdir, $sharedir) ],
		'installs the files that belong there, below DESTDIR');
	runs_ok("$make DESTDIR='$dest' uninstall", 'make uninstall DESTDIR=...');
	is_deeply([ files_in($dest) ], [], 'removes all of them');
	test_other_pg_config("$work/other");
}

# A PostgreSQL elsewhere, known by its pg_config only.
sub test_other_pg_config
{
	my ($other) = @_;
	my $make = "make -s PG_CONFIG='$other/pg_config'";

	mkdir $other;
	mkdir "$other/$_" for qw(lib share);
	open my $fh, '>', "$other/pg_config" or die;
	print $fh <<"END";
#!/bin/sh
case \$1 in
	--pkglibdir) echo '$other/lib' ;;
	--sharedir) echo '$other/share' ;;
	*) exec '$pg_config' "\$@" ;;
esac
END
	close $fh;
	chmod 0755, "$other/pg_config";
	# Debian's PGXS takes the folders from pg_config only when it isn't its own
	runs_ok("$make install", 'make install PG_CONFIG=...');
	is_deeply([ without_bitcode(grep { $_ ne '/pg_config' } files_in($other)) ], [ expected_files('/lib', '/share') ],
		'installs where that pg_config says');
	runs_ok("$make uninstall", 'make uninstall PG_CONFIG=...');
	is_deeply([ files_in($other) ], ['/pg_config'], 'removes all of it');
}

# ---- make dist

sub test_dist
{
	my ($meta) = @_;
	my $name = "rtm-$meta->{version}";
	my $git = 'git -c user.name=test -c user.email=test@localhost -c commit.gpgsign=false';
	my $repo = "$work/repo";
	my $output;

  SKIP:
	{
		run('git --version');
		skip 'make dist needs git, which is not here', 1 if $?;
		skip 'an archive that make dist made has no .gitignore', 1 unless -e '.gitignore' || -e '.gitattributes';

		# what git would have of this tree
		mkdir $repo;
		runs_ok("tar -c --exclude=./.git --exclude=./tmp_check . | tar -x -C '$repo' && cd '$repo' && "
			  . "make -s PG_CONFIG='$pg_config' clean && git init -q && git add -A && $git commit -qm test",
			'a repository');
		runs_ok("cd '$repo' && make -s dist", 'make dist in a clean tree');
		ok(-f "$repo/$name.zip", "makes $name.zip");
		ok(-f "$repo/$name.tar.gz", "and $name.tar.gz");
		is(run("cd '$repo' && git status --porcelain"), '', 'which git ignores');

		mkdir "$work/unpacked";
		runs_ok("tar -xzf '$repo/$name.tar.gz' -C '$work/unpacked'", 'the archive unpacks');
		is(join(' ', map { s{.*/}{}r } glob "$work/unpacked/*"), $name, "into one folder, $name");
		test_archive("$work/unpacked/$name", $repo);

		run("echo '# changed' >> '$repo/Makefile'");
		$output = run("cd '$repo' && make -s dist");
		ok($? != 0, 'make dist refuses a tree with changes');
		like($output, qr/not committed/, 'and says why');
	}
}

sub test_archive
{
	my ($unpacked, $repo) = @_;
	my @files = files_in($unpacked);
	my %in_git = map { ("/$_" => 1) } split /\n/, run("cd '$repo' && git ls-files");
	my $dest = "$work/dist-dest";

	is_deeply([ grep { !$in_git{$_} } @files ], [], 'nothing is in it that git does not have');
	is_deeply([ grep { /\.(o|so|bc|log|diffs)$|tmp_check|\.gitignore$|^\/\.ci/ } @files ], [], 'and no rubbish');
	is_deeply([ grep { !-e "$unpacked$_" && !m{^/(\.ci/|\.git)} } sort keys %in_git ], [], 'nothing else is missing from it');
	is_deeply([ grep { !-e "$unpacked/$_" } qw(META.json README.md LICENSE CHANGELOG.md Makefile debian/rules) ],
		[], 'what people look for is in it');
	runs_ok("cd '$unpacked' && make -s -j2 PG_CONFIG='$pg_config' with_llvm=no COPT=-O0 all && "
		  . "make -s PG_CONFIG='$pg_config' with_llvm=no DESTDIR='$dest' install",
		'it builds and installs');
	ok((grep { m{/rtm\.so$|/rtm_gate\.so$} } files_in($dest)) == 2, 'the libraries are installed from it');
}

# ---- debian/

sub test_debian
{
	my $control = slurp('debian/control.in');

	ok($control =~ s/PGVERSION/15/g, 'debian/control.in is for any version');
	is(slurp('debian/control'), $control, 'debian/control is debian/control.in for 15');
	ok(-x 'debian/rules', 'debian/rules is executable');
	like(slurp('debian/pgversions'), qr/^15\+$/, 'debian/pgversions: from 15 on');
	like(slurp('debian/rules'), qr/dh_installdocs .*\b\Q$_\E\b/, "debian/rules installs $_") for qw(README.md doc monitoring);
}

my $meta = test_meta();
test_versions($meta);
test_install();
test_dist($meta);
test_debian();
chdir $top;
done_testing();
