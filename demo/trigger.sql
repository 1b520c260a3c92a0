\echo '-- One message to the group for each line that is inserted'
CREATE FUNCTION tell_group() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
	PERFORM rtm_send_group_message(51, NEW.user_id, NEW.group_id, NEW.body,
								   attrs => json_build_object('line', NEW.id)::text);
	RETURN NULL;
END
$$;

CREATE TRIGGER tell_group
	AFTER INSERT ON chat_lines
	FOR EACH ROW EXECUTE FUNCTION tell_group();

INSERT INTO chat_lines (group_id, user_id, body)
VALUES (101, (SELECT min(user_id) FROM members WHERE group_id = 101), 'Testing, testing. Can everybody read this?')
RETURNING id, body;

\echo '-- the gate has it, with the number of the line in its attributes'
SELECT from_uid, msg, attrs, to_timestamp(mtime / 1000.0)::timestamptz(0) AS sent
FROM rtm_get_group_message(uid => 1001, gid => 101, descending => true, num => 1);

\echo '-- now the lines of demo/data/chat.csv; every row sends its message:'
\timing on
\copy chat_lines (group_id, user_id, written_at, body) FROM 'tree/demo/data/chat.csv' (FORMAT csv, HEADER)
\timing off

\echo '-- messages from user to user, sent by a query'
\copy direct_lines (from_user, to_user, written_at, body) FROM 'tree/demo/data/direct.csv' (FORMAT csv, HEADER)

SELECT count(s.mid) AS messages_sent
FROM (SELECT * FROM direct_lines ORDER BY id) d,
	LATERAL rtm_send_message(51, d.from_user, d.to_user, d.body) s;

\echo '-- a synchronous send isn''t taken back by a rollback'
BEGIN;
INSERT INTO chat_lines (group_id, user_id, body)
SELECT 112, max(user_id), 'Found: a white glove. Oh, wait, it is mine.' FROM members WHERE group_id = 112;
ROLLBACK;

SELECT h.msg, h.attrs::json ->> 'line' AS line, l.id IS NOT NULL AS line_exists
FROM rtm_get_group_message(1001, 112, true, 2) h
LEFT JOIN chat_lines l ON l.id = (h.attrs::json ->> 'line')::bigint
ORDER BY h.id;
