# The local gate: several projects, groups, rooms, bans, the blacklist; and that
# the tables say what the quests do, and the other way round.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use GateClient;
use JSON::PP ();
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;

my $node = new_node('members');
$node->safe_psql('postgres', q(CREATE EXTENSION rtm; CREATE EXTENSION rtm_gate; SELECT rtm_gate_setup()));
$node->safe_psql('postgres', q(SELECT rtm_gate_setup(server => 'other', pid => 22, secret => 'the other secret')));
my %options = GateClient::options($node);
my $c = GateClient->connect(%options);
my $other = GateClient->connect(%options, pid => 22, secret => 'the other secret');
my $pid = $options{pid};
my $next_mid = time * 1000000;

sub sql { return $node->safe_psql('postgres', shift) }
sub message { my %more = @_; return { mtype => 51, from => 1, mid => ++$next_mid, msg => \'hello', attrs => \'', %more } }
sub history { my ($method, %more) = @_; return { uid => 1, desc => JSON::PP::false, num => 20, %more } }
sub truth { my ($code, $map) = $c->call(@_); return $code || ($map->{ok} ? 'yes' : 'no') }
sub list { my ($key, @call) = @_; my ($code, $map) = $c->call(@call); return $code || "@{ $map->{$key} }" }

# A setting of the gate, by a reload: true for every quest from some moment on.
sub set
{
	my ($name, $value, $effect) = @_;
	$node->append_conf('postgresql.conf', "$name = $value\n");
	$node->reload;
	wait_until("$name = $value", $effect);
}

# Projects have nothing in common

my $m = message(gid => 7);
is($c->call('sendgroupmsg', $m), 0, 'a message of one project');
is($other->call('sendgroupmsg', $m), 0, 'the same mid in the same group of another project');
is(($c->call('getgroupmsg', history('getgroupmsg', gid => 7)))[1]{num}, 1, 'each has its own');
is($other->call('sendgroupmsg', message(gid => 7), secret => $options{secret}), 200002, "one project's secret isn't the other's");
is(one($node, "SELECT count(*) FROM rtm_get_group_message(1, 7, false, NULL, server => 'other')")->{out}, 1, 'and in SQL');
is(one($node, "SELECT count(*) FROM rtm_call('getgroupmembers', '{\"gid\": 7}', server => 'other')")->{state}, '00000', 'rtm_call() of a method without a function');

# A project comes, changes and goes by its row

sql(q(INSERT INTO rtm_gate.project VALUES (33, 'third')));
my $third = GateClient->connect(%options, pid => 33, secret => 'third');
is($third->call('sendmsg', message(to => 2)), 0, 'a project that was inserted');
sql(q(UPDATE rtm_gate.project SET secret = 'changed' WHERE pid = 33));
is($third->call('sendmsg', message(to => 2)), 200002, '... with another secret');
is($third->call('sendmsg', message(to => 2), secret => 'changed'), 0, '... that is used');
sql(q(DELETE FROM rtm_gate.project WHERE pid = 33));
is($third->call('sendmsg', message(to => 2), secret => 'changed'), 200001, '... and no more');
sql(q(BEGIN; INSERT INTO rtm_gate.project VALUES (44, 'never'); ROLLBACK));
is($third->call('sendmsg', message(to => 2), pid => 44, secret => 'never'), 200001, 'a project that was rolled back');

# Groups

is(list('uids', 'getgroupmembers', { gid => 100 }), '', 'an unknown group is empty');
is($c->call('addgroupmembers', { gid => 100, uids => [ 3, 1, 2 ] }), 0, 'addgroupmembers');
is($c->call('addgroupmembers', { gid => 100, uids => [ 1, 4 ] }), 0, '... one of them is a member already');
is(list('uids', 'getgroupmembers', { gid => 100 }), '1 2 3 4', 'getgroupmembers');
is(sql("SELECT string_agg(uid::text, ' ' ORDER BY uid) FROM rtm_gate.group_member WHERE pid = $pid AND gid = 100"), '1 2 3 4', 'the table');
is($c->call('delgroupmembers', { gid => 100, uids => [ 4, 9 ] }), 0, 'delgroupmembers');
is(truth('isgroupmember', { gid => 100, uid => 3 }), 'yes', 'isgroupmember');
is(truth('isgroupmember', { gid => 100, uid => 4 }), 'no', '... of one that left');
sql("INSERT INTO rtm_gate.group_member VALUES ($pid, 101, 3), (22, 102, 3)");
is(list('gids', 'getusergroups', { uid => 3 }), '100 101', 'getusergroups, with a row that somebody filled in, without the other project');
is($c->call('addgroupmembers', { gid => 100, uids => [] }), 200033, 'no members to add');
is($c->call('addgroupmembers', { gid => 100, uids => [ 1 .. 101 ] }), 200032, 'more than 100 at once');
is($c->call('addgroupmembers', { gid => 100, uids => [-1] }), 200001, 'no user');
is($c->call('addgroupmembers', { gid => 100 }), 10009, 'no uids');
is($c->call('addgroupmembers', { gid => 100, uids => [ \'1' ] }), 10010, 'uids that are none');
sql("INSERT INTO rtm_gate.group_member SELECT $pid, 103, u FROM generate_series(1, 9999) u");
is($c->call('addgroupmembers', { gid => 103, uids => [10000] }), 0, 'member 10,000');
is($c->call('addgroupmembers', { gid => 103, uids => [10001] }), 200042, 'member 10,001');
is($c->call('addgroupmembers', { gid => 103, uids => [5] }), 0, '... but one who is a member');
is($c->call('delgroup', { gid => 103 }), 0, 'delgroup');
is(list('uids', 'getgroupmembers', { gid => 103 }), '', '... has no members');

# Rooms

is($c->call('addroommember', { rid => 200, uid => 1 }), 0, 'addroommember');
is($c->call('addroommember', { rid => 200, uid => 2 }), 0, '... and another');
is($c->call('delroommember', { rid => 200, uid => 1 }), 0, 'delroommember');
is(list('uids', 'getroommembers', { rid => 200 }), '2', 'getroommembers');
$c->call('addroommember', { rid => 201, uid => $_ }) for 1 .. 3;
my ($count_code, $counted) = $c->call('getroomcount', { rids => [ 201, 9, 200, 201 ] });
is($count_code, 0, 'getroomcount');
is_deeply($counted->{cn}, { 200 => 1, 201 => 3, 9 => 0 }, '... of several rooms, with text as keys');
is_deeply(($c->call('getroomcount', { rid => 201 }))[1]{cn}, { 201 => 3 }, '... of one, as the C++ SDK asks');
is($c->call('getroomcount', { rids => [] }), 200033, '... of none');
is($c->call('getroomcount', {}), 10009, '... of nobody knows which');

# Membership decides when it is to be enforced

is($c->call('sendgroupmsg', message(gid => 100, from => 77)), 0, 'anybody writes to a group');
set('rtm_gate.enforce_membership', 'on', sub { $c->call('sendgroupmsg', message(gid => 100, from => 77)) == 200041 });
is($c->call('sendgroupmsg', message(gid => 100, from => 2)), 0, 'a member');
is($c->call('sendgroupmsg', message(gid => 999, from => 2)), 200041, 'a group without members');
is($c->call('getgroupmsg', history('getgroupmsg', gid => 100, uid => 77)), 200041, "history isn't for others");
is($c->call('getgroupmsg', history('getgroupmsg', gid => 100, uid => 2)), 0, '... but for members');
is($c->call('sendroommsg', message(rid => 200, from => 1)), 200040, 'a room');
is($c->call('sendroommsg', message(rid => 200, from => 2)), 0, '... and one who is in it');
is($c->call('getroommsg', history('getroommsg', rid => 200, uid => 1)), 200040, '... and its history');
is($c->call('sendmsg', message(to => 2, from => 77)), 0, 'p2p is open');
state_is(one($node, q(SELECT rtm_send_group_message(51, 77, 100, 'x'))), 'RTM41', undef, 'what SQL sees');
set('rtm_gate.enforce_membership', 'off', sub { $c->call('sendgroupmsg', message(gid => 100, from => 77)) == 0 });

# Bans

is($c->call('addgroupban', { gid => 100, uid => 2, btime => 600 }), 0, 'addgroupban');
is(truth('isbanofgroup', { gid => 100, uid => 2 }), 'yes', 'isbanofgroup');
is(truth('isbanofgroup', { gid => 101, uid => 2 }), 'no', '... of another group');
is($c->call('sendgroupmsg', message(gid => 100, from => 2)), 200044, 'who is banned may not write');
is($c->call('sendgroupmsg', message(gid => 100, from => 3)), 0, '... others may');
is($c->call('sendgroupmsg', message(gid => 101, from => 2)), 0, '... nor is he in another group');
is($c->call('getgroupmsg', history('getgroupmsg', gid => 100, uid => 2)), 0, 'he may read');
is(sql('SELECT until BETWEEN now() AND now() + \'601 s\' FROM rtm_gate.group_ban'), 't', 'btime is in seconds');
sql(q(UPDATE rtm_gate.group_ban SET until = now() - interval '1 s'));
is(truth('isbanofgroup', { gid => 100, uid => 2 }), 'no', 'a ban that is over');
is($c->call('sendgroupmsg', message(gid => 100, from => 2)), 0, '... is none');
is($c->call('addgroupban', { uid => 2, btime => 0 }), 0, 'a ban of all groups, for ever');
is(truth('isbanofgroup', { gid => 101, uid => 2 }), 'yes', '... is one of each');
is($c->call('sendgroupmsg', message(gid => 12345, from => 2)), 200044, '... also of those that nobody knows');
is(sql('SELECT until FROM rtm_gate.group_ban WHERE gid IS NULL'), 'infinity', '... in the table');
is($c->call('removegroupban', { gid => 101, uid => 2 }), 0, 'a ban of one group is lifted that is none');
is(truth('isbanofgroup', { gid => 101, uid => 2 }), 'yes', '... the one of all stays');
is($c->call('removegroupban', { uid => 2 }), 0, 'it is lifted');
is($c->call('sendgroupmsg', message(gid => 101, from => 2)), 0, '... and he writes');
is($c->call('addroomban', { rid => 200, uid => 2, btime => 600 }), 0, 'addroomban');
is($c->call('sendroommsg', message(rid => 200, from => 2)), 200045, 'banned in a room');
is(truth('isbanofroom', { rid => 200, uid => 2 }), 'yes', 'isbanofroom');
is($c->call('removeroomban', { rid => 200, uid => 2 }), 0, 'removeroomban');
is($c->call('sendroommsg', message(rid => 200, from => 2)), 0, '... and he writes');
is($c->call('addgroupban', { gid => 1, uid => 2, btime => 1 << 40 }), 200034, 'a ban of ages');
is($c->call('addgroupban', { gid => 1, uid => 2 }), 10009, 'a ban without an end');
is($c->call('addgroupban', { gid => 100, uid => 5, btime => 60 }), 0, 'a ban ...');
is($c->call('delgroup', { gid => 100 }), 0, '... of a group that is deleted');
is(sql('SELECT count(*) FROM rtm_gate.group_ban WHERE gid = 100 AND uid = 5'), 0, '... goes with it');

# The project's blacklist

is($c->call('addprojectblack', { uid => 66, btime => 600 }), 0, 'addprojectblack');
is(truth('isprojectblack', { uid => 66 }), 'yes', 'isprojectblack');
is($c->call('sendmsg', message(to => 2, from => 66)), 200024, 'who is on it sends to nobody');
is($c->call('broadcastmsg', message(from => 66)), 200024, '... nor to everybody');
is($c->call('getp2pmsg', history('getp2pmsg', uid => 66, ouid => 1)), 200024, '... and reads nothing');
is($c->call('sendmsg', message(to => 66)), 0, '... but others write to him');
is($other->call('sendmsg', message(to => 2, from => 66)), 0, '... and in another project he is nobody');
is($c->call('removeprojectblack', { uid => 66 }), 0, 'removeprojectblack');
is($c->call('sendmsg', message(to => 2, from => 66)), 0, '... lets him write');

# Everything anew

$c->call('addprojectblack', { uid => 66, btime => 600 });
sql(q(SELECT rtm_gate_fault('error', code => 200999)));
sql('SELECT rtm_gate_reset()');
is(sql(q(SELECT string_agg(relname, ' ') FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
	WHERE nspname = 'rtm_gate' AND relkind = 'r'
	AND (xpath('/row/c/text()', query_to_xml('SELECT count(*) AS c FROM rtm_gate.' || relname, false, true, '')))[1]::text <> '0')) =~ s/ .*//r,
	'config', 'rtm_gate_reset() leaves the configuration ...');
is(sql('SELECT count(*) FROM rtm_gate.project'), 2, '... and the projects');
is($c->call('sendmsg', message(to => 2, from => 66)), 0, 'the gate knows at once');

# whatever else the service offers
is($c->call($_, {}), 20004, "$_ is unknown") for qw(translate tcheck filetoken getRTCRoomList imserver_creategroup);
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|terminated by signal/, 'nothing crashed');
$node->stop;
done_testing();
