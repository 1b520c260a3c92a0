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

sql('CREATE EXTENSION rtm; CREATE ROLE app_owner; CREATE ROLE app LOGIN; GRANT app_owner TO app;
	CREATE TABLE said (what text); GRANT INSERT ON said TO app;
	CREATE FUNCTION says(mid bigint, mtime bigint, error rtm_error) RETURNS void LANGUAGE sql AS $$ INSERT INTO public.said VALUES (current_user) $$');
server_for($node, 'rtm', $gate->endpoint);
my @settings = ("role = 'app_owner'", "session_authorization = 'app'", "default_transaction_read_only = 'on'", "default_transaction_isolation = 'serializable'",
	"default_transaction_deferrable = 'on'", "statement_timeout = '1ms'", "lock_timeout = '1ms'", "idle_in_transaction_session_timeout = '1ms'", "idle_session_timeout = '1ms'",
	"search_path = 'nowhere'", "row_security = 'off'", "session_replication_role = 'replica'", "enable_indexscan = 'off'",
	"plan_cache_mode = 'force_custom_plan'", "work_mem = '64kB'", "check_function_bodies = 'off'", "client_encoding = 'latin1'", "log_min_error_statement = 'panic'");
push @settings, "transaction_timeout = '1ms'" if $node->pg_version->major >= 17;

# what is asked for at the connection goes before those: the test's own sessions have none of them
$ENV{PGOPTIONS} = join ' ', map { "-c $_" } 'default_transaction_read_only=off', 'default_transaction_isolation=read\ committed', 'default_transaction_deferrable=off',
  'statement_timeout=0', 'lock_timeout=0', 'idle_in_transaction_session_timeout=0', 'idle_session_timeout=0', 'search_path=public', 'client_encoding=utf8', 'row_security=on',
  $node->pg_version->major >= 17 ? 'transaction_timeout=0' : ();
my $id = 0;

# The same for a role would make somebody else of the test.
sub everywhere { my ($name) = @_; return $name =~ /^(role|session_authorization)$/ ? ('DATABASE postgres') : ('DATABASE postgres', "ROLE $superuser", "ROLE $superuser IN DATABASE postgres") }

sub restart_workers
{
	my $old = $node->safe_psql('template1', "SELECT pid FROM pg_stat_activity WHERE backend_type = 'rtm sender'");
	$node->safe_psql('template1', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type ~ '^rtm (sender|callbacks)'");
	wait_until('another sender', sub {
		my $new = $node->safe_psql('template1', "SELECT pid FROM pg_stat_activity WHERE backend_type = 'rtm sender'");
		return $new && $new ne $old });
}

for my $setting (@settings)
{
	(my $name = $setting) =~ s/ .*//;
	for my $of (everywhere($name))
	{
		$node->safe_psql('template1', "ALTER $of SET $setting");
		restart_workers();
		$id++;
		# (a role of the database isn't one that app may be)
		session($node, { user => 'app' }, 'SET ROLE NONE', "SELECT rtm_send_group_message_async(51, 1, 5, 's $id', server => 'rtm', callback => 'says'::regproc)");
		wait_until("message $id", sub { scalar($gate->came('s')) >= $id });
		$node->safe_psql('template1', "ALTER $of RESET $name");
	}
	is(scalar($gate->kept('s')), $id, "with $setting of the database or of the superuser all is sent");
}
# callbacks are their role's, whose sessions have those settings: that they fail may be due
wait_until('all callbacks', sub { sql("SELECT count(*) FROM rtm_result WHERE callback_status = 'pending'") == 0 });
is(sql("SELECT string_agg(DISTINCT what, ' ') FROM said"), 'app', '... and callbacks run as their role');
unlike(slurp_file($node->logfile), qr/ERROR:.*\n.*CONTEXT:.*rtm_internal/, '... no statement of a worker fails');
$node->stop;
done_testing();
