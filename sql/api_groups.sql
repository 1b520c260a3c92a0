--
-- Groups and rooms: members, bans, infos.
--
SELECT rtm_add_group_members(9201, '{3,1,2}');
SELECT rtm_add_group_members(9201, '{3,4}');
SELECT rtm_get_group_members(9201), rtm_get_group_count(9201), rtm_is_group_member(9201, 4), rtm_is_group_member(9201, 5);
SELECT rtm_delete_group_members(9201, '{4,5}');
SELECT rtm_get_group_members(9201), rtm_get_user_groups(4);
SELECT rtm_add_group_members(9202, '{3}');
SELECT rtm_get_user_groups(3);

SELECT rtm_set_group_info(9201, 'the open one', 'secrets');
SELECT rtm_set_group_info(9201, pinfo => 'more secrets');
SELECT * FROM rtm_get_group_info(9201);
SELECT (rtm_get_group_info(9202)).oinfo = '' AS nothing;

-- a ban in a group, and in all
SELECT rtm_add_group_ban(9201, 1, 600);
SELECT rtm_is_ban_of_group(9201, 1), rtm_is_ban_of_group(9202, 1);
SELECT state FROM failure($$SELECT rtm_send_group_message(51, 1, 9201, 'x')$$);
SELECT rtm_remove_group_ban(9201, 1);
SELECT rtm_add_group_ban(NULL, 1, 0);
SELECT rtm_is_ban_of_group(9202, 1);
SELECT rtm_remove_group_ban(NULL, 1);
SELECT rtm_is_ban_of_group(9202, 1);

SELECT rtm_delete_group(9201);
SELECT rtm_get_group_members(9201), rtm_get_group_count(9201);

-- rooms
SELECT rtm_add_room_member(9203, 1);
SELECT rtm_add_room_members(9203, '{2,1,2}');
SELECT rtm_add_user_rooms(3, '{9203,9204}');
SELECT rtm_get_room_members(9203), rtm_get_room_members(9204), rtm_get_room_count('{9204,9203,9205}');
SELECT rtm_delete_room_member(9203, 1);
SELECT rtm_delete_room_members(9203, '{2,7}');
SELECT rtm_delete_user_rooms(3, '{9204}');
SELECT rtm_get_room_members(9203), rtm_get_room_members(9204);
SELECT rtm_set_room_info(9203, 'a room');
SELECT oinfo, pinfo = '' AS nothing FROM rtm_get_room_info(9203);
SELECT rtm_add_room_ban(9203, 1, 600);
SELECT rtm_is_ban_of_room(9203, 1), rtm_is_ban_of_room(9204, 1);
SELECT state FROM failure($$SELECT rtm_send_room_message(51, 1, 9203, 'x')$$);
SELECT rtm_remove_room_ban(9203, 1);
SELECT rtm_is_ban_of_room(9203, 1);

-- queued: the answer comes to a callback as it comes to who waits
CREATE TABLE api_answer (call text, answer text, error rtm_error);
CREATE FUNCTION members_came(uids bigint[], error rtm_error) RETURNS void LANGUAGE sql
	AS $$ INSERT INTO api_answer VALUES ('members', uids::text, error) $$;
CREATE FUNCTION info_came(oinfo text, pinfo text, error rtm_error) RETURNS void LANGUAGE sql
	AS $$ INSERT INTO api_answer VALUES ('info', format('%s, %s', oinfo, pinfo), error) $$;
CREATE FUNCTION value_came(val text, error rtm_error) RETURNS void LANGUAGE sql
	AS $$ INSERT INTO api_answer VALUES ('value', coalesce(val, 'none'), error) $$;
CREATE FUNCTION done(error rtm_error) RETURNS void LANGUAGE sql
	AS $$ INSERT INTO api_answer VALUES ('done', NULL, error) $$;
SELECT rtm_add_group_members_async(9206, '{1,2}', callback => 'done'::regproc) AS id \gset
SELECT rtm_get_group_members_async(9206, callback => 'members_came'::regproc) AS id2 \gset
SELECT rtm_set_group_info_async(9206, oinfo => 'queued') AS id3 \gset
SELECT rtm_get_group_info_async(9206, callback => 'info_came'::regproc) AS id4 \gset
SELECT rtm_data_get_async(9206, 'nothing', callback => 'value_came'::regproc) AS id5 \gset
SELECT rtm_wait(:id), rtm_wait(:id2), rtm_wait(:id4), rtm_wait(:id5);
DO $$
BEGIN
	FOR i IN 1..3000 LOOP
		EXIT WHEN (SELECT count(*) = 4 FROM api_answer);
		PERFORM pg_sleep(0.02);
		COMMIT;
	END LOOP;
END
$$;
SELECT call, answer, error FROM api_answer ORDER BY call;
SELECT message, hint FROM failure($$SELECT rtm_get_group_info_async(9206, callback => 'members_came'::regproc)$$);
DROP TABLE api_answer;
DROP FUNCTION members_came, info_came, value_came, done;
