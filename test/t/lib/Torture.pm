# Sessions that enqueue, processes that are killed meanwhile, and afterwards the
# comparison of what was committed with what the local gate has.
#
# What was committed is in the table truth: whoever enqueues a message writes it
# there in the same transaction, with its number in its conversation.  Numbers are
# handed out under a lock of the conversation that is held until the commit, so
# their order is the order of commits: among the urgent ones of a conversation, and
# among the others.
package Torture;

use strict;
use warnings;
use Dangers;
use IPC::Run;
use List::Util qw(shuffle sum0);
use POSIX ();
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;
use Time::HiRes qw(sleep time);

our $setup = q(
	CREATE EXTENSION rtm;
	CREATE EXTENSION rtm_gate;
	SELECT rtm_gate_setup();
	SELECT rtm_gate_setup(server => 'rtm2', pid => 11000002);

	-- half of the sessions enqueue as another role
	CREATE ROLE torture SUPERUSER;
	DO $$
	DECLARE m record;
	BEGIN
		FOR m IN SELECT srvname, umoptions FROM pg_user_mappings LOOP
			EXECUTE format('CREATE USER MAPPING FOR torture SERVER %I OPTIONS (secret %L)',
				m.srvname, (SELECT option_value FROM pg_options_to_table(m.umoptions)));
		END LOOP;
	END $$;

	-- type, a and b as in rtm_gate.message; pairs that begin with 1000 can be
	-- written to together
	CREATE TABLE conversation (
		id int PRIMARY KEY,
		type smallint NOT NULL,
		a bigint NOT NULL,
		b bigint NOT NULL,
		server text NOT NULL,
		last bigint NOT NULL DEFAULT 0,
		UNIQUE (type, a, b)
	) WITH (fillfactor = 10);
	INSERT INTO conversation SELECT i, 1, 1000, 2000 + i, 'rtm' FROM generate_series(1, 12) i;
	INSERT INTO conversation SELECT i, 1, 3000 + i, 4000 + i, 'rtm2' FROM generate_series(13, 22) i;
	INSERT INTO conversation SELECT i, 2, i, 0, CASE i % 2 WHEN 0 THEN 'rtm' ELSE 'rtm2' END
		FROM generate_series(23, 38) i;
	INSERT INTO conversation SELECT i, 3, i, 0, CASE i % 2 WHEN 0 THEN 'rtm' ELSE 'rtm2' END
		FROM generate_series(39, 47) i;
	INSERT INTO conversation VALUES (48, 4, 0, 0, 'rtm');

	CREATE TABLE truth (
		conversation int NOT NULL,
		number bigint NOT NULL,
		msg text NOT NULL,
		urgent boolean NOT NULL,
		xact xid8 NOT NULL DEFAULT pg_current_xact_id(),
		prepared boolean NOT NULL DEFAULT current_setting('torture.prepares', true) IS NOT DISTINCT FROM 'on',
		PRIMARY KEY (conversation, number)
	);

	CREATE FUNCTION take(convs int[]) RETURNS void LANGUAGE sql AS $$
		SELECT 1 FROM (SELECT FROM conversation WHERE id = ANY (convs) ORDER BY id FOR UPDATE) AS c;
	$$;

	-- n messages, to each of the conversations in turn
	CREATE FUNCTION enqueue(convs int[], n int) RETURNS void LANGUAGE plpgsql AS $$
	DECLARE
		rows conversation[];
		numbers bigint[];
		c conversation;
		k int;
		m text;
		now boolean;
	BEGIN
		FOR c IN SELECT * FROM conversation WHERE id = ANY (convs) ORDER BY id FOR UPDATE LOOP
			rows := rows || c;
			numbers := numbers || c.last;
		END LOOP;
		FOR i IN 1..n LOOP
			k := 1 + i % cardinality(rows);
			c := rows[k];
			numbers[k] := numbers[k] + 1;
			m := gen_random_uuid() || repeat('.', (random() * 100)::int);
			now := random() < 0.2;
			INSERT INTO truth (conversation, number, msg, urgent) VALUES (c.id, numbers[k], m, now);
			CASE c.type
				WHEN 1 THEN
					IF random() < 0.5 THEN
						PERFORM rtm_send_message_async(51, c.a, c.b, m, server => c.server, urgent => now);
					ELSE
						PERFORM rtm_send_message_async(51, c.b, c.a, m, server => c.server, urgent => now);
					END IF;
				WHEN 2 THEN PERFORM rtm_send_group_message_async(51, 1001, c.a, m, server => c.server, urgent => now);
				WHEN 3 THEN PERFORM rtm_send_room_message_async(51, 1001, c.a, m, server => c.server, urgent => now);
				WHEN 4 THEN PERFORM rtm_broadcast_message_async(51, 1001, m, server => c.server, urgent => now);
			END CASE;
		END LOOP;
		FOR k IN 1..cardinality(rows) LOOP
			UPDATE conversation SET last = numbers[k] WHERE id = rows[k].id;
		END LOOP;
	END $$;

	-- n messages, each to the recipients of all the conversations
	CREATE FUNCTION enqueue_several(convs int[], n int) RETURNS void LANGUAGE plpgsql AS $$
	DECLARE
		to_uids bigint[];
		m text;
		now boolean;
	BEGIN
		PERFORM take(convs);
		SELECT array_agg(b) INTO to_uids FROM conversation WHERE id = ANY (convs);
		FOR i IN 1..n LOOP
			m := gen_random_uuid();
			now := random() < 0.2;
			INSERT INTO truth (conversation, number, msg, urgent) SELECT id, last + i, m, now FROM conversation WHERE id = ANY (convs);
			PERFORM rtm_send_messages_async(51, 1000, to_uids, m, urgent => now);
		END LOOP;
		UPDATE conversation SET last = last + n WHERE id = ANY (convs);
	END $$;

	-- A block that catches an error loses what it enqueued.
	CREATE FUNCTION enqueue_and_fail(convs int[], n int) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		PERFORM enqueue(convs, n);
		RAISE EXCEPTION 'torture';
	EXCEPTION WHEN raise_exception THEN NULL;
	END $$;
);

# What the comparison finds; each is a query that gives a number, 0 when all is well.
my $got = q(
	WITH got AS (
		SELECT g.id, c.id AS conversation, convert_from(g.msg, 'UTF8') AS msg
		FROM rtm_gate.message g LEFT JOIN conversation c USING (type, a, b)
		-- others than those of dangers, which are compared there
		WHERE g.msg NOT LIKE 'other %'::bytea AND g.msg NOT LIKE 'heard %'::bytea
	)
);
our %checks = (
	lost => $got . q(SELECT count(*) FROM truth t
		WHERE NOT EXISTS (SELECT FROM got g WHERE g.conversation = t.conversation AND g.msg = t.msg)),
	duplicated => $got . q(SELECT coalesce(sum(n - 1), 0) FROM
		(SELECT count(*) AS n FROM got GROUP BY conversation, msg HAVING count(*) > 1) AS d),
	'not committed' => $got . q(SELECT count(*) FROM got g
		WHERE NOT EXISTS (SELECT FROM truth t WHERE g.conversation = t.conversation AND g.msg = t.msg)),
	'out of order' => $got . q(SELECT count(*) FROM (
		SELECT t.number < max(t.number) OVER (PARTITION BY t.conversation, t.urgent ORDER BY g.id
			ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS late
		FROM got g JOIN truth t USING (conversation, msg)) AS o WHERE late),
	failed => q(SELECT count(*) FROM rtm_result WHERE status = 'failed'),
);
our @checks = ('lost', 'duplicated', 'not committed', 'out of order', 'failed');

# With those of the dangers
sub checks
{
	my ($self) = @_;
	return (@checks, map { sort keys %{ $_->{checks} || {} } } $self->dangers);
}

# What a session may see of a kill.
my $expected_error = qr/terminating connection|server closed the connection|connection to server|database system is|could not (?:receive|send)|server process exited|deadlock detected|no connection to the server|connection not open/;

# Options: node, messages, kills, sessions, seed, seconds; only: kinds of kills, none for all;
# dangers: their names, see Dangers.pm; env: environment of the server.
sub new
{
	my ($class, %opt) = @_;
	my $self = bless { env => {}, dangers => [], %opt, killed => {}, errors => [], danger_note => {} }, $class;
	$self->{dir} = PostgreSQL::Test::Utils::tempdir();
	$self->{connstr} = $self->{node}->connstr('postgres');
	return $self;
}

# psql, which may end before it has read all of its script: from a file.
sub psql
{
	my ($self, $script, $stop, $out, $err) = @_;
	my $file = "$self->{dir}/script.$$";
	unlink $file;
	append($file, $script);
	$$out = $$err = '';
	return IPC::Run::run([ 'psql', '-XAtq', '-v', "ON_ERROR_STOP=$stop", '-d', $self->{connstr} ],
		'<', $file, '>', $out, '2>', $err);
}

# What statements give, or undef when that didn't work.
sub sql
{
	my ($self, $sql) = @_;
	my ($out, $err);
	my $ok = $self->psql($sql, 1, \$out, \$err);
	$self->{last_error} = $err;
	return undef unless $ok;
	chomp $out;
	return $out;
}

# ---- sessions ----

# One transaction as psql gets it.  Markers tell what was done.
my %transactions = (
	commit => sub { my ($s) = @_; my $c = convs(); return "BEGIN;\n$c->{take}\n" . enqueue($c) . (rand() < 0.5 ? enqueue($c) : '') . "COMMIT;\n" },
	single => sub { return "SELECT enqueue('{" . (1 + int rand 48) . "}', 1);\n" },
	several => sub {
		my @c = (shuffle 1 .. 12)[ 0 .. 1 + int rand 3 ];
		local $" = ',';
		return "SELECT enqueue_several('{@c}', " . (1 + int rand 5) . ");\n";
	},
	rollback => sub { my ($s) = @_; my $c = convs(); return "BEGIN;\n$c->{take}\n" . enqueue($c) . "ROLLBACK;\n\\echo rollback\n" },
	savepoint => sub {
		my ($s) = @_;
		my $c = convs();
		return "BEGIN;\n$c->{take}\n" . enqueue($c) . "SAVEPOINT a;\n" . enqueue($c) . "SAVEPOINT b;\n" . enqueue($c) .
		  (rand() < 0.5 ? "RELEASE b;\n" : "ROLLBACK TO b;\n" . enqueue($c)) .
		  (rand() < 0.7 ? "ROLLBACK TO a;\n" : "RELEASE a;\n") . enqueue($c) . "COMMIT;\n\\echo savepoint\n";
	},
	block => sub {
		my ($s) = @_;
		my $c = convs();
		return "BEGIN;\n$c->{take}\n" . enqueue($c) . "SELECT enqueue_and_fail('$c->{array}', 5);\n" . enqueue($c) . "COMMIT;\n\\echo savepoint\n";
	},
	slow => sub {
		my ($s) = @_;
		my $c = convs();
		return "BEGIN;\n$c->{take}\n" . enqueue($c) . nap(0.4) . enqueue($c) . nap(0.1) . "COMMIT;\n\\echo slow\n";
	},
	prepare => sub {
		my ($s) = @_;
		my $c = convs();
		my $gid = "$s->{name}." . ++$s->{gids};
		my $end = rand() < 0.7 ? 'COMMIT' : 'ROLLBACK';
		return "BEGIN;\nSET LOCAL torture.prepares = on;\n$c->{take}\n" . enqueue($c) . "PREPARE TRANSACTION '$gid';\n" .
		  (rand() < 0.5 ? nap(0.2) : '') . "$end PREPARED '$gid';\n\\echo prepared_$end\n";
	},
	big => sub {
		my ($s) = @_;
		my $c = convs();
		return "SELECT enqueue('$c->{array}', " . (100 + int rand $s->{big}) . ");\n\\echo big\n";
	},
);

my @mix = (('commit') x 55, ('single') x 8, ('several') x 8, ('rollback') x 9, ('savepoint') x 10,
	('block') x 4, ('slow') x 4, ('prepare') x 6);

sub convs
{
	my @c = (shuffle 1 .. 48)[ 0 .. int rand 3 ];
	local $" = ',';
	return { array => "{@c}", take => "SELECT take('{@c}');" };
}

sub enqueue { my ($c) = @_; return "SELECT enqueue('$c->{array}', " . (1 + int rand 30) . ");\n" }
sub nap { my ($most) = @_; return sprintf "SELECT pg_sleep(%.3f);\n", rand $most }

# Prepared transactions that were left when the session before broke.
sub resolve
{
	my ($name) = @_;
	return qq(SELECT format('%s PREPARED %L', CASE WHEN hashtext(gid) % 2 = 0 THEN 'COMMIT' ELSE 'ROLLBACK' END, gid)
		FROM pg_prepared_xacts WHERE gid LIKE '$name.%' \\gexec\n);
}

# How many kills there were; sessions know it by the size of a file.
sub nkilled { my ($self) = @_; return -s "$self->{dir}/kills" || 0 }

# A process: sessions, one after the other, until there are enough messages.
sub session_loop
{
	my ($self, $i) = @_;
	my $parent = getppid();
	my $s = { name => "s$i", gids => 0, big => $self->{messages} > 50000 ? 3000 : 600 };
	my %count = (sessions => 0, broken => 0);
	my $done = 0;
	srand($self->{seed} + 1000 * $i);
	until ($done || -e "$self->{dir}/stop" || getppid() != $parent)
	{
		my $script = resolve($s->{name});
		my ($out, $err) = ('', '');
		$script .= "SET ROLE torture;\n" if rand() < 0.5;
		for (1 .. 12)
		{
			my $kind = rand() < 0.004 ? 'big' : $mix[ rand @mix ];
			$script .= $transactions{$kind}->($s);
		}
		$script .= "SELECT 'total', sum(last) FROM conversation;\n";
		$self->psql($script, 0, \$out, \$err);
		$count{$_}++ for $out =~ /^([a-z]\w*)$/mgi;
		my @errors = grep { /ERROR|FATAL|PANIC|psql:/ && !/$expected_error/ } split /\n/, $err;
		append("$self->{dir}/errors", map { "$_\n" } @errors) if @errors;
		if ($? && $out eq '')
		{
			sleep 0.05;			# the server isn't there
			next;
		}
		$count{sessions}++;
		$count{broken}++ if $?;
		next unless $out =~ /^total\|(\d+)/m;
		my $total = $1;
		$done = $total >= $self->{messages} && $self->nkilled >= $self->{kills};

		# slower when that is further than the kills are meant to be
		my $pause = time + 0.5;
		sleep 0.02
		  while !$done && time < $pause && !-e "$self->{dir}/stop" &&
		  $total > $self->{messages} * (1 + $self->nkilled) / (1 + $self->{kills});
	}
	append("$self->{dir}/counts.$i", map { "$_ $count{$_}\n" } sort keys %count);
}

sub append
{
	my ($file, @text) = @_;
	open(my $out, '>>', $file) or die "$file: $!";
	print $out @text;
	close $out;
}

sub start_sessions
{
	my ($self) = @_;
	for my $i (1 .. $self->{sessions})
	{
		my $child = fork;
		die "fork: $!" unless defined $child;
		if ($child == 0)
		{
			eval { $self->session_loop($i); 1 } or append("$self->{dir}/errors", "session $i: $@");
			POSIX::_exit(0);
		}
		push @{ $self->{children} }, $child;
	}
}

# ---- dangers ----

sub dangers { my ($self) = @_; return map { $Dangers::all{$_} } @{ $self->{dangers} } }

sub each_danger
{
	my ($self, $part) = @_;
	$_->{$part}->($self) for grep { $_->{$part} } $self->dangers;
}

sub start_dangers
{
	my ($self) = @_;
	my $parent = $$;
	$self->each_danger('begin');
	for my $danger (grep { $_->{loop} } $self->dangers)
	{
		my $child = fork;
		die "fork: $!" unless defined $child;
		if ($child == 0)
		{
			srand($self->{seed});
			until (-e "$self->{dir}/stop" || getppid() != $parent)
			{
				eval { $danger->{loop}->($self); 1 } or sleep 0.2;		# the server isn't there
			}
			POSIX::_exit(0);
		}
		push @{ $self->{children} }, $child;
	}
}

# Until no request of these waits.
sub wait_empty
{
	my ($self, $where, $what) = @_;
	my $empty = sub { ($self->sql("SELECT count(*) FROM rtm_internal.rtm_request WHERE $where") // '') eq '0' };
	return if eval { wait_until($what, $empty); 1 };
	$self->tell_stuck($where);
	die "waited too long: $what\n";
}

sub end_sessions
{
	my ($self) = @_;
	append("$self->{dir}/stop", "stop\n");
	waitpid($_, 0) for @{ delete $self->{children} || [] };
}

# ---- kills ----

sub worker_pid
{
	my ($self, $type) = @_;
	my $found;
	wait_until("a process of type $type",
		sub { $found = $self->sql("SELECT min(pid) FROM pg_stat_activity WHERE backend_type = '$type'") });
	return $found;
}

sub terminate
{
	my ($self, $type) = @_;
	my $worker = $self->worker_pid($type);
	$self->sql("SELECT pg_terminate_backend($worker)");
}

sub wait_for_server
{
	my ($self) = @_;
	wait_until('the server', sub { defined $self->sql('SELECT 1') });
}

# After kill -9 the processes that are left hold the shared memory for a moment.
sub start_server
{
	my ($self) = @_;
	my $node = $self->{node};
	local %ENV = ($node->_get_env(PGAPPNAME => undef), %{ $self->{env} });
	my @command = ('pg_ctl', '-w', '-D', $node->data_dir, '-l', $node->logfile,
		'-o', '--cluster-name=' . $node->name, 'start');
	wait_until('the start of the server',
		sub { my $out; IPC::Run::run(\@command, '>', \$out, '2>', \$out); return $? == 0 || defined $self->sql('SELECT 1') });
	$node->_update_pid(1);
}

sub gate_runs { my ($self) = @_; my $r = $self->sql('SELECT running FROM rtm_gate_status()'); return defined $r && $r eq 't' }

sub start_gate
{
	my ($self) = @_;
	wait_until('the gate', sub { $self->sql('SELECT rtm_gate_start()'); return $self->gate_runs });
}

my %kills = (
	'sender -9' => sub { my ($self) = @_; kill 9, $self->worker_pid('rtm sender') },
	'sender terminated' => sub { my ($self) = @_; $self->terminate('rtm sender') },
	'launcher terminated' => sub { my ($self) = @_; $self->terminate('rtm launcher') },
	'gate -9' => sub { my ($self) = @_; kill 9, $self->worker_pid('rtm gate') },
	'gate terminated' => sub {
		my ($self) = @_;
		my $gate = $self->worker_pid('rtm gate');
		$self->sql("SELECT pg_terminate_backend($gate, 60000)");
		sleep rand 0.3;
		$self->start_gate;
	},
	'gate stopped' => sub {
		my ($self) = @_;
		wait_until('the end of the gate', sub {
			my $r = $self->sql('SELECT rtm_gate_stop()');
			return defined $r && $r eq 'f';
		});
		sleep rand 0.5;
		$self->start_gate;
	},
	'postmaster -9' => sub {
		my ($self) = @_;
		$self->{node}->kill9;
		$self->start_server;
	},
	'server stopped immediately' => sub {
		my ($self) = @_;
		$self->{node}->stop('immediate');
		$self->start_server;
	},
	'server restarted fast' => sub {
		my ($self) = @_;
		$self->{node}->stop('fast');
		$self->start_server;
	},
	'session -9' => sub { my ($self) = @_; my $p = $self->a_session; kill 9, $p if $p },
	'session terminated' => sub { my ($self) = @_; my $p = $self->a_session; $self->sql("SELECT pg_terminate_backend($p)") if $p },
);

# The first of them often; the short form gets round to every kind once.
my @kinds = ('sender -9', 'server stopped immediately', 'gate stopped', 'postmaster -9', 'gate terminated',
	'sender terminated', 'session -9', 'gate -9', 'server restarted fast', 'session terminated', 'launcher terminated');
my @often = (('sender -9') x 6, ('server stopped immediately') x 4, ('postmaster -9') x 3, ('gate stopped') x 3,
	('gate terminated') x 3, ('sender terminated') x 2, @kinds);

sub a_session
{
	my ($self) = @_;
	my $found;
	wait_until('a session', sub {
		$found = $self->sql(q(SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'
			AND pid <> pg_backend_pid() AND xact_start IS NOT NULL ORDER BY random() LIMIT 1)) });
	return $found;
}

sub total { my ($self) = @_; return $self->sql('SELECT sum(last) FROM conversation') || 0 }

sub out_of_time { my ($self) = @_; return time > $self->{until} }

# Kill one after the other, while the sessions go on.
sub kill_all
{
	my ($self) = @_;
	my @plan = (shuffle(@kinds), map { $often[ rand @often ] } 1 .. $self->{kills});
	@plan = map { $self->{only}[ rand @{ $self->{only} } ] } @plan if @{ $self->{only} };
	for my $n (1 .. $self->{kills})
	{
		my $kind = shift @plan;
		my $enough = $self->{messages} * ($n - 0.5 - rand 0.4) / (1 + $self->{kills});
		sleep 0.05 while !$self->out_of_time && $self->total < $enough;
		last if $self->out_of_time;
		sleep rand 0.3;
		$kills{$kind}->($self);
		$self->{killed}{$kind}++;
		$self->wait_for_server;
		append("$self->{dir}/kills", '.');
	}
}

# ---- the whole ----

sub run
{
	my ($self) = @_;
	$self->{until} = time + $self->{seconds};
	$self->{begun} = time;
	srand($self->{seed});
	$self->start_dangers;
	$self->start_sessions;
	eval {
		$self->kill_all;
		sleep 0.1 while !$self->out_of_time && $self->total < $self->{messages};
		1;
	} or push @{ $self->{errors} }, "kills: $@";
	$self->end_sessions;
	$self->wait_for_server;
	push @{ $self->{errors} }, split /\n/, slurp_file("$self->{dir}/errors") if -e "$self->{dir}/errors";
	wait_until('no prepared transaction', sub {
		$self->sql(resolve('s%'));
		return ($self->sql('SELECT count(*) FROM pg_prepared_xacts') // 'x') eq '0';
	});
	$self->each_danger('end');
	$self->{enqueued} = time;
}

# Wait until the outbox is empty; false when nothing moved for long.
sub drain
{
	my ($self) = @_;
	my $patience = $PostgreSQL::Test::Utils::timeout_default;
	my ($last, $moved) = ('', time);
	while (1)
	{
		my $left = $self->sql('SELECT count(*) FROM rtm_outbox') // 'no answer';
		if ($left eq '0')
		{
			$self->{drained} = time;
			$self->each_danger($_) for 'settle', 'collect';
			return 1;
		}
		($last, $moved) = ($left, time) if $left ne $last;
		last if time > $moved + $patience;
		sleep 0.1;
	}
	$self->tell_stuck('true');
	return 0;
}

sub tell_stuck
{
	my ($self, $where) = @_;
	diag('the outbox is stuck:');
	diag($self->sql($_) // $self->{last_error})
	  for "SELECT count(*), min(seq) FROM rtm_internal.rtm_request WHERE $where",
	  "SELECT r.seq, r.id, r.server, r.owner, r.call, r.key_a, r.key_b, r.attempts, r.next_attempt, r.error FROM rtm_internal.rtm_request r WHERE $where ORDER BY seq LIMIT 20",
	  'SELECT * FROM rtm_stat_worker', 'SELECT * FROM rtm_stat_server', 'SELECT * FROM rtm_gate_status()';
}

# What a check counts, after a change that is taken back.
sub check_after
{
	my ($self, $check, $change) = @_;
	my %query = (%checks, map { %{ $_->{checks} || {} } } $self->dangers);
	return $self->sql("BEGIN;\n" . ($change || '') . ";\n$query{$check};\nROLLBACK;\n");
}

# Examples of what is amiss, for people.
sub tell
{
	my ($self, $check) = @_;
	my %examples = (
		lost => $got . q(SELECT * FROM truth t
			WHERE NOT EXISTS (SELECT FROM got g WHERE g.conversation = t.conversation AND g.msg = t.msg) LIMIT 20),
		'not committed' => $got . q(SELECT * FROM got g
			WHERE NOT EXISTS (SELECT FROM truth t WHERE g.conversation = t.conversation AND g.msg = t.msg) LIMIT 20),
		'out of order' => $got . q(SELECT * FROM (
			SELECT g.id, t.conversation, t.number, t.xact, t.prepared,
				lag(t.number) OVER w AS number_before, lag(t.xact) OVER w AS xact_before, lag(t.prepared) OVER w AS prepared_before
			FROM got g JOIN truth t USING (conversation, msg)
			WINDOW w AS (PARTITION BY t.conversation, t.urgent ORDER BY g.id)) AS o
			WHERE number <> number_before + 1 ORDER BY conversation, id LIMIT 40),
		failed => q(SELECT id, call, mid, attempts, error, params FROM rtm_result WHERE status = 'failed' LIMIT 20),
	);
	diag("$check, examples:\n" . ($self->sql($examples{$check}) // $self->{last_error})) if $examples{$check};
}

sub counts
{
	my ($self) = @_;
	my %count;
	for my $i (1 .. $self->{sessions})
	{
		next unless -e "$self->{dir}/counts.$i";
		my %c = split /\s+/, slurp_file("$self->{dir}/counts.$i");
		$count{$_} += $c{$_} for keys %c;
	}
	return \%count;
}

sub report
{
	my ($self, %found) = @_;
	my $c = $self->counts;
	my ($messages, $transactions, $prepared) = split /\|/,
	  $self->sql('SELECT count(*), count(DISTINCT xact), count(DISTINCT xact) FILTER (WHERE prepared) FROM truth');
	my $killed = sum0(values %{ $self->{killed} });
	note(sprintf 'enqueued in %.0f s, drained %.0f s later, by %d sessions, %d of them broken by kills',
		$self->{enqueued} - $self->{begun}, ($self->{drained} || time) - $self->{enqueued}, $c->{sessions}, $c->{broken});
	note(sprintf '%d messages in %d transactions, %d of them two-phase; rolled back: %d whole, %d two-phase, %d to savepoints; %d slow, %d big',
		$messages, $transactions, $prepared, map { $_ || 0 } $c->{rollback}, $c->{prepared_ROLLBACK}, $c->{savepoint}, $c->{slow}, $c->{big});
	note("$killed kills: " . join ', ', map { "$self->{killed}{$_} $_" } sort keys %{ $self->{killed} });
	note('dangers: ' . (join(', ', map { $self->{danger_note}{$_} || $_ } @{ $self->{dangers} }) || 'none'));
	note(join ', ', map { "$found{$_} $_" } $self->checks);
	return ($messages, $killed);
}

1;
