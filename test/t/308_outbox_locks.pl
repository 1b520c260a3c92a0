# Rows that somebody has locked or moved, and requests that are discarded while
# they are under way or wait for a connection: others go on, and nobody turns in
# circles.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use FakeGate;
use IO::Select;
use IO::Socket::INET;
use OutboxTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;
use Time::HiRes qw(sleep);

outbox_node('locks');
sql(q(
	CREATE EXTENSION rtm_gate; SELECT rtm_gate_setup();
	CREATE TABLE gatekeeper (a int); GRANT ALL ON gatekeeper TO PUBLIC;
	CREATE FUNCTION waits(mid bigint, mtime bigint, error rtm_error) RETURNS void LANGUAGE plpgsql AS
		$$ BEGIN LOCK TABLE gatekeeper IN ACCESS SHARE MODE; INSERT INTO said (what) VALUES ('waited ' || mid); END $$;
));

# Rows that somebody is about to discard, perhaps

{
	my %flag = map { $_ => new_flag() } 'retry', 'hold';
	server_for($node, $_, $gate->endpoint) for 'retrying', 'holding';
	$gate->forget;
	sql('TRUNCATE said');
	my $blocker = $node->background_psql('postgres');
	$blocker->query_safe('BEGIN; LOCK TABLE gatekeeper IN ACCESS EXCLUSIVE MODE');
	as('alice', 'SELECT ' . message('fake', 1, 'ok', ", mid => 1, callback => 'waits'::regproc"));
	until_true('a callback that waits', "SELECT EXISTS (SELECT FROM pg_locks WHERE relation = 'gatekeeper'::regclass AND NOT granted)");

	# one of each that will be kept, one that will be discarded
	my %ids;
	for my $n (0, 1)
	{
		my $end = ('ROLLBACK', 'COMMIT')[$n];
		$ids{$end}{retried} = as('alice', 'SELECT ' . message('retrying', 10 + $n, "unless $flag{retry} error 20014 stopping", ", attrs => 'retried $end'"));
		$ids{$end}{in_flight} = as('alice', 'SELECT ' . message('holding', 20 + $n, "hold $flag{hold}", ", attrs => 'held $end'"));
		$ids{$end}{due} = as('alice', 'SELECT ' . message('fake', 30 + $n, 'ok', ", mid => " . (30 + $n) . ", callback => 'says'::regproc"));
	}
	$gate->wait_for('held', 2);
	until_true('attempts', "SELECT count(*) = 2 FROM rtm_outbox WHERE server = 'retrying' AND attempts > 1");
	until_true('callbacks that are due', "SELECT count(*) = 3 FROM rtm_result WHERE callback_status = 'pending' AND owner = 'alice'::regrole");
	my %holder;
	for my $end (sort keys %ids)
	{
		$holder{$end} = $node->background_psql('postgres', extra_params => [ '-U', 'alice' ]);
		$holder{$end}->query_safe('BEGIN');
		is($holder{$end}->query_safe("SELECT rtm_discard($ids{$end}{$_})"), $_ eq 'in_flight' ? 'f' : 't', "to be discarded ($end): $_") for sort keys %{ $ids{$end} };
	}
	$blocker->query_safe('COMMIT');
	$blocker->quit;
	raise_flag($flag{hold});

	my %repeated;
	for my $round (1, 2)
	{
		as('bob', "SELECT " . message('fake', 'i', 'ok', ", mid => i, callback => 'says'::regproc") . " FROM generate_series($round * 100 + 1, $round * 100 + 20) AS i");
		as('bob', "SELECT " . message('fake', 'i', 'error 200041 no') . " FROM generate_series($round * 100 + 21, $round * 100 + 30) AS i");
		as('bob', "SELECT " . message($_, 40, 'ok')) for 'retrying', 'holding';
		until_gone('of others', "owner = 'bob'::regrole");
		until_true('callbacks of others', "SELECT count(*) = 20 FROM said WHERE what ~ '^said $round..\$'");
		is(sql("SELECT count(*) FROM rtm_result WHERE owner = 'bob'::regrole AND status = 'failed' AND callback_status IS NULL"), 10 * $round,
			'rows that somebody has locked: messages, results and callbacks of others go on');
		next if $round == 2;
		at_ease('rows that somebody has locked', 3, 'sender', 'callbacks');
		# one may have been under way
		%repeated = map { $_ => asked($gate, 'attrs', "retried $_") } keys %ids;
	}
	is(said('waited 1'), 1, '... the one that waited too');
	is(sql("SELECT count(*) FROM said WHERE what IN ('said 30', 'said 31')"), 0, '... theirs have not run');
	is(asked($gate, 'attrs', "retried $_"), $repeated{$_}, "... and what may be discarded is not repeated ($_)") for sort keys %repeated;

	$holder{COMMIT}->query_safe('COMMIT');
	my $discarded = join ', ', values %{ $ids{COMMIT} };
	is(is_gone('rtm_outbox', $discarded) + is_gone('rtm_result', $discarded), 0, 'discarded: they are gone');
	$holder{ROLLBACK}->query_safe('ROLLBACK');
	wait_until('repetitions', sub { asked($gate, 'attrs', 'retried ROLLBACK') >= $repeated{ROLLBACK} + 2 });
	pass('rolled back: it is repeated again');
	is(asked($gate, 'attrs', 'retried COMMIT'), $repeated{COMMIT}, '... and the discarded one not any more');
	raise_flag($flag{retry});
	until_gone('of all', 'true');
	until_true('the callback', "SELECT EXISTS (SELECT FROM said WHERE what = 'said 30')");
	pass('rolled back: they are settled');
	is(is_gone('rtm_result', join ', ', values %{ $ids{ROLLBACK} }), 0, '... and leave no trace');
	is(said('said 30'), 1, '... the callback has run once');
	is(said('said 31'), 0, 'the one that was discarded has not');
	is(asked($gate, 'attrs', "held $_"), 1, "what was in flight was asked once ($_)") for 'ROLLBACK', 'COMMIT';
	$_->quit for values %holder;
}

# Rows that VACUUM FULL moves

{
	my $port = free_port();
	server_for($node, 'down', "127.0.0.1:$port");
	sql('SELECT ' . message('fake', 'i', 'ok') . ' FROM generate_series(1, 50) AS i');
	sql("SELECT " . message('down', 'i % 5', 'ok', ", attrs => i::text") . " FROM generate_series(1, 60) AS i");
	until_true('attempts', "SELECT count(*) > 0 FROM rtm_outbox WHERE server = 'down' AND attempts > 1");
	until_gone('others', "server = 'fake'");
	my $sender = worker('sender');
	my $last = sql("SELECT id FROM rtm_outbox WHERE params->>'attrs' = '60'");
	for my $n (33, 44)
	{
		my $place = sql("SELECT ctid FROM rtm_internal.rtm_request WHERE id = $last");
		sql('VACUUM FULL rtm_internal.rtm_request');
		isnt(sql("SELECT ctid FROM rtm_internal.rtm_request WHERE id = $last"), $place, 'VACUUM FULL moves rows');
		# the second time the table is no shorter than before
		sql("SELECT " . message('down', 'i % 5', 'ok', ", attrs => i::text") . " FROM generate_series(61, 200) AS i") if $n == 44;
		is(sql("SELECT rtm_discard(id) FROM rtm_outbox WHERE params->>'attrs' = '$n'"), 't', '... one is discarded');
		# the sender has heard of it when this one is through
		sql('SELECT ' . message('fake', 1, 'ok'));
		until_gone('others', "server = 'fake'");
	}
	is(worker('sender'), $sender, '... the sender goes on');
	my $up = FakeGate->start(pid => $pid, secret => $secret, port => $port);
	until_gone('all', 'true');
	my %got;
	push @{ $got{ $_->{params}{gid} } }, $_->{params}{attrs} for $up->events('quest');
	is_deeply(\%got, { map { my $g = $_; $g => [ grep { $_ % 5 == $g && $_ != 33 && $_ != 44 } 1 .. 200 ] } 0 .. 4 }, '... all others are delivered, once and in order');
	is(sql('SELECT count(*) FROM rtm_internal.rtm_request'), 0, '... and their rows are gone');
	sql('DROP SERVER down CASCADE');
}

# Discarded when the time of its quest is over, before which it can't be

{
	server_for($node, 'silent', $gate->endpoint, quest_timeout => '2s');
	$gate->forget;
	my $id = sql('SELECT ' . message('silent', 50, 'late', ", attrs => 'discarded'"));
	my $behind = sql('SELECT ' . message('silent', 50, 'ok', ", attrs => 'behind'"));
	wait_until('the quest', sub { asked($gate, 'attrs', 'discarded') == 1 });
	is(sql("SELECT rtm_discard($id)"), 'f', 'in flight it stays');
	wait_until('its time is over', sub { sql("SELECT rtm_discard($id)") eq 't' });
	my $asked = asked($gate, 'attrs', 'discarded');
	is(sql("SELECT rtm_wait($behind, $wait)"), 'done', '... discarded then: what is behind it is delivered');
	is(asked($gate, 'attrs', 'discarded'), $asked, '... it is not asked again');
	is(asked($gate, 'attrs', 'behind'), 1, '... the other one once');
	is(is_gone('rtm_outbox', $id) + is_gone('rtm_result', $id), 0, '... nothing of it is left');
	sql('DROP SERVER silent CASCADE');
}

# A connection that never gets ready, with nothing left to send

{
	my $deaf = IO::Socket::INET->new(Listen => 50, LocalAddr => '127.0.0.1', Proto => 'tcp') or die "cannot listen: $!";
	server_for($node, 'deaf', '127.0.0.1:' . $deaf->sockport, connect_timeout => '2s', encryption => 'ecdh', public_key => sql('SELECT rtm_gate_public_key()'));
	my $id = sql('SELECT ' . message('deaf', 1, 'ok'));
	IO::Select->new($deaf)->can_read($wait) or die "nobody connects\n";
	my $connection = $deaf->accept;
	is(sql("SELECT rtm_discard($id)"), 't', 'discarded while it waits for a connection');
	sleep 2;		# the time for connecting is over
	at_ease('a connection that nobody needs', 3, 'sender');
	is(delivered('fake', 1), 'done', '... others are sent');
	sql('DROP SERVER deaf CASCADE');
}

no_worker_failed();
$node->stop;

done_testing();
