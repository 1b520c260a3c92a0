# The extension is made again at the very moment at which its sender, which found none,
# ends: there is another sender, and what was queued is sent.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use IPC::Run;
use KeepGate;
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;

if (!`gdb --version 2>/dev/null`)
{
  SKIP: { skip 'gdb, which holds the process at that moment, is not there', 1 }
	done_testing();
	exit;
}
my $gate = KeepGate->new;
my $node = new_node('reinstall');
sub sql { my ($query) = @_; return $node->safe_psql('postgres', $query) }

sub install
{
	sql('CREATE EXTENSION rtm');
	server_for($node, 'rtm', $gate->endpoint);
	sql("SELECT rtm_send_message_async(51, 1, 2, 'x', timeout => 5)");
}
sub sender { return sql("SELECT coalesce(max(pid), 0) FROM pg_stat_activity WHERE backend_type = 'rtm sender'") }
sub queued { return sql('SELECT count(*) FROM rtm_internal.rtm_request') }

install();
wait_until('the first message is sent', sub { queued() == 0 });
my $pid = sender();
my ($ready, $held, $go) = map { "$ENV{TESTDIR}/reinstall.$_" } 'ready', 'held', 'go';
my $out = '';
my $debugger = IPC::Run::start(
	[ 'gdb', '-nx', '-batch', '-ex', 'set confirm off', '-ex', 'break proc_exit', '-ex', 'handle SIGUSR1 SIGURG nostop noprint pass',
		'-ex', "shell touch $ready", '-ex', 'continue', '-ex', "shell touch $held; while [ ! -e $go ]; do sleep 0.1; done", '-ex', 'detach', '-p', $pid ],
	'<', \undef, '>&', \$out);
wait_until('the debugger has the sender', sub { $debugger->pump_nb; -e $ready });

sql('DROP EXTENSION rtm CASCADE');
wait_until('the sender is held as it ends', sub { $debugger->pump_nb; -e $held });
install();
append_to_file($go, '');
$debugger->finish;
like($out, qr/Breakpoint 1, .*proc_exit/, 'the sender found no extension') or diag($out);
wait_until('what was queued meanwhile is sent', sub { queued() == 0 });
isnt(sender(), $pid, '... by another sender');
done_testing();
