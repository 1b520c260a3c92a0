# What becomes of queued requests when gates, lines, servers and roles fail:
# repeated, failed, kept, tried again, thrown away.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use FakeGate;
use IO::Socket::INET;
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;

my $node = new_node('delivery', conf => q(
autovacuum = off
log_min_messages = debug1
log_statement = none
rtm.retry_delay = 20ms
rtm.max_retry_delay = 200ms
));
$node->safe_psql('postgres', 'CREATE EXTENSION rtm');
$node->safe_psql('postgres', 'CREATE ROLE alice LOGIN; CREATE ROLE bob LOGIN; CREATE ROLE goner LOGIN');

my $mtime = 1790000000123;
my $flags = 0;
my %started;

sub sql { my ($sql) = @_; return $node->safe_psql('postgres', $sql) }
sub new_flag { return PostgreSQL::Test::Utils::tempdir() . '/flag' . ++$flags }
sub raise_flag { my ($path) = @_; open(my $out, '>', $path) or die "$path: $!"; close $out }

# A living gate and its server.
sub gate_for
{
	my ($name, %opt) = @_;
	my $gate = FakeGate->start(pid => $pid, secret => $secret, %{ delete $opt{gate} || {} });
	server_for($node, $name, $gate->endpoint, %opt);
	return $gate;
}

sub set
{
	my (%settings) = @_;
	sql("ALTER SYSTEM SET $_ = '$settings{$_}'") for sort keys %settings;
	$node->reload;
	# the sender has seen it when a request that was queued afterwards is through
	sql("ALTER SYSTEM SET rtm.retry_delay = '20ms'");
}

sub async
{
	my ($server, $gid, $msg, $more) = @_;
	return "rtm_send_group_message_async(51, 1, $gid, '$msg', server => '$server'" . ($more || '') . ')';
}

# Queue a message to a group; the request's id.
sub enqueue { return sql('SELECT ' . async(@_)) }

sub wait_for_id
{
	my ($id) = @_;
	return sql("SELECT rtm_wait($id, $PostgreSQL::Test::Utils::timeout_default)");
}

sub pending { my ($where) = @_; return sql('SELECT count(*) FROM rtm_outbox WHERE ' . ($where || 'true')) }

sub until_empty
{
	my ($where) = @_;
	$where ||= 'true';
	wait_until("an empty outbox ($where)", sub { pending($where) == 0 });
}

# A failed request: code, SQLSTATE, text, attempts, what it was.
sub failure
{
	my ($id) = @_;
	return sql("SELECT status, (error).code, (error).sqlstate, attempts, params->>'msg', mid > 0, finished_at >= enqueued_at,"
		. " (error).message FROM rtm_result WHERE id = $id");
}

sub failed_like
{
	my ($id, $like, $name) = @_;
	is(wait_for_id($id), 'failed', "$name: fails");
	like(failure($id), $like, "$name: why");
}

sub quests_of
{
	my ($gate, $key, $value) = @_;
	return grep { defined $_->{params}{$key} && $_->{params}{$key} eq $value } $gate->events('quest');
}

# Every message of labels was asked for once, those of a group in their order.
sub once_in_order
{
	my ($gate, $labels, $name) = @_;
	my (%last, %seen, @disorder);
	for my $quest ($gate->events('quest'))
	{
		my ($label, $p) = ($quest->{params}{attrs}, $quest->{params});
		next unless defined $label && $label =~ /^\d+$/;
		my $conversation = join ' ', $quest->{method}, map { defined $p->{$_} ? $p->{$_} : '' } 'gid', 'rid', 'to';
		$seen{$label}++;
		push @disorder, "$conversation: $label" if $label <= ($last{$conversation} || 0);
		$last{$conversation} = $label;
	}
	is_deeply([ map { $seen{$_} || 0 } 1 .. $labels ], [ map { 1 } 1 .. $labels ], "$name: all, once");
	is_deeply(\@disorder, [], "$name: in order");
}

# A gate that is down, and comes up

{
	my $port = free_port();
	server_for($node, 'late', "127.0.0.1:$port");
	sql("SELECT " . async('late', 'i % 5', 'ok', ", attrs => i::text") . " FROM generate_series(1, 40) AS i");
	sql("SELECT rtm_send_message_async(51, 1 + i % 2, 2 - i % 2, 'ok', attrs => i::text, server => 'late') FROM generate_series(41, 50) AS i");
	sql("SELECT rtm_send_room_message_async(51, 1, 7, 'ok', attrs => i::text, server => 'late') FROM generate_series(51, 60) AS i");
	sql("SELECT rtm_broadcast_message_async(51, 1, 'ok', attrs => i::text, server => 'late') FROM generate_series(61, 70) AS i");
	my $call = sql(q(SELECT rtm_call_async('anything', '{"msg":"ok"}', server => 'late')));
	wait_until('attempts', sub { pending('attempts >= 2') > 0 });
	is(sql("SELECT DISTINCT (error).sqlstate, (error).message ~ '127.0.0.1.*$port' FROM rtm_outbox WHERE attempts > 0"), 'FP202|t',
		'a gate that is down: rtm_outbox says so');
	is(pending(), 71, '... and keeps all');
	my $gate = FakeGate->start(pid => $pid, secret => $secret, port => $port);
	until_empty();
	once_in_order($gate, 70, 'a gate that came up');
	is(wait_for_id($call), 'done', '... a call that must not be repeated goes there too');
	is(scalar(grep { $_->{method} eq 'anything' } $gate->events('quest')), 1, '... once');
	is(sql('SELECT count(*) FROM rtm_result'), 0, 'success leaves no trace');
	sql('DROP SERVER late CASCADE');
}

# Answers that say "not now"

my $gate = gate_for('rtm');
for my $case ([ 200010, 'RTM10', 'frequency limited' ], [ 200011, 'RTM11', 'refresh' ], [ 20014, 'FP214', 'stopping' ], [ 20011, 'FP211', 'queue full' ])
{
	my ($code, $state, $text) = @$case;
	my $flag = new_flag();
	my $id = enqueue('rtm', 1, "unless $flag error $code $text", ", attrs => 'not now $code'");
	my $behind = enqueue('rtm', 1, 'ok', ", attrs => 'behind $code'");
	wait_until("attempts after $code", sub { pending("id = $id AND attempts >= 3 AND next_attempt IS NOT NULL") });
	is(sql("SELECT (error).code, (error).sqlstate, (error).message, call, method, server, owner, params->>'gid' FROM rtm_outbox WHERE id = $id"),
		"$code|$state|$text|send_group_message|sendgroupmsg|rtm|" . sql('SELECT current_user') . '|1', "$code: rtm_outbox");
	is(sql("SELECT rtm_wait($id, 0.05)"), 'pending', "$code: rtm_wait() with a timeout");
	raise_flag($flag);
	is(wait_for_id($id), 'done', "$code: delivered when the gate lets it");
	is(wait_for_id($behind), 'done', "$code: what was behind it too");
	my @asked = quests_of($gate, 'attrs', "not now $code");
	cmp_ok(scalar(@asked), '>', 3, "$code: asked again");
	is(scalar(keys %{ { map { $_->{params}{mid} => 1 } @asked } }), 1, "$code: with the same mid");
	is(scalar(keys %{ { map { $_->{params}{salt} => 1 } @asked } }), scalar(@asked), "$code: each with a salt of its own");
	is(scalar(grep { $_->{signed} } @asked), scalar(@asked), "$code: and signed");
	my ($first_behind) = quests_of($gate, 'attrs', "behind $code");
	cmp_ok($first_behind->{at}, '>=', $asked[-1]{at}, "$code: the conversation waited");
	is(scalar(quests_of($gate, 'attrs', "behind $code")), 1, "$code: what was behind it was asked once");
}

# Limits of repeating

set('rtm.max_attempts' => 3);
{
	my $id = enqueue('rtm', 2, 'error 200010 frequency limited', ", attrs => 'max_attempts'");
	my $behind = enqueue('rtm', 2, 'ok');
	my $other = enqueue('rtm', 3, 'ok');
	failed_like($id, qr/^failed\|200010\|RTM10\|3\|error 200010 frequency limited\|t\|t\|.*frequency limited/, 'rtm.max_attempts');
	is(scalar(quests_of($gate, 'attrs', 'max_attempts')), 3, 'rtm.max_attempts: asked as often');
	is(wait_for_id($behind), 'done', 'rtm.max_attempts: the conversation goes on');
	is(wait_for_id($other), 'done', 'rtm.max_attempts: others too');

	server_for($node, 'dead', '127.0.0.1:' . free_port());
	failed_like(enqueue('dead', 1, 'ok'), qr/^failed\|20012\|FP212\|3\|ok\|t\|t\|.*connect|^failed\|\d+\|FP202\|3\|ok\|t\|t\|.*connect/, 'rtm.max_attempts, no connection');
}
set('rtm.max_attempts' => 1000000, 'rtm.max_age' => '1s');
{
	my $id = enqueue('rtm', 2, 'error 20014 stopping');
	my $dead = enqueue('dead', 2, 'ok');
	failed_like($id, qr/^failed\|20014\|FP214\|\d+\|error 20014 stopping\|t\|t\|.*stopping/, 'rtm.max_age');
	failed_like($dead, qr/^failed\|\d+\|FP202\|\d+\|ok\|t\|t\|.*connect/, 'rtm.max_age, no connection');
}
set('rtm.max_age' => '1d');

# Answers that say "never"

{
	my $bad = enqueue('rtm', 4, 'error 200041 not group member', ", attrs => 'never'");
	my @behind = map { enqueue('rtm', $_, 'ok') } 4, 5;
	failed_like($bad, qr/^failed\|200041\|RTM41\|\d\|error 200041 not group member\|t\|t\|.*not group member/, 'another code');
	is(wait_for_id($_), 'done', 'another code: what is behind it is delivered') for @behind;
	is(scalar(quests_of($gate, 'attrs', 'never')), 1, 'another code: asked once');

	# nothing that the gate has judged: tried again
	set('rtm.max_attempts' => 3);
	failed_like(enqueue('rtm', 4, 'errorpayload 80'), qr/^failed\|20001\|FP201\|3\|/, 'an error without a code');
	failed_like(enqueue('rtm', 4, 'payload c1'), qr/^failed\|20006\|FP206\|3\|/, 'an answer that is no msgpack');
	set('rtm.max_attempts' => 1000000);
	is(wait_for_id(enqueue('rtm', 4, 'ok')), 'done', '... and on it goes');

	# one transaction with good and bad ones
	my @ids = split /\n/, sql("SELECT " . async('rtm', 'i % 3', "' || CASE WHEN i % 4 = 0 THEN 'error 200041 no' ELSE 'ok' END || '") . " FROM generate_series(1, 40) AS i");
	until_empty("server = 'rtm'");
	is(sql("SELECT count(*), min((error).code), max((error).code) FROM rtm_result WHERE id IN (" . join(',', @ids) . ')'),
		'10|200041|200041', 'only the bad ones fail');
}

# Answers that don't come

{
	my $slow = gate_for('slow', quest_timeout => '300ms');
	my $id = enqueue('slow', 1, 'first 1 late', ", attrs => 'silent'");
	my $known = enqueue('slow', 2, 'first 1 late | error 200053 duplicated mid', ", attrs => 'known'");
	my $behind = enqueue('slow', 1, 'ok');
	is(wait_for_id($_), 'done', 'no answer: repeated') for $id, $known, $behind;
	for my $label ('silent', 'known')
	{
		my @asked = quests_of($slow, 'attrs', $label);
		is(scalar(@asked), 2, "no answer ($label): asked twice");
		is($asked[0]{params}{mid}, $asked[1]{params}{mid}, "no answer ($label): the same mid");
	}
	# on a connection that is alive otherwise, and with a timeout of its own
	my $flag = new_flag();
	my $late = enqueue('rtm', 6, "unless $flag late", ", attrs => 'own timeout', timeout => 0.2");
	my @others = map { enqueue('rtm', 7, 'ok') } 1 .. 3;
	is(wait_for_id($_), 'done', 'no answer: others go on') for @others;
	wait_until('a repeated quest', sub { quests_of($gate, 'attrs', 'own timeout') >= 2 });
	is(sql("SELECT (error).sqlstate FROM rtm_outbox WHERE id = $late AND attempts > 0"), 'FP203', 'no answer: rtm_outbox');
	raise_flag($flag);
	is(wait_for_id($late), 'done', 'no answer: delivered in the end');
	sql('DROP SERVER slow CASCADE');
}

# Connections cut between quest and answer

for my $case ([ lose => 'kept, answer lost' ], [ forget => 'lost before it was kept' ],
	[ 'first 1 close' => 'closed' ], [ 'first 1 reset' => 'reset' ], [ 'first 1 halfclose' => 'closed in an answer' ],
	[ 'first 1 reset | error 200053 duplicated mid' => 'kept, reset' ],
	[ 'first 1 garbage' => 'garbage' ], [ 'first 1 huge' => 'a payload of 4 GiB' ], [ 'first 3 close' => 'closed three times' ])
{
	my ($action, $what) = @$case;
	$gate->forget;
	my $id = enqueue('rtm', 8, $action, ", attrs => 'cut'");
	my $behind = enqueue('rtm', 8, 'ok', ", attrs => 'behind'");
	is(wait_for_id($id), 'done', "$what: delivered");
	is(wait_for_id($behind), 'done', "$what: what is behind it too");
	my @asked = quests_of($gate, 'attrs', 'cut');
	is(scalar(@asked), $action eq 'first 3 close' ? 4 : 2, "$what: asked again");
	is(scalar(keys %{ { map { $_->{params}{mid} => 1 } @asked } }), 1, "$what: with the same mid");
	is(scalar(quests_of($gate, 'attrs', 'behind')), 1, "$what: what is behind it was asked once");
}

# Duplicates and what is gone already

{
	$gate->forget;
	failed_like(enqueue('rtm', 9, 'error 200053 duplicated mid', ', mid => 4711'), qr/^failed\|200053\|RTM53\|/, 'a mid of the user, a duplicate at once');
	is(scalar(quests_of($gate, 'mid', 4711)), 1, '... asked once');
	is(wait_for_id(enqueue('rtm', 9, 'first 1 close | error 200053 duplicated mid', ', mid => 4712')), 'done',
		'a mid of the user, a duplicate after a lost answer');
	set('rtm.max_attempts' => 3);
	$gate->forget;
	failed_like(enqueue('rtm', 9, 'error 200053 duplicated mid', ", attrs => 'ours'"), qr/^failed\|200053\|RTM53\|3\|/, 'a gate that claims to know every mid of ours');
	is(scalar(keys %{ { map { $_->{params}{mid} => 1 } quests_of($gate, 'attrs', 'ours') } }), 3, '... was asked with a new one each time');
	set('rtm.max_attempts' => 1000000);
	failed_like(enqueue('rtm', 9, 'first 2 error 200010 frequency limited | error 200053 duplicated mid', ', mid => 4713'),
		qr/^failed\|200053\|RTM53\|/, 'a mid of the user, a duplicate after the gate refused');

	# mids above 1000: the first asking is lost
	my $deleting = gate_for('deleting', gate => { on => { map { $_ => sub {
		my ($self, $q) = @_;
		return 0 if $q->{params}{mid} > 1000 && !$self->remember($q->{params}{mid});
		return $self->error($q, 200070, 'message not found');
	} } 'delgroupmsg', 'delmsg', 'delroommsg', 'delbroadcastmsg' } });
	sub deletion { my ($function, $args) = @_; return sql("SELECT rtm_delete_${function}_message_async($args, server => 'deleting')") }
	is(wait_for_id(deletion(@$_)), 'done', "a message that is gone when asked again: $_->[0]")
	  for [ group => '1001, 1, 2' ], [ room => '1002, 1, 2' ], [ p2p => '1003, 1, 2' ], [ broadcast => '1004, 1' ];
	is(scalar($deleting->events('quest')), 8, '... asked twice');
	failed_like(deletion(@$_), qr/^failed\|200070\|RTM70\|/, "a message that isn't there at the first asking: $_->[0]")
	  for [ group => '1, 1, 2' ], [ broadcast => '2, 1' ];
	# only deleting is done when nothing is there
	my $asking = gate_for('asking', gate => { default => 'first 1 close | error 200070 message not found' });
	failed_like(sql("SELECT rtm_get_group_message_info_async(5, 1, 2, server => 'asking')"), qr/^failed\|200070\|RTM70\|/, 'a message that is asked for and is not there');
	sql("DROP SERVER $_ CASCADE") for 'deleting', 'asking';
}

# rtm_retry() and rtm_discard()

{
	my $flag = new_flag();
	$gate->forget;
	my $id = enqueue('rtm', 10, "unless $flag error 200041 not group member", ", attrs => 'again'");
	is(wait_for_id($id), 'failed', 'to be retried: failed');
	is(sql("SELECT rtm_retry($id)"), 't', 'rtm_retry()');
	is(wait_for_id($id), 'failed', 'rtm_retry(): fails again while its cause is there');
	is(sql("SELECT count(*) FROM rtm_result WHERE id = $id"), 1, '... and is one row');
	sql("BEGIN; SELECT rtm_retry($id); ROLLBACK");
	is(sql("SELECT status FROM rtm_result WHERE id = $id"), 'failed', 'rtm_retry() rolled back');
	is(pending("id = $id"), 0, '... queues nothing');
	raise_flag($flag);
	is(sql("SELECT rtm_retry($id)"), 't', 'rtm_retry() with the cause removed');
	is(wait_for_id($id), 'done', '... is delivered');
	is(sql("SELECT count(*) FROM rtm_result WHERE id = $id"), 0, '... and leaves no trace');
	my @asked = quests_of($gate, 'attrs', 'again');
	is(scalar(@asked), 3, 'asked as often as it was tried');
	is(scalar(keys %{ { map { $_->{params}{mid} => 1 } @asked } }), 1, 'with the same mid');
	is(sql("SELECT rtm_retry($id)"), 'f', 'rtm_retry() of what is not kept any more');

	my $trash = enqueue('rtm', 10, 'error 200041 not group member');
	is(wait_for_id($trash), 'failed', 'to be discarded: failed');
	sql("BEGIN; SELECT rtm_discard($trash); ROLLBACK");
	is(sql("SELECT count(*) FROM rtm_result WHERE id = $trash"), 1, 'rtm_discard() rolled back');
	is(sql("SELECT rtm_discard($trash)"), 't', 'rtm_discard()');
	is(sql("SELECT count(*) FROM rtm_result WHERE id = $trash"), 0, '... removes it');
	is(sql("SELECT rtm_discard($trash)"), 'f', '... once');
	is(sql("SELECT rtm_retry($trash)"), 'f', '... and nothing is left to retry');
	is(sql('SELECT rtm_retry(8999999999999999999), rtm_discard(8999999999999999999)'), 'f|f', 'ids that nobody knows');

	# of other roles
	my $alices = one($node, { user => 'alice' }, 'SELECT ' . async('rtm', 11, 'error 200041 not group member'))->{out};
	is(wait_for_id($alices), 'failed', "alice's request fails");
	for my $call ("rtm_retry($alices)", "rtm_discard($alices)", "rtm_wait($alices, 1)")
	{
		state_is(one($node, { user => 'bob' }, "SELECT $call"), '42501', qr/permission denied/, "another role's $call");
	}
	is(one($node, { user => 'alice' }, "SELECT status FROM rtm_result WHERE id = $alices")->{out}, 'failed', '... it is untouched');
	is(one($node, { user => 'alice' }, "SELECT rtm_retry($alices)")->{out}, 't', 'own rtm_retry()');
	is(one($node, { user => 'alice' }, "SELECT rtm_wait($alices, 60)")->{out}, 'failed', 'own rtm_wait()');
	is(one($node, { user => 'alice' }, "SELECT rtm_discard($alices)")->{out}, 't', 'own rtm_discard()');
}

# rtm_wait()

{
	my $flag = new_flag();
	my $id = enqueue('rtm', 12, "hold $flag");
	is(sql("SELECT rtm_wait($id, 0.1)"), 'pending', 'rtm_wait(): pending');
	my $s = begin_session($node, { name => 'waiter' }, "SELECT rtm_wait($id)");
	wait_until('a backend that waits', sub { sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'waiter' AND wait_event_type = 'Extension'") == 1 });
	raise_flag($flag);
	is(end_session($s)->{out}, 'done', 'rtm_wait(): done');
	state_is(one($node, 'DO $$ BEGIN PERFORM rtm_wait(' . async('rtm', 12, 'ok') . ', 1); END $$'), '55000', qr/part of this transaction/,
		'rtm_wait() in the same transaction');
	is(wait_for_id(enqueue('rtm', 12, 'error 200041 no')), 'failed', 'rtm_wait(): failed');
	state_is(one($node, "SELECT rtm_wait(1, 'NaN')"), '22023', qr/timeout/, 'rtm_wait() with a time that is none');
}

# Calls of any method must not be carried out twice

sub any_call { my ($msg, $more) = @_; return sql("SELECT rtm_call_async('anything', '{\"msg\":\"$msg\"}', server => 'rtm'" . ($more || '') . ')') }
{
	$gate->forget;
	is(wait_for_id(any_call('ok')), 'done', 'rtm_call_async()');
	is(scalar(quests_of($gate, 'msg', 'ok')), 1, '... asked once');
	for my $action ('close', 'reset', 'halfclose')
	{
		failed_like(any_call($action), qr/^failed\|\d+\|FP2\d\d\|\d+\|$action\|.*may have been carried out/, "rtm_call_async(), $action");
		is(scalar(quests_of($gate, 'msg', $action)), 1, "rtm_call_async(), $action: asked once");
	}
	failed_like(any_call('late', ', timeout => 0.2'), qr/^failed\|\d+\|FP203\|\d+\|late\|.*may have been carried out/, 'rtm_call_async(), no answer');
	is(scalar(quests_of($gate, 'msg', 'late')), 1, 'rtm_call_async(), no answer: asked once');
	# the gate said that it did nothing
	my $flag = new_flag();
	my $id = any_call("unless $flag error 200010 frequency limited");
	wait_until('attempts', sub { pending("id = $id AND attempts >= 2") });
	raise_flag($flag);
	is(wait_for_id($id), 'done', 'rtm_call_async(), refused for now: asked again');
	# others on the connection that is cut are repeated
	my $held = new_flag();
	my $send = enqueue('rtm', 13, "hold $held");
	$gate->wait_for('held');
	raise_flag($held);
	failed_like(any_call('close'), qr/may have been carried out/, 'rtm_call_async(), with another one under way');
	is(wait_for_id($send), 'done', '... which is delivered');
	state_is(one($node, { user => 'alice' }, q(SELECT rtm_call_async('x', server => 'rtm'))), '42501', undef, 'rtm_call_async() is not for everybody');
}

# Servers, mappings and roles that go while requests wait for them

{
	my %dead = map { my $port = free_port(); server_for($node, $_, "127.0.0.1:$port"); $_ => $port } 'd_server', 'd_mapping', 'd_role', 'd_usage', 'd_other', 'd_moved';
	sql("REVOKE USAGE ON FOREIGN SERVER d_usage FROM PUBLIC; GRANT USAGE ON FOREIGN SERVER d_usage TO alice");
	my %ids;
	for my $server (sort keys %dead)
	{
		for my $role ('alice', $server eq 'd_role' ? 'goner' : 'alice')
		{
			my $user = { user => $role };
			push @{ $ids{$server} }, one($node, $user, 'SELECT ' . async($server, $_, 'ok', ", attrs => '$_'"))->{out} for $role eq 'goner' ? (11, 11, 12) : (1, 1, 2);
		}
	}
	my @goners = splice @{ $ids{d_role} }, 3;
	wait_until('attempts on all servers', sub { sql("SELECT count(DISTINCT (server, owner)) FROM rtm_outbox WHERE attempts > 0") == 7 });
	is(pending(), 36, 'requests for gates that are down');

	my %drop = (d_server => 'DROP SERVER d_server CASCADE', d_mapping => 'DROP USER MAPPING FOR PUBLIC SERVER d_mapping',
		d_role => 'DROP ROLE goner', d_usage => 'REVOKE USAGE ON FOREIGN SERVER d_usage FROM alice');
	my %like = (d_server => qr/the server .*was dropped/, d_mapping => qr/user mapping/, d_role => qr/the role .*was dropped/,
		d_usage => qr/permission denied for foreign server d_usage/);
	for my $server (sort keys %drop)
	{
		sql($drop{$server});
		my @gone = $server eq 'd_role' ? @goners : @{ $ids{$server} };
		wait_until("failures after $drop{$server}", sub { pending('id IN (' . join(',', @gone) . ')') == 0 });
		my @why = map { failure($_) } @gone;
		is(scalar(grep { /^failed\|\d+\|[0-9A-Z]{5}\|\d+\|ok\|t\|t\|/ && /$like{$server}/ } @why), scalar(@gone), $drop{$server}) or diag join "\n", @why;
	}
	is(pending("server = 'd_other'"), 6, 'other servers are untouched');
	is(pending("server = 'd_role' AND owner::text = 'alice'"), 3, 'other roles are untouched');
	is(sql("SELECT server, owner, call FROM rtm_result WHERE id = $ids{d_server}[0]"), 'd_server|alice|send_group_message',
		'rtm_result knows them still');
	is(one($node, { user => 'alice' }, "SELECT rtm_discard($ids{d_server}[0])")->{out}, 't', '... and rtm_discard() acts on them');

	# requests that are repeated when what was missing is there again
	sql("GRANT USAGE ON FOREIGN SERVER d_usage TO alice; CREATE USER MAPPING FOR PUBLIC SERVER d_mapping OPTIONS (secret '$secret')");
	my $revived = FakeGate->start(pid => $pid, secret => $secret, port => $dead{d_usage});
	my $mapped = FakeGate->start(pid => $pid, secret => $secret, port => $dead{d_mapping});
	for my $server ('d_usage', 'd_mapping')
	{
		is(sql("SELECT rtm_retry($ids{$server}[0])"), 't', "$server: rtm_retry()");
		is(wait_for_id($ids{$server}[0]), 'done', "$server: delivered");
	}

	# to another gate
	my $living = FakeGate->start(pid => $pid, secret => $secret);
	sql("ALTER SERVER d_moved OPTIONS (SET endpoint '" . $living->endpoint . "')");
	until_empty("server = 'd_moved'");
	is(scalar($living->events('quest')), 6, 'ALTER SERVER: pending requests go to the new endpoint');
	is_deeply([ map { wait_for_id($_) } @{ $ids{d_moved} } ], [ ('done') x 6 ], '... and are done');
	sql("ALTER SERVER d_other OPTIONS (SET endpoint '" . $living->endpoint . "')");
	sql("ALTER SERVER d_role OPTIONS (SET endpoint '" . $living->endpoint . "')");
	until_empty();
	is(scalar($living->events('quest')), 15, 'the others too');
	is(scalar(grep { $_->{signed} } $living->events('quest')), 15, 'signed');
	sql("DROP SERVER $_ CASCADE") for 'd_mapping', 'd_role', 'd_usage', 'd_other', 'd_moved';
}

# ... while an answer is awaited that doesn't come for long
{
	my $hanging = gate_for('hanging', quest_timeout => '1h');
	my $under_way = enqueue('hanging', 1, 'late');
	$hanging->wait_for('quest');
	sql("ALTER SERVER hanging OPTIONS (ADD max_in_flight '1')");
	my @waiting = map { enqueue('hanging', $_, 'late') } 1, 2, 3;
	sql('DROP SERVER hanging CASCADE');
	# the quest under way may end in this way or that, but not in an hour
	my $deadline = time + $PostgreSQL::Test::Utils::timeout_default;
	my @left = ($under_way, @waiting);
	while (@left && time < $deadline) { @left = grep { sql("SELECT rtm_wait($_, 0.1)") eq 'pending' } @left }
	is(scalar(@left), 0, 'DROP SERVER with a quest under way: all requests for it end');
	my @why = map { failure($_) } @waiting;
	is(scalar(grep { /^failed\|.*the server .*was dropped/ } @why), 3, '... those that were not under way because it was dropped') or diag join "\n", @why;
}

# A server that hangs or is dead delays no other one's messages

{
	my $hang = gate_for('hang', gate => { default => 'stall' }, quest_timeout => '1h');
	my $full = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1', Proto => 'tcp') or die $!;
	# a queue of connections that is full: one more is not even refused
	my @fillers = map { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $full->sockport, Proto => 'tcp', Blocking => 0) } 1 .. 5;
	server_for($node, 'hole', '127.0.0.1:' . $full->sockport, connect_timeout => '1h');
	my @bad = ('hang', 'hole', 'dead');
	sql("SELECT " . async($_, 'i', '') . " FROM generate_series(1, 30) AS i") for @bad;
	$hang->wait_for('quest');
	wait_until('an attempt on the dead one', sub { pending("server = 'dead' AND attempts > 0") });
	$gate->forget;
	for my $round (1 .. 3)
	{
		sql("SELECT " . async('rtm', 'i % 5', 'ok', ", attrs => (i + 30 * ($round - 1))::text") . " FROM generate_series(1, 30) AS i");
		until_empty("server = 'rtm'");
	}
	once_in_order($gate, 90, 'beside servers that hang');
	is(pending("server = '$_'"), 30, "... $_ still has its own") for @bad;
	# closing what hangs
	sql("ALTER SERVER hole OPTIONS (SET endpoint '" . $gate->endpoint . "')");
	until_empty("server = 'hole'");
	pass('ALTER SERVER while a connection is being made');
	sql("DROP SERVER $_ CASCADE") for @bad;
	until_empty();
	pass('DROP SERVER of servers that hang');
	is(sql("SELECT count(*), count(*) FILTER (WHERE (error).message ~ 'was dropped') > 0 FROM rtm_result WHERE params->>'msg' = ''"), '60|t', 'their requests failed');
}

# rate_limit: a burst waits

{
	my $paced = gate_for('paced', rate_limit => 100);
	my $before = sql('SELECT count(*) FROM rtm_result');
	sql("SELECT " . async('paced', 'i % 20', 'ok', ", attrs => i::text") . " FROM generate_series(1, 100) AS i");
	one($node, { user => 'alice' }, "SELECT " . async('paced', 'i % 20', 'ok', ", attrs => 'alice'") . " FROM generate_series(1, 100) AS i");
	until_empty();
	is(scalar($paced->events('quest')), 200, 'rate_limit: all delivered');
	is(sql('SELECT count(*) FROM rtm_result'), $before, 'rate_limit: none failed');
	my @at = sort { $a <=> $b } map { $_->{at} } $paced->events('quest');
	cmp_ok($at[-1] - $at[0], '>', 1.5, 'rate_limit: paced, and both roles share it');
	sql('DROP SERVER paced CASCADE');
}

# max_in_flight

{
	my $few = gate_for('few', max_in_flight => 7);
	sql("SELECT " . async('few', 'i', 'slow 0.02', ", attrs => i::text") . " FROM generate_series(1, 60) AS i");
	until_empty();
	my ($most) = sort { $b <=> $a } map { $_->{n} } $few->events('held');
	is($most, 7, 'max_in_flight: as many unanswered quests, not more');
	is(scalar($few->events('connect')), 1, '... over one connection');
	once_in_order($few, 60, 'max_in_flight');
	sql('DROP SERVER few CASCADE');
}

# One conversation alone: one at a time

{
	my $one = gate_for('one');
	sql("SELECT " . async('one', '1', 'slow 0.005', ", attrs => i::text") . " FROM generate_series(1, 40) AS i");
	until_empty();
	my ($most) = sort { $b <=> $a } map { $_->{n} } $one->events('held');
	is($most, 1, 'one conversation: one at a time');
	once_in_order($one, 40, 'one conversation');
	# and several that have one in common
	$one->forget;
	sql("SELECT rtm_send_messages_async(51, 1, ARRAY[2, 2 + i % 3 + 1], 'slow 0.005', attrs => i::text, server => 'one') FROM generate_series(1, 20) AS i");
	until_empty();
	($most) = sort { $b <=> $a } map { $_->{n} } $one->events('held');
	is($most, 1, 'several recipients, one of them in all: one at a time');
	is_deeply([ map { $_->{params}{attrs} } $one->events('quest') ], [ 1 .. 20 ], '... in order');
	sql('DROP SERVER one CASCADE');
}

# Results that are kept

set('rtm.keep_results' => 'on');
{
	my $history = gate_for('history', gate => { default => 'extra' });
	my $failed = sql("SELECT count(*) FROM rtm_result WHERE status = 'failed'");
	my $id = enqueue('rtm', 14, 'ok', ', mid => 5001');
	is(wait_for_id($id), 'done', 'rtm.keep_results: done');
	is(sql("SELECT status, call, method, server, mid, mtime, params->>'msg', error IS NULL, attempts, finished_at >= enqueued_at, callback, callback_status FROM rtm_result WHERE id = $id"),
		"done|send_group_message|sendgroupmsg|rtm|5001|$mtime|ok|t|1|t||", 'rtm.keep_results: the row');
	my $call = any_call('extra');
	is(wait_for_id($call), 'done', 'rtm.keep_results: a call');
	is(sql("SELECT answer FROM rtm_result WHERE id = $call"), qq({"x": "y", "more": [1, {"a": null}], "mtime": $mtime}), '... with its answer');
	state_is(one($node, "SELECT rtm_retry($id)"), '55000', qr/did not fail/, 'rtm_retry() of what did not fail');
	is(sql("SELECT rtm_discard($call)"), 't', 'rtm_discard() of what did not fail');

	# found by the sender although the time was set later than the results
	set('rtm.result_ttl' => '1s');
	wait_until('purged results', sub { sql("SELECT count(*) FROM rtm_result WHERE id = $id") == 0 });
	pass('rtm.result_ttl: purged');
	my $next = enqueue('rtm', 14, 'ok');
	is(wait_for_id($next), 'done', 'rtm.result_ttl: the next one');
	wait_until('purged results', sub { sql("SELECT count(*) FROM rtm_result WHERE status = 'done'") == 0 });
	pass('rtm.result_ttl: purged too');
	is(sql("SELECT count(*) FROM rtm_result WHERE status = 'failed'"), $failed, 'rtm.result_ttl: failed ones stay');
	cmp_ok($failed, '>', 10, '... there were some');
}
set('rtm.keep_results' => 'off');
is(wait_for_id(enqueue('rtm', 15, 'ok')), 'done', 'without rtm.keep_results');
is(sql("SELECT count(*) FROM rtm_result WHERE status = 'done'"), 0, '... nothing is kept');

# The secret is nowhere

{
	server_for($node, 'dead', '127.0.0.1:' . free_port());
	my $flag = new_flag();
	enqueue('dead', 1, 'ok');
	enqueue('rtm', 1, "hold $flag");
	wait_until('attempts', sub { pending("server = 'dead' AND attempts > 0") });
	my $seen = '';
	$seen .= sql("SELECT coalesce(string_agg(t::text, ' '), '') FROM $_ AS t")
	  for qw(rtm_outbox rtm_result rtm_internal.rtm_request rtm_internal.rtm_finished rtm_stat_server rtm_stat_worker), "(SELECT * FROM pg_stat_activity WHERE backend_type LIKE 'rtm%')";
	like($seen, qr/rtm sender/, 'views and tables were read');
	my $log = slurp_file($node->logfile);
	for my $needle ($secret, substr($secret, 0, 12), substr($secret, -12), unpack('H*', $secret))
	{
		is(index($seen, $needle), -1, 'the secret is in no view and no table');
		is(index($log, $needle), -1, 'the secret is in no line of the log');
	}
	raise_flag($flag);
}

$node->stop;
done_testing();
