--
-- One message: looking it up and deleting it, in the four kinds of conversation.
--
SELECT mid FROM rtm_send_message(51, 41, 42, 'a word', 'a', 7001);
SELECT mid FROM rtm_send_group_message(52, 41, 400, 'a group''s word', 'b', 7002);
SELECT mid FROM rtm_send_room_message(53, 41, 401, 'a room''s word', 'c', 7003);
SELECT mid FROM rtm_broadcast_message(54, 41, 'a public word', 'd', 7004);

SELECT id > 0 AS id, mtype, msg, attrs, mtime > 0 AS mtime, msg_binary
FROM rtm_get_p2p_message_info(7001, 41, 42);
SELECT id > 0 AS id, mtype, msg, attrs, mtime > 0 AS mtime, msg_binary
FROM rtm_get_group_message_info(7002, 41, 400);
SELECT id > 0 AS id, mtype, msg, attrs, mtime > 0 AS mtime, msg_binary
FROM rtm_get_room_message_info(7003, 41, 401);
SELECT id > 0 AS id, mtype, msg, attrs, mtime > 0 AS mtime, msg_binary
FROM rtm_get_broadcast_message_info(7004, 41);

-- its time is the one that the send returned, its id the one in the history
SELECT mtime AS t FROM rtm_send_group_message(52, 41, 400, 'when', mid => 7005) \gset
SELECT i.mtime = :t AS same_time, i.id = h.id AS same_id
FROM rtm_get_group_message_info(7005, 41, 400) i, rtm_get_group_message(41, 400, true, 1) h;

-- binary
SELECT mid FROM rtm_send_group_message(52, 41, 400, '\xc3'::bytea, mid => 7006);
SELECT msg, msg_binary FROM rtm_get_group_message_info(7006, 41, 400);

-- No such message: no row, and no error.
SELECT * FROM rtm_get_p2p_message_info(7099, 41, 42);
SELECT * FROM rtm_get_group_message_info(7001, 41, 400);
SELECT * FROM rtm_get_room_message_info(7099, 41, 401);
SELECT * FROM rtm_get_broadcast_message_info(7099, 41);
SELECT wanted.mid, i.msg
FROM (VALUES (7002::bigint), (7098), (7005)) AS wanted (mid)
	LEFT JOIN LATERAL rtm_get_group_message_info(wanted.mid, 41, 400) i ON true
ORDER BY wanted.mid;

-- Deleting.
SELECT rtm_delete_p2p_message(7001, 41, 42);
SELECT rtm_delete_group_message(7002, 41, 400);
SELECT rtm_delete_room_message(7003, 41, 401);
SELECT rtm_delete_broadcast_message(7004, 41);

SELECT count(*) FROM rtm_get_p2p_message(41, 42, false, NULL);
SELECT msg FROM rtm_get_group_message(41, 400, false, NULL);
SELECT count(*) FROM rtm_get_room_message(41, 401, false, NULL);
SELECT count(*) FROM rtm_get_broadcast_message(41, false, NULL, mtypes => '{54}');
SELECT count(*) FROM rtm_get_p2p_message_info(7001, 41, 42);

-- A message that isn't there can't be deleted.
SELECT * FROM failure($$SELECT rtm_delete_p2p_message(7001, 41, 42)$$) \gx
SELECT * FROM failure($$SELECT rtm_delete_room_message(7099, 41, 401)$$) \gx
