--
-- rtm_call: any method of the service by its name on the wire.
--
SELECT rtm_call('sendgroupmsg', '{"mtype": 51, "from": 1, "gid": 500, "mid": 8001,
	"msg": "by hand", "attrs": "{}"}') - 'mtime' AS answer;
SELECT mid, from_uid, mtype, msg, attrs FROM rtm_get_group_message(1, 500, false, NULL);
SELECT rtm_call('getmsg', '{"mid": 8001, "from": 1, "xid": 500, "type": 2}') - 'mtime' - 'id' AS answer;

-- how many messages a conversation has
SELECT mid FROM rtm_send_group_message(52, 2, 500, 'another', mid => 8002);
SELECT rtm_call('getmsgnum', '{"type": 2, "xid": 500}') AS answer;
SELECT rtm_call('getmsgnum', '{"type": 2, "xid": 500, "mtypes": [52]}', timeout => 5, server => 'rtm') AS answer;

-- Bytes are an object with the one key base64, in both directions.
SELECT rtm_call('sendgroupmsg', '{"mtype": 51, "from": 1, "gid": 501, "mid": 8003,
	"msg": {"base64": "AP/+IGJpbmFyeQ=="}, "attrs": ""}') - 'mtime' AS answer;
SELECT msg, msg_binary FROM rtm_get_group_message(1, 501, false, NULL);
SELECT rtm_call('getmsg', '{"mid": 8003, "from": 1, "xid": 501, "type": 2}') -> 'msg' AS msg;
-- arrays and text of other scripts
SELECT jsonb_path_query(rtm_call('getgroupmsg', '{"uid": 1, "gid": 500, "desc": false, "num": 1.0}'),
						'$.msgs[*][1 to 6]') AS field;
SELECT rtm_call('sendgroupmsg', '{"mtype": 51, "from": 1, "gid": 502, "mid": 8004,
	"msg": "grüße 你好 😀", "attrs": ""}') - 'mtime' AS answer;
SELECT rtm_call('getmsg', '{"mid": 8004, "from": 1, "xid": 502, "type": 2}') ->> 'msg' AS msg;

-- The framework's own ping can be called, what else begins with * can't.
SELECT jsonb_typeof(rtm_call('*ping')) AS answer;
SELECT * FROM failure($$SELECT rtm_call('*key', '{"bits": 128}')$$) \gx
SELECT * FROM failure($$SELECT rtm_call('*tune')$$) \gx

-- A method that nobody knows; NULL; names that are none.
SELECT * FROM failure($$SELECT rtm_call('nosuchmethod')$$) \gx
SELECT * FROM failure($$SELECT rtm_call(NULL)$$) \gx
SELECT * FROM failure($$SELECT rtm_call('')$$) \gx
SELECT state, left(message, 40) AS message FROM failure($$SELECT rtm_call(repeat('x', 256))$$) \gx
SELECT * FROM failure($$SELECT rtm_call('two words')$$) \gx

-- Parameters: an object, without the keys that sign the quest.
SELECT * FROM failure($$SELECT rtm_call('getmsgnum', '[1, 2]')$$) \gx
SELECT * FROM failure($$SELECT rtm_call('getmsgnum', '1')$$) \gx
SELECT * FROM failure($$SELECT rtm_call('getmsgnum', '{"type": 2, "pid": 1}')$$) \gx
SELECT state, message FROM failure($$SELECT rtm_call('getmsgnum', '{"salt": 1}')$$)
UNION ALL SELECT state, message FROM failure($$SELECT rtm_call('getmsgnum', '{"ts": 1}')$$)
UNION ALL SELECT state, message FROM failure($$SELECT rtm_call('getmsgnum', '{"sign": ""}')$$);
SELECT * FROM failure($$SELECT rtm_call('getmsgnum', '{"type": {"base64": "?"}}')$$) \gx
-- what the gate says of a parameter that is missing, or of another type
SELECT state, message FROM failure($$SELECT rtm_call('getmsgnum', '{"type": 2}')$$);
SELECT state, message FROM failure($$SELECT rtm_call('getmsgnum', NULL)$$);
SELECT state, message FROM failure($$SELECT rtm_call('getmsgnum', '{"type": 2, "xid": "500"}')$$);
SELECT state, message FROM failure($$SELECT rtm_call('getmsgnum', '{"type": 2, "xid": 500.5}')$$);
SELECT state, message FROM failure($$SELECT rtm_call('getmsgnum', '{"type": 2, "xid": 9223372036854775808}')$$);
SELECT state FROM failure($$SELECT rtm_call('getmsgnum', '{"type": 2, "xid": 1e400}')$$);

-- The local gate has what the SQL functions ask for, where only the parameters are missing
-- here: all but checks of contents.  (One has no parameters.)
SELECT m.method, f.state
FROM (SELECT DISTINCT method FROM rtm_methods()) AS m,
	LATERAL failure(format('SELECT rtm_call(%L)', m.method)) AS f
WHERE f.state IS DISTINCT FROM 'FP109'
ORDER BY m.method;
