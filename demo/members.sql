\echo '-- A group at the service has the members that the table has'
CREATE TRIGGER member_gone
	AFTER DELETE OR UPDATE ON members FOR EACH ROW
	EXECUTE FUNCTION rtm_send_trigger('delete_group_members', 'gid', '$old.group_id', 'uids', '{$old.user_id}');
CREATE TRIGGER member_new
	AFTER INSERT OR UPDATE ON members FOR EACH ROW
	EXECUTE FUNCTION rtm_send_trigger('add_group_members', 'gid', '$group_id', 'uids', '{$user_id}');

\echo '-- those who are in the table already, and one who comes and says so'
SELECT group_id, count(rtm_add_group_members_async(group_id, ARRAY[user_id])) AS queued FROM members GROUP BY group_id ORDER BY group_id;

BEGIN;
INSERT INTO members VALUES (101, 1007);
INSERT INTO chat_lines (group_id, user_id, body) VALUES (101, 1007, 'Hello everybody, I am new here.');
COMMIT;
SELECT wait_until_sent();

SELECT rtm_get_group_members(101);
