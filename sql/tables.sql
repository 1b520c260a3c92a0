--
-- Foreign tables: conversations that are selected from, joined, inserted into.
--
SELECT count(rtm_send_group_message(CASE i % 5 WHEN 0 THEN 60 ELSE 51 END, i % 3 + 1, 8001 + i % 3,
									'line ' || i, CASE WHEN i % 2 = 0 THEN '{"n": ' || i || '}' ELSE '' END, mid => 800000 + i))
FROM generate_series(1, 90) i;
SELECT count(rtm_send_message(51, 81 + i % 2, 82 - i % 2, 'pair ' || i)) FROM generate_series(1, 6) i;
SELECT count(rtm_send_room_message(51, 1, 8101, 'room ' || i)) FROM generate_series(1, 3) i;
CREATE TABLE rooms (id int PRIMARY KEY, name text, code text);
INSERT INTO rooms SELECT 8000 + i, 'group ' || i, (8000 + i)::text FROM generate_series(1, 4) i;
ANALYZE rooms;

--
-- Tables
--
-- a plan, as all versions of PostgreSQL show it
CREATE FUNCTION plan(options text, statement text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
	FOR line IN EXECUTE format('EXPLAIN (COSTS OFF%s) %s', options, statement) LOOP
		RETURN NEXT regexp_replace(regexp_replace(line, 'rows=(\d+)\.00', 'rows=\1'), ' \(returns \$\d+\)', '');
	END LOOP;
END $$;
CREATE SCHEMA chat;
IMPORT FOREIGN SCHEMA rtm FROM SERVER rtm INTO chat OPTIONS (uid '1');
SELECT c.relname, count(*) AS columns, t.ftoptions
FROM pg_foreign_table t JOIN pg_class c ON c.oid = t.ftrelid JOIN pg_attribute a ON a.attrelid = c.oid AND attnum > 0
WHERE c.relnamespace = 'chat'::regnamespace GROUP BY 1, 3 ORDER BY 1;
CREATE SCHEMA other;
IMPORT FOREIGN SCHEMA rtm LIMIT TO (group_message) FROM SERVER rtm INTO other;
IMPORT FOREIGN SCHEMA rtm EXCEPT (group_message, room_message) FROM SERVER rtm INTO other;
SELECT relname FROM pg_class WHERE relnamespace = 'other'::regnamespace ORDER BY 1;
SELECT * FROM failure('IMPORT FOREIGN SCHEMA public FROM SERVER rtm INTO other');
SELECT state, message FROM failure($$IMPORT FOREIGN SCHEMA rtm LIMIT TO (room_message) FROM SERVER rtm INTO other OPTIONS (wrong 'x')$$);

-- by hand: other names, other types, any order, only some
CREATE FOREIGN TABLE line (
	body jsonb OPTIONS (column_name 'attrs'),
	raw bytea OPTIONS (column_name 'msg'),
	conversation int OPTIONS (column_name 'gid'),
	reader bigint OPTIONS (column_name 'uid'),
	id bigint
) SERVER rtm OPTIONS (conversation 'group');
SELECT body ->> 'n' AS n, raw, conversation FROM line WHERE reader = 2 AND conversation = 8001 ORDER BY id LIMIT 3;

-- what isn't possible is said, with what is
SELECT * FROM failure('CREATE FOREIGN TABLE wrong (gid bigint) SERVER rtm');
SELECT * FROM failure($$CREATE FOREIGN TABLE wrong (gid bigint) SERVER rtm OPTIONS (conversation 'chat')$$);
SELECT * FROM failure($$CREATE FOREIGN TABLE wrong (gid bigint OPTIONS (name 'x')) SERVER rtm OPTIONS (conversation 'group')$$);
SELECT * FROM failure($$ALTER SERVER rtm OPTIONS (ADD fdw_call_cost 'much')$$);
CREATE FOREIGN TABLE wrong (gid bigint, rid bigint) SERVER rtm OPTIONS (conversation 'group', uid '1');
SELECT * FROM failure('SELECT * FROM wrong WHERE gid = 1');
ALTER FOREIGN TABLE wrong DROP COLUMN rid, ALTER gid TYPE numeric;
SELECT * FROM failure('SELECT * FROM wrong WHERE gid = 1');
ALTER FOREIGN TABLE wrong DROP COLUMN gid;
SELECT state, message, hint FROM failure('SELECT * FROM wrong');

--
-- Keys: by which a history is read
--
SELECT count(*), min(msg), max(id) - min(id) AS span FROM chat.group_message WHERE gid = 8001;
SELECT gid, count(*) FROM chat.group_message WHERE gid = ANY ('{8001, 8002, NULL, 8001, -5, 8009}') GROUP BY gid ORDER BY gid;
SELECT count(*) FROM chat.group_message WHERE gid = ANY ('{}');
SELECT count(*) FROM chat.group_message WHERE gid = NULL;
SELECT count(*) FROM chat.group_message WHERE gid::text = '8001' OR gid = 8002.0;
SELECT count(*) FROM chat.group_message WHERE gid IN (SELECT id FROM rooms WHERE name < 'group 3');
SELECT count(*) FROM chat.group_message WHERE gid = ANY (ARRAY(SELECT id FROM rooms));
SELECT direction, from_uid, to_uid, msg FROM other.p2p_message WHERE uid = 81 AND ouid = 82 AND direction = 2 ORDER BY id;
SELECT direction, from_uid, to_uid, msg FROM other.p2p_message WHERE uid = 82 AND ouid = 81 ORDER BY id DESC LIMIT 2;
SELECT rid, msg FROM chat.room_message WHERE rid = 8101 ORDER BY id;
SELECT count(*) FROM chat.broadcast_message WHERE mtype = 99;

SELECT r.name, count(m.id) FROM rooms r LEFT JOIN chat.group_message m ON m.gid = r.id GROUP BY 1 ORDER BY 1;
SELECT r.name, count(*) FROM rooms r JOIN chat.group_message m ON m.gid::text = r.code GROUP BY 1 ORDER BY 1;
SELECT r.name, m.msg FROM rooms r, LATERAL (SELECT * FROM chat.group_message WHERE gid = r.id ORDER BY id DESC LIMIT 2) m ORDER BY 1, m.id;
SELECT count(*) FROM chat.group_message a JOIN chat.group_message b ON b.gid = a.gid + 1 AND b.from_uid = a.from_uid WHERE a.gid = 8001;
SELECT name FROM rooms r WHERE NOT EXISTS (SELECT FROM chat.group_message WHERE gid = r.id);

-- nothing says which: only what is missing is named
SELECT * FROM failure('SELECT msg FROM chat.group_message');
SELECT message, hint FROM failure('SELECT msg FROM other.p2p_message WHERE uid = 7');
SELECT message FROM failure('SELECT msg FROM other.group_message WHERE gid > 7');
SELECT message FROM failure('SELECT r.name, msg FROM rooms r FULL JOIN chat.group_message m ON m.gid = r.id');

--
-- What the gate is told, and what it isn't
--
SELECT plan('', $$SELECT msg FROM chat.group_message
WHERE gid = 8001 AND mtype = ANY ('{51, 60}') AND id > 7 AND sent >= '2026-01-01' AND msg LIKE '%7' ORDER BY sent DESC, id DESC LIMIT 5$$);
SELECT plan(', VERBOSE', 'SELECT r.name, m.msg FROM rooms r, LATERAL (SELECT msg FROM chat.group_message WHERE gid = r.id ORDER BY id DESC LIMIT 1) m');
SELECT plan('', 'SELECT r.name, m.msg FROM rooms r JOIN chat.group_message m ON m.gid = r.id WHERE r.name < $$group 3$$ ORDER BY m.sent DESC LIMIT 5');
SELECT plan('', 'SELECT r.name, m.msg FROM rooms r JOIN rooms o USING (name) JOIN chat.group_message m ON m.gid = r.id');
SELECT plan(', ANALYZE, TIMING OFF, SUMMARY OFF', $$SELECT msg FROM chat.group_message WHERE gid = ANY ('{8001, 8002, 8003}') ORDER BY id DESC LIMIT 5$$);
SELECT p::jsonb -> 0 -> 'Plan' -> 'Keys' AS keys, p::jsonb -> 0 -> 'Plan' -> 'Bounds' AS bounds, p::jsonb -> 0 -> 'Plan' -> 'Order' AS "order"
FROM plan(', FORMAT JSON', 'SELECT msg FROM other.group_message WHERE uid = 1 AND gid = 8001 AND mtime < 5 ORDER BY id') p;
SELECT gid, msg FROM chat.group_message WHERE gid = ANY ('{8001, 8002, 8003}') ORDER BY id DESC LIMIT 5;
SELECT msg FROM chat.group_message WHERE gid = 8001 AND mtype = 60 AND id > (SELECT min(id) + 40 FROM chat.group_message WHERE gid = 8001) ORDER BY id;
SELECT min(id) = (SELECT min(id) FROM chat.group_message WHERE gid = 8002 AND mtype = 51), count(*)
FROM chat.group_message WHERE gid = 8002 AND sent <= now() AND mtype < 60;
PREPARE latest (bigint[], int) AS SELECT gid, msg FROM chat.group_message WHERE gid = ANY ($1) ORDER BY mtime DESC, id DESC LIMIT $2;
SET plan_cache_mode = force_generic_plan;
EXECUTE latest ('{8001, 8003}', 3);
EXECUTE latest (NULL, 3);
RESET plan_cache_mode;
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT msg FROM chat.group_message WHERE gid = 8003 ORDER BY id;
FETCH 2 FROM c;
MOVE 25 FROM c;
FETCH ALL FROM c;
FETCH FIRST FROM c;
COMMIT;

-- a partition for each group
CREATE TABLE messages (gid bigint, id bigint, msg text) PARTITION BY LIST (gid);
CREATE FOREIGN TABLE messages_1 PARTITION OF messages FOR VALUES IN (8001) SERVER rtm OPTIONS (conversation 'group', uid '1');
CREATE FOREIGN TABLE messages_2 PARTITION OF messages FOR VALUES IN (8002, 8003) SERVER rtm OPTIONS (conversation 'group', uid '1');
SELECT gid, count(*) FROM messages GROUP BY gid ORDER BY gid;
SELECT plan('', 'SELECT msg FROM messages WHERE gid = 8002');

--
-- Sending and deleting, with the transaction
--
BEGIN;
INSERT INTO chat.group_message (mtype, from_uid, gid, msg) VALUES (51, 1, 8201, 'rolled back') RETURNING mid > 0 AS mid, mtime, msg;
ROLLBACK;
BEGIN;
INSERT INTO chat.group_message (mtype, from_uid, gid, msg, mid) VALUES (51, 1, 8201, 'first', 820100);
SAVEPOINT s;
INSERT INTO chat.group_message (mtype, from_uid, gid, msg) VALUES (51, 1, 8201, 'not this one');
ROLLBACK TO s;
INSERT INTO chat.group_message (mtype, from_uid, gid, msg, attrs) SELECT 51, 2, 8201, name, '{}' FROM rooms ORDER BY id LIMIT 1;
COMMIT;
COPY chat.group_message (mtype, from_uid, gid, msg) FROM STDIN;
51	3	8201	copied
\.
DO $$ BEGIN FOR i IN 1 .. 6000 LOOP EXIT WHEN (SELECT count(*) = 3 FROM rtm_get_group_message(1, 8201, false, NULL)); PERFORM pg_sleep(0.01); END LOOP; END $$;
SELECT from_uid, mid = 820100 AS given, msg FROM chat.group_message WHERE gid = 8201 ORDER BY id;
BEGIN;
UPDATE chat.group_message SET msg = 'not to be' WHERE gid = 8201;
ROLLBACK;
UPDATE chat.group_message m SET msg = upper(m.msg), attrs = r.name FROM rooms r WHERE m.gid = 8201 AND m.mid = 820100 AND r.id = (SELECT min(id) FROM rooms) RETURNING m.msg, m.attrs;
DO $$ BEGIN FOR i IN 1 .. 6000 LOOP EXIT WHEN (SELECT msg = 'FIRST' FROM rtm_get_group_message(1, 8201, false, NULL) WHERE mid = 820100); PERFORM pg_sleep(0.01); END LOOP; END $$;
SELECT from_uid, mid = 820100 AS given, msg, attrs FROM chat.group_message WHERE gid = 8201 ORDER BY id;
DELETE FROM chat.group_message WHERE gid = 8201 AND mid = 820100 RETURNING gid, mid, msg;
DO $$ BEGIN FOR i IN 1 .. 6000 LOOP EXIT WHEN (SELECT count(*) = 2 FROM rtm_get_group_message(1, 8201, false, NULL)); PERFORM pg_sleep(0.01); END LOOP; END $$;
SELECT msg FROM chat.group_message WHERE gid = 8201 ORDER BY id;

-- at once
ALTER FOREIGN TABLE chat.group_message OPTIONS (ADD queued 'false', batch_size '40');
SELECT plan('', $$INSERT INTO chat.group_message (mtype, from_uid, gid, msg) SELECT 51, 1, 8202, 'x' FROM rooms$$);
INSERT INTO chat.group_message (mtype, from_uid, gid, msg) SELECT 51, 1, 8202, 'batch ' || i FROM generate_series(1, 100) i;
SELECT count(*), count(DISTINCT mid), count(DISTINCT msg) FROM chat.group_message WHERE gid = 8202;
INSERT INTO chat.group_message (mtype, from_uid, gid, msg) VALUES (51, 1, 8203, 'now')
	RETURNING mid > 0 AS mid, mtime > 0 AS mtime, sent = timestamptz 'epoch' + mtime * interval '1 millisecond' AS sent;
SELECT plan('', $$UPDATE chat.group_message SET msg = 'x' WHERE gid = 8203$$);
UPDATE chat.group_message SET msg = msg || ', and later' WHERE gid = 8203 RETURNING msg, attrs;
SELECT msg, attrs FROM chat.group_message WHERE gid = 8203;
WITH gone AS (DELETE FROM chat.group_message WHERE gid = 8202 AND msg LIKE '%5' RETURNING msg) SELECT count(*) FROM gone;
SELECT count(*) FROM chat.group_message WHERE gid = 8202;
INSERT INTO line (raw, conversation, body) VALUES ('x', 1, '{}');
ALTER FOREIGN TABLE line ADD mtype int, ADD from_uid bigint;
ALTER FOREIGN TABLE line OPTIONS (ADD queued 'no');
INSERT INTO line (mtype, from_uid, conversation, raw, body) VALUES (51, 1, 8204, '\xff00', '{"a": [1, 2]}');
SELECT raw, body, id > 0 AS id FROM line WHERE reader = 1 AND conversation = 8204;
SELECT msg, msg_binary, attrs FROM chat.group_message WHERE gid = 8204;

-- refused
SELECT * FROM failure($$INSERT INTO chat.group_message (mtype, from_uid, gid, msg) SELECT 51, 1, 8205, CASE i WHEN 3 THEN repeat('x', 30000) ELSE '' END FROM generate_series(1, 5) i$$);
SELECT * FROM failure($$INSERT INTO chat.group_message (mtype, from_uid, gid, msg, id) VALUES (51, 1, 8205, 'x', 1)$$);
SELECT * FROM failure($$INSERT INTO chat.group_message (mtype, from_uid, gid) VALUES (51, 1, 8205)$$);
SELECT * FROM failure($$INSERT INTO chat.group_message (mtype, from_uid, gid, msg) VALUES (0, 1, 8205, '')$$);
SELECT * FROM failure($$INSERT INTO chat.group_message (mtype, from_uid, gid, msg) VALUES (51, 1, 8205, '') ON CONFLICT DO NOTHING$$);
SELECT * FROM failure($$MERGE INTO chat.group_message m USING rooms r ON m.gid = r.id WHEN MATCHED THEN DELETE$$);
SELECT * FROM failure('TRUNCATE chat.group_message');
SELECT * FROM failure($$UPDATE chat.group_message SET mtype = 52, msg = 'x' WHERE gid = 8203$$);
SELECT * FROM failure($$UPDATE chat.group_message SET msg = NULL WHERE gid = 8203$$);
SELECT * FROM failure($$UPDATE chat.group_message SET attrs = NULL WHERE gid = 8203$$);
SELECT * FROM failure($$UPDATE chat.p2p_message SET msg = 'x' WHERE ouid = 2$$);
SELECT * FROM failure($$UPDATE line SET body = '{}' WHERE reader = 1 AND conversation = 8204$$);
ANALYZE chat.group_message;

-- how much one scan may ask for
SET rtm.scan_calls = 2;
SELECT count(*) FROM (SELECT FROM chat.group_message WHERE gid = 8001 LIMIT 25) AS two;
SELECT * FROM failure('SELECT count(*) FROM chat.group_message WHERE gid = ANY (ARRAY[8001, 8002, 8003])');
RESET rtm.scan_calls;

--
-- As whom: the role as whom the table is accessed
--
SET client_min_messages = warning;
CREATE ROLE regress_rtm_reader;
CREATE ROLE regress_rtm_owner;
RESET client_min_messages;
GRANT USAGE ON SCHEMA chat TO regress_rtm_reader, regress_rtm_owner;
GRANT SELECT, INSERT ON chat.group_message TO regress_rtm_reader, regress_rtm_owner;
CREATE VIEW chat.mine AS SELECT gid, msg, id FROM chat.group_message;
ALTER VIEW chat.mine OWNER TO regress_rtm_owner;
GRANT SELECT, INSERT ON chat.mine TO regress_rtm_reader;
GRANT EXECUTE ON FUNCTION failure(text) TO regress_rtm_reader;
GRANT USAGE ON SCHEMA public TO regress_rtm_reader, regress_rtm_owner;
SET ROLE regress_rtm_reader;
SELECT state, message FROM failure('SELECT * FROM chat.group_message WHERE gid = 8001');
SELECT state, message FROM failure('SELECT * FROM chat.mine WHERE gid = 8001');
RESET ROLE;
GRANT USAGE ON FOREIGN SERVER rtm TO regress_rtm_owner;
CREATE USER MAPPING FOR regress_rtm_owner SERVER rtm OPTIONS (secret 'x', uid '3');
SET ROLE regress_rtm_reader;
-- by the view it is the owner who asks, with a secret that isn't the project's
SELECT state FROM failure('SELECT * FROM chat.mine WHERE gid = 8001');
RESET ROLE;
DO $$
DECLARE secret text := (SELECT substr(o, 8) FROM pg_user_mappings, unnest(umoptions) o WHERE srvname = 'rtm' AND usename = current_user AND o LIKE 'secret=%');
BEGIN EXECUTE format('ALTER USER MAPPING FOR regress_rtm_owner SERVER rtm OPTIONS (SET secret %L)', secret); END $$;
SET ROLE regress_rtm_reader;
SELECT count(*) FROM chat.mine WHERE gid = 8001;
SELECT state, message FROM failure('SELECT * FROM chat.group_message WHERE gid = 8001');
RESET ROLE;

-- the mapping's uid, where the table has none
GRANT USAGE ON SCHEMA other TO regress_rtm_owner;
GRANT SELECT ON ALL TABLES IN SCHEMA other TO regress_rtm_owner;
SET ROLE regress_rtm_owner;
SELECT uid, msg FROM other.group_message WHERE gid = 8001 ORDER BY id LIMIT 1;
SELECT uid, msg FROM other.group_message WHERE gid = 8001 AND uid = 2 ORDER BY id LIMIT 1;
RESET ROLE;

SET client_min_messages = warning;
DROP SCHEMA chat, other CASCADE;
DROP FOREIGN TABLE line, wrong;
DROP TABLE messages, rooms;
DROP FUNCTION plan(text, text);
DROP OWNED BY regress_rtm_owner, regress_rtm_reader;
DROP ROLE regress_rtm_owner, regress_rtm_reader;
