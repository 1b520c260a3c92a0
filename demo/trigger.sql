\echo '-- One message to the group for each line that is inserted, if the transaction commits'
CREATE TRIGGER tell_group
	AFTER INSERT ON chat_lines FOR EACH ROW
	EXECUTE FUNCTION rtm_send_trigger('send_group_message', 'mtype', '51',
		'from_uid', '$user_id', 'gid', '$group_id', 'msg', '$body', 'attrs', '{"line": $id}');

INSERT INTO chat_lines (group_id, user_id, body)
VALUES (101, (SELECT min(user_id) FROM members WHERE group_id = 101), 'Testing, testing. Can everybody read this?')
RETURNING id, body;

-- (a worker sends it; wait until none is left)
CREATE FUNCTION wait_until_sent() RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
	FOR i IN 1 .. 6000 LOOP
		EXIT WHEN NOT EXISTS (SELECT FROM rtm_outbox);
		PERFORM pg_sleep(0.01);
	END LOOP;
END
$$;
SELECT wait_until_sent();

\echo '-- the gate has it, with the number of the line in its attributes'
SELECT from_uid, msg, attrs, to_timestamp(mtime / 1000.0)::timestamptz(0) AS sent
FROM rtm_get_group_message(uid => 1001, gid => 101, descending => true, num => 1);

\echo '-- now the lines of demo/data/chat.csv; every row queues its message, and the worker sends them'
\timing on
\copy chat_lines (group_id, user_id, written_at, body) FROM 'tree/demo/data/chat.csv' (FORMAT csv, HEADER)
SELECT wait_until_sent();
\timing off

SELECT server, sent, failed, retried, queued, round(answer_time::numeric, 3) AS ms_per_answer FROM rtm_stat_server;

\echo '-- messages from user to user, sent by a query'
\copy direct_lines (from_user, to_user, written_at, body) FROM 'tree/demo/data/direct.csv' (FORMAT csv, HEADER)

SELECT count(s.mid) AS messages_sent
FROM (SELECT * FROM direct_lines ORDER BY id) d,
	LATERAL rtm_send_message(51, d.from_user, d.to_user, d.body) s;

\echo '-- a line that is rolled back has sent nothing'
BEGIN;
INSERT INTO chat_lines (group_id, user_id, body)
SELECT 112, max(user_id), 'Found: a white glove. Oh, wait, it is mine.' FROM members WHERE group_id = 112;
ROLLBACK;

INSERT INTO chat_lines (group_id, user_id, body)
SELECT 112, max(user_id), 'Found: a scarf, and this one is really not mine.' FROM members WHERE group_id = 112;
SELECT wait_until_sent();

SELECT h.msg, h.attrs::json ->> 'line' AS line, l.id IS NOT NULL AS line_exists
FROM rtm_get_group_message(1001, 112, true, 2) h
LEFT JOIN chat_lines l ON l.id = (h.attrs::json ->> 'line')::bigint
ORDER BY h.id;

\echo '-- what a callback is told: the message id and the gate''s time, or the error'
CREATE TABLE told (mid bigint, mtime bigint, error rtm_error);
CREATE FUNCTION on_sent(mid bigint, mtime bigint, error rtm_error) RETURNS void
LANGUAGE sql
AS $$ INSERT INTO told VALUES (mid, mtime, error) $$;

SELECT rtm_send_message_async(51, 1001, 1007, 'With a receipt, please', mid => 4711, callback => 'on_sent'::regproc) AS request;
SELECT rtm_send_message_async(51, 1001, 1007, 'The same id again', mid => 4711, callback => 'on_sent'::regproc) AS request;
DO $$
BEGIN
	FOR i IN 1 .. 6000 LOOP
		EXIT WHEN (SELECT count(*) FROM told) = 2;
		PERFORM pg_sleep(0.01);
	END LOOP;
END
$$;
SELECT mid, to_timestamp(mtime / 1000.0)::timestamptz(0) AS sent, (error).sqlstate, (error).message FROM told;
