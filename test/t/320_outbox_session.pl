# No setting of a database or of a role gets into the way of the workers.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use KeepGate;
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;

my $gate = KeepGate->new;
my $node = new_node('session', conf => "autovacuum = off\nrtm.retry_delay = 20ms\n");
my $superuser = $node->safe_psql('postgres', 'SELECT current_user');
sub sql { my ($sql) = @_; return $node->safe_psql('postgres', $sql) }

sql('CREATE EXTENSION rtm; CREATE ROLE app_owner; CREATE ROLE app LOGIN;
	CREATE TABLE said (what text); GRANT INSERT ON said TO app;
	CREATE FUNCTION says(mid bigint, mtime bigint, error rtm_error) RETURNS void LANGUAGE sql AS $$ INSERT INTO public.said VALUES (current_user) $$');
server_for($node, 'rtm', $gate->endpoint);
my @settings = ("role = 'app_owner'", "session_authorization = 'app'", "default_transaction_read_only = 'on'", "default_transaction_isolation = 'serializable'",
	"default_transaction_deferrable = 'on'", "statement_timeout = '1ms'", "lock_timeout = '1ms'", "idle_in_transaction_session_timeout = '1ms'", "idle_session_timeout = '1ms'",
	"search_path = 'nowhere'", "row_security = 'off'", "default_table_access_method = 'nothing'", "session_replication_role = 'replica'", "enable_indexscan = 'off'",
	"plan_cache_mode = 'force_custom_plan'", "work_mem = '64kB'", "check_function_bodies = 'off'", "client_encoding = 'latin1'", "log_min_error_statement = 'panic'");
push @settings, "transaction_timeout = '1ms'" if $node->pg_version->major >= 17;
my $id = 0;

for my $setting (@settings)
{
	(my $name = $setting) =~ s/ .*//;
	for my $of ('DATABASE postgres', "ROLE $superuser", "ROLE $superuser IN DATABASE postgres")
	{
		$node->safe_psql('template1', "SET session_replication_role = origin; SET default_transaction_read_only = off; ALTER $of SET $setting") if $setting !~ /access_method/;
		# a new sender, and a message with a callback
		my $old = $node->safe_psql('template1', "SELECT pid FROM pg_stat_activity WHERE backend_type = 'rtm sender'");
		$node->safe_psql('template1', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type ~ '^rtm (sender|callbacks)'");
		wait_until('another sender', sub { my $new = $node->safe_psql('template1', "SELECT pid FROM pg_stat_activity WHERE backend_type = 'rtm sender'"); return $new && $new ne $old });
		$id++;
		my $sent = 0;
		$node->safe_psql('postgres', "BEGIN; SET LOCAL statement_timeout = 0; SELECT public.rtm_send_group_message_async(51::int, 1, 5, 's $id', server => 'rtm', callback => 'public.says'::regproc); COMMIT",
			connstr => $node->connstr('postgres') . " user=app options='-c default_transaction_read_only=off -c default_transaction_isolation=read\\ committed -c statement_timeout=0 -c idle_session_timeout=0 -c idle_in_transaction_session_timeout=0 -c lock_timeout=0 -c search_path=public'");
		wait_until("message $id", sub { scalar($gate->came('s')) >= $id });
		$node->safe_psql('template1', "ALTER $of RESET $name");
	}
	is(scalar($gate->kept('s')), $id, "with $setting of the database or of the superuser all is sent");
}
wait_until('all callbacks', sub { sql('SELECT count(*) FROM said') == $id });
is(sql("SELECT string_agg(DISTINCT what, ' ') FROM said"), 'app', '... and callbacks run as their role');
$node->stop;
done_testing();
