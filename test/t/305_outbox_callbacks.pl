# Callbacks: what they are told, as whom they run, and that nothing suffers from
# what they do.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use FakeGate;
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;

my $node = new_node('callbacks', conf => q(
autovacuum = off
rtm.retry_delay = 20ms
rtm.max_retry_delay = 200ms
));
my $superuser = $node->safe_psql('postgres', 'SELECT current_user');
my $mtime = 1790000000123;
my $gate = FakeGate->start(pid => $pid, secret => $secret);

sub sql { my ($sql) = @_; return $node->safe_psql('postgres', $sql) }

# A statement as a role that may enqueue.
sub as { my ($role, @statements) = @_; return session($node, { user => $role }, @statements) }

sub to_group
{
	my ($gid, $msg, $callback, $more) = @_;
	return "SELECT rtm_send_group_message_async(51, 1, $gid, '$msg', callback => '$callback'::regproc, server => 'fake'" . ($more || '') . ')';
}

sub wait_for_id
{
	my ($id) = @_;
	return sql("SELECT rtm_wait($id, $PostgreSQL::Test::Utils::timeout_default)");
}

# Nothing is queued and no callback is due.
sub until_quiet
{
	my ($what) = @_;
	wait_until("all callbacks ($what)", sub {
		sql("SELECT (SELECT count(*) FROM rtm_outbox) + (SELECT count(*) FROM rtm_result WHERE callback_status = 'pending')") == 0 });
}

# The result of a request whose callback failed.
sub callback_error { my ($id) = @_; return sql("SELECT status, callback_status, callback_error FROM rtm_result WHERE id = $id") }

sql(q(
	CREATE EXTENSION rtm; CREATE EXTENSION rtm_gate; SELECT rtm_gate_setup();
	CREATE ROLE alice LOGIN; CREATE ROLE bob LOGIN;
	CREATE TABLE said (n bigserial, who name DEFAULT current_user, what text);
	GRANT INSERT, SELECT ON said TO PUBLIC; GRANT USAGE ON SEQUENCE said_n_seq TO PUBLIC;
	GRANT CREATE ON SCHEMA public TO alice, bob;
));
server_for($node, 'fake', $gate->endpoint);
sub said { return sql("SELECT coalesce(string_agg(what, E'\\n' ORDER BY n), '') FROM said") }
sub forget { $gate->forget; sql('TRUNCATE said') }

# The signatures

sql(q(
	CREATE FUNCTION on_send(mid bigint, mtime bigint, error rtm_error) RETURNS void LANGUAGE sql AS
		$$ INSERT INTO said (what) VALUES (format('send %s %s %s', mid, coalesce(mtime > 1600000000000, false), coalesce(error::text, 'well'))) $$;
	CREATE FUNCTION on_history(result rtm_history_result, error rtm_error) RETURNS void LANGUAGE sql AS
		$$ INSERT INTO said (what) VALUES (format('history %s [%s] %s', (result).num,
			(SELECT string_agg(concat(m.from_uid, ' ', m.mtype, ' ', m.msg, ' ', m.attrs, ' ', m.mid), ', ' ORDER BY m.id) FROM unnest((result).msgs) AS m),
			coalesce(error::text, 'well'))) $$;
	CREATE FUNCTION on_p2p(result rtm_history_result, error rtm_error) RETURNS void LANGUAGE sql AS
		$$ INSERT INTO said (what) VALUES (format('p2p %s [%s] %s', (result).num,
			(SELECT string_agg(concat(m.from_uid, '->', m.to_uid, ' ', m.msg), ', ' ORDER BY m.id) FROM unnest((result).msgs) AS m),
			coalesce(error::text, 'well'))) $$;
	CREATE FUNCTION on_info(result rtm_message_info, error rtm_error) RETURNS int LANGUAGE sql AS
		$$ INSERT INTO said (what) VALUES (format('info %s %s %s %s', (result).mtype, (result).msg, (result).attrs, coalesce(error::text, 'well'))) RETURNING 1 $$;
	CREATE FUNCTION on_delete(error rtm_error) RETURNS text LANGUAGE plpgsql AS
		$$ BEGIN INSERT INTO said (what) VALUES (format('delete %s', coalesce(error::text, 'well'))); RETURN 'anything'; END $$;
	CREATE FUNCTION on_call(answer jsonb, error rtm_error) RETURNS void LANGUAGE sql AS
		$$ INSERT INTO said (what) VALUES (format('call %s %s', answer, coalesce(error::text, 'well'))) $$;
));

# A call in a transaction of its own; what its callback said.
sub told
{
	my ($call) = @_;
	sql('TRUNCATE said');
	sql("SELECT rtm_$call");
	until_quiet($call);
	return said();
}

# with the local gate, which knows histories
is(told(q(send_group_message_async(51, 1, 5, 'hello', 'attributes', mid => 501, callback => 'on_send'::regproc))), 'send 501 t well', 'send: success');
is(told(q(send_message_async(52, 1, 2, 'there', mid => 502, callback => 'on_send'::regproc))), 'send 502 t well', 'send to a user: success');
is(told(q(send_message_async(53, 2, 1, 'and back', mid => 503, callback => 'on_send'::regproc))), 'send 503 t well', 'send to a user, back: success');
is(told(q(broadcast_message_async(51, 1, '\x00ff'::bytea, mid => 504, callback => 'on_send'::regproc))), 'send 504 t well', 'binary broadcast: success');
like(told(q(send_message_async(51, 1, 1, 'to myself', mid => 505, callback => 'on_send'::regproc))), qr/^send 505 f \(2000\d\d,RTM\d\d,.+\)$/, 'send: failure');
is(told(q(get_group_message_async(1, 5, true, 10, callback => 'on_history'::regproc))), 'history 1 [1 51 hello attributes 501] well', 'history: success');
is(told(q(get_group_message_async(1, 6, true, 10, callback => 'on_history'::regproc))), 'history 0 [] well', 'history: an empty one');
is(told(q(get_p2p_message_async(1, 2, false, 10, callback => 'on_p2p'::regproc))), 'p2p 2 [1->2 there, 2->1 and back] well', 'history of two: success');
is(told(q(get_p2p_message_async(2, 1, false, 10, callback => 'on_p2p'::regproc))), 'p2p 2 [1->2 there, 2->1 and back] well', 'history of two, seen by the other one');
is(told(q(get_group_message_info_async(501, 1, 5, callback => 'on_info'::regproc))), 'info 51 hello attributes well', 'info: success');
like(told(q(get_group_message_info_async(9999, 1, 5, callback => 'on_info'::regproc))), qr/^info    \(200070,RTM70,.+\)$/, 'info: failure');
is(told(q(delete_group_message_async(501, 1, 5, callback => 'on_delete'::regproc))), 'delete well', 'delete: success');
like(told(q(delete_group_message_async(501, 1, 5, callback => 'on_delete'::regproc))), qr/^delete \(200070,RTM70,.+\)$/, 'delete: failure');

# now() is when the transaction of each began
sql(q(CREATE FUNCTION on_time(mid bigint, mtime bigint, error rtm_error) RETURNS void LANGUAGE sql AS
	$$ INSERT INTO said (what) VALUES (now()::text) $$));
told(q(send_group_message_async(51, 1, 5, 'a', callback => 'on_time'::regproc)));
{
	my $before = sql('SELECT clock_timestamp()');
	my $time = told(q(send_group_message_async(51, 1, 5, 'b', callback => 'on_time'::regproc)));
	is(sql("SELECT '$time'::timestamptz > '$before'"), 't', 'now() of a later callback is later');
}

# with the fake one
is(told(q(call_async('x', '{"msg":"extra"}', callback => 'on_call'::regproc, server => 'fake'))),
	qq(call {"x": "y", "more": [1, {"a": null}], "mtime": $mtime} well), 'call: success');
is(told(q(call_async('x', '{"msg":"error 200041 not group member"}', callback => 'on_call'::regproc, server => 'fake'))),
	'call  (200041,RTM41,"not group member")', 'call: failure');
is(told(q(get_group_message_async(1, 5, true, 10, callback => 'on_history'::regproc, server => 'fake'))) =~ /^history \d* ?\[\] / ? 1 : 0, 0,
	'history: an answer that is none makes no history');
is(told(q(send_room_message_async(51, 1, 2, 'error 200041 not group member', mid => 7, callback => 'on_send'::regproc, server => 'fake'))),
	'send 7 f (200041,RTM41,"not group member")', 'send: the error is typed');
is(told(q(send_room_message_async(51, 1, 2, 'first 1 close | error 200053 duplicated mid', mid => 8, callback => 'on_send'::regproc, server => 'fake'))),
	'send 8 f well', 'send: delivered, mtime unknown');
is(sql('SELECT count(*) FROM rtm_result WHERE status = $$done$$ AND callback_error IS NULL'), 0, 'success leaves no trace');
cmp_ok(sql(q(SELECT count(*) FROM rtm_result WHERE status = 'failed' AND callback_status = 'done' AND callback IS NOT NULL)), '>=', 4,
	'failed requests are kept, with their callbacks done');

# Checks when it is queued

sql(q(
	CREATE FUNCTION private_callback(mid bigint, mtime bigint, error rtm_error) RETURNS void LANGUAGE sql AS '';
	REVOKE ALL ON FUNCTION private_callback FROM PUBLIC;
	CREATE FUNCTION returns_set(mid bigint, mtime bigint, error rtm_error) RETURNS SETOF int LANGUAGE sql AS 'SELECT 1';
	CREATE PROCEDURE a_procedure(mid bigint, mtime bigint, error rtm_error) LANGUAGE sql AS '';
	CREATE FUNCTION few(mid bigint, mtime bigint) RETURNS void LANGUAGE sql AS '';
));
my @wrong = (
	[ "rtm_send_message_async(51, 1, 2, 'x', callback => 'nobody_made_it'::regproc)", '42883' ],
	[ "rtm_send_message_async(51, 1, 2, 'x', callback => 1::oid::regprocedure)", '42883' ],
	(map { [ "rtm_send_message_async(51, 1, 2, 'x', callback => $_)", '42804' ] }
		(map { "'$_'::regproc" } 'on_history', 'on_info', 'on_delete', 'on_call', 'returns_set', 'a_procedure', 'few', 'now'), "'sum(integer)'"),
	[ "rtm_get_group_message_async(1, 2, true, 3, callback => 'on_send'::regproc)", '42804' ],
	[ "rtm_get_group_message_async(1, 2, true, 3, callback => 'on_info'::regproc)", '42804' ],
	[ "rtm_get_group_message_info_async(1, 2, 3, callback => 'on_history'::regproc)", '42804' ],
	[ "rtm_delete_group_message_async(1, 2, 3, callback => 'on_call'::regproc)", '42804' ],
	[ "rtm_call_async('x', callback => 'on_delete'::regproc)", '42804' ]);
for my $case (@wrong)
{
	my ($call, $state) = @$case;
	is(one($node, "SELECT $call")->{state}, $state, $call);
}
state_is(one($node, "SELECT rtm_send_message_async(51, 1, 2, 'x', callback => 'on_delete'::regproc)"), '42804', qr/on_delete.*HINT:.*bigint, *bigint, *rtm_error/s,
	'a wrong callback: what it should be');
state_is((as('alice', to_group(1, 'ok', 'private_callback')))[0], '42501', qr/private_callback/, 'a callback that the role must not call');
sql('GRANT EXECUTE ON FUNCTION private_callback TO alice');
is((as('alice', to_group(1, 'ok', 'private_callback')))[0]{state}, '00000', '... and may call');
until_quiet('after the checks');
is(sql('SELECT count(*) FROM rtm_result WHERE callback_error IS NOT NULL'), sql("SELECT count(*) FROM rtm_result WHERE call ~ '^get' AND callback_error IS NOT NULL"),
	'nothing was queued that was refused');

# As whom they run

sql(q(
	CREATE SCHEMA alice AUTHORIZATION alice;
	CREATE FUNCTION try(command text) RETURNS text LANGUAGE plpgsql AS $$
	BEGIN
		EXECUTE command;
		RETURN 'did ' || command || ' as ' || current_user;
	EXCEPTION WHEN OTHERS THEN RETURN SQLSTATE;
	END $$;
));
forget();
as('alice', q(
	CREATE FUNCTION alice.who(mid bigint, mtime bigint, error rtm_error) RETURNS void LANGUAGE plpgsql AS $$
	DECLARE command text;
	BEGIN
		INSERT INTO said (what) VALUES ('current_user ' || current_user);
		INSERT INTO said (what) VALUES ('search_path ' || current_setting('search_path'));
		FOREACH command IN ARRAY ARRAY[
			'SET ROLE ) . $superuser . q(', 'SET LOCAL ROLE ) . $superuser . q(', 'RESET ROLE', 'SET ROLE NONE', 'SET ROLE bob', 'RESET SESSION AUTHORIZATION',
			'SET SESSION AUTHORIZATION ) . $superuser . q(', 'SET SESSION AUTHORIZATION DEFAULT', 'SET LOCAL SESSION AUTHORIZATION ) . $superuser . q(',
			'SELECT set_config(''role'', ''none'', false)', 'SELECT set_config(''session_authorization'', ''default'', true)',
			'DISCARD ALL', 'CREATE ROLE mallory SUPERUSER', 'ALTER ROLE alice SUPERUSER', 'SELECT pg_read_file(''PG_VERSION'')',
			'COPY said TO PROGRAM ''true''', 'TABLE pg_authid', 'UPDATE rtm_internal.rtm_finished SET owner = 10', 'DELETE FROM rtm_internal.rtm_finished', 'TABLE rtm_internal.rtm_request',
			'LOCK TABLE rtm_internal.rtm_finished IN ACCESS EXCLUSIVE MODE', 'LOCK TABLE rtm_internal.rtm_request IN ACCESS EXCLUSIVE MODE', 'SET session_replication_role = replica', 'COMMIT']
		LOOP
			INSERT INTO said (what) VALUES (try(command));
			INSERT INTO said (what) SELECT 'became ' || current_user WHERE current_user <> 'alice';
		END LOOP;
		RESET ALL;
		INSERT INTO said (what) VALUES ('still ' || current_user);
	END $$), to_group(1, 'ok', 'alice.who'));
until_quiet('who');
my @said = split /\n/, said();
is(shift @said, 'current_user alice', 'a callback runs as the role that queued it');
is(shift @said, 'search_path "$user", public', '... with the usual search_path');
is(pop @said, 'still alice', '... to its end');
is(scalar(@said), 24, 'what it must not do was tried');
my @harmless = ('RESET ROLE', 'SET ROLE NONE', 'RESET SESSION AUTHORIZATION', 'SET SESSION AUTHORIZATION DEFAULT',
	"SELECT set_config('role', 'none', false)");
is_deeply([ grep { !/^(42501|25001|2D000|0A000|22023)$/ } @said ], [ map { "did $_ as alice" } @harmless ], 'what it must not do fails, what leads nowhere does no harm');
is(sql("SELECT string_agg(DISTINCT who, ' ') FROM said"), 'alice', 'everything it wrote is of its role');
is(sql("SELECT count(*) FROM pg_roles WHERE rolname = 'mallory' OR rolname = 'alice' AND rolsuper"), 0, 'no role got more than it had');

# a function that brings settings or rights of its own
forget();
as('alice', 'CREATE FUNCTION alice.as_super(mid bigint, mtime bigint, error rtm_error) RETURNS void LANGUAGE sql AS $$ INSERT INTO said (what) VALUES (current_user) $$',
	"ALTER FUNCTION alice.as_super SET role = '$superuser'", to_group(1, 'ok', 'alice.as_super'));
as('bob', 'CREATE FUNCTION public.as_bob(mid bigint, mtime bigint, error rtm_error) RETURNS void LANGUAGE sql SECURITY DEFINER AS $$ INSERT INTO said (what) VALUES (current_user) $$');
as('alice', to_group(1, 'ok', 'as_bob'));
until_quiet('functions with settings');
is(said(), 'bob', 'SECURITY DEFINER works, SET role does not');

# deferred work is the role's as well
forget();
as('alice', 'CREATE TABLE alice.t (a int)',
	'CREATE FUNCTION alice.deferred() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		INSERT INTO said (what) VALUES (\'deferred \' || current_user || \' \' || try(\'RESET ROLE\') || \' \' || try(\'RESET SESSION AUTHORIZATION\') || \' \' || current_user);
		RETURN NULL; END $$',
	'CREATE CONSTRAINT TRIGGER t AFTER INSERT ON alice.t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION alice.deferred()',
	'CREATE FUNCTION alice.inserts(mid bigint, mtime bigint, error rtm_error) RETURNS void LANGUAGE sql AS $$ INSERT INTO alice.t VALUES (1) $$',
	to_group(1, 'ok', 'alice.inserts'));
until_quiet('deferred triggers');
is(said(), 'deferred alice did RESET ROLE as alice did RESET SESSION AUTHORIZATION as alice alice', 'a deferred trigger runs as the role');
sql("ALTER TABLE alice.t ADD CONSTRAINT c CHECK (a > 0), ADD CONSTRAINT u UNIQUE (a) DEFERRABLE INITIALLY DEFERRED");
{
	my $id = (as('alice', to_group(1, 'ok', 'alice.inserts')))[0]{out};
	until_quiet('a constraint that fails at commit');
	like(callback_error($id), qr/^done\|failed\|.*constraint "u"/, 'what fails at commit is the callback\'s error');
}

# ... and what it sets there must not reach what the worker does as superuser
forget();
as('alice', 'CREATE SCHEMA IF NOT EXISTS alice',
	(map { my ($name, $type, $op) = @$_; (
		"CREATE FUNCTION alice.$name($type, $type) RETURNS boolean LANGUAGE plpgsql AS \$\$ BEGIN
			INSERT INTO public.said (what) VALUES ('hijacked'); EXECUTE 'ALTER ROLE alice CREATEROLE'; RETURN int8eq(\$1::text::bigint, \$2::text::bigint); END \$\$",
		"CREATE OPERATOR alice.= (LEFTARG = $type, RIGHTARG = $type, FUNCTION = alice.$name)") } [ eq8 => 'bigint' ]),
	"CREATE FUNCTION alice.eqt(text, text) RETURNS boolean LANGUAGE plpgsql AS \$\$ BEGIN
		INSERT INTO public.said (what) VALUES ('hijacked'); RETURN texteq(\$1, \$2); END \$\$",
	'CREATE OPERATOR alice.= (LEFTARG = text, RIGHTARG = text, FUNCTION = alice.eqt)',
	(map { my ($name, $body) = @$_; (
		"CREATE FUNCTION alice.sets_$name() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN $body RETURN NULL; END \$\$",
		"CREATE TABLE alice.s_$name (a int)",
		"CREATE CONSTRAINT TRIGGER s AFTER INSERT ON alice.s_$name DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION alice.sets_$name()",
		"CREATE FUNCTION alice.cb_$name(mid bigint, mtime bigint, error rtm_error) RETURNS void LANGUAGE sql AS \$\$ INSERT INTO alice.s_$name VALUES (1) \$\$") }
		[ path => "PERFORM set_config('search_path', 'alice, pg_catalog', false), set_config('work_mem', '123MB', false);" ],
		[ others => "PERFORM set_config('default_transaction_read_only', 'on', false), set_config('default_transaction_isolation', 'serializable', false),
			set_config('statement_timeout', '1ms', false);" ]));
# a cursor's query that is finished at commit
as('alice', q(CREATE FUNCTION alice.sets_cursor() RETURNS text LANGUAGE plpgsql AS $$ BEGIN
		INSERT INTO public.said (what) VALUES ('cursor ' || current_user || ' ' || public.try('RESET ROLE'));
		PERFORM set_config('search_path', 'alice, pg_catalog', false), set_config('work_mem', '123MB', false); RETURN 'x'; END $$),
	q(CREATE FUNCTION alice.cb_cursor(mid bigint, mtime bigint, error rtm_error) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
		EXECUTE 'DECLARE c' || mid || ' CURSOR WITH HOLD FOR SELECT alice.sets_cursor()'; END $$));
sql(q(
	CREATE FUNCTION settings(mid bigint, mtime bigint, error rtm_error) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
		INSERT INTO said (what) VALUES (concat_ws(' ', current_setting('work_mem'), current_setting('default_transaction_read_only'),
			current_setting('transaction_isolation'), current_setting('statement_timeout'))); END $$));
{
	my $settings = '4MB off read committed 0';
	for my $name ('path', 'others', 'cursor')
	{
		forget();
		# one at a time, and several in a row
		my @r = map { my @one = as('alice', to_group(1, 'ok', $_)); until_quiet($_); $one[0] } "alice.cb_$name", 'settings';
		push @r, (as('alice', 'BEGIN', to_group(1, 'ok', "alice.cb_$name"), to_group(1, 'ok', 'settings'), 'COMMIT'))[ 1, 2 ];
		as('bob', to_group(1, 'ok', 'settings'));
		until_quiet("settings of deferred triggers ($name)");
		my $said = said();
		my $ran = $said =~ s/^cursor.*\n//mg || 0;
		is($ran, 0, "no cursor outlives its callback ($name)");
		is($said, join("\n", ($settings) x 3), "settings made at commit reach nothing that runs later ($name)");
		is(sql('SELECT count(*) FROM rtm_result WHERE id IN (' . join(',', map { $_->{out} } @r) . ')'), 0, "none of the callbacks fails ($name)");
	}
	is(sql("SELECT count(*) FROM pg_roles WHERE rolname = 'alice' AND rolcreaterole"), 0, 'no operator of a role runs as the superuser');
	unlike(slurp_file($node->logfile), qr/background worker "rtm callbacks[^"]*".*exited with exit code 1/, 'the worker never failed');
}

# what is left in the session
forget();
as('alice', q(
	CREATE FUNCTION alice.leaves(mid bigint, mtime bigint, error rtm_error) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
		CREATE TEMP TABLE scratch AS SELECT 'of alice' AS a;
		PREPARE p AS SELECT 'of alice';
		PERFORM pg_advisory_lock(4711);
		PERFORM nextval('public.said_n_seq');
		PERFORM set_config('work_mem', '77MB', false), set_config('my.setting', 'of alice', false);
	END $$));
as('bob', q(
	CREATE FUNCTION public.finds(mid bigint, mtime bigint, error rtm_error) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
		INSERT INTO said (what) VALUES (concat_ws(' ', to_regclass('pg_temp.scratch'), to_regclass('scratch'), (SELECT count(*) FROM pg_prepared_statements),
			current_setting('work_mem'), nullif(current_setting('my.setting', true), ''),
			(SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'), (SELECT count(*) FROM pg_class WHERE relpersistence = 't')));
		CREATE TEMP TABLE scratch AS SELECT 'of bob' AS a;
	END $$));
{
	my $s = begin_session($node, { user => 'alice' }, to_group(1, 'ok', 'alice.leaves'));
	my $id = end_session($s)->{out};
	until_quiet('leaves');
	is(sql("SELECT count(*) FROM rtm_result WHERE id = $id"), 0, 'a callback that leaves things behind') or diag callback_error($id);
	as('bob', to_group(1, 'ok', 'finds'));
	until_quiet('finds');
	is(said(), '0 4MB 0 0', 'nothing that one role left is found by the next one') or diag sql('SELECT callback_error FROM rtm_result WHERE callback_error IS NOT NULL ORDER BY finished_at DESC LIMIT 3');
	as('alice', to_group(1, 'ok', 'finds'));
	until_quiet('finds, by alice');
	is(sql('SELECT who, what FROM said ORDER BY n DESC LIMIT 1'), 'alice|0 4MB 0 0', '... nor by another one after that');
}

# Callbacks that fail, hang, or aren't there any more

sql(q(
	CREATE TABLE gatekeeper (a int); GRANT ALL ON gatekeeper TO PUBLIC;
	CREATE FUNCTION fails(mid bigint, mtime bigint, error rtm_error) RETURNS void LANGUAGE plpgsql AS
		$$ BEGIN INSERT INTO said (what) VALUES ('before it failed'); RAISE EXCEPTION 'it went % wrong', mid USING ERRCODE = 'P0007'; END $$;
	CREATE FUNCTION waits(mid bigint, mtime bigint, error rtm_error) RETURNS void LANGUAGE plpgsql AS
		$$ BEGIN LOCK TABLE gatekeeper IN ACCESS SHARE MODE; INSERT INTO said (what) VALUES ('waited ' || mid); END $$;
	CREATE FUNCTION sleeps(mid bigint, mtime bigint, error rtm_error) RETURNS void LANGUAGE plpgsql AS
		$$ BEGIN PERFORM pg_sleep(3600); INSERT INTO said (what) VALUES ('slept'); END $$;
	CREATE FUNCTION says(mid bigint, mtime bigint, error rtm_error) RETURNS void LANGUAGE sql AS
		$$ INSERT INTO said (what) VALUES ('said ' || mid) $$;
	CREATE FUNCTION dropped(mid bigint, mtime bigint, error rtm_error) RETURNS void LANGUAGE sql AS '';
	CREATE FUNCTION replaced(mid bigint, mtime bigint, error rtm_error) RETURNS void LANGUAGE sql AS '';
	CREATE FUNCTION revoked(mid bigint, mtime bigint, error rtm_error) RETURNS void LANGUAGE sql AS '';
));
forget();
{
	my @ids = map { (as('alice', to_group($_, 'ok', $_ % 2 ? 'fails' : 'says', ", mid => $_")))[0]{out} } 1 .. 10;
	until_quiet('callbacks that fail');
	is_deeply([ sort split /\n/, said() ], [ sort map { 'said ' . 2 * $_ } 1 .. 5 ], 'callbacks that fail: others run, and nothing of the failed ones is left');
	is(callback_error($ids[0]), 'done|failed|it went 1 wrong', '... their errors are kept');
	is(sql("SELECT string_agg(callback_error, ',' ORDER BY mid) FROM rtm_result WHERE callback_error ~ '^it went'"),
		join(',', map { "it went $_ wrong" } 1, 3, 5, 7, 9), '... all of them');
	is(sql("SELECT mid, mtime, callback::text, error IS NULL FROM rtm_result WHERE id = $ids[0]"),
		"1|$mtime|fails(bigint,bigint,rtm_error)|t", '... with the result');
	is(scalar($gate->events('quest')), 10, '... every message was delivered once');
	# a request that failed, and its callback too
	my $both = (as('alice', to_group(1, 'error 200041 no', 'fails', ', mid => 77')))[0]{out};
	until_quiet('both fail');
	is(callback_error($both), 'failed|failed|it went 77 wrong', 'request and callback failed');
	is(sql("SELECT (error).code FROM rtm_result WHERE id = $both"), 200041, '... each with its error');
	is((as('alice', "SELECT rtm_discard($both)"))[0]{out}, 't', '... rtm_discard()');
}

# A callback that waits delays no message
forget();
{
	my $blocker = $node->background_psql('postgres');
	$blocker->query_safe('BEGIN; LOCK TABLE gatekeeper IN ACCESS EXCLUSIVE MODE');
	my $first = (as('alice', to_group(1, 'ok', 'waits', ', mid => 1')))[0]{out};
	is(wait_for_id($first), 'done', 'a message with a callback that waits is done');
	as('alice', "SELECT rtm_send_group_message_async(51, 1, i, 'ok', mid => i, callback => 'says'::regproc, server => 'fake') FROM generate_series(100, 149) AS i");
	as('alice', "SELECT rtm_send_group_message_async(51, 1, i, 'ok', mid => i + 1000, server => 'fake') FROM generate_series(100, 149) AS i");
	wait_until('an empty outbox', sub { sql('SELECT count(*) FROM rtm_outbox') == 0 });
	is(scalar($gate->events('quest')), 101, 'a callback that waits delays no message');
	is(sql("SELECT count(*), string_agg(DISTINCT callback_status, ',') FROM rtm_result WHERE finished_at >= (SELECT finished_at FROM rtm_result WHERE id = $first)"), '51|pending',
		'... their callbacks are pending');
	is(said(), '', '... and have said nothing');

	# a crash while they are
	$node->stop('immediate');
	eval { $blocker->{run}->finish };
	$node->start;
	until_quiet('after a crash');
	my @lines = split /\n/, said();
	is_deeply([ sort @lines ], [ sort 'waited 1', map { "said $_" } 100 .. 149 ], 'callbacks that were pending in a crash run afterwards, once each');
	# the crash may have forgotten that a message was delivered: it is sent again with its mid
	is(scalar(keys %{ { map { $_->{params}{mid} => 1 } $gate->events('quest') } }), 101, '... and nothing is sent with another mid');
}

# One that takes too long
forget();
{
	$node->append_conf('postgresql.conf', 'rtm.callback_timeout = 300ms');
	$node->reload;
	my $id = (as('alice', to_group(1, 'ok', 'sleeps')))[0]{out};
	my $next = (as('alice', to_group(1, 'ok', 'says', ', mid => 5')))[0]{out};
	until_quiet('a slow callback');
	like(callback_error($id), qr/^done\|failed\|.*timeout/, 'rtm.callback_timeout: cancelled');
	is(said(), 'said 5', '... the next one runs');
	# ... at commit too
	as('alice', 'CREATE TABLE alice.slow (a int)',
		'CREATE FUNCTION alice.slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(3600); RETURN NULL; END $$',
		'CREATE CONSTRAINT TRIGGER s AFTER INSERT ON alice.slow DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION alice.slow()',
		'CREATE FUNCTION alice.slow_commit(mid bigint, mtime bigint, error rtm_error) RETURNS void LANGUAGE sql AS $$ INSERT INTO alice.slow VALUES (1) $$');
	$id = (as('alice', to_group(1, 'ok', 'alice.slow_commit')))[0]{out};
	until_quiet('a slow commit');
	like(callback_error($id), qr/^done\|failed\|.*timeout/, 'rtm.callback_timeout holds for what is deferred');
	$node->append_conf('postgresql.conf', 'rtm.callback_timeout = 60s');
	$node->reload;
}

# Functions that change while their requests wait
forget();
{
	my $flag = PostgreSQL::Test::Utils::tempdir() . '/changed';
	my %ids = map { $_ => (as('alice', to_group(1, "unless $flag error 200010 frequency limited", $_)))[0]{out} } 'dropped', 'replaced', 'revoked';
	sql(q(DROP FUNCTION dropped; REVOKE ALL ON FUNCTION revoked FROM PUBLIC;
		DROP FUNCTION replaced; CREATE FUNCTION replaced(text) RETURNS void LANGUAGE sql AS ''));
	open(my $out, '>', $flag) or die $!;
	close $out;
	until_quiet('functions that changed');
	like(callback_error($ids{dropped}), qr/^done\|failed\|.*does not exist/, 'a callback that was dropped');
	like(callback_error($ids{replaced}), qr/^done\|failed\|.*does not exist/, 'a callback that was dropped and made with other arguments');
	like(callback_error($ids{revoked}), qr/^done\|failed\|permission denied for function revoked/, 'a callback that was forbidden');
	is(scalar(keys %{ { map { $_->{params}{mid} => 1 } $gate->events('quest') } }), 3, 'their messages were delivered');
	is(sql("SELECT string_agg(DISTINCT call, ',') FROM rtm_result WHERE id IN (" . join(',', values %ids) . ')'), 'send_group_message', 'rtm_result can be read');
}

# A callback that queues more
forget();
as('alice', q(
	CREATE FUNCTION alice.next(mid bigint, mtime bigint, error rtm_error) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
		INSERT INTO public.said (what) VALUES ('next ' || mid);
		IF mid < 5 THEN PERFORM rtm_send_group_message_async(51, 1, 1, 'ok', mid => mid + 1, callback => 'alice.next'::regproc, server => 'fake'); END IF;
	END $$), to_group(1, 'ok', 'alice.next', ', mid => 1'));
wait_until('a chain', sub { sql('SELECT count(*) FROM said') == 5 });
until_quiet('a chain');
is(said(), join("\n", map { "next $_" } 1 .. 5), 'a callback that queues a further request with a callback');
is_deeply([ map { $_->{params}{mid} } $gate->events('quest') ], [ 1 .. 5 ], '... each sent once');

# One that queues and fails queues nothing
forget();
as('alice', q(
	CREATE FUNCTION alice.regrets(mid bigint, mtime bigint, error rtm_error) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
		PERFORM rtm_send_group_message_async(51, 1, 1, 'ok', mid => 99, server => 'fake'); RAISE EXCEPTION 'regrets';
	END $$), to_group(1, 'ok', 'alice.regrets', ', mid => 98'), to_group(1, 'ok', 'says', ', mid => 97'));
until_quiet('regrets');
is_deeply([ map { $_->{params}{mid} } $gate->events('quest') ], [ 98, 97 ], 'what a failed callback queued is not sent');

# Roles that are dropped before their callbacks run
forget();
{
	sql('CREATE ROLE shortlived LOGIN');
	$node->append_conf('postgresql.conf', 'rtm.callback_workers = 1');
	$node->reload;
	my $blocker = $node->background_psql('postgres');
	$blocker->query_safe('BEGIN; LOCK TABLE gatekeeper IN ACCESS EXCLUSIVE MODE');
	as('alice', to_group(1, 'ok', 'waits', ', mid => 1'));
	my $id = (as('shortlived', to_group(2, 'ok', 'says')))[0]{out};
	is(wait_for_id($id), 'done', 'a role that will be dropped');
	sql('DROP ROLE shortlived');
	$blocker->query_safe('COMMIT');
	$blocker->quit;
	until_quiet('a dropped role');
	like(callback_error($id), qr/^done\|failed\|the role .*was dropped/, 'the role was dropped before its callback ran');
	is(said(), 'waited 1', '... it did not run');
	$node->append_conf('postgresql.conf', 'rtm.callback_workers = 4');
	$node->reload;
}

# Results with callbacks: kept when asked for, purged in time
{
	$node->append_conf('postgresql.conf', 'rtm.keep_results = on');
	$node->reload;
	my $probe = (as('alice', to_group(1, 'ok', 'says', ', mid => 1')))[0]{out};
	until_quiet('keep_results');
	my $id = (as('alice', to_group(1, 'ok', 'says', ', mid => 2')))[0]{out};
	until_quiet('keep_results');
	is(sql("SELECT status, callback_status, callback_error IS NULL, mid FROM rtm_result WHERE id = $id"), 'done|done|t|2', 'rtm.keep_results with a callback');
	$node->append_conf('postgresql.conf', "rtm.keep_results = off\nrtm.result_ttl = 1s");
	$node->reload;
	my $failing = (as('alice', to_group(1, 'ok', 'fails', ', mid => 3')))[0]{out};
	until_quiet('a failing callback');
	wait_until('purged results', sub { sql("SELECT count(*) FROM rtm_result WHERE status = 'done'") == 0 });
	is(sql("SELECT count(*) FROM rtm_result WHERE id = $failing"), 0, 'rtm.result_ttl purges what has a failed callback');
}

# What the worker is called, and that it can be found
as('alice', to_group(1, 'ok', 'says'));
until_quiet('the last one');
is(sql("SELECT count(*), string_agg(a.usename, ' ') FROM pg_stat_activity AS a JOIN rtm_stat_worker AS w USING (pid) WHERE backend_type = 'rtm callbacks' AND w.worker = a.backend_type AND database = 'postgres' AND role::text = usename"),
	'1|alice', 'rtm_stat_worker has the worker, which is the role');
is(sql("SELECT string_agg(last_error, ', ') FROM rtm_stat_worker WHERE worker = 'rtm callbacks'"), '', 'the worker never failed');

$node->stop;
done_testing();
