#!/usr/bin/perl
#
# The order of the house, as TAP: what includes what in src/ and gate/.
#
# doc/architecture.md has the rooms from top to bottom (in the block that begins
# with ```rooms).  A file may include what is in its own room and in those below
# it in the same stack; stacks are divided by an empty line.  A room is a folder,
# or one file of it.  Modules (a .c and its .h) include each other in no circle,
# inside of a room neither.  Each folder with sources has a README.md, and each
# static function of more than 20 lines a comment above it.
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(dirname basename);
use File::Find;
use Test::More;

chdir dirname(abs_path($0)) . '/..' or die;
my @include_paths = ('src', 'gate/src');

sub slurp { my ($path) = @_; open(my $in, '<', $path) or die "$path: $!"; local $/; return <$in> }

# A check: what is wrong, none of it if all is well.
sub none
{
	my ($name, @wrong) = @_;
	ok(!@wrong, $name) or diag(join "\n", map { "  $_" } @wrong);
	return;
}

# ---- the documented order

my ($block) = slurp('doc/architecture.md') =~ /^```rooms\n(.*?)^```/ms or die 'doc/architecture.md has no block of rooms';
my @stacks = map { [ map { /^(\S+)/ ? $1 : () } split /\n/ ] } split /\n\n+/, $block;
my %documented = map { $_ => 1 } map { @$_ } @stacks;

my @files;
find({ no_chdir => 1, wanted => sub { push @files, $File::Find::name if /\.[ch]$/ } }, 'src', 'gate/src');
@files = sort @files;
my %exists = map { $_ => 1 } @files;

sub module { my ($file) = @_; return $file =~ s/\.[ch]$//r }

# A room of one file is its module; any other the folder.
sub room { my ($file) = @_; my $m = module($file); return $documented{"$m.c"} ? "$m.c" : dirname($file) }

# The files that a file includes, of ours
sub included
{
	my ($file) = @_;
	my @found;
	for my $name (slurp($file) =~ /^\s*#\s*include\s+"([^"]+)"/mg)
	{
		my ($path) = grep { $exists{$_} } map { "$_/$name" } dirname($file), @include_paths;
		push @found, $path if $path;
	}
	return @found;
}
my %included = map { $_ => [ included($_) ] } @files;

none('each room is in the documented order', grep { !$documented{$_} } keys %{ { map { room($_) => 1 } @files } });
none('each documented room is there', grep { my $r = $_; !grep { room($_) eq $r } @files } sort keys %documented);

# May a file of that room include one of the other?
sub may
{
	my ($from, $to) = @_;
	return 1 if $from eq $to;
	for my $stack (@stacks)
	{
		my ($f) = grep { $stack->[$_] eq $from } 0 .. $#$stack;
		my ($t) = grep { $stack->[$_] eq $to } 0 .. $#$stack;
		return 1 if defined $f && defined $t && $f < $t;
	}
	return 0;
}
my @upwards;
for my $file (@files)
{
	push @upwards, map { "$file includes $_" } grep { !may(room($file), room($_)) } @{ $included{$file} };
}
none('no arrow upwards between rooms', @upwards);

# ---- circles of modules, by Tarjan

my %uses;
for my $file (@files)
{
	$uses{ module($file) }{ module($_) } = 1 for grep { module($_) ne module($file) } @{ $included{$file} };
}

sub circles
{
	my ($graph) = @_;
	my ($n, %index, %low, @stack, %on, @circles) = (0);
	my $visit;
	$visit = sub {
		my ($v) = @_;
		$index{$v} = $low{$v} = $n++;
		push @stack, $v;
		$on{$v} = 1;
		for my $w (sort keys %{ $graph->{$v} || {} })
		{
			$visit->($w) unless defined $index{$w};
			$low{$v} = $low{$w} if $on{$w} && $low{$w} < $low{$v};
		}
		return unless $low{$v} == $index{$v};
		my @members;
		do { push @members, pop @stack; $on{ $members[-1] } = 0 } until $members[-1] eq $v;
		push @circles, join(' ', sort @members) if @members > 1;
	};
	for my $v (sort keys %$graph) { $visit->($v) unless defined $index{$v} }
	return @circles;
}
is_deeply([ circles({ a => { b => 1 }, b => { c => 1 }, c => { a => 1 }, d => { a => 1 } }) ], ['a b c'], 'a circle is seen');
none('no circle of modules', circles(\%uses));

none('what differs between versions is in src/compat.h', grep { $_ ne 'src/compat.h' && slurp($_) =~ /\bPG_VERSION_NUM\b/ } @files);

# ---- what a reader meets

# PostgreSQL's messages show the base name
my %named;
push @{ $named{ (split m!/!)[-1] } }, $_ for @files;
none('each file has a name of its own', map { join ' ', @$_ } grep { @$_ > 1 } values %named);
none('each folder has a README.md', grep { !-e "$_/README.md" } sort keys %{ { map { dirname($_) => 1 } @files } });

# Static functions of more than 20 lines without a comment right above them
sub bare
{
	my ($file) = @_;
	my @line = split /\n/, slurp($file), -1;
	my @bare;
	for my $start (grep { $line[$_] eq '{' } 1 .. $#line)
	{
		my ($end) = grep { $line[$_] eq '}' } $start + 1 .. $#line or next;
		my $head = $start;
		$head-- while $head > 0 && $line[ $head - 1 ] =~ /\S/ && $line[ $head - 1 ] !~ m!\*/\s*$|^[#}]!;
		my $text = join "\n", @line[ $head .. $start - 1 ];
		next unless $text =~ /^static\b/ && $text =~ /(\w+)\(/;
		my $name = $1;
		next if $end - $start - 1 <= 20;
		push @bare, "$file:" . ($head + 1) . ": $name" unless $head > 0 && $line[ $head - 1 ] =~ m!\*/\s*$!;
	}
	return @bare;
}
none('each static function of more than 20 lines has a comment', map { bare($_) } grep { /\.c$/ } @files);

done_testing();
