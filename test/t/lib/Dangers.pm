# What else befalls the outbox while Torture.pm kills processes.  Each danger is
#
#	conf	lines of postgresql.conf
#	env		environment of the server; undef: the danger can't be had here
#	setup	SQL, when the extensions are there
#	begin	before the sessions start
#	loop	done again and again meanwhile, in a process of its own
#	end		when nobody enqueues any more: what stood in the way is taken away
#	settle	when the outbox is empty: wait for what may still break the server
#	collect	after that: what is looked at afterwards
#	checks	by name, a query that gives a number, 0 when all is well
#
# all called with the torture.  Messages in the table truth are compared by Torture.
package Dangers;

use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use RtmTest;
use Time::HiRes qw(sleep);

my $faketime = '/usr/lib/' . (`uname -m` =~ /^(\S+)/ ? $1 : '') . '-linux-gnu/faketime/libfaketime.so.1';

our %all = (

	# A second cluster that sends to the same groups, pairs and rooms: with mids of its own.
	cluster => {
		begin => sub {
			my ($self) = @_;
			my ($endpoint, $key) = split /\|/, $self->sql(q(SELECT split_part(array_to_string(srvoptions, ' '), 'endpoint=', 2),
				(SELECT option_value FROM pg_options_to_table(m.umoptions) WHERE option_name = 'secret')
				FROM pg_foreign_server s JOIN pg_user_mappings m ON m.srvid = s.oid WHERE s.srvname = 'rtm' LIMIT 1));
			my $other = $self->{other} = new_node('other', conf => "log_statement = none\nrtm.retry_delay = 50ms\nrtm.max_retry_delay = 500ms\n");
			$other->safe_psql('postgres', qq(CREATE EXTENSION rtm;
				CREATE SERVER rtm FOREIGN DATA WRAPPER rtm OPTIONS (endpoint '@{[ (split / /, $endpoint)[0] ]}', pid '11000001');
				CREATE USER MAPPING FOR PUBLIC SERVER rtm OPTIONS (secret '$key');
				CREATE TABLE sent (msg text)));
		},
		loop => sub {
			my ($self) = @_;
			$self->{other}->psql('postgres', q(
				WITH made AS (INSERT INTO sent SELECT 'other ' || gen_random_uuid() FROM generate_series(1, 40) RETURNING msg)
				SELECT count(rtm_send_group_message_async(51, 1001, 24 + 2 * (random() * 7)::int, msg)) FROM made));
			sleep 0.1;
		},
		collect => sub {
			my ($self) = @_;
			my $other = $self->{other};
			wait_until('the outbox of the other cluster', sub { $other->safe_psql('postgres', 'SELECT count(*) FROM rtm_outbox') eq '0' });
			my $sent = $other->safe_psql('postgres', 'SELECT count(*) FROM sent');
			my $failed = $other->safe_psql('postgres', 'SELECT count(*) FROM rtm_result');
			my $all = $other->safe_psql('postgres', 'SELECT msg FROM sent');
			$self->{node}->safe_psql('postgres', "CREATE TABLE theirs (msg text); COPY theirs FROM STDIN;\n$all\n\\.\n" . "CREATE TABLE theirs_failed AS SELECT $failed AS n");
			$self->{danger_note}{cluster} = "$sent messages of another cluster";
			$other->stop;
		},
		checks => {
			"another cluster's, lost" => q(SELECT count(*) FROM theirs
				WHERE convert_to(msg, 'UTF8') NOT IN (SELECT msg FROM rtm_gate.message WHERE msg LIKE 'other %'::bytea)),
			"another cluster's, duplicated" => q(SELECT count(*) - count(DISTINCT msg) FROM rtm_gate.message WHERE msg LIKE 'other %'::bytea),
			"another cluster's, failed" => q(SELECT n FROM theirs_failed),
		},
	},

	# A message on which the gate closes the connection: the others of its server go on.
	poison => {
		setup => q(INSERT INTO conversation VALUES (1001, 2, 666, 0, 'rtm');
			SELECT rtm_gate_fault('close', type => 2, xid => 666)),
		loop => sub {
			my ($self) = @_;
			$self->sql("SELECT enqueue('{1001}', 2)");
			sleep 0.5 + rand 1;
		},
		end => sub {
			my ($self) = @_;
			# what isn't poisonous is through
			$self->{danger_note}{poison} = $self->sql('SELECT last FROM conversation WHERE id = 1001') . ' messages that close the connection';
			$self->wait_empty('key_a IS DISTINCT FROM 666', 'all but what is poisonous');
			wait_until('no fault', sub { defined $self->sql('SELECT rtm_gate_fault_clear()') });
		},
	},

	# More at once than the gate takes in a second.
	burst => {
		conf => "rtm_gate.rate_limit = 2000\n",
		loop => sub {
			my ($self) = @_;
			$self->sql("SELECT enqueue('{23,24,25,26,39,40}', 1500)") and $self->{bursts}++;
			sleep 3 + rand 3;
		},
	},

	# Callbacks that take their process along, by signal and by request, among others.
	callback => {
		conf => "rtm.callback_attempts = 2\n",
		setup => q(
			CREATE TABLE expected (mid bigint PRIMARY KEY);
			CREATE TABLE heard (mid bigint);
			CREATE FUNCTION hear(mid bigint, mtime bigint, error rtm_error) RETURNS void LANGUAGE sql AS 'INSERT INTO heard VALUES (mid)';
			CREATE FUNCTION leave(mid bigint, mtime bigint, error rtm_error) RETURNS void LANGUAGE plpgsql AS
				'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(1); END';
			CREATE FUNCTION die(mid bigint, mtime bigint, error rtm_error) RETURNS void LANGUAGE plpgsql AS
				$$ BEGIN COPY (SELECT 1) TO PROGRAM 'kill -9 $PPID'; PERFORM pg_sleep(1); END $$;
			CREATE FUNCTION enqueue_heard(n int) RETURNS void LANGUAGE plpgsql AS $$
			DECLARE m bigint;
			BEGIN
				FOR i IN 1..n LOOP
					INSERT INTO expected VALUES (rtm_new_mid()) RETURNING mid INTO m;
					PERFORM rtm_send_group_message_async(51, 1001, 1002, 'heard ' || m, mid => m, callback => 'hear'::regproc);
				END LOOP;
			END $$),
		loop => sub {
			my ($self) = @_;
			my $n = $self->{deadly}++;
			$self->sql('SELECT enqueue_heard(20)');
			$self->sql("SELECT rtm_send_group_message_async(51, 1001, 1003, 'heard no', callback => '" . ($n % 4 == 1 ? 'die' : 'leave') . "'::regproc)")
				if $n % 10 == 1;
			sleep 0.5;
		},
		settle => sub {
			my ($self) = @_;
			wait_until('no callback is due', sub {
				($self->sql('SELECT count(*) FROM rtm_internal.rtm_finished WHERE callback_due IS NOT NULL') // '') eq '0' });
		},
		collect => sub { my ($self) = @_; $self->{danger_note}{callback} = $self->sql('SELECT count(*) FROM heard') . ' callbacks' },
		checks => {
			'callbacks, lost' => q(SELECT count(*) FROM expected WHERE mid NOT IN (SELECT mid FROM heard)),
			'callbacks, duplicated' => q(SELECT count(*) - count(DISTINCT mid) FROM heard),
			'callbacks, not committed' => q(SELECT count(*) FROM heard WHERE mid NOT IN (SELECT mid FROM expected)),
		},
	},

	# Roles that are made for one login, and dropped.
	roles => {
		loop => sub {
			my ($self) = @_;
			my $role = 'login_' . ++$self->{roles} . '_' . $$;
			my $c = 1 + int rand 48;
			$self->sql(qq(
				CREATE ROLE $role SUPERUSER;
				SELECT format('CREATE USER MAPPING FOR $role SERVER %I OPTIONS (secret %L)', m.srvname,
					(SELECT option_value FROM pg_options_to_table(m.umoptions))) FROM pg_user_mappings m WHERE usename = 'torture' \\gexec
				SET ROLE $role;
				SELECT enqueue('{$c}', 3);
				SELECT count(rtm_wait(id, 60)) FROM rtm_outbox WHERE owner = '$role'::regrole;
				RESET ROLE;
				DROP OWNED BY $role; DROP ROLE $role));
			sleep 0.05;
		},
		end => sub { my ($self) = @_; $self->{danger_note}{roles} = $self->sql(q(SELECT count(*) FROM pg_roles WHERE rolname LIKE 'login\_%')) . ' roles are left' },
	},

	# A clock that is set back and forth.
	clock => {
		env => -e $faketime
		? sub {
			my $file = PostgreSQL::Test::Utils::tempdir() . '/clock';
			return { LD_PRELOAD => $faketime, FAKETIME_TIMESTAMP_FILE => $file, FAKETIME_CACHE_DURATION => 1,
				DONT_FAKE_MONOTONIC => 1, FAKETIME_DONT_FAKE_MONOTONIC => 1 };
		}
		: undef,
		begin => sub { my ($self) = @_; set_clock($self, '+0') },
		loop => sub {
			my ($self) = @_;
			sleep 1 + rand 3;
			set_clock($self, ('+0', '-5', '+5', '-60', '+90', '-3600', '+3600', '+7000')[ int rand 8 ]);
		},
		end => sub { my ($self) = @_; set_clock($self, '+0') },
	},
);

sub set_clock
{
	my ($self, $offset) = @_;
	my $file = $self->{env}{FAKETIME_TIMESTAMP_FILE};
	open(my $out, '>', "$file.new") or die "$file.new: $!";
	print $out "$offset\n";
	close $out;
	rename "$file.new", $file or die "$file: $!";
}

# Those of a list that can be had here; dies for one that nobody knows.
sub available
{
	my (@names) = @_;
	for my $name (@names) { die "no such danger: $name" unless $all{$name} }
	return grep { !exists $all{$_}{env} || $all{$_}{env} } @names;
}

1;
