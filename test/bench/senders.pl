# What several senders would do: senders.pl OWN PASS, the microseconds of CPU that a request costs
# the sender that has it and one that passes its row (make bench PARTS=senders measures them).
#
# Foreign servers are shared out by the hash of their OIDs, as outbox_sender_of() does; of many draws
# the median counts.  Enough processors are taken for granted, and a gate that keeps up.  The sender that
# has most to do bounds the whole: by its share of the requests, and by the rows that it
# passes, which are the others'.  "even": all servers have as many requests; "one large": one of
# them has half of all.
use strict;
use warnings;

my ($own, $pass) = @ARGV;
die "usage: $0 OWN PASS\n" unless $own && defined $pass;
my $draws = 500;
srand 1;

# PostgreSQL's murmurhash32()
sub hash
{
	my ($h) = @_;
	$h ^= $h >> 16;
	$h = $h * 0x85ebca6b & 0xffffffff;
	$h ^= $h >> 13;
	$h = $h * 0xc2b2ae35 & 0xffffffff;
	return $h ^ $h >> 16;
}

# How much faster than one sender, for servers with these parts of the requests.
sub speedup
{
	my ($senders, @parts) = @_;
	my $oid = 16384 + int rand 1_000_000;
	my @share = (0) x $senders;

	$share[hash($oid += 1 + int rand 5) % $senders] += $_ for @parts;
	my ($most) = sort { $b <=> $a } @share;
	return $own / ($most * $own + (1 - $most) * $pass);
}

sub median { my @v = sort { $a <=> $b } @_; return $v[@v / 2] }

printf "# a request costs its sender %.2f us, another one %.2f us: no number of senders is more than %.1f times as fast\n", $own, $pass, $pass > 0 ? $own / $pass : 'inf';
print "# foreign servers   load        2 senders   4 senders   8 senders\n";
for my $n (1, 4, 16, 64)
{
	for my $load ('even', 'one large')
	{
		next if $n == 1 && $load ne 'even';
		my @parts = $load eq 'even' ? (1 / $n) x $n : (0.5, (0.5 / ($n - 1)) x ($n - 1));
		printf "# %15d   %-9s", $n, $load;
		for my $senders (2, 4, 8)
		{
			printf '   %9.2f', median(map { speedup($senders, @parts) } 1 .. $draws);
		}
		print "\n";
	}
}
