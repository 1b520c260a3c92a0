--
-- Bad input: each error says which argument it is about, and sends nothing.
--

-- NULL for something that is required
SELECT f.state, f.message
FROM (VALUES
	($$rtm_send_message(NULL, 1, 2, 'x')$$),
	($$rtm_send_message(51, NULL, 2, 'x')$$),
	($$rtm_send_message(51, 1, NULL, 'x')$$),
	($$rtm_send_message(51, 1, 2, NULL::text)$$),
	($$rtm_send_message(51, 1, 2, NULL::bytea)$$),
	($$rtm_send_messages(51, 1, NULL, 'x')$$),
	($$rtm_send_messages(51, 1, '{2,NULL}', 'x')$$),
	($$rtm_send_group_message(51, 1, NULL, 'x')$$),
	($$rtm_send_room_message(51, 1, NULL, 'x')$$),
	($$rtm_broadcast_message(51, NULL, 'x')$$),
	($$rtm_get_group_message(NULL, 1, false, 1)$$),
	($$rtm_get_group_message(1, NULL, false, 1)$$),
	($$rtm_get_group_message(1, 1, NULL, 1)$$),
	($$rtm_get_group_message(1, 1, false, 1, mtypes => '{51,NULL}')$$),
	($$rtm_get_p2p_message_page(1, NULL, false, 1)$$),
	($$rtm_delete_p2p_message(NULL, 1, 2)$$),
	($$rtm_delete_room_message(1, 2, NULL)$$),
	($$rtm_get_broadcast_message_info(NULL, 1)$$),
	($$rtm_get_group_message_info(1, NULL, 2)$$)
) AS bad (call), failure('SELECT ' || call) AS f;

-- out of range
SELECT f.state, f.message, f.hint
FROM (VALUES
	($$rtm_send_message(0, 1, 2, 'x')$$),
	($$rtm_send_message(128, 1, 2, 'x')$$),
	($$rtm_send_message(-51, 1, 2, 'x')$$),
	($$rtm_get_group_message(1, 1, false, 1, mtypes => '{51,128}')$$),
	($$rtm_send_message(51, -1, 2, 'x')$$),
	($$rtm_send_message(51, 1, -2, 'x')$$),
	($$rtm_send_messages(51, 1, '{2,-3}', 'x')$$),
	($$rtm_send_group_message(51, 1, -100, 'x')$$),
	($$rtm_send_room_message(51, 1, 1, 'x', mid => -1)$$),
	($$rtm_get_room_message(1, 1, false, 0)$$),
	($$rtm_get_room_message(1, 1, false, -1)$$),
	($$rtm_get_room_message(1, 1, false, 1, begin_time => -1)$$),
	($$rtm_get_room_message(1, 1, false, 1, lastid => -1)$$),
	($$rtm_delete_group_message(-1, 1, 1)$$)
) AS bad (call), failure('SELECT ' || call) AS f;
SELECT state FROM failure($$SELECT rtm_send_message(51, 1, 9223372036854775808, 'x')$$);

-- recipients
SELECT f.state, f.message, f.hint
FROM (VALUES
	($$rtm_send_messages(51, 1, '{}', 'x')$$),
	($$rtm_send_messages(51, 1, '{{2,3},{4,5}}', 'x')$$),
	($$rtm_get_group_message(1, 1, false, 1, mtypes => '{{51},{52}}')$$)
) AS bad (call), failure('SELECT ' || call) AS f;

-- timeouts
SELECT f.state, f.message, f.hint
FROM (VALUES
	($$rtm_send_message(51, 1, 2, 'x', timeout => -1)$$),
	($$rtm_send_message(51, 1, 2, 'x', timeout => 'NaN')$$),
	($$rtm_get_group_message(1, 1, false, 1, timeout => 'Infinity')$$),
	($$rtm_delete_group_message(1, 1, 1, timeout => '-Infinity')$$),
	($$rtm_call('*ping', timeout => -0.5)$$)
) AS bad (call), failure('SELECT ' || call) AS f;
SELECT mtime IS NOT NULL AS sent FROM rtm_send_group_message(51, 1, 600, 'x', timeout => NULL, server => NULL);

-- The gate's limits are the gate's to judge.
SELECT f.state, f.message
FROM (VALUES
	($$rtm_send_group_message(51, 1, 600, repeat('x', 20481))$$),
	($$rtm_send_group_message(51, 1, 600, 'x', repeat('x', 2049))$$),
	($$rtm_send_group_message(51, 1, 600, repeat('x', 20480), repeat('x', 2048))$$),
	($$rtm_send_messages(51, 1, (SELECT array_agg(i) FROM generate_series(1::bigint, 2001) i), 'x')$$)
) AS bad (call), failure('SELECT ' || call) AS f;
SELECT length(msg), length(attrs) FROM rtm_get_group_message(1, 600, true, 1);

-- What doesn't fit in a frame of 8 MiB isn't tried.
SELECT f.state, f.message
FROM (VALUES
	($$rtm_send_group_message(51, 1, 600, repeat('x', 9000000))$$),
	($$rtm_send_group_message(51, 1, 600, convert_to(repeat('x', 9000000), 'UTF8'))$$),
	($$rtm_send_group_message(51, 1, 600, 'x', repeat('x', 9000000))$$),
	($$rtm_send_group_message(51, 1, 600, repeat('x', 5000000), repeat('x', 5000000))$$)
) AS bad (call), failure('SELECT ' || call) AS f;

-- Only what was said to be good has arrived.
SELECT count(*) FROM rtm_get_group_message(1, 600, false, NULL);

-- Servers that aren't there, or can't be reached.
SELECT * FROM failure($$SELECT rtm_send_message(51, 1, 2, 'x', server => 'nowhere')$$) \gx
SET rtm.server = 'elsewhere';
SELECT state, message FROM failure($$SELECT rtm_send_message(51, 1, 2, 'x')$$) \gx
RESET rtm.server;
CREATE SERVER unreachable FOREIGN DATA WRAPPER rtm OPTIONS (endpoint '127.0.0.1:1', pid '11000001');
SELECT state, message FROM failure($$SELECT rtm_send_message(51, 1, 2, 'x', server => 'unreachable')$$) \gx
CREATE USER MAPPING FOR CURRENT_USER SERVER unreachable OPTIONS (secret 'shhh');
SELECT state FROM failure($$SELECT rtm_send_message(51, 1, 2, 'x', server => 'unreachable')$$);
SELECT state FROM failure($$SELECT rtm_get_group_message(1, 2, false, 1, server => 'unreachable')$$);
-- the other server still works
SELECT mtime IS NOT NULL AS sent FROM rtm_send_group_message(51, 1, 601, 'still there');
DROP SERVER unreachable CASCADE;
