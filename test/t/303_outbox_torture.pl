# Torture of the outbox: sessions enqueue while processes are killed; afterwards
# every committed message is at the gate once, no other one is, and every
# conversation is in the order of commits.
#
# As it stands, a short form.  TORTURE_MESSAGES, TORTURE_KILLS, TORTURE_SESSIONS,
# TORTURE_SECONDS and TORTURE_SEED make it longer, see `make torture`;
# TORTURE_ONLY='gate terminated,sender -9' has no other kills than these.
# TORTURE_DANGERS='poison,burst' has only some of the dangers, 'none' none: cluster, poison,
# burst, callback, roles, clock (with libfaketime), see Dangers.pm.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;
use Torture;

my $seed = $ENV{TORTURE_SEED} || int rand 1_000_000;
my $messages = $ENV{TORTURE_MESSAGES} || 20000;
my $kills = $ENV{TORTURE_KILLS} // 20;
my $wanted = $ENV{TORTURE_DANGERS} || 'cluster,poison,burst,callback,roles,clock';
my @dangers = $wanted eq 'none' ? () : Dangers::available(split /,/, $wanted);
my %env = map { %{ $_->() } } grep { $_ } map { $Dangers::all{$_}{env} } @dangers;
note("TORTURE_SEED=$seed TORTURE_MESSAGES=$messages TORTURE_KILLS=$kills TORTURE_DANGERS=" . (join(',', @dangers) || 'none'));

$ENV{$_} = $env{$_} for keys %env;
my $node = new_node('torture', conf => join('', map { $Dangers::all{$_}{conf} || '' } @dangers) . q(
restart_after_crash = on
log_statement = none
max_connections = 40
max_worker_processes = 16
max_prepared_transactions = 20
deadlock_timeout = 200ms
autovacuum_naptime = 2s
rtm.max_retry_delay = 500ms
));
delete $ENV{$_} for keys %env;
$node->safe_psql('postgres', join ";\n", $Torture::setup, map { $Dangers::all{$_}{setup} || () } @dangers);

my $torture = Torture->new(
	node => $node,
	seed => $seed,
	messages => $messages,
	kills => $kills,
	sessions => $ENV{TORTURE_SESSIONS} || 6,
	dangers => \@dangers,
	env => \%env,
	seconds => $ENV{TORTURE_SECONDS} || 240,
	only => [ split /,/, $ENV{TORTURE_ONLY} || '' ]);
$torture->run;
ok($torture->drain, 'the outbox gets empty');

my %found = map { $_ => $torture->check_after($_) } $torture->checks;
my ($enqueued, $killed) = $torture->report(%found);
for my $check ($torture->checks)
{
	is($found{$check}, 0, "$check: none") or $torture->tell($check);
}
cmp_ok($enqueued, '>=', $messages, 'enough messages');
is($killed, $kills, 'every kill took place');
is_deeply($torture->{errors}, [], 'no session met an error but for kills');

# The checks see what they look for.
is($torture->check_after('lost', 'UPDATE truth SET msg = msg || $$x$$ WHERE number = 3 AND conversation = 23'),
	1, 'a message that is lost would be noticed');
is($torture->check_after('not committed', 'DELETE FROM truth WHERE number = 3 AND conversation = 23'),
	1, 'a message that was rolled back would be noticed');
is($torture->check_after('duplicated', q(
	INSERT INTO rtm_gate.message (pid, type, a, b, mid, from_uid, to_uid, mtype, msg, msg_is_bin, attrs, attrs_is_bin, mtime)
	SELECT pid, type, a, b, -mid, from_uid, to_uid, mtype, msg, msg_is_bin, attrs, attrs_is_bin, mtime
	FROM rtm_gate.message WHERE type = 2 AND a BETWEEN 23 AND 38 AND msg NOT LIKE $$other %$$::bytea LIMIT 1)), 1, 'a message that came twice would be noticed');
is($torture->check_after('out of order', q(UPDATE truth SET number = 0 WHERE conversation = 23
	AND number = (SELECT max(number) FROM truth WHERE conversation = 23 AND NOT urgent))),
	1 + $found{'out of order'}, 'a message that came late would be noticed');

my @crashes = grep { /was terminated by signal (?!9\b)|TRAP:|PANIC/ } split /\n/, slurp_file($node->logfile);
is_deeply(\@crashes, [], 'no process crashed by itself');

$node->stop;
done_testing();
