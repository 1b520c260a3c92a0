--
-- Users: tokens, infos, friends, blacklists, data, devices.
--

-- tokens: each one is another; nobody logs in at the local gate
SELECT length(rtm_get_token(9101)) > 20 AS token;
SELECT rtm_get_token(9101) = rtm_get_token(9101) AS same;
SELECT rtm_remove_token(9101);
SELECT rtm_kickout(9101);
SELECT rtm_get_online_users('{9101,9102}');

-- infos: NULL leaves one as it is
SELECT * FROM rtm_get_user_info(9101);
SELECT rtm_set_user_info(9101, oinfo => 'Amara', pinfo => 'born 1990');
SELECT rtm_set_user_info(9101, pinfo => 'born 1991');
SELECT rtm_set_user_info(9102, 'Jonas');
SELECT * FROM rtm_get_user_info(9101);
SELECT rtm_get_user_open_info('{9102,9101,9103}');

-- the list of talks
SELECT rtm_add_sessions(9101, '{9102,9103}');
SELECT rtm_remove_sessions(9101, '{9103}');
SELECT ouid FROM rtm_gate.session WHERE uid = 9101;

-- friends
SELECT rtm_add_friends(9101, '{9103,9102,9102}');
SELECT rtm_get_friends(9101), rtm_get_friends(9102);
SELECT rtm_is_friend(9101, 9102), rtm_is_friend(9101, 9104), rtm_is_friends(9101, '{9104,9103}');
SELECT rtm_delete_friends(9101, '{9102}');
SELECT rtm_get_friends(9101), rtm_is_friends(9101, '{9102}');

-- a blacklist: whose messages a user doesn't take
SELECT rtm_add_blacks(9101, '{9105}');
SELECT rtm_get_blacks(9101), rtm_is_black(9101, 9105), rtm_is_black(9105, 9101), rtm_is_blacks(9101, '{9105,9106}');
SELECT state, message FROM failure($$SELECT rtm_send_message(51, 9105, 9101, 'hello?')$$);
SELECT mid FROM rtm_send_message(51, 9101, 9105, 'I may', mid => 910101);
SELECT mid FROM rtm_send_messages(51, 9105, '{9101,9102}', 'both of you?', mid => 910102);
SELECT count(*) FILTER (WHERE to_uid = 9101) AS "9101", count(*) FILTER (WHERE to_uid = 9102) AS "9102"
FROM rtm_gate.message WHERE mid = 910102;
SELECT state FROM failure($$SELECT rtm_send_messages(51, 9105, '{9101}', 'hello?')$$);
SELECT rtm_delete_blacks(9101, '{9105}');
SELECT mid FROM rtm_send_message(51, 9105, 9101, 'hello!', mid => 910103);

-- data
SELECT rtm_data_set(9101, 'colour', 'grün'), rtm_data_set(9101, 'empty', '');
SELECT rtm_data_get(9101, 'colour'), rtm_data_get(9101, 'empty') = '' AS empty, rtm_data_get(9101, 'size') IS NULL AS none;
SELECT rtm_data_set(9101, 'colour', 'blue');
SELECT rtm_data_get(9101, 'colour'), rtm_data_get(9102, 'colour') IS NULL AS anothers;
SELECT rtm_data_delete(9101, 'colour');
SELECT rtm_data_get(9101, 'colour') IS NULL AS gone;
SELECT state FROM failure($$SELECT rtm_data_set(9101, repeat('k', 2049), 'v')$$);

-- devices, and what isn't pushed to them
SELECT rtm_add_device(9101, 'fcm', 'device 1'), rtm_add_device(9101, 'apns', 'device 1'), rtm_add_device(9101, 'apns', 'device 2');
SELECT rtm_remove_device(9101, 'device 2');
SELECT convert_from(apptype, 'UTF8') AS apptype, convert_from(devicetoken, 'UTF8') AS devicetoken FROM rtm_gate.device WHERE uid = 9101;
SELECT rtm_add_device_push_option(9101, 0, 9105), rtm_add_device_push_option(9101, 1, 101, '{30,51}'),
	rtm_add_device_push_option(9101, 1, 101, '{52}'), rtm_add_device_push_option(9101, 1, 102);
SELECT * FROM rtm_get_device_push_option(9101);
SELECT rtm_remove_device_push_option(9101, 1, 101, '{51}'), rtm_remove_device_push_option(9101, 1, 102);
SELECT * FROM rtm_get_device_push_option(9101);
SELECT * FROM rtm_get_device_push_option(9102);

-- the project: a blacklist, and whoever may only read
SELECT rtm_add_project_ban(9107, 600), rtm_add_project_black(9108, 600);
SELECT rtm_is_project_ban(9107), rtm_is_project_ban(9108), rtm_is_project_black(9107), rtm_is_project_black(9108);
SELECT uid, f.state FROM (VALUES (9107), (9108)) u (uid), failure(format($$SELECT rtm_send_message(51, %s, 1, 'x')$$, uid)) f;
SELECT uid, f.state FROM (VALUES (9107), (9108)) u (uid), failure(format($$SELECT rtm_get_p2p_message(%s, 1, true, 1)$$, uid)) f;
SELECT rtm_remove_project_ban(9107), rtm_remove_project_black(9108);
SELECT count(*) FROM (VALUES (9107), (9108)) u (uid), rtm_send_message(51, uid, 1, 'x');

-- what the local gate doesn't have
SELECT f.state, f.message, f.hint FROM (VALUES
	($$rtm_translate('hello', 'zh-CN', profanity => 'censor', post_profanity => true, uid => 1)$$),
	($$rtm_profanity('hello')$$),
	($$rtm_speech_to_text('http://x/y', 1, 'en')$$),
	($$rtm_text_check('hello')$$),
	($$rtm_image_check('\x00ff'::bytea, 2)$$),
	($$rtm_audio_check('http://x/y'::text, 1, 'en')$$),
	($$rtm_video_check('http://x/y'::text, 1, 'name')$$)
) AS call (call), failure('SELECT ' || call) AS f;

-- what no gate can take
SELECT f.state, f.message, f.hint FROM (VALUES
	($$rtm_add_friends(9101, '{}')$$),
	($$rtm_add_friends(9101, NULL)$$),
	($$rtm_add_friends(-1, '{1}')$$),
	($$rtm_add_friends(9101, '{-1}')$$),
	($$rtm_add_friends(9101, ARRAY(SELECT generate_series(1, 101)))$$),
	($$rtm_data_get(9101, NULL)$$),
	($$rtm_add_project_ban(9101, NULL)$$),
	($$rtm_add_device_push_option(9101, 5, 1)$$)
) AS bad (call), failure('SELECT ' || call) AS f;
