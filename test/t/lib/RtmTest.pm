# What the TAP tests share: a cluster with the library, sessions whose
# statements' SQLSTATEs can be looked at, servers for fake gates.
package RtmTest;

use strict;
use warnings;
use Exporter 'import';
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

our @EXPORT = qw(new_node session one state_is begin_session end_session
  wait_until server_for free_port same_maker flush_standby $pid $secret);

our $pid = 11000001;
our $secret = 'tap-secret-0123-4567-89ab-cdefdeadbeef';

# A running cluster with the library preloaded and both extensions' files.
sub new_node
{
	my ($name, %opt) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name, install_path => $opt{install_path});
	$node->init(%{ $opt{init} || {} });
	$node->append_conf('postgresql.conf', "shared_preload_libraries = 'rtm'\n");
	$node->append_conf('postgresql.conf', "log_min_error_statement = panic\n");
	# the local gate keeps everything, so that tests may count
	$node->append_conf('postgresql.conf', "rtm_gate.history_days = 0\nrtm_gate.history_messages = 0\n");
	# the whole suite with several: TEST_SENDERS=3 make test
	$node->append_conf('postgresql.conf', "rtm.senders = $ENV{TEST_SENDERS}\nmax_worker_processes = 40\n") if $ENV{TEST_SENDERS};
	$node->append_conf('postgresql.conf', $opt{conf}) if $opt{conf};
	$node->start;
	return $node;
}

# Statements in one session, an error stopping none of them.  Each gives
# {out, state, message}.
sub session
{
	my ($node, @statements) = @_;
	return end_session(begin_session($node, @statements));
}

# The same, started only: the test does something meanwhile.
sub begin_session
{
	my ($node, @statements) = @_;
	my %opt = ref $statements[0] ? %{ shift @statements } : ();
	my $script = "\\set VERBOSITY verbose\n" . join '', map { "$_;\n\\echo --- :SQLSTATE\n" } @statements;
	# a fake gate that is started meanwhile inherits the pipe: no end of file then
	$script .= "\\q\n";
	my $s = { in => $script, out => '', err => '', count => scalar @statements };
	local $ENV{PGAPPNAME} = $opt{name} || 'rtm_session';
	$s->{run} = IPC::Run::start(
		[ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=0', '-d', $node->connstr($opt{db} || 'postgres'),
			$opt{user} ? ('-U', $opt{user}) : () ],
		\$s->{in}, \$s->{out}, \$s->{err},
		IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	$s->{run}->pump while length $s->{in};
	return $s;
}

sub end_session
{
	my ($s) = @_;
	my @results;
	IPC::Run::finish($s->{run});
	my @errors = split /^(?=ERROR:|FATAL:)/m, $s->{err};
	my @lines;
	for my $line (split /\n/, $s->{out})
	{
		if ($line =~ /^--- ([0-9A-Z]{5})$/)
		{
			push @results, { out => join("\n", @lines), state => $1, message => '' };
			@lines = ();
		}
		else { push @lines, $line }
	}
	for my $result (grep { $_->{state} ne '00000' } @results)
	{
		shift @errors while @errors && $errors[0] !~ /^(?:ERROR|FATAL):  $result->{state}:/;
		$result->{message} = shift(@errors) || '';
	}
	# what wasn't reached, as the session had ended
	my ($last) = $s->{err} =~ /FATAL:  ([0-9A-Z]{5}):/;
	push @results, { out => '', state => $last || 'XXXXX', message => $s->{err} } while @results < $s->{count};
	return wantarray ? @results : $results[-1];
}

# One statement in a session of its own.
sub one { my @results = session(@_); return $results[-1] }

# One statement ends with that SQLSTATE, and says what it should.
sub state_is
{
	my ($result, $state, $like, $name) = @_;
	is($result->{state}, $state, $name) or diag($result->{message});
	like($result->{message}, $like, "$name: message") if $like;
}

sub wait_until
{
	my ($what, $condition) = @_;
	my $deadline = time + $PostgreSQL::Test::Utils::timeout_default;
	while (time < $deadline)
	{
		return 1 if $condition->();
		sleep 0.01;
	}
	die "waited in vain: $what\n";
}

# A SERVER for an endpoint, with a mapping for PUBLIC.
sub server_for
{
	my ($node, $name, $endpoint, %opt) = @_;
	my $db = delete $opt{db} || 'postgres';
	my $options = join '', map { ", $_ '$opt{$_}'" } sort keys %opt;
	$node->safe_psql($db, qq(
		CREATE SERVER $name FOREIGN DATA WRAPPER rtm OPTIONS (endpoint '$endpoint', pid '$pid'$options);
		CREATE USER MAPPING FOR PUBLIC SERVER $name OPTIONS (secret '$secret');
		GRANT USAGE ON FOREIGN SERVER $name TO PUBLIC;));
}

# A synchronous standby that confirms what is on its disk, and applies nothing: a commit
# with synchronous_commit = remote_apply waits for it until it is cancelled, no other one
# does.  Ends with the cluster.
sub flush_standby
{
	my ($node, $name) = @_;
	my $dir = PostgreSQL::Test::Utils::tempdir();
	my $run = IPC::Run::start([ 'pg_receivewal', '--synchronous', '--no-loop', '-D', $dir, '-d', $node->connstr('postgres') . " application_name=$name" ],
		'>', \my $out, '2>', \my $err);
	$node->safe_psql('postgres', "ALTER SYSTEM SET synchronous_standby_names = '$name'");
	$node->reload;
	wait_until("the standby $name", sub { $node->safe_psql('postgres',
		"SELECT count(*) FROM pg_stat_replication WHERE application_name = '$name' AND sync_state = 'sync' AND flush_lsn IS NOT NULL") });
	$node->safe_psql('postgres', 'CHECKPOINT');		# it is the checkpointer who tells the others
	return $run;
}

# Were the two mids made by the same server?  See src/fpnn/mid_layout.c; the factor is its,
# modulo 2^22.
sub same_maker
{
	my ($a, $b) = map { ($_ - ($_ >> 22) % (1 << 22) * 3635633) % (1 << 22) } @_;
	my $d = ($a - $b) % (1 << 22);
	return $d < 64 || $d > (1 << 22) - 64;
}

sub free_port { return PostgreSQL::Test::Cluster::get_free_port() }

1;
