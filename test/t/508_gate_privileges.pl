# The local gate's process is a superuser's.  What lesser roles may say and do in
# its database, and what hangs on its tables, doesn't run as one.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use GateClient;
use JSON::PP ();
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;

my $node = new_node('privileges', conf => "max_worker_processes = 16\n");
my $next_mid = int(time) * 1000000;
my ($yes, $no) = (JSON::PP::true, JSON::PP::false);

sub sql { my ($db, @statements) = @_; return $node->safe_psql($db, join ";\n", @statements) }

# A gate in a database of its own, with what was done there before.
sub new_gate
{
	my ($db, @before) = @_;
	$node->safe_psql('postgres', "CREATE DATABASE $db");
	sql($db, @before) if @before;
	sql($db, 'CREATE EXTENSION IF NOT EXISTS rtm; CREATE EXTENSION IF NOT EXISTS rtm_gate');
	sql($db, 'SELECT rtm_gate_setup()');
}

# A message to the gate of a database, on a connection of its own: its code.
sub send_one
{
	my ($db, %more) = @_;
	my $c = GateClient->connect(GateClient::options($node, $db));
	my $code = $c->call('sendgroupmsg', { mtype => 51, from => 1, gid => 1, mid => ++$next_mid, msg => \'hello', attrs => \'', %more });
	$c->close;
	return $code;
}

sub count { return sql($_[0], 'SELECT count(*) FROM rtm_gate.message') }
sub superusers { return sql('postgres', 'SELECT string_agg(rolname, $$ $$ ORDER BY rolname) FROM pg_roles WHERE rolsuper') }

my $me = superusers();
sql('postgres', 'CREATE ROLE boss LOGIN', 'CREATE ROLE app LOGIN', 'CREATE ROLE bob LOGIN');

# ---- settings of the database, by its owner

new_gate('owned');
sql('postgres', 'ALTER DATABASE owned OWNER TO boss');
my %said = (role => 'app', session_authorization => 'app', search_path => 'evil, pg_catalog', default_transaction_read_only => 'on',
	default_transaction_isolation => 'serializable', default_transaction_deferrable => 'on', statement_timeout => '1ms',
	lock_timeout => '1ms', idle_in_transaction_session_timeout => '1ms', row_security => 'off', client_encoding => 'latin1',
	bytea_output => 'escape', array_nulls => 'off', DateStyle => 'German', IntervalStyle => 'iso_8601', TimeZone => 'Asia/Tokyo',
	plan_cache_mode => 'force_custom_plan', work_mem => '64kB', default_table_access_method => 'no_such',
	default_tablespace => 'no_such', xmloption => 'document', extra_float_digits => '-15', jit_above_cost => '0',
	quote_all_identifiers => 'on', transform_null_equals => 'on', client_min_messages => 'debug5');
for my $name (sort keys %said)
{
	my $value = $name =~ /search_path/ ? $said{$name} : "'$said{$name}'";
	session($node, { user => 'boss', db => 'postgres' }, "ALTER DATABASE owned SET $name = $value");
}
cmp_ok(sql('postgres', q(SELECT array_length(setconfig, 1) FROM pg_db_role_setting s JOIN pg_database d ON d.oid = setdatabase WHERE datname = 'owned')),
	'>', 20, 'the owner of a database says much');
sql('postgres', 'CREATE SCHEMA evil');
# the process of the gate, anew: it asks for a successor
my $worker = $node->safe_psql('postgres', q(SELECT pid FROM pg_stat_activity WHERE backend_type = 'rtm gate' AND datname = 'owned'));
$node->safe_psql('postgres', "SELECT pg_terminate_backend($worker)");
wait_until('the successor', sub { $node->safe_psql('postgres', qq(SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'rtm gate' AND datname = 'owned' AND pid <> $worker)) eq '1' });
$node->safe_psql('postgres', 'ALTER DATABASE owned RESET ALL');
my $code;
wait_until('an answer', sub { defined($code = eval { send_one('owned') }) });
is($code, 0, 'which does not reach the gate');
is(count('owned'), 1, '... that keeps messages');
is($node->safe_psql('postgres', q(SELECT usename FROM pg_stat_activity WHERE backend_type = 'rtm gate' AND datname = 'owned')), $me, '... as who it was');

# ---- a role with grants on the tables

sql('owned', 'GRANT USAGE ON SCHEMA rtm_gate TO app', 'GRANT ALL ON ALL TABLES IN SCHEMA rtm_gate TO app', 'GRANT CREATE ON SCHEMA public TO app');
my @r = session($node, { user => 'app', db => 'owned' },
	'CREATE FUNCTION public.evil() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN EXECUTE $e$ALTER ROLE app SUPERUSER$e$; RETURN NULL; END$$',
	(map { "CREATE TRIGGER a_$_ AFTER INSERT OR UPDATE OR DELETE ON rtm_gate.$_ FOR EACH STATEMENT EXECUTE FUNCTION public.evil()" } qw(message group_member group_ban fault project config)),
	'CREATE CONSTRAINT TRIGGER later AFTER INSERT ON rtm_gate.message INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.evil()',
	'ALTER TABLE rtm_gate.message ENABLE ALWAYS TRIGGER a_message',
	'CREATE RULE r AS ON INSERT TO rtm_gate.message DO ALSO SELECT 1',
	'CREATE VIEW rtm_gate.v AS SELECT 1', 'ALTER SCHEMA rtm_gate RENAME TO other',
	'ALTER TABLE rtm_gate.message ENABLE ROW LEVEL SECURITY');
is(join(' ', map { $_->{state} } @r[ 0 .. 7 ]), join(' ', ('00000') x 8), 'who was granted TRIGGER makes triggers');
is(join(' ', map { $_->{state} } @r[ 8 .. 12 ]), join(' ', ('42501') x 5), '... and nothing that takes the owner');
is(send_one('owned'), 0, 'messages are taken');
my $c = GateClient->connect(GateClient::options($node, 'owned'));
is($c->call('addgroupmembers', { gid => 1, uids => [ 7, 8 ] }), 0, 'members, too');
is($c->call('addgroupban', { gid => 1, uid => 9, btime => 100 }), 0, 'and bans');
is($c->call('sendgroupmsg', { mtype => 51, from => 9, gid => 1, mid => 1, msg => \'', attrs => \'' }), 200044, '... which count at once');
is(count('owned'), 2, 'all of it is there');
is(superusers(), $me, 'nobody else became superuser');

# ... by what others call
sql('owned', 'GRANT EXECUTE ON FUNCTION rtm_gate_reset(), rtm_gate_fault_clear(bigint), rtm_gate_fault(text, text, integer, bigint, integer, interval, bigint, double precision, bigint, bigint), rtm_gate_stop(), rtm_gate_start(), rtm_gate_status() TO app');
for my $who ('app', $me)
{
	@r = session($node, { user => $who, db => 'owned' }, q(SELECT rtm_gate_fault('drop', method => 'delmsg')), 'SELECT rtm_gate_fault_clear()',
		'SELECT rtm_gate_status()', 'SELECT rtm_gate_reset()', 'SHOW session_replication_role', 'SELECT rtm_gate_stop()');
	is(join(' ', map { $_->{state} } @r), join(' ', ('00000') x 6), "$who uses what he may");
	is($r[4]{out}, 'origin', '... in a session that stays as it was');
	wait_until('the end of the gate', sub { $node->safe_psql('postgres', q(SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'rtm gate' AND datname = 'owned')) eq '0' });
	is(session($node, { user => $who, db => 'owned' }, 'SELECT rtm_gate_start()')->{state}, '00000', '... and starts the gate');
	is(superusers(), $me, '... and no trigger of a lesser role ran');
}

# ---- an owner who isn't superuser any more

sql('postgres', 'CREATE ROLE dba LOGIN SUPERUSER', 'CREATE DATABASE demoted');
session($node, { user => 'dba', db => 'demoted' }, 'CREATE EXTENSION rtm', 'CREATE EXTENSION rtm_gate');
session($node, { user => 'dba', db => 'demoted' }, 'SELECT rtm_gate_setup()');
is(send_one('demoted'), 0, 'a gate of another superuser');
sql('postgres', 'ALTER ROLE dba NOSUPERUSER', 'GRANT CREATE ON DATABASE demoted TO dba');
sql('demoted', 'GRANT CREATE ON SCHEMA public TO dba');
@r = session($node, { user => 'dba', db => 'demoted' },
	'CREATE TABLE public.seen (what text, who text)',
	'CREATE FUNCTION public.evil(what text) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$BEGIN
		BEGIN EXECUTE $e$ALTER ROLE dba SUPERUSER$e$; EXCEPTION WHEN OTHERS THEN NULL; END;
		BEGIN EXECUTE $e$RESET ROLE$e$; EXECUTE $e$ALTER ROLE dba SUPERUSER$e$; EXCEPTION WHEN OTHERS THEN NULL; END;
		BEGIN EXECUTE $e$RESET SESSION AUTHORIZATION$e$; EXECUTE $e$ALTER ROLE dba SUPERUSER$e$; EXCEPTION WHEN OTHERS THEN NULL; END;
		RETURN 1; END$$',
	'CREATE FUNCTION public.evil() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
		INSERT INTO public.seen VALUES (TG_NAME, current_user); PERFORM public.evil($e$trigger$e$); RETURN NULL; END$$',
	'CREATE TRIGGER evil AFTER INSERT ON rtm_gate.message FOR EACH ROW EXECUTE FUNCTION public.evil()',
	'ALTER TABLE rtm_gate.message ENABLE ALWAYS TRIGGER evil',
	'CREATE INDEX ON rtm_gate.message (public.evil(msg::text))',
	'ALTER TABLE rtm_gate.message ADD more int DEFAULT public.evil($$default$$)');
is(join(' ', map { $_->{state} } @r), join(' ', ('00000') x 7), 'an owner hangs much on his table');
is(send_one('demoted'), 0, 'which the gate carries out');
is(sql('demoted', 'SELECT DISTINCT who FROM public.seen'), 'dba', '... as the owner');
is(superusers(), $me, '... who did not become superuser by it');

# ... by constraints that wait for the commit
@r = session($node, { user => 'dba', db => 'demoted' },
	'CREATE CONSTRAINT TRIGGER later AFTER INSERT ON rtm_gate.message INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.evil()',
	'ALTER TABLE rtm_gate.message ENABLE ALWAYS TRIGGER later');
is(send_one('demoted'), 20001, 'nothing of it is put off until the commit');
session($node, { user => 'dba', db => 'demoted' }, 'DROP TRIGGER later ON rtm_gate.message');
is(send_one('demoted'), 0, '... without which it works again');
is(superusers(), $me, 'nobody became superuser');

# ... by another schema of that name
@r = session($node, { user => 'dba', db => 'demoted' }, 'ALTER SCHEMA rtm_gate RENAME TO old', 'CREATE SCHEMA rtm_gate',
	(map { "CREATE VIEW rtm_gate.$_ AS SELECT *, public.evil('view') AS e FROM old.$_" } qw(config project message group_member room_member group_ban room_ban project_black fault)));
is($r[-1]{state}, '00000', 'another schema with the name of the gate');
isnt(send_one('demoted'), 0, '... is none');
is(superusers(), $me, '... and makes nobody superuser');
session($node, { user => 'dba', db => 'demoted' }, 'DROP SCHEMA rtm_gate CASCADE', 'ALTER SCHEMA old RENAME TO rtm_gate');
is(send_one('demoted'), 0, 'the first one, again');

# ... by a table of somebody else
sql('demoted', 'ALTER TABLE rtm_gate.message OWNER TO bob');
my $offset = -s $node->logfile;
is(send_one('demoted'), 20001, 'a table that belongs to another role is not used');
like(substr(slurp_file($node->logfile), $offset), qr/rtm_gate\.message" doesn't belong to the owner/, '... which the log says');
sql('demoted', 'ALTER TABLE rtm_gate.message OWNER TO dba');
is(send_one('demoted'), 0, 'given back, it is');

# ---- what a DBA may do to a table

new_gate('altered', 'CREATE ACCESS METHOD heap2 TYPE TABLE HANDLER heap_tableam_handler', 'SET default_table_access_method = heap2',
	'CREATE EXTENSION rtm', 'CREATE EXTENSION rtm_gate');
is(sql('altered', 'SELECT amname FROM pg_class c JOIN pg_am a ON a.oid = relam WHERE c.oid = $$rtm_gate.message$$::regclass'), 'heap2', 'tables of another access method');
is(send_one('altered'), 0, '... are of use');
my @done = ('CREATE INDEX ON rtm_gate.message (lower(encode(msg, $$hex$$))) WHERE NOT deleted', 'ALTER TABLE rtm_gate.message ADD note text DEFAULT $$none$$',
	'ALTER TABLE rtm_gate.message ADD twice bigint GENERATED ALWAYS AS (mid * 2) STORED', 'ALTER TABLE rtm_gate.message SET UNLOGGED',
	'CREATE STATISTICS public.s ON mtype, type FROM rtm_gate.message', 'ALTER TABLE rtm_gate.message ENABLE ROW LEVEL SECURITY',
	'ALTER TABLE rtm_gate.message FORCE ROW LEVEL SECURITY', 'CREATE POLICY p ON rtm_gate.message USING (false)',
	'ALTER TABLE rtm_gate.message ALTER msg SET STORAGE EXTERNAL');
for my $statement (@done)
{
	sql('altered', $statement);
	is(send_one('altered'), 0, "taken after $statement");
}
$c = GateClient->connect(GateClient::options($node, 'altered'));
is(($c->call('getgroupmsg', { uid => 1, gid => 1, desc => $no, num => 20 }))[1]{num}, 1 + @done, 'and all of them are in the history');
sql('altered', 'ALTER TABLE rtm_gate.message ADD CONSTRAINT no_more CHECK (from_uid <> 4711)');
is(send_one('altered', from => 4711), 20001, 'what a constraint of the table forbids is refused');
is(send_one('altered'), 0, '... and nothing else');
sql('altered', 'ALTER TABLE rtm_gate.message RENAME COLUMN mtime TO stamp');
$offset = -s $node->logfile;
is(send_one('altered'), 20001, 'a column that is missing is an error');
like(substr(slurp_file($node->logfile), $offset), qr/could not carry out a quest: column "mtime"/, '... that the log names');
sql('altered', 'ALTER TABLE rtm_gate.message RENAME COLUMN stamp TO mtime');
is(send_one('altered'), 0, 'with it the gate works again');
unlike(slurp_file($node->logfile), qr/terminated by signal|PANIC/, 'no process crashed');
done_testing();
