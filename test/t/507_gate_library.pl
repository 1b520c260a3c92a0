# The local gate is a library of its own: the production library can't listen,
# each calls its own copy of the wire, either is of use without the other.
use strict;
use warnings;
use File::Copy qw(copy);
use File::Path qw(make_path);
use FindBin;
use lib "$FindBin::RealBin/lib";
use GateClient;
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;
use Time::HiRes qw(sleep time);

chomp(my $libdir = `$ENV{PG_CONFIG} --pkglibdir`);
chomp(my $bindir = `$ENV{PG_CONFIG} --bindir`);
chomp(my $sharedir = `$ENV{PG_CONFIG} --sharedir`);

# What a library takes from others.
sub needs { my ($library) = @_; return grep { /^(?:listen|bind|accept4?)$/ } map { /\bU (\w+)/ ? $1 : () } `nm -D --undefined-only '$libdir/$library.so'` }

is_deeply([ needs('rtm') ], [], 'nothing in the production library listens');
is_deeply([ sort(needs('rtm_gate')) ], [qw(accept4 bind listen)], '... the gate does');
like(scalar `readelf -d '$libdir/$_.so'`, qr/SYMBOLIC/, "what $_ calls of its own is its own") for qw(rtm rtm_gate);

# ---- without preload: the tests of an application

my $plain = PostgreSQL::Test::Cluster->new('plain');
$plain->init;
$plain->append_conf('postgresql.conf', "rtm_gate.rate_limit = 3\n");
$plain->start;
$plain->safe_psql('postgres', 'CREATE EXTENSION rtm; CREATE EXTENSION rtm_gate');
my @r = session($plain, 'SELECT rtm_gate_setup()', "SELECT mtime > 0 FROM rtm_send_group_message(51, 1, 1, 'hello')",
	'SELECT msg FROM rtm_get_group_message(1, 1, false, 10)', 'SHOW rtm_gate.rate_limit',
	"ALTER SYSTEM SET rtm_gate.no_such = 1", 'ALTER SYSTEM SET rtm_gate.rate_limit = 0', 'SELECT rtm_gate_stop()');
is(join(' ', map { $_->{state} } @r[ 0 .. 3, 5, 6 ]), join(' ', ('00000') x 6), 'without preload the gate is set up, used and stopped');
is($r[2]{out}, 'hello', '... and keeps messages');
is($r[3]{out}, '3', 'its settings are defined by its own library');
isnt($r[4]{state}, '00000', '... and no others');
@r = session($plain, 'LOAD $$rtm_gate$$', 'SHOW rtm_gate.history_days');
is($r[1]{out}, '7', '... which LOAD loads');
$plain->stop;

# ---- what the catalogue has, the gate carries out

my $node = new_node('library');
$node->safe_psql('postgres', "CREATE EXTENSION rtm; CREATE EXTENSION rtm_gate; SELECT 1");
$node->safe_psql('postgres', 'SELECT rtm_gate_setup()');
my $c = GateClient->connect(GateClient::options($node));
my %wire = map { $_ => 1 } slurp_file("$FindBin::RealBin/../../src/fpnn/catalog.c") =~ /\[RTM_\w+\] = \{"\w+", "(\w+)"/g;
my @methods = sort keys %wire;
cmp_ok(scalar(@methods), '>', 30, 'there are methods');
is_deeply([ grep { $c->call($_, {}) == 20004 } @methods ], [qw(acheck icheck profanity speech2text tcheck translate vcheck)],
	'none of the catalogue is unknown to the gate but what looks at contents');

# ---- it starts with the server, by the name of its library only

sub processes { my ($db) = @_; return $_[0]->safe_psql('postgres', q(SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'rtm gate')) }

$node->safe_psql('postgres', 'CREATE DATABASE without');
$node->safe_psql('without', 'CREATE EXTENSION rtm');
$node->safe_psql('postgres', 'CREATE DATABASE stopped');
$node->safe_psql('stopped', 'CREATE EXTENSION rtm; CREATE EXTENSION rtm_gate');
$node->safe_psql('stopped', $_) for 'SELECT rtm_gate_setup()', 'SELECT rtm_gate_stop()';
$node->restart;
wait_until('the gate', sub { $node->safe_psql('postgres', 'SELECT running FROM rtm_gate_status()') eq 't' });
wait_until('the senders', sub { $node->safe_psql('postgres', q(SELECT count(*) = 3 FROM pg_stat_activity WHERE backend_type = 'rtm sender')) eq 't' });
is(processes($node), 1, 'with the server the gate starts where it is enabled, nowhere else');

# a sender that starts anew finds a gate, and leaves it alone
my $worker = $node->safe_psql('postgres', 'SELECT worker FROM rtm_gate_status()');
my $offset = -s $node->logfile;
$node->safe_psql('postgres', q(SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'rtm sender' AND datname = 'postgres'));
wait_until('another sender', sub { $node->safe_psql('postgres', q(SELECT count(*) = 3 FROM pg_stat_activity WHERE backend_type = 'rtm sender')) eq 't' });
is($node->safe_psql('postgres', 'SELECT worker FROM rtm_gate_status()'), $worker, 'a gate that runs is left alone');
unlike(substr(slurp_file($node->logfile), $offset), qr/rtm gate/, '... without a word');
$node->stop;

# ---- a server that has everything but the gate's library

my $other = "$PostgreSQL::Test::Utils::tmp_check/other";
make_path($other . $_) for $bindir, $libdir, $sharedir =~ s{/[^/]+$}{}r;
opendir(my $dh, $bindir) or die;
for my $file (grep { !/^\./ } readdir $dh)
{
	copy("$bindir/$file", "$other$bindir/$file") or die;
	chmod 0755, "$other$bindir/$file";
}
opendir($dh, $libdir) or die;
symlink "$libdir/$_", "$other$libdir/$_" for grep { !/^\.|^rtm_gate\.so$/ } readdir $dh;
symlink $sharedir, "$other$sharedir" or die;

$offset = -s $node->logfile;
my $data = $node->data_dir;
my $log = $node->logfile;
system_or_bail("$other$bindir/pg_ctl", '-w', '-D', $data, '-l', $log, 'start');
$node->_update_pid(1);
wait_until('the senders', sub { $node->safe_psql('postgres', q(SELECT count(*) = 3 FROM pg_stat_activity WHERE backend_type = 'rtm sender')) eq 't' });
state_is(one($node, 'SELECT rtm_gate_start()'), '58P01', qr/rtm_gate/, 'without its library the gate does not start');
is(processes($node), 0, '... nor with the server');
unlike(substr(slurp_file($log), $offset), qr/FATAL|background worker "rtm gate|^(?!.*rtm_session).*could not access/m, '... which fills no log');
$node->stop;
done_testing();
