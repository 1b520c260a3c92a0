--
-- rtm_send_trigger(): a trigger without a function of one's own
--
CREATE TABLE line (id bigint GENERATED ALWAYS AS IDENTITY, user_id int, "Group" bigint, body text,
	bytes bytea, tags jsonb, at timestamptz, loud text GENERATED ALWAYS AS (upper(body)) STORED);

-- Make the trigger with those arguments, and insert a row: what it fails with.
CREATE FUNCTION try(arguments text, "values" text DEFAULT $$(user_id, "Group", body) VALUES (7, 820, 'hello')$$,
					OUT state text, OUT message text, OUT hint text, OUT context text)
LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE OR REPLACE TRIGGER tell AFTER INSERT ON line FOR EACH ROW EXECUTE FUNCTION rtm_send_trigger(%s)', arguments);
	EXECUTE 'INSERT INTO line ' || "values";
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS
		state = RETURNED_SQLSTATE,
		message = MESSAGE_TEXT,
		hint = PG_EXCEPTION_HINT,
		context = PG_EXCEPTION_CONTEXT;
	context := split_part(context, E'\n', 1);
END $$;

-- the sender works meanwhile
CREATE PROCEDURE wait_for(condition text) LANGUAGE plpgsql AS $$
DECLARE
	done boolean;
BEGIN
	FOR i IN 1 .. 6000 LOOP
		EXECUTE 'SELECT ' || condition INTO done;
		EXIT WHEN done;
		COMMIT;
		PERFORM pg_sleep(0.01);
	END LOOP;
END $$;

CREATE TRIGGER tell AFTER INSERT ON line FOR EACH ROW
	EXECUTE FUNCTION rtm_send_trigger('send_group_message', 'mtype', '51', 'from_uid', '$user_id', 'gid', '$Group',
		'msg', '$body', 'attrs', '{"line": $id, "tags": $tags, "at": "${at}", "text": "$$1: $body"}');
INSERT INTO line (user_id, "Group", body, tags) VALUES (7, 820, 'one', '["a", 1]'), (8, 820, E'quote " backslash \\ new\nline', NULL);
CALL wait_for('(SELECT count(*) = 2 FROM rtm_get_group_message(1, 820, false, NULL))');
SELECT from_uid, mtype, msg, attrs, attrs::json IS NOT NULL AS is_json FROM rtm_get_group_message(1, 820, false, NULL);

-- text that is no JSON has columns as text; text and bytes by the column's type; a constant's dollar
TRUNCATE line RESTART IDENTITY;
SELECT try($t$'send_group_message', 'mtype', '51', 'from_uid', '7', 'gid', '821', 'msg', '[bot] ${user_id}_: $body$tags', 'attrs', '$$5'$t$);
SELECT try($t$'send_group_message', 'mtype', '51', 'from_uid', '7', 'gid', '821', 'msg', '$bytes', 'mid', '$id'$t$, $t$(bytes) VALUES ('\xff00')$t$);
SELECT try($t$'send_group_message', 'mtype', '51', 'from_uid', '7', 'gid', '821', 'msg', '$loud'$t$, $t$(body) VALUES ('generated')$t$);
SELECT try($t$'send_messages', 'mtype', '51', 'from_uid', '7', 'to_uids', '{8,$user_id}', 'msg', '$body'$t$);
SELECT * FROM try($t$'add_room_members', 'rid', '825', 'uids', '{$user_id,8}'$t$);
SELECT try($t$'call', 'method', 'sendgroupmsg', 'params', '{"mtype": 51, "from": 7, "gid": $Group, "mid": 4711, "msg": $body, "attrs": ""}'$t$, $t$("Group", body) VALUES (822, 'by a call')$t$);
CALL wait_for('(SELECT count(*) = 3 FROM rtm_get_group_message(1, 821, false, NULL))');
SELECT from_uid, msg, msg_binary, attrs FROM rtm_get_group_message(1, 821, false, NULL);
CALL wait_for('(SELECT count(*) = 1 FROM rtm_get_group_message(1, 822, false, NULL))');
SELECT mid, msg FROM rtm_get_group_message(1, 822, false, NULL);

-- what is wrong is said, with the trigger's name
SELECT * FROM try('');
SELECT * FROM try($t$'send_group_message', 'mtype'$t$);
SELECT * FROM try($t$'send_goup_message', 'mtype', '51'$t$);
SELECT * FROM try($t$'send_group_message', 'mtyp', '51', 'from_uid', '$user_id'$t$);
SELECT * FROM try($t$'send_group_message', 'mtype', '51', 'from_uid', '$user', 'gid', '$Group', 'msg', '$body'$t$);
SELECT * FROM try($t$'send_group_message', 'mtype', '51', 'from_uid', '$', 'gid', '$Group', 'msg', '$body'$t$);
SELECT * FROM try($t$'send_group_message', 'mtype', '51', 'from_uid', '${user_id', 'gid', '$Group', 'msg', '$body'$t$);
SELECT * FROM try($t$'send_group_message', 'mtype', '51', 'mtype', '52', 'from_uid', '7', 'gid', '8', 'msg', 'm'$t$);
SELECT * FROM try($t$'send_group_message', 'mtype', '51', 'from_uid', '$user_id', 'gid', '$Group'$t$);
SELECT * FROM try($t$'send_group_message', 'mtype', 'x', 'from_uid', '$user_id', 'gid', '$Group', 'msg', '$body'$t$);
SELECT * FROM try($t$'send_group_message', 'mtype', '51', 'from_uid', '$body', 'gid', '$Group', 'msg', '$body'$t$);
SELECT * FROM try($t$'send_group_message', 'mtype', '51', 'from_uid', '1$user_id', 'gid', '$Group', 'msg', '$body'$t$);
SELECT * FROM try($t$'send_group_message', 'mtype', '$user_id', 'from_uid', '7', 'gid', '$Group', 'msg', '$body'$t$, $t$(user_id, "Group", body) VALUES (1000, 1, '')$t$);
SELECT * FROM try($t$'send_group_message', 'mtype', '51', 'from_uid', '$user_id', 'gid', '$Group', 'msg', '$body'$t$, $t$("Group", body) VALUES (1, 'nobody')$t$);
SELECT * FROM try($t$'send_group_message', 'mtype', '51', 'from_uid', '$old.user_id', 'gid', '$Group', 'msg', '$body'$t$);
DROP TRIGGER tell ON line;
SELECT state, message FROM failure('SELECT rtm_send_trigger()');
SELECT state, message, hint FROM failure($$CREATE TRIGGER before BEFORE INSERT ON line FOR EACH ROW EXECUTE FUNCTION rtm_send_trigger('send_group_message'); INSERT INTO line DEFAULT VALUES$$);
SELECT state, message, hint FROM failure($$CREATE TRIGGER once AFTER INSERT ON line EXECUTE FUNCTION rtm_send_trigger('send_group_message'); INSERT INTO line DEFAULT VALUES$$);

-- UPDATE has the new row, DELETE the old one; WHEN; a deferred one
CREATE TRIGGER changed AFTER UPDATE OF body ON line FOR EACH ROW WHEN (new.body <> old.body)
	EXECUTE FUNCTION rtm_send_trigger('send_group_message', 'mtype', '52', 'from_uid', '7', 'gid', '823', 'msg', 'now: $body, was: $old.body', 'attrs', '${old.body}, $old.body.');
CREATE TRIGGER gone AFTER DELETE ON line FOR EACH ROW
	EXECUTE FUNCTION rtm_send_trigger('send_group_message', 'mtype', '53', 'from_uid', '7', 'gid', '823', 'msg', 'gone: $body');
CREATE CONSTRAINT TRIGGER later AFTER INSERT ON line DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
	EXECUTE FUNCTION rtm_send_trigger('send_group_message', 'mtype', '54', 'from_uid', '7', 'gid', '823', 'msg', 'at the commit: $body');
TRUNCATE line;
BEGIN;
INSERT INTO line (body) VALUES ('first');
UPDATE line SET body = 'second', user_id = 1;
UPDATE line SET body = body;
DELETE FROM line;
COMMIT;
CALL wait_for('(SELECT count(*) = 3 FROM rtm_get_group_message(1, 823, false, NULL))');
SELECT mtype, msg, attrs FROM rtm_get_group_message(1, 823, false, NULL);
DROP TABLE line;

-- partitions whose columns are elsewhere
CREATE TABLE part (gone int, kind int, body text) PARTITION BY LIST (kind);
ALTER TABLE part DROP gone;
CREATE TABLE part_a PARTITION OF part FOR VALUES IN (1);
CREATE TABLE part_b (body text, dropped int, kind int);
ALTER TABLE part_b DROP dropped;
ALTER TABLE part ATTACH PARTITION part_b FOR VALUES IN (2);
CREATE TRIGGER tell AFTER INSERT ON part FOR EACH ROW
	EXECUTE FUNCTION rtm_send_trigger('send_group_message', 'mtype', '51', 'from_uid', '$kind', 'gid', '824', 'msg', '$body');
INSERT INTO part SELECT i % 2 + 1, 'line ' || i FROM generate_series(1, 4) i;
CALL wait_for('(SELECT count(*) = 4 FROM rtm_get_group_message(1, 824, false, NULL))');
SELECT from_uid, msg FROM rtm_get_group_message(1, 824, false, NULL);
-- ... and which are altered
ALTER TABLE part RENAME body TO said;
SELECT state, message FROM failure($$INSERT INTO part VALUES (1, 'x')$$);
DROP TABLE part;

-- whoever may not queue the call may not do it by a trigger
CREATE ROLE trigger_user;
CREATE TABLE theirs (body text);
GRANT INSERT ON theirs TO trigger_user;
CREATE TRIGGER tell AFTER INSERT ON theirs FOR EACH ROW
	EXECUTE FUNCTION rtm_send_trigger('call', 'method', '$body');
SET ROLE trigger_user;
SELECT state, message FROM failure($$INSERT INTO theirs VALUES ('x')$$);
RESET ROLE;
DROP TABLE theirs;
DROP ROLE trigger_user;

-- no function but the extension's own is called, however well another one fits
CREATE TABLE plain (mtype int, body text);
CREATE FUNCTION rtm_send_group_message_async(mtype int, from_uid int, gid int, msg text) RETURNS bigint
LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'somebody else''s function'; END $$;
CREATE TRIGGER tell AFTER INSERT ON plain FOR EACH ROW
	EXECUTE FUNCTION rtm_send_trigger('send_group_message', 'mtype', '$mtype', 'from_uid', '7', 'gid', '826', 'msg', '$body');
INSERT INTO plain VALUES (51, 'by the extension');
DROP FUNCTION rtm_send_group_message_async(int, int, int, text);

-- a table and a trigger that are altered, under a statement that is kept
PREPARE ins AS INSERT INTO plain (mtype, body) VALUES ($1, $2);
EXECUTE ins (51, 'prepared');
ALTER TABLE plain ADD extra int, ALTER mtype TYPE bigint;
EXECUTE ins (52, 'wider');
ALTER TABLE plain DROP mtype;
ALTER TABLE plain ADD mtype smallint;
EXECUTE ins (53, 'in another place');
CREATE OR REPLACE TRIGGER tell AFTER INSERT ON plain FOR EACH ROW
	EXECUTE FUNCTION rtm_send_trigger('send_group_message', 'mtype', '54', 'from_uid', '7', 'gid', '826', 'msg', 'replaced: $body');
EXECUTE ins (1, 'mtype is not looked at');
CALL wait_for('(SELECT count(*) = 5 FROM rtm_get_group_message(1, 826, false, NULL))');
SELECT mtype, msg FROM rtm_get_group_message(1, 826, false, NULL);
DROP TABLE plain;

-- arrays: columns are elements of it, or as many as they have; nobody's text becomes several
CREATE TABLE members (g bigint, one int, more bigint[], words text, many text[]);
CREATE TRIGGER tell AFTER INSERT ON members FOR EACH ROW
	EXECUTE FUNCTION rtm_send_trigger('add_group_members', 'gid', '$g', 'uids', '{$one, 5, $more}', 'send_at', 'tomorrow');
INSERT INTO members VALUES (828, 1, '{2, 3}');
SELECT params->'uids' AS uids, rtm_discard(id) AS discarded FROM rtm_outbox WHERE params->>'gid' = '828';
SELECT state, message FROM failure($$INSERT INTO members VALUES (828, NULL, '{2, 3}')$$);
CREATE OR REPLACE TRIGGER tell AFTER INSERT ON members FOR EACH ROW
	EXECUTE FUNCTION rtm_send_trigger('add_group_members', 'gid', '$g', 'uids', '{$words}');
SELECT state, message, hint FROM failure($$INSERT INTO members VALUES (828, 1, '{2}', '5,6,7')$$);
CREATE OR REPLACE TRIGGER tell AFTER INSERT ON members FOR EACH ROW
	EXECUTE FUNCTION rtm_send_trigger('add_group_members', 'gid', '$g', 'uids', '{1,$many}');
SELECT state, message, hint FROM failure($$INSERT INTO members VALUES (828, 1, '{2}', '', '{"5,6"}')$$);
CREATE OR REPLACE TRIGGER tell AFTER INSERT ON members FOR EACH ROW
	EXECUTE FUNCTION rtm_send_trigger('add_group_members', 'gid', '$new.g', 'uids', '{1}');
SELECT state, message, hint FROM failure($$INSERT INTO members VALUES (828)$$);
DROP TABLE members;

-- as its owner, with a function of one's own
CREATE ROLE trigger_owner;
CREATE ROLE trigger_writer;
GRANT USAGE ON FOREIGN SERVER rtm TO trigger_owner;
SET client_min_messages = warning;
CREATE USER MAPPING FOR trigger_owner SERVER rtm OPTIONS (secret 'none');
CREATE FUNCTION definer_trigger() RETURNS trigger
	LANGUAGE c AS '$libdir/rtm', 'rtm_sql_send_trigger' SECURITY DEFINER;
ALTER FUNCTION definer_trigger() OWNER TO trigger_owner;
CREATE TABLE owned (body text);
GRANT INSERT ON owned TO trigger_writer;
CREATE TRIGGER tell AFTER INSERT ON owned FOR EACH ROW
	EXECUTE FUNCTION definer_trigger('send_group_message', 'mtype', '51', 'from_uid', '7', 'gid', '827', 'msg', '$body', 'send_at', 'infinity');
SET ROLE trigger_writer;
SELECT state, message FROM failure($$INSERT INTO owned VALUES ('never')$$);
RESET ROLE;
CREATE OR REPLACE TRIGGER tell AFTER INSERT ON owned FOR EACH ROW
	EXECUTE FUNCTION definer_trigger('send_group_message', 'mtype', '51', 'from_uid', '7', 'gid', '827', 'msg', '$body', 'send_at', 'tomorrow');
SET ROLE trigger_writer;
INSERT INTO owned VALUES ('by somebody who may not');
RESET ROLE;
SELECT owner, count(*), bool_and(rtm_discard(id)) AS discarded FROM rtm_outbox WHERE params->>'gid' = '827' GROUP BY owner;
DROP TABLE owned;
DROP FUNCTION definer_trigger;
DROP USER MAPPING FOR trigger_owner SERVER rtm;
REVOKE USAGE ON FOREIGN SERVER rtm FROM trigger_owner;
DROP ROLE trigger_owner, trigger_writer;
DROP FUNCTION try;
DROP PROCEDURE wait_for;
