--
-- Messages that are counted, edited and deleted by the conversation.
--
SELECT count(*) FROM generate_series(1, 5) i, rtm_send_group_message(51, 1 + i % 2, 9001, 'message ' || i, mid => 900100 + i);
SELECT mid FROM rtm_send_room_message(51, 1, 9002, 'in a room', mid => 900201);
SELECT mid FROM rtm_send_message(51, 9003, 9004, 'for you', mid => 900301);
SELECT mid FROM rtm_broadcast_message(51, 9003, 'for all', mid => 900401);

-- counting: all, some types, a span of time
SELECT * FROM rtm_get_message_num(2, 9001);
SELECT * FROM rtm_get_message_num(message_type => 2, xid => 9001, mtypes => '{52}');
SELECT * FROM rtm_get_message_num(2, 9001, begin_time => 1, end_time => 2);
SELECT rtm_get_message_num(3, 9002);

-- editing: what is there has another text, the sender's own
SELECT rtm_edit_message(900102, 1, 9001, 2, 'edited', '{"v": 2}', 60000);
SELECT rtm_edit_message(900201, 1, 9002, 3, 'edited, too', NULL, 0);
SELECT msg, attrs FROM rtm_get_group_message_info(900102, 1, 9001);
SELECT msg, attrs FROM rtm_get_room_message_info(900201, 1, 9002);
SELECT mid - 900100 AS n, msg FROM rtm_get_group_message(1, 9001, false, NULL);
SELECT f.state, f.message, f.hint FROM (VALUES
	($$rtm_edit_message(900102, 2, 9001, 2, 'not mine', '', 0)$$),
	($$rtm_edit_message(900199, 1, 9001, 2, 'there is none', '', 0)$$),
	($$rtm_edit_message(900301, 9003, 9004, 1, 'not between users', '', 0)$$),
	($$rtm_edit_message(900102, 1, 9001, 5, 'no type', '', 0)$$),
	($$rtm_edit_message(900102, 1, 9001, 2, NULL, '', 0)$$),
	($$rtm_edit_message(900102, 1, 9001, 2, 'when?', '', -1)$$)
) AS bad (call), failure('SELECT ' || call) AS f;
SELECT state FROM failure($$SELECT rtm_edit_message(900102, 1, 9001, 2, repeat('x', 20481), '', 0)$$);

-- deleting: what one has sent; a span of time
SELECT rtm_delete_conversation_messages(1, 9001, 2);
SELECT mid - 900100 AS n, from_uid FROM rtm_get_group_message(1, 9001, false, NULL);
SELECT rtm_clean_message(0, 9001, 2, 1, 2);
SELECT * FROM rtm_get_message_num(2, 9001);
SELECT rtm_clean_message(0, 9001, 2, 1, 4102444800000);
SELECT * FROM rtm_get_message_num(2, 9001);
SELECT rtm_clean_message(9004, 9003, 1, 1, 4102444800000);
SELECT count(*) FROM rtm_get_p2p_message(9003, 9004, false, NULL);
SELECT rtm_clean_message(1, 0, 4, 1, 4102444800000);
SELECT count(*) FROM rtm_get_broadcast_message_info(900401, 9003);
SELECT rtm_clean_message(9003, 0, 4, 1, 4102444800000);
SELECT count(*) FROM rtm_get_broadcast_message_info(900401, 9003);

-- ... and all, in another project than that of the other tests
SELECT rtm_gate_setup(server => 'cleared', pid => 11000099, secret => 'of a project to be cleared') IS NOT NULL AS set_up;
SET rtm.server = 'cleared';
SELECT count(*) FROM (VALUES (1), (2)) u (uid), rtm_send_group_message(51, uid, 1, 'x'), rtm_send_room_message(51, uid, 1, 'x'),
	rtm_send_message(51, uid, 3, 'x'), rtm_broadcast_message(51, uid, 'x');
CREATE VIEW messages_left AS
	SELECT (ARRAY['p2p', 'group', 'room', 'broadcast'])[type] AS kind, array_agg(from_uid ORDER BY from_uid) AS senders
	FROM rtm_gate.message WHERE pid = 11000099 AND NOT deleted GROUP BY type ORDER BY type;
SELECT * FROM messages_left;
SELECT rtm_clear_user_messages(2);
SELECT * FROM messages_left;
SELECT rtm_clear_project_messages(1);	-- rooms, and not p2p
SELECT * FROM messages_left;
SELECT rtm_clear_project_messages(3);	-- broadcasts
SELECT * FROM messages_left;
SELECT rtm_clear_project_messages(4);
SELECT * FROM messages_left;
SELECT state, message, hint FROM failure('SELECT rtm_clear_project_messages(5)');
SELECT rtm_add_group_members(1, '{1,2}'), rtm_set_group_info(1, 'a group');
SELECT rtm_clear_project_group();
SELECT rtm_get_group_members(1), (rtm_get_group_info(1)).oinfo = '' AS no_info;
DROP VIEW messages_left;
RESET rtm.server;
