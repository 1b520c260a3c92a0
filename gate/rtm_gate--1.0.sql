/* rtm_gate--1.0.sql: a local RTM gate in this database */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION rtm_gate" to load this file. \quit

--
-- The gate's process, its keys
--

CREATE FUNCTION @extschema@.rtm_gate_setup(port integer DEFAULT 0, server name DEFAULT 'rtm',
	pid bigint DEFAULT 11000001, secret text DEFAULT NULL)
RETURNS text
AS 'MODULE_PATHNAME', 'rtm_gate_setup'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
REVOKE ALL ON FUNCTION @extschema@.rtm_gate_setup(integer, name, bigint, text) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.rtm_gate_setup(integer, name, bigint, text) IS
	'starts a gate and makes a foreign server and a user mapping that point at it; returns its endpoint';

CREATE FUNCTION @extschema@.rtm_gate_start()
RETURNS text
AS 'MODULE_PATHNAME', 'rtm_gate_start'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
REVOKE ALL ON FUNCTION @extschema@.rtm_gate_start() FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.rtm_gate_start() IS
	'starts the gate that was set up; returns its endpoint';

CREATE FUNCTION @extschema@.rtm_gate_stop()
RETURNS boolean
AS 'MODULE_PATHNAME', 'rtm_gate_stop'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
REVOKE ALL ON FUNCTION @extschema@.rtm_gate_stop() FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.rtm_gate_stop() IS
	'stops the gate of this database at commit; false when none runs';

CREATE FUNCTION @extschema@.rtm_gate_status(OUT running boolean, OUT worker integer,
	OUT endpoint text, OUT messages bigint)
RETURNS record
AS 'MODULE_PATHNAME', 'rtm_gate_status'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
REVOKE ALL ON FUNCTION @extschema@.rtm_gate_status() FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.rtm_gate_status() IS
	'whether the gate of this database runs, its process, endpoint and number of messages';

CREATE FUNCTION @extschema@.rtm_gate_public_key()
RETURNS text
AS 'MODULE_PATHNAME', 'rtm_gate_public_key'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
REVOKE ALL ON FUNCTION @extschema@.rtm_gate_public_key() FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.rtm_gate_public_key() IS
	'public key of the gate, for the option public_key of a server with encryption ecdh';

CREATE FUNCTION @extschema@.rtm_gate_new_key(curve text DEFAULT 'secp256k1')
RETURNS text
AS 'MODULE_PATHNAME', 'rtm_gate_new_key'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
REVOKE ALL ON FUNCTION @extschema@.rtm_gate_new_key(text) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.rtm_gate_new_key(text) IS
	'gives the gate a new key for encrypted connections; returns its public half';

CREATE FUNCTION @extschema@.rtm_gate_set_certificate(certificate text, key text)
RETURNS void
AS 'MODULE_PATHNAME', 'rtm_gate_set_certificate'
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
REVOKE ALL ON FUNCTION @extschema@.rtm_gate_set_certificate(text, text) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.rtm_gate_set_certificate(text, text) IS
	'the gate speaks TLS with this certificate and key (PEM), from its next start on; NULLs end that';

--
-- What it keeps
--

CREATE SCHEMA rtm_gate;
REVOKE ALL ON SCHEMA rtm_gate FROM PUBLIC;
COMMENT ON SCHEMA rtm_gate IS 'what the local gate keeps';

CREATE TABLE rtm_gate.config (
	singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
	enabled boolean NOT NULL,
	listen text NOT NULL DEFAULT '127.0.0.1',
	port integer NOT NULL CHECK (port BETWEEN 1 AND 65535),
	private_key text,
	public_key text,
	certificate text,
	certificate_key text,
	CHECK ((certificate IS NULL) = (certificate_key IS NULL))
);
COMMENT ON TABLE rtm_gate.config IS 'how the gate runs; one row';
COMMENT ON COLUMN rtm_gate.config.enabled IS 'whether it is started with the server';
COMMENT ON COLUMN rtm_gate.config.listen IS 'address it listens on';
COMMENT ON COLUMN rtm_gate.config.port IS 'port it listens on';
COMMENT ON COLUMN rtm_gate.config.private_key IS 'its key for encrypted connections, PEM';
COMMENT ON COLUMN rtm_gate.config.public_key IS 'what clients need to know of that key, PEM';
COMMENT ON COLUMN rtm_gate.config.certificate IS 'certificate for TLS, PEM; NULL: no TLS';
COMMENT ON COLUMN rtm_gate.config.certificate_key IS 'key of the certificate, PEM';

-- The gate keeps small tables in memory; this tells it of a change at commit.  Of all
-- triggers it runs those only that are always enabled, which takes the owner.
CREATE FUNCTION rtm_gate.tell_gate()
RETURNS trigger
AS 'MODULE_PATHNAME', 'rtm_gate_tell_gate'
LANGUAGE C;
REVOKE ALL ON FUNCTION rtm_gate.tell_gate() FROM PUBLIC;
COMMENT ON FUNCTION rtm_gate.tell_gate() IS 'tells the gate that a table it keeps in memory has changed';

CREATE TABLE rtm_gate.project (
	pid bigint PRIMARY KEY,
	secret text NOT NULL
);
CREATE TRIGGER tell_gate AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON rtm_gate.project
	FOR EACH STATEMENT EXECUTE FUNCTION rtm_gate.tell_gate();
ALTER TABLE rtm_gate.project ENABLE ALWAYS TRIGGER tell_gate;
COMMENT ON TABLE rtm_gate.project IS 'projects whose quests the gate takes';
COMMENT ON COLUMN rtm_gate.project.pid IS 'project id';
COMMENT ON COLUMN rtm_gate.project.secret IS 'secret that the project''s quests are signed with';

CREATE TABLE rtm_gate.message (
	pid bigint NOT NULL,
	type smallint NOT NULL,
	a bigint NOT NULL,
	b bigint NOT NULL,
	mid bigint NOT NULL,
	id bigint GENERATED ALWAYS AS IDENTITY,
	from_uid bigint NOT NULL,
	to_uid bigint NOT NULL,
	mtype smallint NOT NULL,
	msg bytea NOT NULL,
	msg_is_bin boolean NOT NULL,
	attrs bytea NOT NULL,
	attrs_is_bin boolean NOT NULL,
	mtime bigint NOT NULL,
	saved boolean NOT NULL DEFAULT true,
	deleted boolean NOT NULL DEFAULT false,
	PRIMARY KEY (pid, type, a, b, mid)
)
-- whoever isn't told otherwise wants a fresh gate vacuumed early, not late
WITH (autovacuum_vacuum_scale_factor = 0.1, autovacuum_vacuum_insert_scale_factor = 0.1);
CREATE INDEX message_history ON rtm_gate.message (pid, type, a, b, id);
CREATE INDEX message_mtime ON rtm_gate.message USING brin (mtime) WITH (autosummarize = on);
COMMENT ON SEQUENCE rtm_gate.message_id_seq IS 'cursor ids of messages';
COMMENT ON TABLE rtm_gate.message IS 'messages that were sent to the gate';
COMMENT ON COLUMN rtm_gate.message.pid IS 'project';
COMMENT ON COLUMN rtm_gate.message.type IS 'conversation: 1 p2p, 2 group, 3 room, 4 broadcast';
COMMENT ON COLUMN rtm_gate.message.a IS 'group, room, or the smaller uid of a pair';
COMMENT ON COLUMN rtm_gate.message.b IS 'the larger uid of a pair; else 0';
COMMENT ON COLUMN rtm_gate.message.mid IS 'message id, unique in the conversation';
COMMENT ON COLUMN rtm_gate.message.id IS 'cursor id';
COMMENT ON COLUMN rtm_gate.message.from_uid IS 'sender';
COMMENT ON COLUMN rtm_gate.message.to_uid IS 'recipient of a p2p message; else 0';
COMMENT ON COLUMN rtm_gate.message.mtype IS 'message type';
COMMENT ON COLUMN rtm_gate.message.msg IS 'the message as it came';
COMMENT ON COLUMN rtm_gate.message.msg_is_bin IS 'whether it came as msgpack bin';
COMMENT ON COLUMN rtm_gate.message.attrs IS 'the attributes as they came';
COMMENT ON COLUMN rtm_gate.message.attrs_is_bin IS 'whether they came as msgpack bin';
COMMENT ON COLUMN rtm_gate.message.mtime IS 'when the gate got it, in milliseconds';
COMMENT ON COLUMN rtm_gate.message.saved IS 'whether it is in histories: of a type that is kept';
COMMENT ON COLUMN rtm_gate.message.deleted IS 'deleted: an entry without contents';

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
ALTER TABLE rtm_gate.group_ban ENABLE ALWAYS TRIGGER tell_gate;
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
ALTER TABLE rtm_gate.room_ban ENABLE ALWAYS TRIGGER tell_gate;
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
ALTER TABLE rtm_gate.project_black ENABLE ALWAYS TRIGGER tell_gate;
COMMENT ON TABLE rtm_gate.project_black IS 'who may neither write nor read in a project';
COMMENT ON COLUMN rtm_gate.project_black.pid IS 'project';
COMMENT ON COLUMN rtm_gate.project_black.uid IS 'user';
COMMENT ON COLUMN rtm_gate.project_black.until IS 'when that ends';

CREATE TABLE rtm_gate.project_ban (
	pid bigint NOT NULL,
	uid bigint NOT NULL,
	until timestamptz NOT NULL DEFAULT 'infinity',
	PRIMARY KEY (pid, uid)
);
CREATE TRIGGER tell_gate AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON rtm_gate.project_ban
	FOR EACH STATEMENT EXECUTE FUNCTION rtm_gate.tell_gate();
ALTER TABLE rtm_gate.project_ban ENABLE ALWAYS TRIGGER tell_gate;
COMMENT ON TABLE rtm_gate.project_ban IS 'who may not write in a project, and may read';
COMMENT ON COLUMN rtm_gate.project_ban.pid IS 'project';
COMMENT ON COLUMN rtm_gate.project_ban.uid IS 'user';
COMMENT ON COLUMN rtm_gate.project_ban.until IS 'when that ends';

CREATE TABLE rtm_gate.user_black (
	pid bigint NOT NULL,
	uid bigint NOT NULL,
	black bigint NOT NULL,
	PRIMARY KEY (pid, uid, black)
);
CREATE TRIGGER tell_gate AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON rtm_gate.user_black
	FOR EACH STATEMENT EXECUTE FUNCTION rtm_gate.tell_gate();
ALTER TABLE rtm_gate.user_black ENABLE ALWAYS TRIGGER tell_gate;
COMMENT ON TABLE rtm_gate.user_black IS 'whose messages a user doesn''t take';
COMMENT ON COLUMN rtm_gate.user_black.pid IS 'project';
COMMENT ON COLUMN rtm_gate.user_black.uid IS 'user';
COMMENT ON COLUMN rtm_gate.user_black.black IS 'whose messages';

CREATE TABLE rtm_gate.friend (
	pid bigint NOT NULL,
	uid bigint NOT NULL,
	friend bigint NOT NULL,
	PRIMARY KEY (pid, uid, friend)
);
COMMENT ON TABLE rtm_gate.friend IS 'who is whose friend; in one direction, as it was said';
COMMENT ON COLUMN rtm_gate.friend.pid IS 'project';
COMMENT ON COLUMN rtm_gate.friend.uid IS 'user';
COMMENT ON COLUMN rtm_gate.friend.friend IS 'friend';

CREATE TABLE rtm_gate.session (
	pid bigint NOT NULL,
	uid bigint NOT NULL,
	ouid bigint NOT NULL,
	PRIMARY KEY (pid, uid, ouid)
);
COMMENT ON TABLE rtm_gate.session IS 'whom users have in their lists of talks';
COMMENT ON COLUMN rtm_gate.session.pid IS 'project';
COMMENT ON COLUMN rtm_gate.session.uid IS 'user';
COMMENT ON COLUMN rtm_gate.session.ouid IS 'the other user';

CREATE TABLE rtm_gate.token (
	pid bigint NOT NULL,
	uid bigint NOT NULL,
	token text NOT NULL,
	PRIMARY KEY (pid, uid)
);
COMMENT ON TABLE rtm_gate.token IS 'tokens that users would log in with';
COMMENT ON COLUMN rtm_gate.token.pid IS 'project';
COMMENT ON COLUMN rtm_gate.token.uid IS 'user';
COMMENT ON COLUMN rtm_gate.token.token IS 'token';

CREATE TABLE rtm_gate.info (
	pid bigint NOT NULL,
	type smallint NOT NULL CHECK (type BETWEEN 1 AND 3),
	xid bigint NOT NULL,
	oinfo bytea NOT NULL DEFAULT '',
	pinfo bytea NOT NULL DEFAULT '',
	PRIMARY KEY (pid, type, xid)
);
COMMENT ON TABLE rtm_gate.info IS 'what is said about users, groups and rooms';
COMMENT ON COLUMN rtm_gate.info.pid IS 'project';
COMMENT ON COLUMN rtm_gate.info.type IS '1 user, 2 group, 3 room';
COMMENT ON COLUMN rtm_gate.info.xid IS 'user, group or room';
COMMENT ON COLUMN rtm_gate.info.oinfo IS 'for everybody, as it came';
COMMENT ON COLUMN rtm_gate.info.pinfo IS 'for the user, or the members, as it came';

CREATE TABLE rtm_gate.user_data (
	pid bigint NOT NULL,
	uid bigint NOT NULL,
	key bytea NOT NULL,
	val bytea NOT NULL,
	PRIMARY KEY (pid, uid, key)
);
COMMENT ON TABLE rtm_gate.user_data IS 'what is kept for users by a key';
COMMENT ON COLUMN rtm_gate.user_data.pid IS 'project';
COMMENT ON COLUMN rtm_gate.user_data.uid IS 'user';
COMMENT ON COLUMN rtm_gate.user_data.key IS 'key, as it came';
COMMENT ON COLUMN rtm_gate.user_data.val IS 'value, as it came';

CREATE TABLE rtm_gate.device (
	pid bigint NOT NULL,
	uid bigint NOT NULL,
	apptype bytea NOT NULL,
	devicetoken bytea NOT NULL,
	PRIMARY KEY (pid, uid, devicetoken)
);
COMMENT ON TABLE rtm_gate.device IS 'devices of users';
COMMENT ON COLUMN rtm_gate.device.pid IS 'project';
COMMENT ON COLUMN rtm_gate.device.uid IS 'user';
COMMENT ON COLUMN rtm_gate.device.apptype IS 'kind of push service, as it came';
COMMENT ON COLUMN rtm_gate.device.devicetoken IS 'device, as it came';

CREATE TABLE rtm_gate.push_option (
	pid bigint NOT NULL,
	uid bigint NOT NULL,
	type smallint NOT NULL CHECK (type BETWEEN 0 AND 1),
	xid bigint NOT NULL,
	mtype smallint NOT NULL CHECK (mtype BETWEEN 0 AND 127),
	PRIMARY KEY (pid, uid, type, xid, mtype)
);
COMMENT ON TABLE rtm_gate.push_option IS 'what isn''t pushed to users'' devices';
COMMENT ON COLUMN rtm_gate.push_option.pid IS 'project';
COMMENT ON COLUMN rtm_gate.push_option.uid IS 'user';
COMMENT ON COLUMN rtm_gate.push_option.type IS '0 messages of a user, 1 of a group';
COMMENT ON COLUMN rtm_gate.push_option.xid IS 'that user or group';
COMMENT ON COLUMN rtm_gate.push_option.mtype IS 'message type; 0: all';

CREATE TABLE rtm_gate.fault (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	action text NOT NULL CHECK (action IN ('error', 'delay', 'drop', 'lose', 'close', 'taken')),
	method text,
	type smallint CHECK (type BETWEEN 1 AND 4),
	xid bigint,
	pid bigint,
	code integer,
	delay interval,
	times bigint CHECK (times > 0),
	probability double precision NOT NULL DEFAULT 1 CHECK (probability OPERATOR(pg_catalog.>) 0 AND probability OPERATOR(pg_catalog.<=) 1),
	after bigint NOT NULL DEFAULT 0 CHECK (after >= 0),
	hits bigint NOT NULL DEFAULT 0,
	CONSTRAINT code_of_error CHECK ((action = 'error') = (code IS NOT NULL) AND code <> 0),
	CONSTRAINT delay_of_delay CHECK ((action = 'delay') = (delay IS NOT NULL) AND delay BETWEEN '0' AND '1 day'),
	CONSTRAINT xid_has_type CHECK (xid IS NULL OR type IS NOT NULL)
);
CREATE TRIGGER tell_gate AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON rtm_gate.fault
	FOR EACH STATEMENT EXECUTE FUNCTION rtm_gate.tell_gate();
ALTER TABLE rtm_gate.fault ENABLE ALWAYS TRIGGER tell_gate;
COMMENT ON SEQUENCE rtm_gate.fault_id_seq IS 'ids of faults';
COMMENT ON TABLE rtm_gate.fault IS 'what the gate is told to do wrong';
COMMENT ON COLUMN rtm_gate.fault.id IS 'the oldest that fits a quest happens to it';
COMMENT ON COLUMN rtm_gate.fault.action IS 'error, delay, drop, lose, close or taken';
COMMENT ON COLUMN rtm_gate.fault.method IS 'method on the wire; NULL: any';
COMMENT ON COLUMN rtm_gate.fault.type IS 'type of the conversation; NULL: any';
COMMENT ON COLUMN rtm_gate.fault.xid IS 'group, room, or one of the two users; NULL: any';
COMMENT ON COLUMN rtm_gate.fault.pid IS 'project; NULL: any';
COMMENT ON COLUMN rtm_gate.fault.code IS 'what an error is answered with';
COMMENT ON COLUMN rtm_gate.fault.delay IS 'how much later the answer comes';
COMMENT ON COLUMN rtm_gate.fault.times IS 'how often it happens; NULL: always';
COMMENT ON COLUMN rtm_gate.fault.probability IS 'how likely it is to happen to a quest that fits';
COMMENT ON COLUMN rtm_gate.fault.after IS 'how many quests that fit are spared first';
COMMENT ON COLUMN rtm_gate.fault.hits IS 'how many quests that fit were spared, or met it';

--
-- Beginning anew
--

-- DELETE, not TRUNCATE: the gate isn't held up by a transaction that stays open.  Of
-- triggers only those that are always enabled run here, as the owner.
CREATE FUNCTION @extschema@.rtm_gate_reset()
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET session_replication_role = replica
AS $$
	DELETE FROM rtm_gate.message;
	DELETE FROM rtm_gate.group_member;
	DELETE FROM rtm_gate.room_member;
	DELETE FROM rtm_gate.group_ban;
	DELETE FROM rtm_gate.room_ban;
	DELETE FROM rtm_gate.project_black;
	DELETE FROM rtm_gate.project_ban;
	DELETE FROM rtm_gate.user_black;
	DELETE FROM rtm_gate.friend;
	DELETE FROM rtm_gate.session;
	DELETE FROM rtm_gate.token;
	DELETE FROM rtm_gate.info;
	DELETE FROM rtm_gate.user_data;
	DELETE FROM rtm_gate.device;
	DELETE FROM rtm_gate.push_option;
	DELETE FROM rtm_gate.fault;
$$;
REVOKE ALL ON FUNCTION @extschema@.rtm_gate_reset() FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.rtm_gate_reset() IS
	'deletes everything that the gate was told, and its faults; projects and keys stay';

--
-- Faults
--

CREATE FUNCTION @extschema@.rtm_gate_fault(action text, method text DEFAULT NULL,
	type integer DEFAULT NULL, xid bigint DEFAULT NULL, code integer DEFAULT NULL, delay interval DEFAULT NULL,
	times bigint DEFAULT NULL, probability double precision DEFAULT 1, pid bigint DEFAULT NULL,
	after bigint DEFAULT 0)
RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_gate_fault'
LANGUAGE C VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp;
REVOKE ALL ON FUNCTION @extschema@.rtm_gate_fault(text, text, integer, bigint, integer, interval, bigint, double precision, bigint, bigint) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.rtm_gate_fault(text, text, integer, bigint, integer, interval, bigint, double precision, bigint, bigint) IS
	'from its commit on the gate does something wrong with the quests that fit; returns the id of the fault';

CREATE FUNCTION @extschema@.rtm_gate_fault_clear(id bigint DEFAULT NULL)
RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET session_replication_role = replica
AS $$
	WITH gone AS (DELETE FROM rtm_gate.fault f WHERE $1 IS NULL OR f.id = $1 RETURNING 1)
	SELECT count(*) FROM gone
$$;
REVOKE ALL ON FUNCTION @extschema@.rtm_gate_fault_clear(bigint) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.rtm_gate_fault_clear(bigint) IS
	'ends a fault, or all of them; returns how many';

CREATE VIEW @extschema@.rtm_gate_faults AS
	SELECT f.id, f.action, f.method, f.type, f.xid, f.code, f.delay, f.times, f.probability, f.pid, f.after,
		GREATEST(f.hits OPERATOR(pg_catalog.-) f.after, 0) AS hits,
		f.times IS NULL OR f.hits OPERATOR(pg_catalog.-) f.after OPERATOR(pg_catalog.<) f.times AS active
	FROM rtm_gate.fault f;
COMMENT ON VIEW @extschema@.rtm_gate_faults IS 'the faults of the gate, and how often each has happened';
