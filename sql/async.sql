--
-- Queued calls: part of the transaction, carried out when it has committed.
--

-- For things that happen soon: wait until a condition is true.
CREATE FUNCTION wait_for(condition text) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
	met boolean;
BEGIN
	FOR i IN 1 .. 6000 LOOP
		EXECUTE 'SELECT ' || condition INTO met;
		IF met THEN
			RETURN true;
		END IF;
		PERFORM pg_sleep(0.01);
	END LOOP;
	RETURN false;
END $$;

-- A send gives the id of a request.  The transaction that queued it sees nothing
-- in the outbox, nor does anybody else, until it commits.
BEGIN;
SELECT rtm_send_group_message_async(51, 1, 800, 'hello group') AS id \gset
SELECT :id > 0 AS id, (SELECT count(*) FROM rtm_outbox) AS in_outbox;
SELECT count(*) FROM rtm_get_group_message(1, 800, false, NULL);
COMMIT;
SELECT rtm_wait(:id, 60);
SELECT from_uid, mtype, msg, attrs FROM rtm_get_group_message(1, 800, false, NULL);

-- It left no trace.
SELECT (SELECT count(*) FROM rtm_outbox) AS in_outbox, (SELECT count(*) FROM rtm_result) AS results;

-- Ids are all different.
SELECT count(DISTINCT id) FROM (
	SELECT rtm_send_room_message_async(51, 1, 800, 'no ' || i) AS id FROM generate_series(1, 250) i) r;

-- All sends.
CREATE TABLE request (no int GENERATED ALWAYS AS IDENTITY, what text, id bigint);
INSERT INTO request (what, id) VALUES
	('message', rtm_send_message_async(51, 1, 802, 'hello')),
	('message, binary', rtm_send_message_async(51, 1, 802, '\xff01'::bytea)),
	('messages', rtm_send_messages_async(51, 1, '{802,803}', 'hello both', 'attrs')),
	('messages, binary', rtm_send_messages_async(51, 1, '{802,803}', '\xff02'::bytea)),
	('group', rtm_send_group_message_async(51, 1, 801, 'hello group', mid => 8001)),
	('group, binary', rtm_send_group_message_async(51, 1, 801, '\xff03'::bytea)),
	('room', rtm_send_room_message_async(51, 1, 801, 'hello room')),
	('room, binary', rtm_send_room_message_async(51, 1, 801, '\xff04'::bytea)),
	('broadcast', rtm_broadcast_message_async(51, 1, 'hello everybody', mid => 8002)),
	('broadcast, binary', rtm_broadcast_message_async(51, 1, '\xff05'::bytea, mid => 8003));
SELECT what, rtm_wait(id, 60) FROM request ORDER BY no;

-- They arrived, in each conversation in the order in which they were queued.
SELECT direction, from_uid, to_uid, mtype, msg, attrs, msg_binary
FROM rtm_get_p2p_message(1, 802, false, NULL);
SELECT direction, from_uid, to_uid, mtype, msg, attrs, msg_binary
FROM rtm_get_p2p_message(1, 803, false, NULL);
SELECT from_uid, mtype, msg, msg_binary FROM rtm_get_group_message(1, 801, false, NULL);
SELECT from_uid, mtype, msg, msg_binary FROM rtm_get_room_message(1, 801, false, NULL);
SELECT from_uid, mtype, msg, msg_binary FROM rtm_get_broadcast_message(1, true, 2) ORDER BY id;
-- (other files expect an empty broadcast channel)
SELECT rtm_delete_broadcast_message(mid, 1) FROM (VALUES (8002), (8003)) AS sent (mid);

-- Rolled back, all of it or to a savepoint: never sent.
BEGIN;
SELECT rtm_send_group_message_async(51, 1, 804, 'rolled back') > 0 AS queued;
ROLLBACK;
BEGIN;
SELECT rtm_send_group_message_async(51, 1, 804, 'first') > 0 AS queued;
SAVEPOINT a;
SELECT rtm_send_group_message_async(51, 1, 804, 'rolled back to a') > 0 AS queued;
SAVEPOINT b;
SELECT rtm_send_group_message_async(51, 1, 804, 'released, then rolled back to a') > 0 AS queued;
RELEASE b;
ROLLBACK TO a;
SELECT rtm_send_group_message_async(51, 1, 804, 'second') > 0 AS queued;
SAVEPOINT c;
SELECT rtm_send_group_message_async(51, 1, 804, 'third') AS id \gset
RELEASE c;
COMMIT;
SELECT rtm_wait(:id, 60);
SELECT msg FROM rtm_get_group_message(1, 804, false, NULL);

-- From a trigger: a message for each row, if the rows stay.
CREATE TABLE chat (grp bigint, author bigint, said text CHECK (said <> 'bad'));
CREATE FUNCTION tell_group() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM rtm_send_group_message_async(51, new.author, new.grp, new.said);
	RETURN NULL;
END $$;
CREATE TRIGGER tell_group AFTER INSERT ON chat FOR EACH ROW EXECUTE FUNCTION tell_group();
INSERT INTO chat VALUES (805, 7, 'one'), (805, 8, 'two');
SELECT state FROM failure($$INSERT INTO chat VALUES (805, 7, 'good'), (805, 8, 'bad')$$);
COPY chat FROM stdin;
805	9	three
805	9	four
\.
SELECT wait_for('(SELECT count(*) = 4 FROM rtm_get_group_message(1, 805, false, NULL))');
SELECT from_uid, msg FROM rtm_get_group_message(1, 805, false, NULL);
DROP TABLE chat;
DROP FUNCTION tell_group();

--
-- Callbacks are told how a request ended.
--
CREATE TABLE told (no int GENERATED ALWAYS AS IDENTITY, what text, result jsonb, error rtm_error);
CREATE FUNCTION on_send(mid bigint, mtime bigint, error rtm_error) RETURNS void LANGUAGE sql AS $$
	INSERT INTO told (what, result, error)
	VALUES ('send', jsonb_build_object('mid', mid > 0, 'mtime', mtime > 1700000000000), error) $$;
CREATE FUNCTION on_history(result rtm_history_result, error rtm_error) RETURNS void LANGUAGE sql AS $$
	INSERT INTO told (what, result, error)
	VALUES ('history', (SELECT jsonb_agg(jsonb_build_object('from', m.from_uid, 'to', m.to_uid, 'msg', m.msg))
						FROM unnest(result.msgs) m), error) $$;
CREATE FUNCTION on_info(result rtm_message_info, error rtm_error) RETURNS void LANGUAGE sql AS $$
	INSERT INTO told (what, result, error)
	VALUES ('info', to_jsonb(result) - 'id' - 'mtime', error) $$;
CREATE FUNCTION on_delete(error rtm_error) RETURNS void LANGUAGE sql AS $$
	INSERT INTO told (what, error) VALUES ('delete', error) $$;
CREATE FUNCTION on_call(result jsonb, error rtm_error) RETURNS void LANGUAGE sql AS $$
	INSERT INTO told (what, result, error) VALUES ('call', result - 'mtime', error) $$;
CREATE FUNCTION on_bad_day(mid bigint, mtime bigint, error rtm_error) RETURNS void LANGUAGE sql AS $$
	SELECT 1 / (mid - mid) $$;

-- Requests about one conversation are carried out one after the other, so what
-- is queued behind a send finds its message.
BEGIN;
SELECT rtm_send_group_message_async(51, 1, 806, 'short-lived', mid => 8061, callback => 'on_send'::regproc) IS NOT NULL AS queued;
SELECT rtm_get_group_message_info_async(8061, 1, 806, 'on_info'::regproc) IS NOT NULL AS queued;
SELECT rtm_get_group_message_async(1, 806, false, 10, callback => 'on_history'::regproc) IS NOT NULL AS queued;
SELECT rtm_delete_group_message_async(8061, 1, 806, 'on_delete'::regproc) IS NOT NULL AS queued;
SELECT rtm_get_group_message_async(1, 806, false, 10, callback => 'on_history'::regproc) IS NOT NULL AS queued;
SELECT rtm_call_async('getmsgnum', '{"type": 2, "xid": 806}', 'on_call'::regproc) IS NOT NULL AS queued;
COMMIT;
SELECT wait_for('(SELECT count(*) = 6 FROM told)');
SELECT what, result, error FROM told WHERE what <> 'call' ORDER BY no;
SELECT what, result IS NOT NULL AS result, error FROM told WHERE what = 'call';
TRUNCATE told RESTART IDENTITY;

-- The same in rooms, talks and the broadcast channel.
BEGIN;
SELECT rtm_send_room_message_async(51, 1, 807, 'in a room', mid => 8071) IS NOT NULL AS queued;
SELECT rtm_get_room_message_async(1, 807, false, 10, callback => 'on_history'::regproc) IS NOT NULL AS queued;
SELECT rtm_get_room_message_info_async(8071, 1, 807, 'on_info'::regproc) IS NOT NULL AS queued;
SELECT rtm_delete_room_message_async(8071, 1, 807, 'on_delete'::regproc) IS NOT NULL AS queued;
COMMIT;
SELECT wait_for('(SELECT count(*) = 3 FROM told)');
BEGIN;
SELECT rtm_send_message_async(51, 1, 808, 'from user to user', mid => 8081) IS NOT NULL AS queued;
SELECT rtm_get_p2p_message_async(808, 1, false, 10, callback => 'on_history'::regproc) IS NOT NULL AS queued;
SELECT rtm_get_p2p_message_info_async(8081, 1, 808, 'on_info'::regproc) IS NOT NULL AS queued;
SELECT rtm_delete_p2p_message_async(8081, 1, 808, 'on_delete'::regproc) IS NOT NULL AS queued;
COMMIT;
SELECT wait_for('(SELECT count(*) = 6 FROM told)');
BEGIN;
SELECT rtm_broadcast_message_async(51, 1, 'to everybody', mid => 8091) IS NOT NULL AS queued;
SELECT rtm_get_broadcast_message_async(1, true, 1, callback => 'on_history'::regproc) IS NOT NULL AS queued;
SELECT rtm_get_broadcast_message_info_async(8091, 1, 'on_info'::regproc) IS NOT NULL AS queued;
SELECT rtm_delete_broadcast_message_async(8091, 1, 'on_delete'::regproc) IS NOT NULL AS queued;
COMMIT;
SELECT wait_for('(SELECT count(*) = 9 FROM told)');
SELECT what, result, error FROM told ORDER BY no;
TRUNCATE told RESTART IDENTITY;

-- A request that went well and whose callback has run leaves no trace either.
SELECT count(*) FROM rtm_result;

--
-- What the gate refuses: the request fails, and stays until somebody sees to it.
--
SELECT rtm_send_group_message_async(51, 1, 801, 'a mid that was used', mid => 8001, callback => 'on_send'::regproc) AS id \gset
SELECT rtm_wait(:id, 60);
SELECT wait_for('EXISTS (SELECT FROM told)');
SELECT what, result, error FROM told ORDER BY no;
SELECT call, method, server, owner = current_user::regrole AS mine, mid, mtime, params, answer, error,
	callback, callback_status, callback_error
FROM rtm_result WHERE id = :id \gx
TRUNCATE told RESTART IDENTITY;

SELECT rtm_discard(:id);
SELECT rtm_discard(:id) AS again;
SELECT count(*) FROM rtm_result;

-- A message that isn't there, a method that isn't there, limits of the gate's.
TRUNCATE request RESTART IDENTITY;
INSERT INTO request (what, id) VALUES
	('info', rtm_get_group_message_info_async(4, 1, 806)),
	('method', rtm_call_async('nosuchmethod')),
	('too long', rtm_send_group_message_async(51, 1, 801, repeat('x', 20481))),
	('long', rtm_send_group_message_async(51, 1, 809, repeat('x', 20480))),
	('long, of chance', rtm_send_group_message_async(51, 1, 809,
		(SELECT string_agg(md5(i::text), '') FROM generate_series(1, 640) i)));
SELECT what, rtm_wait(id, 60) FROM request ORDER BY no;
SELECT q.what, r.status, (r.error).code, (r.error).sqlstate, r.callback_status
FROM request q JOIN rtm_result r USING (id) ORDER BY no;
SELECT what, rtm_discard(id) FROM request ORDER BY no;
SELECT length(msg), md5(msg) FROM rtm_get_group_message(1, 809, false, NULL);

-- A wrong secret: the request waits until it is put right.
SELECT rtm_gate_setup(server => 'second', pid => 22000002, secret => 'right') IS NOT NULL AS ready;
ALTER USER MAPPING FOR CURRENT_USER SERVER second OPTIONS (SET secret 'wrong');
SELECT rtm_send_group_message_async(51, 1, 810, 'signed', mid => 8100, server => 'second') AS id \gset
SELECT wait_for('EXISTS (SELECT FROM rtm_outbox WHERE (error).code = 200002)');
ALTER USER MAPPING FOR CURRENT_USER SERVER second OPTIONS (SET secret 'right');
SELECT rtm_wait(:id, 60);

-- A sender who is banned: let him in, then try again.  The request keeps its mid.
SELECT rtm_call('addgroupban', '{"gid": 810, "uid": 1, "btime": 1000}', server => 'second');
SELECT rtm_send_group_message_async(51, 1, 810, 'sealed', mid => 8101, server => 'second') AS id \gset
SELECT rtm_wait(:id, 60);
SELECT server, status, (error).code, (error).sqlstate FROM rtm_result WHERE id = :id;
SELECT rtm_call('removegroupban', '{"gid": 810, "uid": 1}', server => 'second');
SELECT rtm_retry(:id);
SELECT rtm_wait(:id, 60);
SELECT rtm_retry(:id) AS again;
SELECT mid, msg FROM rtm_get_group_message(1, 810, false, NULL, server => 'second');

-- A callback that fails: the message was sent all the same.
SELECT rtm_send_group_message_async(51, 1, 811, 'sent', mid => 8111, callback => 'on_bad_day'::regproc) AS id \gset
SELECT rtm_wait(:id, 60);
SELECT wait_for($$EXISTS (SELECT FROM rtm_result WHERE callback_status = 'failed')$$);
SELECT status, mid, mtime IS NOT NULL AS sent, callback, callback_status, callback_error
FROM rtm_result WHERE id = :id \gx
SELECT state, regexp_replace(message, '\d+', 'N') AS message, hint FROM failure('SELECT rtm_retry(' || :id || ')') \gx
SELECT rtm_discard(:id);
SELECT msg FROM rtm_get_group_message(1, 811, false, NULL);

--
-- A gate that is away: requests wait.  One that waits can be discarded.
--
SELECT endpoint FROM rtm_gate_status() \gset
ALTER SERVER second OPTIONS (SET endpoint '127.0.0.1:1');
SELECT rtm_send_group_message_async(51, 1, 812, 'patience', mid => 8121, server => 'second') AS id \gset
SELECT rtm_send_group_message_async(51, 1, 812, 'never mind', server => 'second') AS other \gset
SELECT wait_for('EXISTS (SELECT FROM rtm_outbox WHERE error IS NOT NULL)');
SELECT rtm_discard(:other);
SELECT rtm_wait(:id, 0.01);
SELECT call, method, server, owner = current_user::regrole AS mine, mid, params, callback,
	attempts > 0 AS tried, (error).code, (error).sqlstate
FROM rtm_outbox WHERE id = :id \gx
SELECT queued, oldest_age > '0' AS has_age, sent, failed, retried > 0 AS retried, in_flight
FROM rtm_stat_server WHERE server = 'second';
ALTER SERVER second OPTIONS (SET endpoint :'endpoint');
SELECT rtm_wait(:id, 60);
SELECT msg FROM rtm_get_group_message(1, 812, false, NULL, server => 'second');
SELECT queued, oldest_age, sent, failed, in_flight, answer_time > 0 AS answer_time, last_answer_time > 0 AS last_answer_time
FROM rtm_stat_server WHERE server = 'second';

-- A server that is dropped: what waits for it fails.
ALTER SERVER second OPTIONS (SET endpoint '127.0.0.1:1');
SELECT rtm_send_group_message_async(51, 1, 812, 'in vain', server => 'second') AS id \gset
SET client_min_messages = warning;
DROP SERVER second CASCADE;
RESET client_min_messages;
SELECT rtm_wait(:id, 60);
-- its name may be what the sender misses first
SELECT server, status, (error).code, (error).sqlstate, (error).message ~ '^(the server \(OID \d+\) was dropped|server "second" does not exist)$' AS said
FROM rtm_result WHERE id = :id;
SELECT rtm_discard(:id);

-- The workers.
SELECT worker, state, pid IS NOT NULL AS has_pid, last_error
FROM rtm_stat_worker WHERE database = current_database() ORDER BY worker;

--
-- Bad input: each error says what it is about, and queues nothing.
--
SELECT f.state, f.message, f.hint
FROM (VALUES
	($$rtm_send_message_async(NULL, 1, 2, 'x')$$),
	($$rtm_send_message_async(51, 1, 2, NULL::text)$$),
	($$rtm_send_messages_async(51, 1, '{}', 'x')$$),
	($$rtm_send_messages_async(51, 1, '{2,NULL}', 'x')$$),
	($$rtm_send_group_message_async(128, 1, 2, 'x')$$),
	($$rtm_send_group_message_async(51, -1, 2, 'x')$$),
	($$rtm_send_room_message_async(51, 1, 2, repeat('x', 9000000))$$),
	($$rtm_get_group_message_async(1, 2, NULL, 1)$$),
	($$rtm_delete_p2p_message_async(NULL, 1, 2)$$),
	($$rtm_get_broadcast_message_info_async(NULL, 1)$$),
	($$rtm_broadcast_message_async(51, 1, 'x', timeout => -1)$$),
	($$rtm_call_async(NULL)$$),
	($$rtm_call_async('*ping2')$$),
	($$rtm_call_async('getmsgnum', '{"pid": 1}')$$),
	($$rtm_call_async('getmsgnum', '[]')$$),
	($$rtm_send_message_async(51, 1, 2, 'x', server => 'nowhere')$$)
) AS bad (call), failure('SELECT ' || call) AS f;

-- callbacks: a function with the arguments that the call has to tell
SELECT f.state, f.message, f.hint
FROM (VALUES
	($$rtm_send_message_async(51, 1, 2, 'x', callback => 'nosuchfunction')$$),
	($$rtm_send_message_async(51, 1, 2, 'x', callback => 4294967295::oid::regprocedure)$$),
	($$rtm_send_message_async(51, 1, 2, 'x', callback => 'on_delete'::regproc)$$),
	($$rtm_get_room_message_async(1, 2, false, 1, callback => 'on_send'::regproc)$$),
	($$rtm_get_room_message_info_async(1, 2, 3, callback => 'on_history'::regproc)$$),
	($$rtm_delete_room_message_async(1, 2, 3, callback => 'count("any")')$$),
	($$rtm_call_async('getmsgnum', '{}', callback => 'on_info'::regproc)$$)
) AS bad (call), failure('SELECT ' || call) AS f;

-- waiting for what this very transaction has queued would take forever
BEGIN;
SELECT rtm_send_group_message_async(51, 1, 801, 'x') AS id \gset
SELECT state, regexp_replace(message, '\d+', 'N') AS message, hint FROM failure('SELECT rtm_wait(' || :id || ')') \gx
ROLLBACK;

-- ids
SELECT f.state, f.message, f.hint
FROM (VALUES ('rtm_wait(0)'), ('rtm_wait(1, -1)'), ($$rtm_wait(1, 'NaN')$$), ('rtm_retry(-1)'), ('rtm_discard(0)')
) AS bad (call), failure('SELECT ' || call) AS f;
SELECT rtm_wait(NULL) AS wait, rtm_retry(NULL) AS retry, rtm_discard(NULL) AS discard;
-- nothing is known of it any more, or it never was
SELECT rtm_wait(9223372036854775807) AS wait, rtm_retry(9223372036854775807) AS retry,
	rtm_discard(9223372036854775807) AS discard;

-- a transaction that may not write
BEGIN READ ONLY;
SELECT state, message FROM failure($$SELECT rtm_send_message_async(51, 1, 2, 'x')$$);
SELECT state, message FROM failure('SELECT rtm_retry(1)');
SELECT state, message FROM failure('SELECT rtm_discard(1)');
SELECT rtm_wait(1, 1);
ROLLBACK;

-- Nothing of that was queued.
SELECT (SELECT count(*) FROM rtm_outbox) AS in_outbox, (SELECT count(*) FROM rtm_result) AS results;

--
-- Who may: as for the synchronous calls.  Everybody sees their own requests.
--
SELECT rtm_call_async('nosuchmethod') AS other \gset
SELECT rtm_wait(:other, 60);
SET client_min_messages = warning;
CREATE ROLE regress_rtm_sender;
GRANT USAGE ON SCHEMA public TO regress_rtm_sender;
RESET client_min_messages;
REVOKE EXECUTE ON FUNCTION on_delete(rtm_error) FROM PUBLIC;
SET ROLE regress_rtm_sender;
SELECT state, message FROM failure($$SELECT rtm_send_group_message_async(51, 1, 813, 'no')$$);
SELECT state, message FROM failure($$SELECT rtm_call_async('*ping')$$);
RESET ROLE;
GRANT USAGE ON FOREIGN SERVER rtm TO regress_rtm_sender;
SET ROLE regress_rtm_sender;
SELECT state, message FROM failure($$SELECT rtm_send_group_message_async(51, 1, 813, 'no mapping')$$);
RESET ROLE;
SELECT secret FROM rtm_gate.project WHERE pid = 11000001 \gset
CREATE USER MAPPING FOR regress_rtm_sender SERVER rtm OPTIONS (secret :'secret');
SET ROLE regress_rtm_sender;
SELECT state, message FROM failure($$SELECT rtm_delete_group_message_async(1, 2, 3, 'on_delete'::regproc)$$);
SELECT rtm_send_group_message_async(51, 1, 801, 'used', mid => 8001) AS id \gset
SELECT rtm_wait(:id, 60);
SELECT owner, (error).sqlstate, (error).message FROM rtm_result;
SELECT state, message FROM failure('TABLE rtm_internal.rtm_request');
SELECT state, message FROM failure('TABLE rtm_internal.rtm_finished');
SELECT state, message FROM failure('TABLE rtm_stat_worker');
SELECT state, message FROM failure('TABLE rtm_stat_server');
SELECT f.state, regexp_replace(f.message, '\d+', 'N') AS message, f.hint
FROM (VALUES ('rtm_wait'), ('rtm_retry'), ('rtm_discard')) AS function (name),
	failure(format('SELECT %s(%s)', name, :other)) AS f;
SELECT rtm_discard(:id);
RESET ROLE;
SELECT rtm_discard(:other);
-- pg_monitor sees all requests and the figures
SELECT rtm_send_group_message_async(51, 1, 801, 'used', mid => 8001) AS id \gset
SELECT rtm_wait(:id, 60);
GRANT pg_monitor TO regress_rtm_sender;
SET ROLE regress_rtm_sender;
SELECT count(*) FROM rtm_result;
SELECT server, sent > 0 AS sent, failed > 0 AS failed, queued FROM rtm_stat_server ORDER BY server;
SELECT state FROM failure('SELECT rtm_discard(' || :id || ')');
RESET ROLE;
SELECT rtm_discard(:id);
DROP OWNED BY regress_rtm_sender;
DROP ROLE regress_rtm_sender;


--
-- The views.
--
\d rtm_outbox
\d rtm_result
\d rtm_stat_worker
\d rtm_stat_server

DROP TABLE request, told;
DROP FUNCTION on_send, on_history, on_info, on_delete, on_call, on_bad_day, wait_for;
