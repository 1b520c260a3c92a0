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
	to_uid bigint
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
	msg_binary bytea
);
COMMENT ON TYPE @extschema@.rtm_message_info IS 'a message that was looked up by its mid';
COMMENT ON COLUMN @extschema@.rtm_message_info.id IS 'cursor id: its place in the history';
COMMENT ON COLUMN @extschema@.rtm_message_info.mtype IS 'message type';
COMMENT ON COLUMN @extschema@.rtm_message_info.msg IS 'text of the message; NULL if it is no text in the database''s encoding';
COMMENT ON COLUMN @extschema@.rtm_message_info.attrs IS 'attributes of the message; NULL if they are no text in the database''s encoding';
COMMENT ON COLUMN @extschema@.rtm_message_info.mtime IS 'when the gate got the message, in milliseconds';
COMMENT ON COLUMN @extschema@.rtm_message_info.msg_binary IS 'the message, if it is no text in the database''s encoding';

--
-- Sending
--

CREATE FUNCTION @extschema@.rtm_send_message(
	mtype integer,
	from_uid bigint,
	to_uid bigint,
	msg text,
	attrs text DEFAULT '',
	mid bigint DEFAULT 0,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS @extschema@.rtm_send_result
AS 'MODULE_PATHNAME', 'rtm_sql_send_message'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_send_message(integer, bigint, bigint, text, text, bigint, double precision, text) IS
	'sends a message to a user, at once: a rollback does not take it back';

CREATE FUNCTION @extschema@.rtm_send_message(
	mtype integer,
	from_uid bigint,
	to_uid bigint,
	msg bytea,
	attrs text DEFAULT '',
	mid bigint DEFAULT 0,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS @extschema@.rtm_send_result
AS 'MODULE_PATHNAME', 'rtm_sql_send_message_binary'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_send_message(integer, bigint, bigint, bytea, text, bigint, double precision, text) IS
	'sends a binary message to a user, at once: a rollback does not take it back';

CREATE FUNCTION @extschema@.rtm_send_messages(
	mtype integer,
	from_uid bigint,
	to_uids bigint[],
	msg text,
	attrs text DEFAULT '',
	mid bigint DEFAULT 0,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS @extschema@.rtm_send_result
AS 'MODULE_PATHNAME', 'rtm_sql_send_messages'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_send_messages(integer, bigint, bigint[], text, text, bigint, double precision, text) IS
	'sends a message to several users, at once: a rollback does not take it back';

CREATE FUNCTION @extschema@.rtm_send_messages(
	mtype integer,
	from_uid bigint,
	to_uids bigint[],
	msg bytea,
	attrs text DEFAULT '',
	mid bigint DEFAULT 0,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS @extschema@.rtm_send_result
AS 'MODULE_PATHNAME', 'rtm_sql_send_messages_binary'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_send_messages(integer, bigint, bigint[], bytea, text, bigint, double precision, text) IS
	'sends a binary message to several users, at once: a rollback does not take it back';

CREATE FUNCTION @extschema@.rtm_send_group_message(
	mtype integer,
	from_uid bigint,
	gid bigint,
	msg text,
	attrs text DEFAULT '',
	mid bigint DEFAULT 0,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS @extschema@.rtm_send_result
AS 'MODULE_PATHNAME', 'rtm_sql_send_group_message'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_send_group_message(integer, bigint, bigint, text, text, bigint, double precision, text) IS
	'sends a message to a group, at once: a rollback does not take it back';

CREATE FUNCTION @extschema@.rtm_send_group_message(
	mtype integer,
	from_uid bigint,
	gid bigint,
	msg bytea,
	attrs text DEFAULT '',
	mid bigint DEFAULT 0,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS @extschema@.rtm_send_result
AS 'MODULE_PATHNAME', 'rtm_sql_send_group_message_binary'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_send_group_message(integer, bigint, bigint, bytea, text, bigint, double precision, text) IS
	'sends a binary message to a group, at once: a rollback does not take it back';

CREATE FUNCTION @extschema@.rtm_send_room_message(
	mtype integer,
	from_uid bigint,
	rid bigint,
	msg text,
	attrs text DEFAULT '',
	mid bigint DEFAULT 0,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS @extschema@.rtm_send_result
AS 'MODULE_PATHNAME', 'rtm_sql_send_room_message'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_send_room_message(integer, bigint, bigint, text, text, bigint, double precision, text) IS
	'sends a message to a room, at once: a rollback does not take it back';

CREATE FUNCTION @extschema@.rtm_send_room_message(
	mtype integer,
	from_uid bigint,
	rid bigint,
	msg bytea,
	attrs text DEFAULT '',
	mid bigint DEFAULT 0,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS @extschema@.rtm_send_result
AS 'MODULE_PATHNAME', 'rtm_sql_send_room_message_binary'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_send_room_message(integer, bigint, bigint, bytea, text, bigint, double precision, text) IS
	'sends a binary message to a room, at once: a rollback does not take it back';

CREATE FUNCTION @extschema@.rtm_broadcast_message(
	mtype integer,
	from_uid bigint,
	msg text,
	attrs text DEFAULT '',
	mid bigint DEFAULT 0,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS @extschema@.rtm_send_result
AS 'MODULE_PATHNAME', 'rtm_sql_broadcast_message'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_broadcast_message(integer, bigint, text, text, bigint, double precision, text) IS
	'sends a message to everybody, at once: a rollback does not take it back';

CREATE FUNCTION @extschema@.rtm_broadcast_message(
	mtype integer,
	from_uid bigint,
	msg bytea,
	attrs text DEFAULT '',
	mid bigint DEFAULT 0,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS @extschema@.rtm_send_result
AS 'MODULE_PATHNAME', 'rtm_sql_broadcast_message_binary'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_broadcast_message(integer, bigint, bytea, text, bigint, double precision, text) IS
	'sends a binary message to everybody, at once: a rollback does not take it back';

--
-- History
--

CREATE FUNCTION @extschema@.rtm_get_group_message(
	uid bigint,
	gid bigint,
	descending boolean,
	num integer,
	begin_time bigint DEFAULT NULL,
	end_time bigint DEFAULT NULL,
	lastid bigint DEFAULT NULL,
	mtypes integer[] DEFAULT NULL,
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
	msg_binary bytea
)
AS 'MODULE_PATHNAME', 'rtm_sql_get_group_message'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL RESTRICTED COST 10000 ROWS 100;
COMMENT ON FUNCTION @extschema@.rtm_get_group_message(bigint, bigint, boolean, integer, bigint, bigint, bigint, integer[], double precision, text) IS
	'history of a group: the first num messages (NULL: all), oldest or newest first';

CREATE FUNCTION @extschema@.rtm_get_group_message_page(
	uid bigint,
	gid bigint,
	descending boolean,
	num integer,
	begin_time bigint DEFAULT NULL,
	end_time bigint DEFAULT NULL,
	lastid bigint DEFAULT NULL,
	mtypes integer[] DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS @extschema@.rtm_history_result
AS 'MODULE_PATHNAME', 'rtm_sql_get_group_message_page'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL RESTRICTED COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_get_group_message_page(bigint, bigint, boolean, integer, bigint, bigint, bigint, integer[], double precision, text) IS
	'history of a group: one page as the gate gives it, with the cursor of the next one';

CREATE FUNCTION @extschema@.rtm_get_room_message(
	uid bigint,
	rid bigint,
	descending boolean,
	num integer,
	begin_time bigint DEFAULT NULL,
	end_time bigint DEFAULT NULL,
	lastid bigint DEFAULT NULL,
	mtypes integer[] DEFAULT NULL,
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
	msg_binary bytea
)
AS 'MODULE_PATHNAME', 'rtm_sql_get_room_message'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL RESTRICTED COST 10000 ROWS 100;
COMMENT ON FUNCTION @extschema@.rtm_get_room_message(bigint, bigint, boolean, integer, bigint, bigint, bigint, integer[], double precision, text) IS
	'history of a room: the first num messages (NULL: all), oldest or newest first';

CREATE FUNCTION @extschema@.rtm_get_room_message_page(
	uid bigint,
	rid bigint,
	descending boolean,
	num integer,
	begin_time bigint DEFAULT NULL,
	end_time bigint DEFAULT NULL,
	lastid bigint DEFAULT NULL,
	mtypes integer[] DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS @extschema@.rtm_history_result
AS 'MODULE_PATHNAME', 'rtm_sql_get_room_message_page'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL RESTRICTED COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_get_room_message_page(bigint, bigint, boolean, integer, bigint, bigint, bigint, integer[], double precision, text) IS
	'history of a room: one page as the gate gives it, with the cursor of the next one';

CREATE FUNCTION @extschema@.rtm_get_broadcast_message(
	uid bigint,
	descending boolean,
	num integer,
	begin_time bigint DEFAULT NULL,
	end_time bigint DEFAULT NULL,
	lastid bigint DEFAULT NULL,
	mtypes integer[] DEFAULT NULL,
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
	msg_binary bytea
)
AS 'MODULE_PATHNAME', 'rtm_sql_get_broadcast_message'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL RESTRICTED COST 10000 ROWS 100;
COMMENT ON FUNCTION @extschema@.rtm_get_broadcast_message(bigint, boolean, integer, bigint, bigint, bigint, integer[], double precision, text) IS
	'history of the broadcast channel: the first num messages (NULL: all), oldest or newest first';

CREATE FUNCTION @extschema@.rtm_get_broadcast_message_page(
	uid bigint,
	descending boolean,
	num integer,
	begin_time bigint DEFAULT NULL,
	end_time bigint DEFAULT NULL,
	lastid bigint DEFAULT NULL,
	mtypes integer[] DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS @extschema@.rtm_history_result
AS 'MODULE_PATHNAME', 'rtm_sql_get_broadcast_message_page'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL RESTRICTED COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_get_broadcast_message_page(bigint, boolean, integer, bigint, bigint, bigint, integer[], double precision, text) IS
	'history of the broadcast channel: one page as the gate gives it, with the cursor of the next one';

CREATE FUNCTION @extschema@.rtm_get_p2p_message(
	uid bigint,
	ouid bigint,
	descending boolean,
	num integer,
	begin_time bigint DEFAULT NULL,
	end_time bigint DEFAULT NULL,
	lastid bigint DEFAULT NULL,
	mtypes integer[] DEFAULT NULL,
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
	msg_binary bytea
)
AS 'MODULE_PATHNAME', 'rtm_sql_get_p2p_message'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL RESTRICTED COST 10000 ROWS 100;
COMMENT ON FUNCTION @extschema@.rtm_get_p2p_message(bigint, bigint, boolean, integer, bigint, bigint, bigint, integer[], double precision, text) IS
	'history of two users: the first num messages (NULL: all), oldest or newest first';

CREATE FUNCTION @extschema@.rtm_get_p2p_message_page(
	uid bigint,
	ouid bigint,
	descending boolean,
	num integer,
	begin_time bigint DEFAULT NULL,
	end_time bigint DEFAULT NULL,
	lastid bigint DEFAULT NULL,
	mtypes integer[] DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS @extschema@.rtm_history_result
AS 'MODULE_PATHNAME', 'rtm_sql_get_p2p_message_page'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL RESTRICTED COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_get_p2p_message_page(bigint, bigint, boolean, integer, bigint, bigint, bigint, integer[], double precision, text) IS
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
AS 'MODULE_PATHNAME', 'rtm_sql_delete_p2p_message'
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
AS 'MODULE_PATHNAME', 'rtm_sql_delete_group_message'
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
AS 'MODULE_PATHNAME', 'rtm_sql_delete_room_message'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_delete_room_message(bigint, bigint, bigint, double precision, text) IS
	'deletes a message of a room';

CREATE FUNCTION @extschema@.rtm_delete_broadcast_message(
	mid bigint,
	from_uid bigint,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS void
AS 'MODULE_PATHNAME', 'rtm_sql_delete_broadcast_message'
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
AS 'MODULE_PATHNAME', 'rtm_sql_get_p2p_message_info'
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
AS 'MODULE_PATHNAME', 'rtm_sql_get_group_message_info'
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
AS 'MODULE_PATHNAME', 'rtm_sql_get_room_message_info'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL RESTRICTED COST 10000 ROWS 1;
COMMENT ON FUNCTION @extschema@.rtm_get_room_message_info(bigint, bigint, bigint, double precision, text) IS
	'a message of a room; no row if there is none with that mid';

CREATE FUNCTION @extschema@.rtm_get_broadcast_message_info(
	mid bigint,
	from_uid bigint,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS SETOF @extschema@.rtm_message_info
AS 'MODULE_PATHNAME', 'rtm_sql_get_broadcast_message_info'
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
