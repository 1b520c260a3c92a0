--
-- Sending: the five calls, text and binary.
--

-- The answer has the mid that the message got and the gate's time.
SELECT mid > 0 AS mid, mtime > 1700000000000 AS mtime
FROM rtm_send_message(51, 1, 2, 'hello');
SELECT mid > 0 AS mid, mtime > 1700000000000 AS mtime
FROM rtm_send_messages(51, 1, ARRAY[2, 3], 'hello both', 'attrs');
SELECT mid > 0 AS mid, mtime > 1700000000000 AS mtime
FROM rtm_send_group_message(51, 1, 100, 'hello group');
SELECT mid > 0 AS mid, mtime > 1700000000000 AS mtime
FROM rtm_send_room_message(51, 1, 200, 'hello room');
SELECT mid > 0 AS mid, mtime > 1700000000000 AS mtime
FROM rtm_broadcast_message(51, 1, 'hello everybody');

-- They arrived.
SELECT direction, from_uid, to_uid, mtype, msg, attrs
FROM rtm_get_p2p_message(2, 1, false, NULL);
SELECT direction, from_uid, to_uid, mtype, msg, attrs
FROM rtm_get_p2p_message(3, 1, false, NULL);
SELECT from_uid, mtype, msg, attrs FROM rtm_get_group_message(1, 100, false, NULL);
SELECT from_uid, mtype, msg, attrs FROM rtm_get_room_message(1, 200, false, NULL);
SELECT from_uid, mtype, msg, attrs FROM rtm_get_broadcast_message(1, false, NULL);

-- Arguments by name, in any order; attrs NULL is the empty string.
SELECT mid, mtime IS NOT NULL AS sent
FROM rtm_send_group_message(mid => 1001, gid => 101, from_uid => 1, mtype => 52,
							attrs => NULL, msg => 'named', timeout => 10, server => 'rtm');
SELECT mid, msg, attrs = '' AS no_attrs FROM rtm_get_group_message(1, 101, true, 1);

-- A mid is known once in a conversation; other conversations have their own.
SELECT mid FROM rtm_send_group_message(52, 1, 102, 'elsewhere', mid => 1001);
SELECT * FROM failure($$SELECT rtm_send_group_message(52, 1, 101, 'again', mid => 1001)$$) \gx

-- No mid, NULL and 0 all mean a new one; new ones grow.
SELECT bool_and(mid > before) AS grows, count(DISTINCT mid) AS different
FROM (SELECT mid, lag(mid, 1, 0) OVER (ORDER BY i) AS before
	  FROM (SELECT i, (rtm_send_group_message(52, 1, 103, 'no ' || i,
				mid => CASE i % 2 WHEN 0 THEN 0 END)).mid
			FROM generate_series(1, 50) i) AS sent) AS pairs;
SELECT count(*) FROM rtm_get_group_message(1, 103, false, NULL);

-- An untyped literal is text, a bytea is binary.
SELECT pg_typeof(msg), msg
FROM (SELECT rtm_send_group_message(52, 1, 104, 'literal')) s,
	 LATERAL rtm_get_group_message(1, 104, true, 1);
SELECT mtime IS NOT NULL AS sent
FROM rtm_send_group_message(52, 1, 104, '\x00fffe2062696e617279'::bytea);
SELECT mtime IS NOT NULL AS sent
FROM rtm_send_message(52, 1, 20, '\xff'::bytea);
SELECT mtime IS NOT NULL AS sent
FROM rtm_send_messages(52, 1, '{20,21}', '\xfe'::bytea);
SELECT mtime IS NOT NULL AS sent
FROM rtm_send_room_message(52, 1, 204, '\xfd'::bytea);
SELECT mtime IS NOT NULL AS sent
FROM rtm_broadcast_message(52, 1, '\xfc'::bytea);
-- what is text comes as text, however it was sent
SELECT mtime IS NOT NULL AS sent
FROM rtm_send_group_message(52, 1, 104, convert_to('grüße 你好 😀', 'UTF8'));
SELECT msg, msg_binary FROM rtm_get_group_message(1, 104, false, NULL);
SELECT msg, msg_binary FROM rtm_get_p2p_message(1, 20, false, NULL);
SELECT msg, msg_binary FROM rtm_get_p2p_message(1, 21, false, NULL);
SELECT msg, msg_binary FROM rtm_get_room_message(1, 204, false, NULL);
SELECT msg, msg_binary FROM rtm_get_broadcast_message(1, true, 1);

-- Empty is a message as well.
SELECT mtime IS NOT NULL AS sent FROM rtm_send_room_message(51, 1, 205, '');
SELECT msg, msg IS NULL AS is_null, msg_binary FROM rtm_get_room_message(1, 205, false, 1);

-- A message that was sent stays sent.
BEGIN;
SELECT mtime IS NOT NULL AS sent FROM rtm_send_group_message(51, 1, 105, 'not undone');
ROLLBACK;
SELECT msg FROM rtm_get_group_message(1, 105, false, NULL);

-- From a trigger.
CREATE TABLE line (grp bigint, author bigint, said text);
CREATE FUNCTION send_line() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM rtm_send_group_message(51, new.author, new.grp, new.said);
	RETURN new;
END $$;
CREATE TRIGGER send_line AFTER INSERT ON line FOR EACH ROW EXECUTE FUNCTION send_line();
INSERT INTO line VALUES (106, 7, 'first'), (106, 8, 'second');
SELECT from_uid, msg FROM rtm_get_group_message(7, 106, false, NULL);
DROP TABLE line;
DROP FUNCTION send_line();

-- Ids to keep with a row: new to everybody, and growing.
SELECT count(DISTINCT mid) AS different, bool_and(mid > before) AS growing
FROM (SELECT mid, lag(mid, 1, 0) OVER (ORDER BY g) AS before
	  FROM (SELECT g, rtm_new_mid() AS mid FROM generate_series(1, 1000) AS g OFFSET 0) AS made) AS m;
SELECT mid > rtm_new_mid() - (1::bigint << 40) AS near FROM rtm_send_group_message(51, 1, 107, 'not given');
SELECT mid < rtm_new_mid() AS kept FROM rtm_send_group_message(51, 1, 107, 'given', mid => rtm_new_mid());
