/* rtm_gate--1.0.sql: a local RTM gate in this database */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION rtm_gate" to load this file. \quit

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

CREATE TABLE rtm_gate.project (
	pid bigint PRIMARY KEY,
	secret text NOT NULL
);
COMMENT ON TABLE rtm_gate.project IS 'projects whose quests the gate takes';
COMMENT ON COLUMN rtm_gate.project.pid IS 'project id';
COMMENT ON COLUMN rtm_gate.project.secret IS 'secret that the project''s quests are signed with';

CREATE TABLE rtm_gate.message (
	id bigint GENERATED ALWAYS AS IDENTITY,
	type smallint NOT NULL,
	a bigint NOT NULL,
	b bigint NOT NULL,
	mid bigint NOT NULL,
	from_uid bigint NOT NULL,
	to_uid bigint NOT NULL,
	mtype smallint NOT NULL,
	deleted boolean NOT NULL DEFAULT false,
	msg bytea NOT NULL,
	msg_is_bin boolean NOT NULL,
	attrs bytea NOT NULL,
	attrs_is_bin boolean NOT NULL,
	mtime bigint NOT NULL,
	PRIMARY KEY (type, a, b, mid)
);
COMMENT ON SEQUENCE rtm_gate.message_id_seq IS 'cursor ids of messages';
CREATE UNIQUE INDEX message_id ON rtm_gate.message (id);
CREATE INDEX message_history ON rtm_gate.message (type, a, b, id);
COMMENT ON TABLE rtm_gate.message IS 'messages that were sent to the gate';
COMMENT ON COLUMN rtm_gate.message.id IS 'cursor id';
COMMENT ON COLUMN rtm_gate.message.type IS 'conversation: 1 p2p, 2 group, 3 room, 4 broadcast';
COMMENT ON COLUMN rtm_gate.message.a IS 'group, room, or the smaller uid of a pair';
COMMENT ON COLUMN rtm_gate.message.b IS 'the larger uid of a pair; else 0';
COMMENT ON COLUMN rtm_gate.message.mid IS 'message id, unique in the conversation';
COMMENT ON COLUMN rtm_gate.message.from_uid IS 'sender';
COMMENT ON COLUMN rtm_gate.message.to_uid IS 'recipient of a p2p message; else 0';
COMMENT ON COLUMN rtm_gate.message.mtype IS 'message type';
COMMENT ON COLUMN rtm_gate.message.deleted IS 'deleted: an entry without contents';
COMMENT ON COLUMN rtm_gate.message.msg IS 'the message as it came';
COMMENT ON COLUMN rtm_gate.message.msg_is_bin IS 'whether it came as msgpack bin';
COMMENT ON COLUMN rtm_gate.message.attrs IS 'the attributes as they came';
COMMENT ON COLUMN rtm_gate.message.attrs_is_bin IS 'whether they came as msgpack bin';
COMMENT ON COLUMN rtm_gate.message.mtime IS 'when the gate got it, in milliseconds';

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

CREATE FUNCTION @extschema@.rtm_gate_new_key(curve text DEFAULT 'secp256k1')
RETURNS text
AS 'MODULE_PATHNAME', 'rtm_gate_new_key'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
REVOKE ALL ON FUNCTION @extschema@.rtm_gate_new_key(text) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.rtm_gate_new_key(text) IS
	'gives the gate a new key for encrypted connections; returns its public half';

CREATE FUNCTION @extschema@.rtm_gate_public_key()
RETURNS text
AS 'MODULE_PATHNAME', 'rtm_gate_public_key'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
REVOKE ALL ON FUNCTION @extschema@.rtm_gate_public_key() FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.rtm_gate_public_key() IS
	'public key of the gate, for the option public_key of a server with encryption ecdh';

CREATE FUNCTION @extschema@.rtm_gate_set_certificate(certificate text, key text)
RETURNS void
AS 'MODULE_PATHNAME', 'rtm_gate_set_certificate'
LANGUAGE C VOLATILE CALLED ON NULL INPUT PARALLEL UNSAFE;
REVOKE ALL ON FUNCTION @extschema@.rtm_gate_set_certificate(text, text) FROM PUBLIC;
COMMENT ON FUNCTION @extschema@.rtm_gate_set_certificate(text, text) IS
	'the gate speaks TLS with this certificate and key (PEM), from its next start on; NULLs end that';
