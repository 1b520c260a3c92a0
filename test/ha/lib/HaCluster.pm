# A cluster of three nodes under Patroni, with etcd, HAProxy and PgBouncer, on this machine.
#
#	my $cluster = HaCluster->start(dir => $dir, bindir => $bindir);
#	$cluster->kill_primary; ...
#
# Between the nodes, and between them and etcd, are lines that can be cut (Lines.pm).  Clients, HAProxy's
# checks and the gate don't go through them.  All processes are ended with the object's owner.
package HaCluster;

use strict;
use warnings;
use HTTP::Tiny;
use IO::Socket::INET;
use JSON::PP ();
use Lines;
use POSIX ();
use Time::HiRes qw(sleep time);

our @nodes = qw(n1 n2 n3);
my @running;
my $http = HTTP::Tiny->new(timeout => 5);

sub write_file { my ($path, $text) = @_; open(my $out, '>', $path) or die "$path: $!"; print $out $text; close $out; return }

# Ports that nobody has now.
sub free_ports
{
	my ($n) = @_;
	my @sockets = map { IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') or die "no port: $!" } 1 .. $n;
	return map { $_->sockport } @sockets;
}

sub start
{
	my ($class, %opt) = @_;
	my $self = bless { owner => $$, gone => {}, %opt }, $class;

	push @running, $self;
	mkdir $self->{dir};
	@{ $self->{port} }{ qw(etcd peer proxy pooler), map { my $node = $_; map { "$_ $node" } qw(pg rest etcd repl check) } @nodes } = free_ports(4 + 5 * @nodes);
	$self->{lines} = Lines->start(map { my $node = $_;
		("etcd $node" =~ s/ /-/r => [ $self->{port}{"etcd $node"}, $self->{port}{etcd} ],
		 "repl $node" =~ s/ /-/r => [ $self->{port}{"repl $node"}, $self->{port}{"pg $node"} ],
		 "rest $node" =~ s/ /-/r => [ $self->{port}{"check $node"}, $self->{port}{"rest $node"} ]) } @nodes);
	$self->start_etcd;
	$self->start_node($_) for @nodes;
	$self->start_proxies;
	$self->until('three nodes', 120, sub { $self->is_healthy });
	return $self;
}

# ---- processes

sub run
{
	my ($self, $name, @command) = @_;
	my $pid = fork // die "fork: $!";
	if ($pid == 0)
	{
		POSIX::setpgid(0, 0);
		open(STDIN, '<', '/dev/null');
		open(STDOUT, '>>', "$self->{dir}/$name.log");
		open(STDERR, '>&', \*STDOUT);
		exec @command or POSIX::_exit(127);
	}
	$self->{pid}{$name} = $pid;
	return;
}

sub end
{
	my ($self, $name, $signal) = @_;
	my $pid = delete $self->{pid}{$name} or return;
	kill $signal, $pid;
	for (1 .. 150)
	{
		return if waitpid($pid, POSIX::WNOHANG()) == $pid;
		sleep 0.1;
	}
	kill 'KILL', $pid;
	waitpid $pid, 0;
	return;
}

sub start_etcd
{
	my ($self) = @_;
	my ($client, $peer) = map { "http://127.0.0.1:$self->{port}{$_}" } qw(etcd peer);
	local $ENV{ETCD_UNSUPPORTED_ARCH} = 'arm64';
	$self->run('etcd', 'etcd', '--name', 'e', '--data-dir', "$self->{dir}/etcd", '--listen-client-urls', $client, '--advertise-client-urls', $client,
		'--listen-peer-urls', $peer, '--initial-advertise-peer-urls', $peer, '--initial-cluster', "e=$peer", '--unsafe-no-fsync');
	return;
}

sub start_node
{
	my ($self, $node) = @_;
	my ($dir, $port) = @$self{qw(dir port)};
	write_file("$dir/$node.yml", <<"YML") unless -e "$dir/$node.yml";
scope: rtm-ha
name: $node
restapi: {listen: 127.0.0.1:$port->{"rest $node"}, connect_address: 127.0.0.1:$port->{"check $node"}}
etcd3: {hosts: 127.0.0.1:$port->{"etcd $node"}, use_proxies: true}
bootstrap:
  dcs:
    {ttl: 20, loop_wait: 1, retry_timeout: 3, maximum_lag_on_failover: 104857600,
     primary_start_timeout: 0, synchronous_mode: false, synchronous_mode_strict: false,
     postgresql: {use_pg_rewind: true, use_slots: true, parameters: {
       shared_preload_libraries: rtm, max_worker_processes: 16, max_connections: 60, wal_log_hints: "on", fsync: "off",
       shared_buffers: 32MB, wal_keep_size: 256MB, rtm.retry_delay: 100ms, rtm.max_retry_delay: 1s}}}
  initdb: [{encoding: UTF8}, {locale: C.UTF-8}, data-checksums]
  pg_hba: [local all all trust, host all all 127.0.0.1/32 trust, host replication all 127.0.0.1/32 trust]
postgresql:
  listen: 127.0.0.1:$port->{"pg $node"}
  connect_address: 127.0.0.1:$port->{"repl $node"}
  data_dir: $dir/$node
  bin_dir: $self->{bindir}
  pgpass: $dir/pgpass-$node
  authentication: {superuser: {username: postgres, password: x}, replication: {username: repl, password: x}, rewind: {username: postgres, password: x}}
  parameters: {unix_socket_directories: $dir}
YML
	$self->run("patroni-$node", 'patroni', "$dir/$node.yml");
	return;
}

sub start_proxies
{
	my ($self) = @_;
	my ($dir, $port) = @$self{qw(dir port)};
	write_file("$dir/haproxy.cfg", <<"CFG" . join '', map { qq(    server $_ 127.0.0.1:$port->{"pg $_"} check port $port->{"rest $_"}\n) } @nodes);
defaults
    mode tcp
    timeout connect 2s
    timeout client 60s
    timeout server 60s
listen primary
    bind 127.0.0.1:$port->{proxy}
    option httpchk OPTIONS /primary
    http-check expect status 200
    default-server inter 500ms fall 2 rise 1 on-marked-down shutdown-sessions
CFG
	write_file("$dir/users.txt", qq("postgres" ""\n));
	write_file("$dir/pgbouncer.ini", <<"INI");
[databases]
postgres = user=postgres dbname=postgres host=127.0.0.1 port=$port->{proxy}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = $port->{pooler}
unix_socket_dir =
auth_type = any
auth_file = $dir/users.txt
pool_mode = transaction
default_pool_size = 2
server_reset_query = DISCARD ALL
INI
	$self->run('haproxy', -x '/usr/sbin/haproxy' ? '/usr/sbin/haproxy' : 'haproxy', '-db', '-f', "$dir/haproxy.cfg");
	$self->run('pgbouncer', -x '/usr/sbin/pgbouncer' ? '/usr/sbin/pgbouncer' : 'pgbouncer', "$dir/pgbouncer.ini");
	return;
}

# The processes of a node's server: its postmaster, and the children of that.
sub server_pids
{
	my ($self, $node) = @_;
	open(my $in, '<', "$self->{dir}/$node/postmaster.pid") or return;
	chomp(my $postmaster = <$in>);
	my @children;
	for my $stat (glob '/proc/[0-9]*/stat')
	{
		open(my $one, '<', $stat) or next;
		my ($pid, $parent) = (<$one> // '') =~ /^(\d+) \(.*\) \S (\d+)/ or next;
		push @children, $pid if $parent == $postmaster;
	}
	return ($postmaster, @children);
}

sub stop
{
	my ($self) = @_;
	return unless $self->{owner} == $$;
	my @servers = map { $self->server_pids($_) } @nodes;
	kill 'CONT', values %{ $self->{pid} } if $self->{pid};
	$self->end("patroni-$_", 'KILL') for @nodes;
	kill 'KILL', @servers if @servers;
	$self->end($_, 'KILL') for keys %{ $self->{pid} || {} };
	$self->{lines}->stop if $self->{lines};
	return;
}

END { my $status = $?; $_->stop for @running; $? = $status }

# ---- what it is like

sub until
{
	my ($self, $what, $seconds, $is) = @_;
	my $deadline = time + $seconds;
	while (time < $deadline)
	{
		my $found = eval { $is->() };
		return $found if $found;
		sleep 0.2;
	}
	die "waited in vain: $what\n";
}

sub ask
{
	my ($self, $method, $node, $path, $content) = @_;
	return $http->request($method, "http://127.0.0.1:$self->{port}{\"rest $node\"}/$path",
		$content ? { content => JSON::PP::encode_json($content), headers => { 'Content-Type' => 'application/json' } } : {});
}

# The one node that says it is the primary, or none.
sub primary
{
	my ($self) = @_;
	my @primaries = grep { $self->ask('GET', $_, 'primary')->{success} } @nodes;
	return @primaries == 1 ? $primaries[0] : undef;
}

# The members, as the primary's side sees them: name, role, state, timeline.
sub members
{
	my ($self) = @_;
	for my $node (@nodes)
	{
		my $answer = $self->ask('GET', $node, 'cluster');
		return @{ JSON::PP::decode_json($answer->{content})->{members} } if $answer->{success};
	}
	return;
}

# The standbys that the primary streams to.
sub streaming
{
	my ($self) = @_;
	my $primary = $self->primary or return;
	return split /\n/, $self->sql("SELECT application_name FROM pg_stat_replication WHERE state = 'streaming'", $primary) // '';
}

sub is_healthy
{
	my ($self) = @_;
	my @members = $self->members;
	my @streaming = $self->streaming;
	return @members == @nodes && @streaming == @nodes - 1 &&
	  !grep { $_->{state} !~ /^(running|streaming)$/ || ($_->{role} ne 'leader' && ($_->{lag} eq 'unknown' || $_->{lag} > 0)) } @members;
}

# Until all nodes are there again.  One that isn't after a while is made anew: after two failures one may
# wait for WAL that nobody has any more, which is Patroni's to solve.
sub heal
{
	my ($self) = @_;
	my $healed = eval { $self->until('three nodes', 45, sub { $self->is_healthy }) };
	return if $healed;
	my %streams = map { $_ => 1 } $self->streaming;
	for my $node (grep { !$streams{$_} && $_ ne ($self->primary // '') } @nodes)
	{
		print "# node $node follows nobody: made anew\n";
		$self->reinit($node);
	}
	$self->until('three nodes', 90, sub { $self->is_healthy });
	return;
}

# One statement on a node, or by HAProxy; undef: it failed.
sub sql
{
	my ($self, $sql, $node) = @_;
	my $port = $self->{port}{ $node ? "pg $node" : 'proxy' };
	open(my $out, '-|', "$self->{bindir}/psql", '-XAtq', '-v', 'ON_ERROR_STOP=1', "host=127.0.0.1 port=$port user=postgres dbname=postgres connect_timeout=3", '-c', $sql) or die "psql: $!";
	my @lines = <$out>;
	return close $out ? join('', @lines) =~ s/\n\z//r : undef;
}

# ---- what is done to it

sub cut { my ($self, @names) = @_; $self->{lines}->tell(map { "cut $_" } @names); return }
sub mend { my ($self, @names) = @_; $self->{lines}->tell(map { "mend $_" } @names); return }
sub lag { my ($self, $ms, @names) = @_; $self->{lines}->tell(map { "lag $_ $ms" } @names); return }

# All lines of a node.
sub lines_of { my ($node) = @_; return map { "$_-$node" } qw(etcd repl rest) }

sub kill_server
{
	my ($self, $node) = @_;
	my @pids = $self->server_pids($node);
	kill 'KILL', @pids if @pids;
	return;
}

sub switchover
{
	my ($self) = @_;
	my $primary = $self->primary or return;
	my ($candidate) = grep { $_ ne $primary } map { $_->{name} } sort { ($b->{role} eq 'sync_standby') <=> ($a->{role} eq 'sync_standby') } $self->members;
	$self->ask('POST', $primary, 'switchover', { leader => $primary, candidate => $candidate });
	return;
}

sub restart { my ($self, $node) = @_; $self->ask('POST', $node, 'restart', {}); return }
sub reinit { my ($self, $node) = @_; $self->ask('POST', $node, 'reinitialize', { force => JSON::PP::true }); return }

# Commits wait for a standby, and a primary without one takes none.
sub be_synchronous
{
	my ($self) = @_;
	$self->ask('PATCH', $self->primary, 'config', { synchronous_mode => JSON::PP::true, synchronous_mode_strict => JSON::PP::true });
	$self->until('a synchronous standby', 60, sub { scalar grep { $_->{role} eq 'sync_standby' } $self->members });
	return;
}

1;
