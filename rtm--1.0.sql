/* rtm--1.0.sql: messages and history of an RTM project from SQL */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION rtm" to load this file. \quit

--
-- Servers and user mappings
--

CREATE FUNCTION @extschema@.rtm_fdw_validator(text[], oid)
RETURNS void
AS 'MODULE_PATHNAME', 'rtm_fdw_validator'
LANGUAGE C STRICT;
COMMENT ON FUNCTION @extschema@.rtm_fdw_validator(text[], oid) IS
	'checks the options of a server or user mapping of rtm';

CREATE FOREIGN DATA WRAPPER rtm
	NO HANDLER
	VALIDATOR @extschema@.rtm_fdw_validator;
COMMENT ON FOREIGN DATA WRAPPER rtm IS
	'RTM projects: a server has the gate''s endpoint and the project''s pid, a user mapping its secret';

--
-- Message ids, for a library that isn't preloaded.  Only the extension's own
-- code reads the sequence; nobody needs a privilege on it.
--

CREATE SEQUENCE @extschema@.rtm_mid_seq AS bigint;
REVOKE ALL ON SEQUENCE @extschema@.rtm_mid_seq FROM PUBLIC;
COMMENT ON SEQUENCE @extschema@.rtm_mid_seq IS
	'part of the message ids that are made for sends';

--
-- Types
--

CREATE TYPE @extschema@.rtm_send_result AS (
	mid bigint,
	mtime bigint
);
COMMENT ON TYPE @extschema@.rtm_send_result IS 'a message that was sent';
COMMENT ON COLUMN @extschema@.rtm_send_result.mid IS 'id of the message';
COMMENT ON COLUMN @extschema@.rtm_send_result.mtime IS
	'the gate''s time in milliseconds; NULL if the message was delivered, but its time got lost with the connection';

CREATE TYPE @extschema@.rtm_message AS (
	id bigint,
	from_uid bigint,
	mtype integer,
	mid bigint,
	msg text,
	attrs text,
	mtime bigint,
	msg_binary bytea,
	direction integer,
	to_uid bigint,
	attrs_binary bytea
);
COMMENT ON TYPE @extschema@.rtm_message IS 'a message of a history';
COMMENT ON COLUMN @extschema@.rtm_message.id IS 'cursor id: its place in the history';
COMMENT ON COLUMN @extschema@.rtm_message.from_uid IS 'sender';
COMMENT ON COLUMN @extschema@.rtm_message.mtype IS 'message type';
COMMENT ON COLUMN @extschema@.rtm_message.mid IS 'id of the message';
COMMENT ON COLUMN @extschema@.rtm_message.msg IS 'text of the message; NULL if it is no text in the database''s encoding';
COMMENT ON COLUMN @extschema@.rtm_message.attrs IS 'attributes of the message; NULL if they are no text in the database''s encoding';
COMMENT ON COLUMN @extschema@.rtm_message.mtime IS 'when the gate got the message, in milliseconds';
COMMENT ON COLUMN @extschema@.rtm_message.msg_binary IS 'the message, if it is no text in the database''s encoding';
COMMENT ON COLUMN @extschema@.rtm_message.attrs_binary IS 'the attributes, if they are no text in the database''s encoding';
COMMENT ON COLUMN @extschema@.rtm_message.direction IS 'p2p: 1 if uid sent the message, 2 if ouid did; NULL elsewhere';
COMMENT ON COLUMN @extschema@.rtm_message.to_uid IS 'p2p: recipient; NULL elsewhere';

CREATE TYPE @extschema@.rtm_history_result AS (
	num integer,
	lastid bigint,
	begin_time bigint,
	end_time bigint,
	msgs @extschema@.rtm_message[]
);
COMMENT ON TYPE @extschema@.rtm_history_result IS
	'one page of a history; lastid, begin_time and end_time ask for the next one';
COMMENT ON COLUMN @extschema@.rtm_history_result.num IS 'entries that the gate counted, those of deleted messages among them';
COMMENT ON COLUMN @extschema@.rtm_history_result.lastid IS 'id of the last entry';
COMMENT ON COLUMN @extschema@.rtm_history_result.begin_time IS 'where the next page begins, in milliseconds';
COMMENT ON COLUMN @extschema@.rtm_history_result.end_time IS 'where the next page ends, in milliseconds';
COMMENT ON COLUMN @extschema@.rtm_history_result.msgs IS 'the messages, deleted ones left out';

CREATE TYPE @extschema@.rtm_message_info AS (
	id bigint,
	mtype integer,
	msg text,
	attrs text,
	mtime bigint,
	msg_binary bytea,
	attrs_binary bytea
);
COMMENT ON TYPE @extschema@.rtm_message_info IS 'a message that was looked up by its mid';
COMMENT ON COLUMN @extschema@.rtm_message_info.id IS 'cursor id: its place in the history';
COMMENT ON COLUMN @extschema@.rtm_message_info.mtype IS 'message type';
COMMENT ON COLUMN @extschema@.rtm_message_info.msg IS 'text of the message; NULL if it is no text in the database''s encoding';
COMMENT ON COLUMN @extschema@.rtm_message_info.attrs IS 'attributes of the message; NULL if they are no text in the database''s encoding';
COMMENT ON COLUMN @extschema@.rtm_message_info.mtime IS 'when the gate got the message, in milliseconds';
COMMENT ON COLUMN @extschema@.rtm_message_info.msg_binary IS 'the message, if it is no text in the database''s encoding';
COMMENT ON COLUMN @extschema@.rtm_message_info.attrs_binary IS 'the attributes, if they are no text in the database''s encoding';

--
-- Sending
--

CREATE FUNCTION @extschema@.rtm_send_message(
	mtype bigint,
	from_uid bigint,
	to_uid bigint,
	msg text,
	attrs text DEFAULT '',
	mid bigint DEFAULT 0,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS @extschema@.rtm_send_result
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_send_message(bigint, bigint, bigint, text, text, bigint, double precision, text) IS
	'sends a message to a user, at once: a rollback does not take it back';

CREATE FUNCTION @extschema@.rtm_send_message(
	mtype bigint,
	from_uid bigint,
	to_uid bigint,
	msg bytea,
	attrs text DEFAULT '',
	mid bigint DEFAULT 0,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS @extschema@.rtm_send_result
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_send_message(bigint, bigint, bigint, bytea, text, bigint, double precision, text) IS
	'sends a binary message to a user, at once: a rollback does not take it back';

CREATE FUNCTION @extschema@.rtm_send_messages(
	mtype bigint,
	from_uid bigint,
	to_uids bigint[],
	msg text,
	attrs text DEFAULT '',
	mid bigint DEFAULT 0,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS @extschema@.rtm_send_result
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_send_messages(bigint, bigint, bigint[], text, text, bigint, double precision, text) IS
	'sends a message to several users, at once: a rollback does not take it back';

CREATE FUNCTION @extschema@.rtm_send_messages(
	mtype bigint,
	from_uid bigint,
	to_uids bigint[],
	msg bytea,
	attrs text DEFAULT '',
	mid bigint DEFAULT 0,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS @extschema@.rtm_send_result
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_send_messages(bigint, bigint, bigint[], bytea, text, bigint, double precision, text) IS
	'sends a binary message to several users, at once: a rollback does not take it back';

CREATE FUNCTION @extschema@.rtm_send_group_message(
	mtype bigint,
	from_uid bigint,
	gid bigint,
	msg text,
	attrs text DEFAULT '',
	mid bigint DEFAULT 0,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS @extschema@.rtm_send_result
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_send_group_message(bigint, bigint, bigint, text, text, bigint, double precision, text) IS
	'sends a message to a group, at once: a rollback does not take it back';

CREATE FUNCTION @extschema@.rtm_send_group_message(
	mtype bigint,
	from_uid bigint,
	gid bigint,
	msg bytea,
	attrs text DEFAULT '',
	mid bigint DEFAULT 0,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS @extschema@.rtm_send_result
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_send_group_message(bigint, bigint, bigint, bytea, text, bigint, double precision, text) IS
	'sends a binary message to a group, at once: a rollback does not take it back';

CREATE FUNCTION @extschema@.rtm_send_room_message(
	mtype bigint,
	from_uid bigint,
	rid bigint,
	msg text,
	attrs text DEFAULT '',
	mid bigint DEFAULT 0,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS @extschema@.rtm_send_result
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_send_room_message(bigint, bigint, bigint, text, text, bigint, double precision, text) IS
	'sends a message to a room, at once: a rollback does not take it back';

CREATE FUNCTION @extschema@.rtm_send_room_message(
	mtype bigint,
	from_uid bigint,
	rid bigint,
	msg bytea,
	attrs text DEFAULT '',
	mid bigint DEFAULT 0,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS @extschema@.rtm_send_result
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_send_room_message(bigint, bigint, bigint, bytea, text, bigint, double precision, text) IS
	'sends a binary message to a room, at once: a rollback does not take it back';

CREATE FUNCTION @extschema@.rtm_broadcast_message(
	mtype bigint,
	from_uid bigint,
	msg text,
	attrs text DEFAULT '',
	mid bigint DEFAULT 0,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS @extschema@.rtm_send_result
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_broadcast_message(bigint, bigint, text, text, bigint, double precision, text) IS
	'sends a message to everybody, at once: a rollback does not take it back';

CREATE FUNCTION @extschema@.rtm_broadcast_message(
	mtype bigint,
	from_uid bigint,
	msg bytea,
	attrs text DEFAULT '',
	mid bigint DEFAULT 0,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS @extschema@.rtm_send_result
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_broadcast_message(bigint, bigint, bytea, text, bigint, double precision, text) IS
	'sends a binary message to everybody, at once: a rollback does not take it back';

--
-- History
--

CREATE FUNCTION @extschema@.rtm_get_group_message(
	uid bigint,
	gid bigint,
	descending boolean,
	num bigint,
	begin_time bigint DEFAULT NULL,
	end_time bigint DEFAULT NULL,
	lastid bigint DEFAULT NULL,
	mtypes bigint[] DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS TABLE (
	id bigint,
	from_uid bigint,
	mtype integer,
	mid bigint,
	msg text,
	attrs text,
	mtime bigint,
	msg_binary bytea,
	attrs_binary bytea
)
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL RESTRICTED COST 10000 ROWS 100;
COMMENT ON FUNCTION @extschema@.rtm_get_group_message(bigint, bigint, boolean, bigint, bigint, bigint, bigint, bigint[], double precision, text) IS
	'history of a group: the first num messages (NULL: all), oldest or newest first';

CREATE FUNCTION @extschema@.rtm_get_group_message_page(
	uid bigint,
	gid bigint,
	descending boolean,
	num bigint,
	begin_time bigint DEFAULT NULL,
	end_time bigint DEFAULT NULL,
	lastid bigint DEFAULT NULL,
	mtypes bigint[] DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS @extschema@.rtm_history_result
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL RESTRICTED COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_get_group_message_page(bigint, bigint, boolean, bigint, bigint, bigint, bigint, bigint[], double precision, text) IS
	'history of a group: one page as the gate gives it, with the cursor of the next one';

CREATE FUNCTION @extschema@.rtm_get_room_message(
	uid bigint,
	rid bigint,
	descending boolean,
	num bigint,
	begin_time bigint DEFAULT NULL,
	end_time bigint DEFAULT NULL,
	lastid bigint DEFAULT NULL,
	mtypes bigint[] DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS TABLE (
	id bigint,
	from_uid bigint,
	mtype integer,
	mid bigint,
	msg text,
	attrs text,
	mtime bigint,
	msg_binary bytea,
	attrs_binary bytea
)
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL RESTRICTED COST 10000 ROWS 100;
COMMENT ON FUNCTION @extschema@.rtm_get_room_message(bigint, bigint, boolean, bigint, bigint, bigint, bigint, bigint[], double precision, text) IS
	'history of a room: the first num messages (NULL: all), oldest or newest first';

CREATE FUNCTION @extschema@.rtm_get_room_message_page(
	uid bigint,
	rid bigint,
	descending boolean,
	num bigint,
	begin_time bigint DEFAULT NULL,
	end_time bigint DEFAULT NULL,
	lastid bigint DEFAULT NULL,
	mtypes bigint[] DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS @extschema@.rtm_history_result
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL RESTRICTED COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_get_room_message_page(bigint, bigint, boolean, bigint, bigint, bigint, bigint, bigint[], double precision, text) IS
	'history of a room: one page as the gate gives it, with the cursor of the next one';

CREATE FUNCTION @extschema@.rtm_get_broadcast_message(
	uid bigint,
	descending boolean,
	num bigint,
	begin_time bigint DEFAULT NULL,
	end_time bigint DEFAULT NULL,
	lastid bigint DEFAULT NULL,
	mtypes bigint[] DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS TABLE (
	id bigint,
	from_uid bigint,
	mtype integer,
	mid bigint,
	msg text,
	attrs text,
	mtime bigint,
	msg_binary bytea,
	attrs_binary bytea
)
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL RESTRICTED COST 10000 ROWS 100;
COMMENT ON FUNCTION @extschema@.rtm_get_broadcast_message(bigint, boolean, bigint, bigint, bigint, bigint, bigint[], double precision, text) IS
	'history of the broadcast channel: the first num messages (NULL: all), oldest or newest first';

CREATE FUNCTION @extschema@.rtm_get_broadcast_message_page(
	uid bigint,
	descending boolean,
	num bigint,
	begin_time bigint DEFAULT NULL,
	end_time bigint DEFAULT NULL,
	lastid bigint DEFAULT NULL,
	mtypes bigint[] DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS @extschema@.rtm_history_result
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL RESTRICTED COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_get_broadcast_message_page(bigint, boolean, bigint, bigint, bigint, bigint, bigint[], double precision, text) IS
	'history of the broadcast channel: one page as the gate gives it, with the cursor of the next one';

CREATE FUNCTION @extschema@.rtm_get_p2p_message(
	uid bigint,
	ouid bigint,
	descending boolean,
	num bigint,
	begin_time bigint DEFAULT NULL,
	end_time bigint DEFAULT NULL,
	lastid bigint DEFAULT NULL,
	mtypes bigint[] DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS TABLE (
	id bigint,
	direction integer,
	from_uid bigint,
	to_uid bigint,
	mtype integer,
	mid bigint,
	msg text,
	attrs text,
	mtime bigint,
	msg_binary bytea,
	attrs_binary bytea
)
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL RESTRICTED COST 10000 ROWS 100;
COMMENT ON FUNCTION @extschema@.rtm_get_p2p_message(bigint, bigint, boolean, bigint, bigint, bigint, bigint, bigint[], double precision, text) IS
	'history of two users: the first num messages (NULL: all), oldest or newest first';

CREATE FUNCTION @extschema@.rtm_get_p2p_message_page(
	uid bigint,
	ouid bigint,
	descending boolean,
	num bigint,
	begin_time bigint DEFAULT NULL,
	end_time bigint DEFAULT NULL,
	lastid bigint DEFAULT NULL,
	mtypes bigint[] DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS @extschema@.rtm_history_result
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL RESTRICTED COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_get_p2p_message_page(bigint, bigint, boolean, bigint, bigint, bigint, bigint, bigint[], double precision, text) IS
	'history of two users: one page as the gate gives it, with the cursor of the next one';

--
-- Deleting
--

CREATE FUNCTION @extschema@.rtm_delete_p2p_message(
	mid bigint,
	from_uid bigint,
	to_uid bigint,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS void
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_delete_p2p_message(bigint, bigint, bigint, double precision, text) IS
	'deletes a message of two users';

CREATE FUNCTION @extschema@.rtm_delete_group_message(
	mid bigint,
	from_uid bigint,
	gid bigint,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS void
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_delete_group_message(bigint, bigint, bigint, double precision, text) IS
	'deletes a message of a group';

CREATE FUNCTION @extschema@.rtm_delete_room_message(
	mid bigint,
	from_uid bigint,
	rid bigint,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS void
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_delete_room_message(bigint, bigint, bigint, double precision, text) IS
	'deletes a message of a room';

CREATE FUNCTION @extschema@.rtm_delete_broadcast_message(
	mid bigint,
	from_uid bigint,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS void
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_delete_broadcast_message(bigint, bigint, double precision, text) IS
	'deletes a message of the broadcast channel';

--
-- Looking one message up
--

CREATE FUNCTION @extschema@.rtm_get_p2p_message_info(
	mid bigint,
	from_uid bigint,
	to_uid bigint,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS SETOF @extschema@.rtm_message_info
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL RESTRICTED COST 10000 ROWS 1;
COMMENT ON FUNCTION @extschema@.rtm_get_p2p_message_info(bigint, bigint, bigint, double precision, text) IS
	'a message of two users; no row if there is none with that mid';

CREATE FUNCTION @extschema@.rtm_get_group_message_info(
	mid bigint,
	from_uid bigint,
	gid bigint,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS SETOF @extschema@.rtm_message_info
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL RESTRICTED COST 10000 ROWS 1;
COMMENT ON FUNCTION @extschema@.rtm_get_group_message_info(bigint, bigint, bigint, double precision, text) IS
	'a message of a group; no row if there is none with that mid';

CREATE FUNCTION @extschema@.rtm_get_room_message_info(
	mid bigint,
	from_uid bigint,
	rid bigint,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS SETOF @extschema@.rtm_message_info
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL RESTRICTED COST 10000 ROWS 1;
COMMENT ON FUNCTION @extschema@.rtm_get_room_message_info(bigint, bigint, bigint, double precision, text) IS
	'a message of a room; no row if there is none with that mid';

CREATE FUNCTION @extschema@.rtm_get_broadcast_message_info(
	mid bigint,
	from_uid bigint,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS SETOF @extschema@.rtm_message_info
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL RESTRICTED COST 10000 ROWS 1;
COMMENT ON FUNCTION @extschema@.rtm_get_broadcast_message_info(bigint, bigint, double precision, text) IS
	'a message of the broadcast channel; no row if there is none with that mid';

--
-- Any other method of the service.  Among them are those that administrate a
-- project and make login tokens for its users, so this one has to be granted.
--

CREATE FUNCTION @extschema@.rtm_call(
	method text,
	params jsonb DEFAULT '{}',
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS jsonb
AS 'MODULE_PATHNAME', 'rtm_sql_call'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_call(text, jsonb, double precision, text) IS
	'calls a method of the service by its name on the wire; bytes that are no text are {"base64": "..."}';
REVOKE ALL ON FUNCTION @extschema@.rtm_call(text, jsonb, double precision, text) FROM PUBLIC;

--
-- The outbox: requests that committed transactions queued, until they are
-- through.  Nobody needs a privilege on its tables and its sequence.  They are
-- not dumped: a restored copy must not send again.
--

CREATE TYPE @extschema@.rtm_error AS (
	code integer,
	sqlstate text,
	message text
);
COMMENT ON TYPE @extschema@.rtm_error IS 'why a queued request failed';
COMMENT ON COLUMN @extschema@.rtm_error.code IS 'code of RTM or FPNN';
COMMENT ON COLUMN @extschema@.rtm_error.sqlstate IS 'SQLSTATE that the synchronous function would raise';
COMMENT ON COLUMN @extschema@.rtm_error.message IS 'what the gate said, or what went wrong on the way to it';

CREATE SEQUENCE @extschema@.rtm_request_id_seq AS bigint CACHE 100;
REVOKE ALL ON SEQUENCE @extschema@.rtm_request_id_seq FROM PUBLIC;
COMMENT ON SEQUENCE @extschema@.rtm_request_id_seq IS 'ids of queued requests';

CREATE TABLE @extschema@.rtm_request (
	seq bigint NOT NULL,
	id bigint NOT NULL,
	owner oid NOT NULL,
	server oid NOT NULL,
	conversation smallint NOT NULL,
	nparams integer NOT NULL,
	mid_made boolean NOT NULL,
	attempts integer NOT NULL,
	key_a bigint NOT NULL,
	key_b bigint NOT NULL,
	enqueued_at timestamptz NOT NULL,
	timeout double precision NOT NULL,
	call text NOT NULL,
	method text NOT NULL,
	params bytea NOT NULL,
	mid bigint,
	recipients bigint[],
	callback oid,
	next_attempt timestamptz,
	error_code integer,
	error text
);
CREATE INDEX rtm_request_seq ON @extschema@.rtm_request (seq);
REVOKE ALL ON TABLE @extschema@.rtm_request FROM PUBLIC;
COMMENT ON TABLE @extschema@.rtm_request IS 'requests that wait or are under way; see the view rtm_outbox';

CREATE TABLE @extschema@.rtm_finished (
	id bigint PRIMARY KEY,
	status text NOT NULL,
	owner oid NOT NULL,
	server oid NOT NULL,
	conversation smallint NOT NULL,
	nparams integer NOT NULL,
	mid_made boolean NOT NULL,
	attempts integer NOT NULL,
	key_a bigint NOT NULL,
	key_b bigint NOT NULL,
	enqueued_at timestamptz NOT NULL,
	finished_at timestamptz NOT NULL,
	timeout double precision NOT NULL,
	call text NOT NULL,
	method text NOT NULL,
	params bytea NOT NULL,
	mid bigint,
	recipients bigint[],
	callback oid,
	answer bytea,
	mtime bigint,
	error_code integer,
	error text,
	callback_due bigint,
	callback_error text
);
CREATE INDEX rtm_finished_at ON @extschema@.rtm_finished (finished_at);
CREATE INDEX rtm_finished_callback_due ON @extschema@.rtm_finished (callback_due) WHERE callback_due IS NOT NULL;
REVOKE ALL ON TABLE @extschema@.rtm_finished FROM PUBLIC;
COMMENT ON TABLE @extschema@.rtm_finished IS 'requests that are through; see the view rtm_result';

CREATE FUNCTION @extschema@.rtm_unpack(
	nparams integer,
	params bytea
) RETURNS jsonb
AS 'MODULE_PATHNAME', 'rtm_sql_unpack'
LANGUAGE C STRICT IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.rtm_unpack(integer, bytea) IS
	'what the outbox stores as jsonb: nparams packed pairs, or with -1 an answer';

CREATE FUNCTION @extschema@.rtm_error_of(
	code integer,
	message text
) RETURNS @extschema@.rtm_error
AS 'MODULE_PATHNAME', 'rtm_sql_error_of'
LANGUAGE C CALLED ON NULL INPUT IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.rtm_error_of(integer, text) IS
	'the error with a code; NULL when the code is';

CREATE VIEW @extschema@.rtm_outbox WITH (security_barrier) AS
	SELECT r.id, r.call, r.method, s.srvname::text AS server, r.owner::regrole AS owner, r.mid,
		@extschema@.rtm_unpack(r.nparams, r.params) AS params,
		r.callback::regprocedure AS callback, r.enqueued_at, r.attempts, r.next_attempt,
		@extschema@.rtm_error_of(r.error_code, r.error) AS error
	FROM @extschema@.rtm_request AS r
		LEFT JOIN pg_catalog.pg_foreign_server AS s ON s.oid OPERATOR(pg_catalog.=) r.server
	WHERE pg_catalog.pg_has_role(r.owner, 'USAGE') OR pg_catalog.pg_has_role('pg_monitor', 'USAGE');
GRANT SELECT ON @extschema@.rtm_outbox TO PUBLIC;
COMMENT ON VIEW @extschema@.rtm_outbox IS 'own requests that wait or are under way; all of them for pg_monitor';

CREATE VIEW @extschema@.rtm_result WITH (security_barrier) AS
	SELECT f.id, f.status, f.call, f.method, s.srvname::text AS server, f.owner::regrole AS owner, f.mid, f.mtime,
		@extschema@.rtm_unpack(f.nparams, f.params) AS params,
		CASE WHEN f.answer IS NOT NULL THEN @extschema@.rtm_unpack(-1, f.answer) END AS answer,
		@extschema@.rtm_error_of(f.error_code, f.error) AS error,
		f.attempts, f.enqueued_at, f.finished_at, f.callback::regprocedure AS callback,
		CASE WHEN f.callback IS NULL THEN NULL
			WHEN f.callback_due IS NOT NULL THEN 'pending'
			WHEN f.callback_error IS NOT NULL THEN 'failed'
			ELSE 'done' END AS callback_status,
		f.callback_error
	FROM @extschema@.rtm_finished AS f
		LEFT JOIN pg_catalog.pg_foreign_server AS s ON s.oid OPERATOR(pg_catalog.=) f.server
	WHERE pg_catalog.pg_has_role(f.owner, 'USAGE') OR pg_catalog.pg_has_role('pg_monitor', 'USAGE');
GRANT SELECT ON @extschema@.rtm_result TO PUBLIC;
COMMENT ON VIEW @extschema@.rtm_result IS 'own requests that failed, or whose results are kept; all of them for pg_monitor';

CREATE FUNCTION @extschema@.rtm_retry(
	id bigint
) RETURNS boolean
AS 'MODULE_PATHNAME', 'rtm_sql_retry'
LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.rtm_retry(bigint) IS
	'queues a failed request again, with the mid that it had; false if there is none with that id';

CREATE FUNCTION @extschema@.rtm_discard(
	id bigint
) RETURNS boolean
AS 'MODULE_PATHNAME', 'rtm_sql_discard'
LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.rtm_discard(bigint) IS
	'deletes a request that failed, or whose result is kept, or that waits; false if there is none with that id';

CREATE FUNCTION @extschema@.rtm_wait(
	id bigint,
	timeout double precision DEFAULT 0
) RETURNS text
AS 'MODULE_PATHNAME', 'rtm_sql_wait'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.rtm_wait(bigint, double precision) IS
	'waits until a committed request is through: done or failed; pending when the timeout in seconds (0: none) came first';

CREATE FUNCTION @extschema@.rtm_worker_stats(
	OUT datid oid,
	OUT worker text,
	OUT pid integer,
	OUT state text,
	OUT since timestamptz,
	OUT last_error text
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'rtm_sql_worker_stats'
LANGUAGE C STRICT VOLATILE PARALLEL RESTRICTED ROWS 2;
COMMENT ON FUNCTION @extschema@.rtm_worker_stats() IS 'the rows of rtm_stat_worker';
REVOKE ALL ON FUNCTION @extschema@.rtm_worker_stats() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION @extschema@.rtm_worker_stats() TO pg_monitor;

CREATE FUNCTION @extschema@.rtm_server_stats(
	OUT srvid oid,
	OUT sent bigint,
	OUT failed bigint,
	OUT retried bigint,
	OUT in_flight integer,
	OUT answer_time double precision,
	OUT last_answer_time double precision
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'rtm_sql_server_stats'
LANGUAGE C STRICT VOLATILE PARALLEL RESTRICTED ROWS 2;
COMMENT ON FUNCTION @extschema@.rtm_server_stats() IS 'the figures of rtm_stat_server';
REVOKE ALL ON FUNCTION @extschema@.rtm_server_stats() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION @extschema@.rtm_server_stats() TO pg_monitor;

CREATE VIEW @extschema@.rtm_stat_worker AS
	SELECT d.datname AS database, w.worker, w.pid, w.state, w.since, w.last_error
	FROM @extschema@.rtm_worker_stats() AS w
		LEFT JOIN pg_catalog.pg_database AS d ON d.oid OPERATOR(pg_catalog.=) w.datid;
GRANT SELECT ON @extschema@.rtm_stat_worker TO pg_monitor;
COMMENT ON VIEW @extschema@.rtm_stat_worker IS 'the workers of all databases';

CREATE VIEW @extschema@.rtm_stat_server AS
	SELECT s.srvname::text AS server, coalesce(t.sent, 0) AS sent, coalesce(t.failed, 0) AS failed,
		coalesce(t.retried, 0) AS retried, coalesce(t.in_flight, 0) AS in_flight,
		coalesce(q.queued, 0) AS queued, pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) q.oldest AS oldest_age,
		t.answer_time, t.last_answer_time
	FROM pg_catalog.pg_foreign_server AS s
		JOIN pg_catalog.pg_foreign_data_wrapper AS w ON w.oid OPERATOR(pg_catalog.=) s.srvfdw
			AND w.fdwname OPERATOR(pg_catalog.=) 'rtm'
		LEFT JOIN @extschema@.rtm_server_stats() AS t ON t.srvid OPERATOR(pg_catalog.=) s.oid
		LEFT JOIN (SELECT r.server, pg_catalog.count(*) AS queued, pg_catalog.min(r.enqueued_at) AS oldest
			FROM @extschema@.rtm_request AS r GROUP BY r.server) AS q ON q.server OPERATOR(pg_catalog.=) s.oid;
GRANT SELECT ON @extschema@.rtm_stat_server TO pg_monitor;
COMMENT ON VIEW @extschema@.rtm_stat_server IS
	'what the sender of this database has done for each foreign server since the server''s start; times of answers in milliseconds';

--
-- Queued calls: carried out after the transaction has committed
--

CREATE FUNCTION @extschema@.rtm_send_message_async(
	mtype bigint,
	from_uid bigint,
	to_uid bigint,
	msg text,
	attrs text DEFAULT '',
	mid bigint DEFAULT 0,
	callback regprocedure DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_send_message_async(bigint, bigint, bigint, text, text, bigint, regprocedure, double precision, text) IS
	'queues a call that sends a message to a user';

CREATE FUNCTION @extschema@.rtm_send_message_async(
	mtype bigint,
	from_uid bigint,
	to_uid bigint,
	msg bytea,
	attrs text DEFAULT '',
	mid bigint DEFAULT 0,
	callback regprocedure DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_send_message_async(bigint, bigint, bigint, bytea, text, bigint, regprocedure, double precision, text) IS
	'queues a call that sends a binary message to a user';

CREATE FUNCTION @extschema@.rtm_send_messages_async(
	mtype bigint,
	from_uid bigint,
	to_uids bigint[],
	msg text,
	attrs text DEFAULT '',
	mid bigint DEFAULT 0,
	callback regprocedure DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_send_messages_async(bigint, bigint, bigint[], text, text, bigint, regprocedure, double precision, text) IS
	'queues a call that sends a message to several users';

CREATE FUNCTION @extschema@.rtm_send_messages_async(
	mtype bigint,
	from_uid bigint,
	to_uids bigint[],
	msg bytea,
	attrs text DEFAULT '',
	mid bigint DEFAULT 0,
	callback regprocedure DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_send_messages_async(bigint, bigint, bigint[], bytea, text, bigint, regprocedure, double precision, text) IS
	'queues a call that sends a binary message to several users';

CREATE FUNCTION @extschema@.rtm_send_group_message_async(
	mtype bigint,
	from_uid bigint,
	gid bigint,
	msg text,
	attrs text DEFAULT '',
	mid bigint DEFAULT 0,
	callback regprocedure DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_send_group_message_async(bigint, bigint, bigint, text, text, bigint, regprocedure, double precision, text) IS
	'queues a call that sends a message to a group';

CREATE FUNCTION @extschema@.rtm_send_group_message_async(
	mtype bigint,
	from_uid bigint,
	gid bigint,
	msg bytea,
	attrs text DEFAULT '',
	mid bigint DEFAULT 0,
	callback regprocedure DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_send_group_message_async(bigint, bigint, bigint, bytea, text, bigint, regprocedure, double precision, text) IS
	'queues a call that sends a binary message to a group';

CREATE FUNCTION @extschema@.rtm_send_room_message_async(
	mtype bigint,
	from_uid bigint,
	rid bigint,
	msg text,
	attrs text DEFAULT '',
	mid bigint DEFAULT 0,
	callback regprocedure DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_send_room_message_async(bigint, bigint, bigint, text, text, bigint, regprocedure, double precision, text) IS
	'queues a call that sends a message to a room';

CREATE FUNCTION @extschema@.rtm_send_room_message_async(
	mtype bigint,
	from_uid bigint,
	rid bigint,
	msg bytea,
	attrs text DEFAULT '',
	mid bigint DEFAULT 0,
	callback regprocedure DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_send_room_message_async(bigint, bigint, bigint, bytea, text, bigint, regprocedure, double precision, text) IS
	'queues a call that sends a binary message to a room';

CREATE FUNCTION @extschema@.rtm_broadcast_message_async(
	mtype bigint,
	from_uid bigint,
	msg text,
	attrs text DEFAULT '',
	mid bigint DEFAULT 0,
	callback regprocedure DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_broadcast_message_async(bigint, bigint, text, text, bigint, regprocedure, double precision, text) IS
	'queues a call that sends a message to everybody';

CREATE FUNCTION @extschema@.rtm_broadcast_message_async(
	mtype bigint,
	from_uid bigint,
	msg bytea,
	attrs text DEFAULT '',
	mid bigint DEFAULT 0,
	callback regprocedure DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_broadcast_message_async(bigint, bigint, bytea, text, bigint, regprocedure, double precision, text) IS
	'queues a call that sends a binary message to everybody';

CREATE FUNCTION @extschema@.rtm_get_group_message_async(
	uid bigint,
	gid bigint,
	descending boolean,
	num bigint,
	begin_time bigint DEFAULT NULL,
	end_time bigint DEFAULT NULL,
	lastid bigint DEFAULT NULL,
	mtypes bigint[] DEFAULT NULL,
	callback regprocedure DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_get_group_message_async(bigint, bigint, boolean, bigint, bigint, bigint, bigint, bigint[], regprocedure, double precision, text) IS
	'queues the question for history of a group: one page';

CREATE FUNCTION @extschema@.rtm_get_room_message_async(
	uid bigint,
	rid bigint,
	descending boolean,
	num bigint,
	begin_time bigint DEFAULT NULL,
	end_time bigint DEFAULT NULL,
	lastid bigint DEFAULT NULL,
	mtypes bigint[] DEFAULT NULL,
	callback regprocedure DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_get_room_message_async(bigint, bigint, boolean, bigint, bigint, bigint, bigint, bigint[], regprocedure, double precision, text) IS
	'queues the question for history of a room: one page';

CREATE FUNCTION @extschema@.rtm_get_broadcast_message_async(
	uid bigint,
	descending boolean,
	num bigint,
	begin_time bigint DEFAULT NULL,
	end_time bigint DEFAULT NULL,
	lastid bigint DEFAULT NULL,
	mtypes bigint[] DEFAULT NULL,
	callback regprocedure DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_get_broadcast_message_async(bigint, boolean, bigint, bigint, bigint, bigint, bigint[], regprocedure, double precision, text) IS
	'queues the question for history of the broadcast channel: one page';

CREATE FUNCTION @extschema@.rtm_get_p2p_message_async(
	uid bigint,
	ouid bigint,
	descending boolean,
	num bigint,
	begin_time bigint DEFAULT NULL,
	end_time bigint DEFAULT NULL,
	lastid bigint DEFAULT NULL,
	mtypes bigint[] DEFAULT NULL,
	callback regprocedure DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_get_p2p_message_async(bigint, bigint, boolean, bigint, bigint, bigint, bigint, bigint[], regprocedure, double precision, text) IS
	'queues the question for history of two users: one page';

CREATE FUNCTION @extschema@.rtm_delete_p2p_message_async(
	mid bigint,
	from_uid bigint,
	to_uid bigint,
	callback regprocedure DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_delete_p2p_message_async(bigint, bigint, bigint, regprocedure, double precision, text) IS
	'queues a call that deletes a message of two users';

CREATE FUNCTION @extschema@.rtm_delete_group_message_async(
	mid bigint,
	from_uid bigint,
	gid bigint,
	callback regprocedure DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_delete_group_message_async(bigint, bigint, bigint, regprocedure, double precision, text) IS
	'queues a call that deletes a message of a group';

CREATE FUNCTION @extschema@.rtm_delete_room_message_async(
	mid bigint,
	from_uid bigint,
	rid bigint,
	callback regprocedure DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_delete_room_message_async(bigint, bigint, bigint, regprocedure, double precision, text) IS
	'queues a call that deletes a message of a room';

CREATE FUNCTION @extschema@.rtm_delete_broadcast_message_async(
	mid bigint,
	from_uid bigint,
	callback regprocedure DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_delete_broadcast_message_async(bigint, bigint, regprocedure, double precision, text) IS
	'queues a call that deletes a message of the broadcast channel';

CREATE FUNCTION @extschema@.rtm_get_p2p_message_info_async(
	mid bigint,
	from_uid bigint,
	to_uid bigint,
	callback regprocedure DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_get_p2p_message_info_async(bigint, bigint, bigint, regprocedure, double precision, text) IS
	'queues the question for a message of two users';

CREATE FUNCTION @extschema@.rtm_get_group_message_info_async(
	mid bigint,
	from_uid bigint,
	gid bigint,
	callback regprocedure DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_get_group_message_info_async(bigint, bigint, bigint, regprocedure, double precision, text) IS
	'queues the question for a message of a group';

CREATE FUNCTION @extschema@.rtm_get_room_message_info_async(
	mid bigint,
	from_uid bigint,
	rid bigint,
	callback regprocedure DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_get_room_message_info_async(bigint, bigint, bigint, regprocedure, double precision, text) IS
	'queues the question for a message of a room';

CREATE FUNCTION @extschema@.rtm_get_broadcast_message_info_async(
	mid bigint,
	from_uid bigint,
	callback regprocedure DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_get_broadcast_message_info_async(bigint, bigint, regprocedure, double precision, text) IS
	'queues the question for a message of the broadcast channel';

CREATE FUNCTION @extschema@.rtm_call_async(
	method text,
	params jsonb DEFAULT '{}',
	callback regprocedure DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_call_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_call_async(text, jsonb, regprocedure, double precision, text) IS
	'queues a call that calls a method of the service by its name on the wire; bytes that are no text are {"base64": "..."}';
REVOKE ALL ON FUNCTION @extschema@.rtm_call_async(text, jsonb, regprocedure, double precision, text) FROM PUBLIC;

--
-- The catalogue
--

CREATE FUNCTION @extschema@.rtm_methods(
) RETURNS TABLE (
	name text,
	method text,
	kind text,
	conversation text,
	arguments text
)
AS 'MODULE_PATHNAME', 'rtm_sql_methods'
LANGUAGE C STRICT IMMUTABLE PARALLEL SAFE ROWS 17;
COMMENT ON FUNCTION @extschema@.rtm_methods() IS
	'the message calls: SQL function, method on the wire, what it does, in which kind of conversation, arguments';
