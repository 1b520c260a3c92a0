# Membership by trigger: the group has the members that the table has, in order with the
# messages of the group, whatever is lost on the way; and what of the server API is
# repeated after a lost answer.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use RtmTest;
use Test::More;

my $node = new_node('members', conf => "rtm.retry_delay = '10ms'\nrtm.max_retry_delay = '20ms'\nrtm_gate.enforce_membership = on\n");
sub sql { return $node->safe_psql('postgres', shift) }
sub waited { return sub { sql('SELECT count(*) FROM rtm_outbox') eq '0' } }

sql('CREATE EXTENSION rtm');
sql('CREATE EXTENSION rtm_gate');
sql('SELECT rtm_gate_setup()');
sql(q{
	CREATE TABLE members (group_id bigint NOT NULL, user_id bigint NOT NULL, PRIMARY KEY (group_id, user_id));
	CREATE FUNCTION tell_members() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
	BEGIN
		IF TG_OP <> 'INSERT' THEN
			PERFORM rtm_delete_group_members_async(OLD.group_id, ARRAY[OLD.user_id], timeout => 2);
		END IF;
		IF TG_OP <> 'DELETE' THEN
			PERFORM rtm_add_group_members_async(NEW.group_id, ARRAY[NEW.user_id], timeout => 2);
		END IF;
		RETURN NULL;
	END $$;
	CREATE TRIGGER tell_members AFTER INSERT OR UPDATE OR DELETE ON members FOR EACH ROW EXECUTE FUNCTION tell_members();});

my $here = q(SELECT coalesce(string_agg(group_id || ':' || user_id, ' ' ORDER BY group_id, user_id), '') FROM members);
my $there = q(SELECT coalesce(string_agg(gid || ':' || uid, ' ' ORDER BY gid, uid), '') FROM rtm_gate.group_member);
my $failed = 'SELECT count(*) FROM rtm_result';

# In order with the messages: the gate takes them from members only

sql(q(BEGIN; INSERT INTO members VALUES (1, 11); SELECT rtm_send_group_message_async(51, 11, 1, 'I am in'); COMMIT));
sql(q(BEGIN; SELECT rtm_send_group_message_async(51, 11, 1, 'farewell'); DELETE FROM members; SELECT rtm_send_group_message_async(51, 11, 1, 'too late'); COMMIT));
wait_until('all of it is through', waited());
is(sql(q(SELECT string_agg(convert_from(msg, 'UTF8'), ', ' ORDER BY id) FROM rtm_gate.message)), 'I am in, farewell', 'a message between two changes of members');
is(sql(q(SELECT string_agg(params ->> 'msg' || ' ' || (error).sqlstate, ', ') FROM rtm_result)), 'too late RTM41', '... and one behind them');
sql('SELECT rtm_discard(id) FROM rtm_result');

# A change that is being repeated holds up the messages behind it
sql(q(SELECT rtm_gate_fault('error', method => 'addgroupmembers', code => 200010, times => 3)));
sql(q(BEGIN; INSERT INTO members VALUES (1, 12); SELECT rtm_send_group_message_async(51, 12, 1, 'at last'); COMMIT));
wait_until('all of it is through', waited());
is(sql(q(SELECT count(*) FROM rtm_gate.message WHERE from_uid = 12)), 1, 'a message waits for the change before it');
is(sql($failed), 0, '... and nothing failed');

# Sessions that change the same members at the same time, while answers and connections are lost
sql(q(SELECT rtm_gate_fault_clear()));
sql(q(SELECT rtm_gate_fault(f, method => m, probability => 0.02, times => 4) FROM unnest('{lose,close,drop}'::text[]) f, unnest('{addgroupmembers,delgroupmembers}'::text[]) m));
my @sessions;
for my $n (1 .. 4)
{
	push @sessions, begin_session($node, map { my $uid = 1 + ($_ * 7 + $n) % 9; my $gid = 2 + ($_ + $n) % 2;
		$_ % 5 == 0 ? "UPDATE members SET group_id = 5 - group_id WHERE user_id = $uid AND group_id IN (2, 3) AND NOT EXISTS (SELECT FROM members m WHERE m.user_id = $uid AND m.group_id = 5 - members.group_id)"
		: $_ % 3 ? "INSERT INTO members VALUES ($gid, $uid) ON CONFLICT DO NOTHING"
		: "DELETE FROM members WHERE user_id = $uid AND group_id = $gid" } 1 .. 60);
}
end_session($_) for @sessions;
wait_until('the outbox is empty', waited());
is(sql($failed), 0, 'many changes: none failed');
cmp_ok(sql('SELECT sum(hits) FROM rtm_gate_faults'), '>', 0, '... though answers were lost');
isnt(sql($here), '', '... there are members');
is(sql($there), sql($here), '... the same in the table and at the gate');
sql('SELECT rtm_gate_fault_clear()');
sql('DELETE FROM members');
wait_until('the outbox is empty', waited());
is(sql($there), '', '... and none when they were deleted');

# What was rolled back doesn't leave
sql('BEGIN; INSERT INTO members VALUES (4, 1); ROLLBACK');
sql('BEGIN; SAVEPOINT s; INSERT INTO members VALUES (4, 2); ROLLBACK TO s; INSERT INTO members VALUES (4, 3); COMMIT');
wait_until('the outbox is empty', waited());
is(sql($there), '4:3', 'what was rolled back changes nothing');

# A lost answer: what comes to the same is repeated, what doesn't isn't

sub lost
{
	my ($method, $call) = @_;
	sql("SELECT rtm_gate_fault_clear(); SELECT rtm_gate_fault('lose', method => '$method', times => 1)");
	my $id = sql("SELECT $call");
	return sql("SELECT rtm_wait($id, 180)") . ' ' . sql("SELECT coalesce(max((error).sqlstate || ', ' || attempts), '') FROM rtm_result WHERE id = $id");
}
is(lost('addgroupmembers', q(rtm_add_group_members_async(6, '{1}', timeout => 1))), 'done ', 'queued: members are added again');
is(lost('gettoken', 'rtm_get_token_async(1, timeout => 1)'), 'done ', '... a token is asked for again');
is(lost('addprojectban', 'rtm_add_project_ban_async(77, 600, timeout => 1)'), 'done ', '... a ban is repeated');
sql(q(SELECT rtm_send_group_message(51, 1, 6, 'before')));
is(lost('delconversationmsgs', 'rtm_delete_conversation_messages_async(1, 6, 2, timeout => 1)'), 'failed FP203, 1', '... deleting everything is not');
is(lost('kickout', 'rtm_kickout_async(1, timeout => 1)'), 'failed FP203, 1', '... nor is kicking out');
is(lost('clearprojectmsg', 'rtm_clear_project_messages_async(3, timeout => 1)'), 'failed FP203, 1', '... nor is clearing');

sub closed
{
	my ($method, $call) = @_;
	sql("SELECT rtm_gate_fault_clear(); SELECT rtm_gate_fault('close', method => '$method', times => 1)");
	return one($node, "SELECT 1 FROM rtm_call('*ping')", "SELECT $call")->{state};
}
is(closed('addfriends', q(rtm_add_friends(1, '{2}'))), '00000', 'a call that waits: friends are added again when the connection was lost');
is(closed('getfriends', 'rtm_get_friends(1)'), '00000', '... asked for again');
is(closed('kickout', 'rtm_kickout(1)'), 'FP202', '... nobody is kicked out again');
is(closed('clearusermsg', 'rtm_clear_user_messages(1)'), 'FP202', '... nothing is cleared again');

# Who may

sql('CREATE ROLE app LOGIN; CREATE USER MAPPING FOR PUBLIC SERVER rtm OPTIONS (secret $$x$$); GRANT USAGE ON FOREIGN SERVER rtm TO app');
my @denied = grep { one($node, { user => 'app' }, "SELECT $_")->{state} ne '42501' } map { ($_, s/\(/_async(/r) }
  ('rtm_get_token(1)', 'rtm_clear_project_messages(4)', 'rtm_clear_project_group()', 'rtm_add_project_black(1, 1)', 'rtm_remove_project_black(1)',
	'rtm_add_project_ban(1, 1)', 'rtm_remove_project_ban(1)');
is("@denied", '', 'what changes a project as a whole, or makes one a user, has to be granted');
state_is(one($node, { user => 'app' }, q(SELECT rtm_add_group_members(6, '{2}'))), 'RTM02', undef, '... the rest is refused for the secret only');
sql('GRANT EXECUTE ON FUNCTION rtm_get_token(bigint, double precision, text) TO app');
state_is(one($node, { user => 'app' }, 'SELECT rtm_get_token(1)'), 'RTM02', undef, '... once it was granted, it is asked for');

$node->stop;
done_testing();
