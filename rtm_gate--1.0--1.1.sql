/* rtm_gate--1.0--1.1.sql: several projects, members, bans, listeners, faults */

-- complain if script is sourced in psql, rather than via ALTER EXTENSION
\echo Use "ALTER EXTENSION rtm_gate UPDATE TO '1.1'" to load this file. \quit

--
-- Messages belong to a project.  1.0 didn't note it: what is there goes to the
-- project with the lowest pid.
--

ALTER TABLE rtm_gate.message ADD COLUMN pid bigint;
UPDATE rtm_gate.message SET pid = coalesce((SELECT pg_catalog.min(p.pid) FROM rtm_gate.project p), 0);
ALTER TABLE rtm_gate.message
	ALTER COLUMN pid SET NOT NULL,
	DROP CONSTRAINT message_pkey,
	ADD PRIMARY KEY (pid, type, a, b, mid);
DROP INDEX rtm_gate.message_id;
DROP INDEX rtm_gate.message_history;
CREATE INDEX message_history ON rtm_gate.message (pid, type, a, b, id);
CREATE INDEX message_mtime ON rtm_gate.message USING brin (mtime) WITH (autosummarize = on);
COMMENT ON COLUMN rtm_gate.message.pid IS 'project';

-- whoever isn't told otherwise wants a fresh gate vacuumed early, not late
ALTER TABLE rtm_gate.message SET (autovacuum_vacuum_scale_factor = 0.1, autovacuum_vacuum_insert_scale_factor = 0.1);

--
-- The gate keeps small tables in memory; this tells it of a change at commit.
--

CREATE FUNCTION rtm_gate.tell_gate()
RETURNS trigger
AS 'MODULE_PATHNAME', 'rtm_gate_tell_gate'
LANGUAGE C;
REVOKE ALL ON FUNCTION rtm_gate.tell_gate() FROM PUBLIC;
COMMENT ON FUNCTION rtm_gate.tell_gate() IS 'tells the gate that a table it keeps in memory has changed';

CREATE TRIGGER tell_gate AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON rtm_gate.project
	FOR EACH STATEMENT EXECUTE FUNCTION rtm_gate.tell_gate();

--
-- Groups, rooms, bans, the blacklist
--

CREATE TABLE rtm_gate.group_member (
	pid bigint NOT NULL,
	gid bigint NOT NULL,
	uid bigint NOT NULL,
	PRIMARY KEY (pid, gid, uid)
);
CREATE INDEX group_member_uid ON rtm_gate.group_member (pid, uid);
COMMENT ON TABLE rtm_gate.group_member IS 'who belongs to which group';
COMMENT ON COLUMN rtm_gate.group_member.pid IS 'project';
COMMENT ON COLUMN rtm_gate.group_member.gid IS 'group';
COMMENT ON COLUMN rtm_gate.group_member.uid IS 'user';

CREATE TABLE rtm_gate.room_member (
	pid bigint NOT NULL,
	rid bigint NOT NULL,
	uid bigint NOT NULL,
	PRIMARY KEY (pid, rid, uid)
);
COMMENT ON TABLE rtm_gate.room_member IS 'who is in which room';
COMMENT ON COLUMN rtm_gate.room_member.pid IS 'project';
COMMENT ON COLUMN rtm_gate.room_member.rid IS 'room';
COMMENT ON COLUMN rtm_gate.room_member.uid IS 'user';

CREATE TABLE rtm_gate.group_ban (
	pid bigint NOT NULL,
	gid bigint,
	uid bigint NOT NULL,
	until timestamptz NOT NULL DEFAULT 'infinity',
	UNIQUE NULLS NOT DISTINCT (pid, gid, uid)
);
CREATE TRIGGER tell_gate AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON rtm_gate.group_ban
	FOR EACH STATEMENT EXECUTE FUNCTION rtm_gate.tell_gate();
COMMENT ON TABLE rtm_gate.group_ban IS 'who may not write to a group';
COMMENT ON COLUMN rtm_gate.group_ban.pid IS 'project';
COMMENT ON COLUMN rtm_gate.group_ban.gid IS 'group; NULL: every group';
COMMENT ON COLUMN rtm_gate.group_ban.uid IS 'user';
COMMENT ON COLUMN rtm_gate.group_ban.until IS 'when the ban ends';

CREATE TABLE rtm_gate.room_ban (
	pid bigint NOT NULL,
	rid bigint,
	uid bigint NOT NULL,
	until timestamptz NOT NULL DEFAULT 'infinity',
	UNIQUE NULLS NOT DISTINCT (pid, rid, uid)
);
CREATE TRIGGER tell_gate AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON rtm_gate.room_ban
	FOR EACH STATEMENT EXECUTE FUNCTION rtm_gate.tell_gate();
COMMENT ON TABLE rtm_gate.room_ban IS 'who may not write to a room';
COMMENT ON COLUMN rtm_gate.room_ban.pid IS 'project';
COMMENT ON COLUMN rtm_gate.room_ban.rid IS 'room; NULL: every room';
COMMENT ON COLUMN rtm_gate.room_ban.uid IS 'user';
COMMENT ON COLUMN rtm_gate.room_ban.until IS 'when the ban ends';

CREATE TABLE rtm_gate.project_black (
	pid bigint NOT NULL,
	uid bigint NOT NULL,
	until timestamptz NOT NULL DEFAULT 'infinity',
	PRIMARY KEY (pid, uid)
);
CREATE TRIGGER tell_gate AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON rtm_gate.project_black
	FOR EACH STATEMENT EXECUTE FUNCTION rtm_gate.tell_gate();
COMMENT ON TABLE rtm_gate.project_black IS 'who may neither write nor read in a project';
COMMENT ON COLUMN rtm_gate.project_black.pid IS 'project';
COMMENT ON COLUMN rtm_gate.project_black.uid IS 'user';
COMMENT ON COLUMN rtm_gate.project_black.until IS 'when that ends';

--
-- Faults
--

CREATE TABLE rtm_gate.fault (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	action text NOT NULL CHECK (action IN ('error', 'delay', 'drop', 'lose', 'close')),
	method text,
	type smallint CHECK (type BETWEEN 1 AND 4),
	xid bigint,
	pid bigint,
	code integer,
	delay interval,
	times bigint CHECK (times > 0),
	probability double precision NOT NULL DEFAULT 1 CHECK (probability OPERATOR(pg_catalog.>) 0 AND probability OPERATOR(pg_catalog.<=) 1),
	hits bigint NOT NULL DEFAULT 0,
	CONSTRAINT code_of_error CHECK ((action = 'error') = (code IS NOT NULL) AND code <> 0),
	CONSTRAINT delay_of_delay CHECK ((action = 'delay') = (delay IS NOT NULL) AND delay BETWEEN '0' AND '1 day'),
	CONSTRAINT xid_has_type CHECK (xid IS NULL OR type IS NOT NULL)
);
CREATE TRIGGER tell_gate AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON rtm_gate.fault
	FOR EACH STATEMENT EXECUTE FUNCTION rtm_gate.tell_gate();
COMMENT ON SEQUENCE rtm_gate.fault_id_seq IS 'ids of faults';
COMMENT ON TABLE rtm_gate.fault IS 'what the gate is told to do wrong';
COMMENT ON COLUMN rtm_gate.fault.id IS 'the oldest that fits a quest happens to it';
COMMENT ON COLUMN rtm_gate.fault.action IS 'error, delay, drop, lose or close';
COMMENT ON COLUMN rtm_gate.fault.method IS 'method on the wire; NULL: any';
COMMENT ON COLUMN rtm_gate.fault.type IS 'type of the conversation; NULL: any';
COMMENT ON COLUMN rtm_gate.fault.xid IS 'group, room, or one of the two users; NULL: any';
COMMENT ON COLUMN rtm_gate.fault.pid IS 'project; NULL: any';
COMMENT ON COLUMN rtm_gate.fault.code IS 'what an error is answered with';
COMMENT ON COLUMN rtm_gate.fault.delay IS 'how much later the answer comes';
COMMENT ON COLUMN rtm_gate.fault.times IS 'how often it happens; NULL: always';
COMMENT ON COLUMN rtm_gate.fault.probability IS 'how likely it is to happen to a quest that fits';
COMMENT ON COLUMN rtm_gate.fault.hits IS 'how often it has happened';

CREATE FUNCTION @extschema@.rtm_gate_fault(action text, method text DEFAULT NULL,
	type integer DEFAULT NULL, xid bigint DEFAULT NULL, code integer DEFAULT NULL, delay interval DEFAULT NULL,
	times bigint DEFAULT NULL, probability double precision DEFAULT 1, pid bigint DEFAULT NULL)
RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_gate_fault'
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp;
REVOKE ALL ON FUNCTION @extschema@.rtm_gate_fault(text, text, integer, bigint, integer, interval, bigint, double precision, bigint) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.rtm_gate_fault(text, text, integer, bigint, integer, interval, bigint, double precision, bigint) IS
	'from its commit on the gate does something wrong with the quests that fit; returns the id of the fault';

CREATE FUNCTION @extschema@.rtm_gate_fault_clear(id bigint DEFAULT NULL)
RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
	WITH gone AS (DELETE FROM rtm_gate.fault f WHERE $1 IS NULL OR f.id = $1 RETURNING 1)
	SELECT count(*) FROM gone
$$;
REVOKE ALL ON FUNCTION @extschema@.rtm_gate_fault_clear(bigint) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.rtm_gate_fault_clear(bigint) IS
	'ends a fault, or all of them; returns how many';

CREATE VIEW @extschema@.rtm_gate_faults AS
	SELECT f.id, f.action, f.method, f.type, f.xid, f.code, f.delay, f.times, f.probability, f.pid, f.hits,
		f.times IS NULL OR f.hits OPERATOR(pg_catalog.<) f.times AS active
	FROM rtm_gate.fault f;
COMMENT ON VIEW @extschema@.rtm_gate_faults IS 'the faults of the gate, and how often each has happened';

--
-- Beginning anew
--

-- DELETE, not TRUNCATE: the gate isn't held up by a transaction that stays open
CREATE FUNCTION @extschema@.rtm_gate_reset()
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
	DELETE FROM rtm_gate.message;
	DELETE FROM rtm_gate.group_member;
	DELETE FROM rtm_gate.room_member;
	DELETE FROM rtm_gate.group_ban;
	DELETE FROM rtm_gate.room_ban;
	DELETE FROM rtm_gate.project_black;
	DELETE FROM rtm_gate.fault;
$$;
REVOKE ALL ON FUNCTION @extschema@.rtm_gate_reset() FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.rtm_gate_reset() IS
	'deletes all messages, members, bans and faults of the gate; projects and keys stay';
