# What the tests of the outbox share: a cluster with a fake gate, messages whose
# groups tell them apart, and what becomes of them.
package OutboxTest;

use strict;
use warnings;
use Exporter 'import';
use FakeGate;
use POSIX ();
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;
use Time::HiRes qw(sleep);

our @EXPORT = qw(outbox_node $node $gate $wait $fast sql as new_flag raise_flag message delivered until_true
  until_gone is_gone asked groups said worker at_ease no_crash no_worker_failed);

our ($node, $gate);
our $wait = $PostgreSQL::Test::Utils::timeout_default;
our $fast = q(
autovacuum = off
rtm.retry_delay = 20ms
rtm.max_retry_delay = 100ms
rtm.max_attempts = 1000000
);
my $flags = 0;

# $node, with the extension and the server "fake", which is $gate.
sub outbox_node
{
	my ($name, %opt) = @_;
	$node = new_node($name, init => { extra => [ '--encoding=UTF8', '--no-locale' ] }, conf => $fast . ($opt{conf} || ''));
	$gate = FakeGate->start(pid => $pid, secret => $secret);
	sql('CREATE EXTENSION rtm');
	sql(q(
		CREATE ROLE alice LOGIN; CREATE ROLE bob LOGIN;
		CREATE TABLE said (n bigserial, what text);
		GRANT INSERT, SELECT ON said TO PUBLIC; GRANT USAGE ON SEQUENCE said_n_seq TO PUBLIC;
		CREATE FUNCTION says(mid bigint, mtime bigint, error rtm_error) RETURNS void LANGUAGE sql AS
			$$ INSERT INTO said (what) VALUES ('said ' || mid) $$;
	));
	server_for($node, 'fake', $gate->endpoint);
	return;
}

sub sql { my ($sql, $db) = @_; return $node->safe_psql($db || 'postgres', $sql) }
sub as { my ($role, @statements) = @_; my @r = session($node, { user => $role }, @statements); return $r[-1]{out} }
sub new_flag { return PostgreSQL::Test::Utils::tempdir() . '/flag' . ++$flags }
sub raise_flag { my ($path) = @_; open(my $out, '>', $path) or die "$path: $!"; close $out }

# A message to a group, which the group's number stands for.
sub message
{
	my ($server, $gid, $msg, $more) = @_;
	return "rtm_send_group_message_async(51, 1, $gid, '$msg', server => '$server'" . ($more || '') . ')';
}

# One that goes through; rtm_wait()'s word for it.
sub delivered { my $id = sql('SELECT ' . message(@_, 'ok')); return sql("SELECT rtm_wait($id, $wait)") }

sub until_true { my ($what, $sql, $db) = @_; wait_until($what, sub { sql("SELECT ($sql)::int", $db) eq '1' }) }
sub until_gone { my ($what, $where, $db) = @_; until_true($what, "SELECT NOT EXISTS (SELECT FROM rtm_outbox WHERE $where)", $db) }
sub is_gone { my ($table, $ids) = @_; return sql("SELECT count(*) FROM $table WHERE id IN ($ids)") }
sub asked { my ($at, $key, $value) = @_; return scalar grep { defined $_->{params}{$key} && $_->{params}{$key} eq $value } $at->events('quest') }
sub groups { my ($at) = @_; return map { $_->{params}{gid} } grep { defined $_->{params}{gid} } $at->events('quest') }

sub worker { my ($type, $db) = @_; return sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'rtm $type' AND datname = '" . ($db || 'postgres') . "'") }

# Seconds of the processor that processes have had, of those that are there still.
sub burnt
{
	my ($processes) = @_;
	my $ticks = 0;
	for my $process (split ' ', $processes)
	{
		open(my $in, '<', "/proc/$process/stat") or next;
		my ($rest) = <$in> =~ /\)\s(.*)/;
		my @fields = split / /, $rest;
		$ticks += $fields[11] + $fields[12];
	}
	return $ticks / POSIX::sysconf(POSIX::_SC_CLK_TCK());
}

# One that turns without an end takes all of the time, or half of it when others
# do so as well.
sub at_ease
{
	my ($name, $seconds, @types) = @_;
	SKIP:
	{
		skip 'there is no /proc', scalar @types unless -r "/proc/$$/stat";
		my %pids = map { $_ => worker($_) } @types;
		my %before = map { $_ => burnt($pids{$_}) } grep { $pids{$_} } @types;
		sleep $seconds;
		for my $type (@types)
		{
			cmp_ok($before{$type} ? burnt($pids{$type}) - $before{$type} : 0, '<', $seconds / 3, "$name: the $type doesn't turn in circles");
		}
	}
}

sub no_crash
{
	my ($name, $n) = @_;
	unlike(PostgreSQL::Test::Utils::slurp_file(($n || $node)->logfile), qr/terminated by signal|PANIC|TRAP:/, "$name: no process crashed");
}

# How often a callback wrote that.
sub said { my ($what) = @_; return sql("SELECT count(*) FROM said WHERE what = '$what'") }

# None but the one that was made to, if any.
sub no_worker_failed
{
	my ($but) = @_;
	is(sql("SELECT count(*) FROM rtm_stat_worker WHERE last_error IS NOT NULL AND worker <> '" . ($but || '') . "'"), 0, 'no worker failed that was not made to')
	  or diag sql('SELECT * FROM rtm_stat_worker');
}

1;
