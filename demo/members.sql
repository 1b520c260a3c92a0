\echo '-- A group at the service has the members that the table has'
CREATE FUNCTION tell_members() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
	IF TG_OP <> 'INSERT' THEN
		PERFORM rtm_delete_group_members_async(OLD.group_id, ARRAY[OLD.user_id]);
	END IF;
	IF TG_OP <> 'DELETE' THEN
		PERFORM rtm_add_group_members_async(NEW.group_id, ARRAY[NEW.user_id]);
	END IF;
	RETURN NULL;
END
$$;

CREATE TRIGGER tell_members
	AFTER INSERT OR UPDATE OR DELETE ON members
	FOR EACH ROW EXECUTE FUNCTION tell_members();

\echo '-- those who are in the table already, and one who comes and says so'
SELECT group_id, count(rtm_add_group_members_async(group_id, ARRAY[user_id])) AS queued FROM members GROUP BY group_id ORDER BY group_id;

BEGIN;
INSERT INTO members VALUES (101, 1007);
INSERT INTO chat_lines (group_id, user_id, body) VALUES (101, 1007, 'Hello everybody, I am new here.');
COMMIT;
SELECT wait_until_sent();

SELECT rtm_get_group_members(101);
