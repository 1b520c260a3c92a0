/* rtm--1.0.sql: messages and history of an RTM project from SQL, in the order of doc/reference.md */

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

CREATE FUNCTION @extschema@.rtm_fdw_handler()
RETURNS pg_catalog.fdw_handler
AS 'MODULE_PATHNAME', 'rtm_fdw_handler'
LANGUAGE C STRICT;
COMMENT ON FUNCTION @extschema@.rtm_fdw_handler() IS
	'reads and writes foreign tables of rtm';

CREATE FOREIGN DATA WRAPPER rtm
	HANDLER @extschema@.rtm_fdw_handler
	VALIDATOR @extschema@.rtm_fdw_validator;
COMMENT ON FOREIGN DATA WRAPPER rtm IS
	'RTM projects: a server has the gate''s endpoint and the project''s pid, a user mapping its secret';

--
-- Types of arguments: like regprocedure and jsonb, but what drivers send for
-- them, text with its type, is taken too
--

CREATE TYPE @extschema@.rtm_callback;
CREATE FUNCTION @extschema@.rtm_callback_in(cstring) RETURNS @extschema@.rtm_callback
AS 'regprocedurein'
LANGUAGE internal STRICT STABLE PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.rtm_callback_in(cstring) IS 'input of rtm_callback';
CREATE FUNCTION @extschema@.rtm_callback_out(@extschema@.rtm_callback) RETURNS cstring
AS 'regprocedureout'
LANGUAGE internal STRICT STABLE PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.rtm_callback_out(@extschema@.rtm_callback) IS 'output of rtm_callback';
CREATE TYPE @extschema@.rtm_callback (
	INPUT = @extschema@.rtm_callback_in,
	OUTPUT = @extschema@.rtm_callback_out,
	LIKE = pg_catalog.regprocedure
);
COMMENT ON TYPE @extschema@.rtm_callback IS
	'a function that is told how a queued call ended: its name with the types of its arguments, as regprocedure has it';

CREATE TYPE @extschema@.rtm_params;
CREATE FUNCTION @extschema@.rtm_params_in(cstring) RETURNS @extschema@.rtm_params
AS 'jsonb_in'
LANGUAGE internal STRICT IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.rtm_params_in(cstring) IS 'input of rtm_params';
CREATE FUNCTION @extschema@.rtm_params_out(@extschema@.rtm_params) RETURNS cstring
AS 'jsonb_out'
LANGUAGE internal STRICT IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.rtm_params_out(@extschema@.rtm_params) IS 'output of rtm_params';
CREATE TYPE @extschema@.rtm_params (
	INPUT = @extschema@.rtm_params_in,
	OUTPUT = @extschema@.rtm_params_out,
	LIKE = pg_catalog.jsonb
);
COMMENT ON TYPE @extschema@.rtm_params IS 'parameters of a call: a JSON object, as jsonb has it';

CREATE CAST (pg_catalog.regprocedure AS @extschema@.rtm_callback) WITHOUT FUNCTION AS IMPLICIT;
COMMENT ON CAST (pg_catalog.regprocedure AS @extschema@.rtm_callback) IS 'for arguments of type rtm_callback';
CREATE CAST (pg_catalog.regproc AS @extschema@.rtm_callback) WITHOUT FUNCTION AS IMPLICIT;
COMMENT ON CAST (pg_catalog.regproc AS @extschema@.rtm_callback) IS 'for arguments of type rtm_callback';
CREATE CAST (pg_catalog.oid AS @extschema@.rtm_callback) WITHOUT FUNCTION AS IMPLICIT;
COMMENT ON CAST (pg_catalog.oid AS @extschema@.rtm_callback) IS 'for arguments of type rtm_callback';
CREATE CAST (pg_catalog.text AS @extschema@.rtm_callback) WITH INOUT AS IMPLICIT;
COMMENT ON CAST (pg_catalog.text AS @extschema@.rtm_callback) IS 'for arguments of type rtm_callback';
CREATE CAST (pg_catalog.varchar AS @extschema@.rtm_callback) WITH INOUT AS IMPLICIT;
COMMENT ON CAST (pg_catalog.varchar AS @extschema@.rtm_callback) IS 'for arguments of type rtm_callback';
CREATE CAST (pg_catalog.jsonb AS @extschema@.rtm_params) WITHOUT FUNCTION AS IMPLICIT;
COMMENT ON CAST (pg_catalog.jsonb AS @extschema@.rtm_params) IS 'for arguments of type rtm_params';
CREATE CAST (pg_catalog.json AS @extschema@.rtm_params) WITH INOUT AS IMPLICIT;
COMMENT ON CAST (pg_catalog.json AS @extschema@.rtm_params) IS 'for arguments of type rtm_params';
CREATE CAST (pg_catalog.text AS @extschema@.rtm_params) WITH INOUT AS IMPLICIT;
COMMENT ON CAST (pg_catalog.text AS @extschema@.rtm_params) IS 'for arguments of type rtm_params';
CREATE CAST (pg_catalog.varchar AS @extschema@.rtm_params) WITH INOUT AS IMPLICIT;
COMMENT ON CAST (pg_catalog.varchar AS @extschema@.rtm_params) IS 'for arguments of type rtm_params';

--
-- Types of results
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

--
-- One page of a history
--

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
-- Counting, editing and deleting many
--

CREATE FUNCTION @extschema@.rtm_get_message_num(
	message_type bigint,
	xid bigint,
	mtypes bigint[] DEFAULT NULL,
	begin_time bigint DEFAULT NULL,
	end_time bigint DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	OUT senders integer,
	OUT num integer
) RETURNS record
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL RESTRICTED COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_get_message_num(bigint, bigint, bigint[], bigint, bigint, double precision, text) IS
	'counts the messages of a group or room that are kept, and who sent them';

CREATE FUNCTION @extschema@.rtm_edit_message(
	mid bigint,
	from_uid bigint,
	xid bigint,
	message_type bigint,
	msg text,
	attrs text,
	time_limit bigint,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS void
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_edit_message(bigint, bigint, bigint, bigint, text, text, bigint, double precision, text) IS
	'gives a message of a group or room another text, unless it is older than time_limit milliseconds';

CREATE FUNCTION @extschema@.rtm_clean_message(
	from_uid bigint,
	xid bigint,
	message_type bigint,
	begin_time bigint,
	end_time bigint,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS void
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_clean_message(bigint, bigint, bigint, bigint, bigint, double precision, text) IS
	'deletes the messages of a conversation from begin_time to end_time, in milliseconds';

CREATE FUNCTION @extschema@.rtm_delete_conversation_messages(
	from_uid bigint,
	xid bigint,
	message_type bigint,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS void
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_delete_conversation_messages(bigint, bigint, bigint, double precision, text) IS
	'deletes all that a user has sent to a group or room';

CREATE FUNCTION @extschema@.rtm_clear_user_messages(
	uid bigint,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS void
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_clear_user_messages(bigint, double precision, text) IS
	'deletes all that a user has sent';

CREATE FUNCTION @extschema@.rtm_clear_project_messages(
	clear_type bigint,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS void
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_clear_project_messages(bigint, double precision, text) IS
	'deletes the messages of a project: 0 p2p, 1 room, 2 group, 3 broadcast, 4 all';
REVOKE ALL ON FUNCTION @extschema@.rtm_clear_project_messages(bigint, double precision, text) FROM PUBLIC;

--
-- Tokens, users, bans of the project
--

CREATE FUNCTION @extschema@.rtm_get_token(
	uid bigint,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS text
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_get_token(bigint, double precision, text) IS
	'gives a token that a user logs in with';
REVOKE ALL ON FUNCTION @extschema@.rtm_get_token(bigint, double precision, text) FROM PUBLIC;

CREATE FUNCTION @extschema@.rtm_remove_token(
	uid bigint,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS void
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_remove_token(bigint, double precision, text) IS
	'makes the token of a user invalid';

CREATE FUNCTION @extschema@.rtm_kickout(
	uid bigint,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS void
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_kickout(bigint, double precision, text) IS
	'ends the connections of a user';

CREATE FUNCTION @extschema@.rtm_get_online_users(
	uids bigint[],
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS bigint[]
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL RESTRICTED COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_get_online_users(bigint[], double precision, text) IS
	'says which of the users are logged in';

CREATE FUNCTION @extschema@.rtm_set_user_info(
	uid bigint,
	oinfo text DEFAULT NULL,
	pinfo text DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS void
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_set_user_info(bigint, text, text, double precision, text) IS
	'sets what everybody, and what the user alone, is told of a user; NULL leaves it as it is';

CREATE FUNCTION @extschema@.rtm_get_user_info(
	uid bigint,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	OUT oinfo text,
	OUT pinfo text
) RETURNS record
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL RESTRICTED COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_get_user_info(bigint, double precision, text) IS
	'gives what everybody, and what the user alone, is told of a user';

CREATE FUNCTION @extschema@.rtm_get_user_open_info(
	uids bigint[],
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS jsonb
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL RESTRICTED COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_get_user_open_info(bigint[], double precision, text) IS
	'gives what everybody is told of users, by uid';

CREATE FUNCTION @extschema@.rtm_add_sessions(
	uid bigint,
	uids bigint[],
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS void
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_add_sessions(bigint, bigint[], double precision, text) IS
	'puts users into the list of talks of a user';

CREATE FUNCTION @extschema@.rtm_remove_sessions(
	uid bigint,
	uids bigint[],
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS void
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_remove_sessions(bigint, bigint[], double precision, text) IS
	'takes users off the list of talks of a user';

CREATE FUNCTION @extschema@.rtm_add_project_black(
	uid bigint,
	btime bigint,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS void
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_add_project_black(bigint, bigint, double precision, text) IS
	'puts a user on the blacklist of a project, for seconds; 0: for ever';
REVOKE ALL ON FUNCTION @extschema@.rtm_add_project_black(bigint, bigint, double precision, text) FROM PUBLIC;

CREATE FUNCTION @extschema@.rtm_remove_project_black(
	uid bigint,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS void
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_remove_project_black(bigint, double precision, text) IS
	'takes a user off the blacklist of a project';
REVOKE ALL ON FUNCTION @extschema@.rtm_remove_project_black(bigint, double precision, text) FROM PUBLIC;

CREATE FUNCTION @extschema@.rtm_is_project_black(
	uid bigint,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS boolean
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL RESTRICTED COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_is_project_black(bigint, double precision, text) IS
	'says whether a user is on the blacklist of a project';

CREATE FUNCTION @extschema@.rtm_add_project_ban(
	uid bigint,
	btime bigint,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS void
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_add_project_ban(bigint, bigint, double precision, text) IS
	'forbids a user to write in a project, for seconds; 0: for ever';
REVOKE ALL ON FUNCTION @extschema@.rtm_add_project_ban(bigint, bigint, double precision, text) FROM PUBLIC;

CREATE FUNCTION @extschema@.rtm_remove_project_ban(
	uid bigint,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS void
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_remove_project_ban(bigint, double precision, text) IS
	'lets a user write in a project again';
REVOKE ALL ON FUNCTION @extschema@.rtm_remove_project_ban(bigint, double precision, text) FROM PUBLIC;

CREATE FUNCTION @extschema@.rtm_is_project_ban(
	uid bigint,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS boolean
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL RESTRICTED COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_is_project_ban(bigint, double precision, text) IS
	'says whether a user is forbidden to write in a project';

--
-- Friends and blacklists of users
--

CREATE FUNCTION @extschema@.rtm_add_friends(
	uid bigint,
	friends bigint[],
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS void
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_add_friends(bigint, bigint[], double precision, text) IS
	'makes users friends of a user';

CREATE FUNCTION @extschema@.rtm_delete_friends(
	uid bigint,
	friends bigint[],
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS void
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_delete_friends(bigint, bigint[], double precision, text) IS
	'makes users no friends of a user any more';

CREATE FUNCTION @extschema@.rtm_get_friends(
	uid bigint,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS bigint[]
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL RESTRICTED COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_get_friends(bigint, double precision, text) IS
	'gives the friends of a user';

CREATE FUNCTION @extschema@.rtm_is_friend(
	uid bigint,
	fuid bigint,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS boolean
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL RESTRICTED COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_is_friend(bigint, bigint, double precision, text) IS
	'says whether fuid is a friend of a user';

CREATE FUNCTION @extschema@.rtm_is_friends(
	uid bigint,
	fuids bigint[],
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS bigint[]
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL RESTRICTED COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_is_friends(bigint, bigint[], double precision, text) IS
	'says which of the users are friends of a user';

CREATE FUNCTION @extschema@.rtm_add_blacks(
	uid bigint,
	blacks bigint[],
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS void
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_add_blacks(bigint, bigint[], double precision, text) IS
	'puts users on the blacklist of a user';

CREATE FUNCTION @extschema@.rtm_delete_blacks(
	uid bigint,
	blacks bigint[],
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS void
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_delete_blacks(bigint, bigint[], double precision, text) IS
	'takes users off the blacklist of a user';

CREATE FUNCTION @extschema@.rtm_get_blacks(
	uid bigint,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS bigint[]
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL RESTRICTED COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_get_blacks(bigint, double precision, text) IS
	'gives the blacklist of a user';

CREATE FUNCTION @extschema@.rtm_is_black(
	uid bigint,
	buid bigint,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS boolean
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL RESTRICTED COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_is_black(bigint, bigint, double precision, text) IS
	'says whether buid is on the blacklist of a user';

CREATE FUNCTION @extschema@.rtm_is_blacks(
	uid bigint,
	buids bigint[],
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS bigint[]
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL RESTRICTED COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_is_blacks(bigint, bigint[], double precision, text) IS
	'says which of the users are on the blacklist of a user';

--
-- Groups
--

CREATE FUNCTION @extschema@.rtm_add_group_members(
	gid bigint,
	uids bigint[],
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS void
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_add_group_members(bigint, bigint[], double precision, text) IS
	'makes users members of a group';

CREATE FUNCTION @extschema@.rtm_delete_group_members(
	gid bigint,
	uids bigint[],
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS void
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_delete_group_members(bigint, bigint[], double precision, text) IS
	'takes users out of a group';

CREATE FUNCTION @extschema@.rtm_delete_group(
	gid bigint,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS void
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_delete_group(bigint, double precision, text) IS
	'ends a group; its messages stay';

CREATE FUNCTION @extschema@.rtm_get_group_members(
	gid bigint,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS bigint[]
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL RESTRICTED COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_get_group_members(bigint, double precision, text) IS
	'gives the members of a group';

CREATE FUNCTION @extschema@.rtm_get_group_count(
	gid bigint,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS integer
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL RESTRICTED COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_get_group_count(bigint, double precision, text) IS
	'says how many members a group has';

CREATE FUNCTION @extschema@.rtm_is_group_member(
	gid bigint,
	uid bigint,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS boolean
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL RESTRICTED COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_is_group_member(bigint, bigint, double precision, text) IS
	'says whether a user is a member of a group';

CREATE FUNCTION @extschema@.rtm_get_user_groups(
	uid bigint,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS bigint[]
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL RESTRICTED COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_get_user_groups(bigint, double precision, text) IS
	'gives the groups of a user';

CREATE FUNCTION @extschema@.rtm_add_group_ban(
	gid bigint,
	uid bigint,
	btime bigint,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS void
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_add_group_ban(bigint, bigint, bigint, double precision, text) IS
	'forbids a user to write to a group (NULL: to any), for seconds; 0: for ever';

CREATE FUNCTION @extschema@.rtm_remove_group_ban(
	gid bigint,
	uid bigint,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS void
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_remove_group_ban(bigint, bigint, double precision, text) IS
	'lets a user write to a group again (NULL: to any)';

CREATE FUNCTION @extschema@.rtm_is_ban_of_group(
	gid bigint,
	uid bigint,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS boolean
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL RESTRICTED COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_is_ban_of_group(bigint, bigint, double precision, text) IS
	'says whether a user is forbidden to write to a group';

CREATE FUNCTION @extschema@.rtm_set_group_info(
	gid bigint,
	oinfo text DEFAULT NULL,
	pinfo text DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS void
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_set_group_info(bigint, text, text, double precision, text) IS
	'sets what everybody, and what members, are told of a group; NULL leaves it as it is';

CREATE FUNCTION @extschema@.rtm_get_group_info(
	gid bigint,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	OUT oinfo text,
	OUT pinfo text
) RETURNS record
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL RESTRICTED COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_get_group_info(bigint, double precision, text) IS
	'gives what everybody, and what members, are told of a group';

CREATE FUNCTION @extschema@.rtm_clear_project_group(
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS void
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_clear_project_group(double precision, text) IS
	'ends all groups of a project; their messages stay';
REVOKE ALL ON FUNCTION @extschema@.rtm_clear_project_group(double precision, text) FROM PUBLIC;

--
-- Rooms
--

CREATE FUNCTION @extschema@.rtm_add_room_member(
	rid bigint,
	uid bigint,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS void
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_add_room_member(bigint, bigint, double precision, text) IS
	'brings a user into a room';

CREATE FUNCTION @extschema@.rtm_delete_room_member(
	rid bigint,
	uid bigint,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS void
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_delete_room_member(bigint, bigint, double precision, text) IS
	'takes a user out of a room';

CREATE FUNCTION @extschema@.rtm_add_room_members(
	rid bigint,
	uids bigint[],
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS bigint[]
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_add_room_members(bigint, bigint[], double precision, text) IS
	'brings users into a room; says which are in it now';

CREATE FUNCTION @extschema@.rtm_delete_room_members(
	rid bigint,
	uids bigint[],
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS bigint[]
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_delete_room_members(bigint, bigint[], double precision, text) IS
	'takes users out of a room; says which are out of it now';

CREATE FUNCTION @extschema@.rtm_add_user_rooms(
	uid bigint,
	rids bigint[],
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS void
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_add_user_rooms(bigint, bigint[], double precision, text) IS
	'brings a user into rooms';

CREATE FUNCTION @extschema@.rtm_delete_user_rooms(
	uid bigint,
	rids bigint[],
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS void
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_delete_user_rooms(bigint, bigint[], double precision, text) IS
	'takes a user out of rooms';

CREATE FUNCTION @extschema@.rtm_get_room_members(
	rid bigint,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS bigint[]
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL RESTRICTED COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_get_room_members(bigint, double precision, text) IS
	'gives the users who are in a room';

CREATE FUNCTION @extschema@.rtm_get_room_count(
	rids bigint[],
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS jsonb
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL RESTRICTED COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_get_room_count(bigint[], double precision, text) IS
	'says how many users are in rooms, by rid';

CREATE FUNCTION @extschema@.rtm_add_room_ban(
	rid bigint,
	uid bigint,
	btime bigint,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS void
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_add_room_ban(bigint, bigint, bigint, double precision, text) IS
	'forbids a user to write to a room (NULL: to any), for seconds; 0: for ever';

CREATE FUNCTION @extschema@.rtm_remove_room_ban(
	rid bigint,
	uid bigint,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS void
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_remove_room_ban(bigint, bigint, double precision, text) IS
	'lets a user write to a room again (NULL: to any)';

CREATE FUNCTION @extschema@.rtm_is_ban_of_room(
	rid bigint,
	uid bigint,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS boolean
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL RESTRICTED COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_is_ban_of_room(bigint, bigint, double precision, text) IS
	'says whether a user is forbidden to write to a room';

CREATE FUNCTION @extschema@.rtm_set_room_info(
	rid bigint,
	oinfo text DEFAULT NULL,
	pinfo text DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS void
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_set_room_info(bigint, text, text, double precision, text) IS
	'sets what everybody, and what members, are told of a room; NULL leaves it as it is';

CREATE FUNCTION @extschema@.rtm_get_room_info(
	rid bigint,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	OUT oinfo text,
	OUT pinfo text
) RETURNS record
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL RESTRICTED COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_get_room_info(bigint, double precision, text) IS
	'gives what everybody, and what members, are told of a room';

--
-- What is kept for users, their devices
--

CREATE FUNCTION @extschema@.rtm_data_set(
	uid bigint,
	key text,
	val text,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS void
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_data_set(bigint, text, text, double precision, text) IS
	'keeps a value for a user, by a key';

CREATE FUNCTION @extschema@.rtm_data_get(
	uid bigint,
	key text,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS text
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL RESTRICTED COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_data_get(bigint, text, double precision, text) IS
	'gives the value that is kept for a user by a key; NULL: there is none';

CREATE FUNCTION @extschema@.rtm_data_delete(
	uid bigint,
	key text,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS void
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_data_delete(bigint, text, double precision, text) IS
	'deletes the value that is kept for a user by a key';

CREATE FUNCTION @extschema@.rtm_add_device(
	uid bigint,
	app_type text,
	device_token text,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS void
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_add_device(bigint, text, text, double precision, text) IS
	'adds a device that messages to a user are pushed to; app_type: apns, fcm';

CREATE FUNCTION @extschema@.rtm_remove_device(
	uid bigint,
	device_token text,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS void
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_remove_device(bigint, text, double precision, text) IS
	'takes a device of a user away';

CREATE FUNCTION @extschema@.rtm_add_device_push_option(
	uid bigint,
	option_type bigint,
	xid bigint,
	mtypes bigint[] DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS void
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_add_device_push_option(bigint, bigint, bigint, bigint[], double precision, text) IS
	'ends pushes to the devices of a user: of another user (0), of a group (1), of these types';

CREATE FUNCTION @extschema@.rtm_remove_device_push_option(
	uid bigint,
	option_type bigint,
	xid bigint,
	mtypes bigint[] DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS void
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_remove_device_push_option(bigint, bigint, bigint, bigint[], double precision, text) IS
	'allows pushes again that add_device_push_option ended';

CREATE FUNCTION @extschema@.rtm_get_device_push_option(
	uid bigint,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	OUT p2p jsonb,
	OUT groups jsonb
) RETURNS record
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL RESTRICTED COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_get_device_push_option(bigint, double precision, text) IS
	'gives the types that are not pushed to a user, by user and by group';

--
-- Translation, checks of contents
--

CREATE FUNCTION @extschema@.rtm_translate(
	text text,
	dst text,
	src text DEFAULT NULL,
	ttype text DEFAULT NULL,
	profanity text DEFAULT NULL,
	post_profanity boolean DEFAULT NULL,
	uid bigint DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	OUT source text,
	OUT target text,
	OUT source_text text,
	OUT target_text text
) RETURNS record
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL RESTRICTED COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_translate(text, text, text, text, text, boolean, bigint, double precision, text) IS
	'translates a text';

CREATE FUNCTION @extschema@.rtm_profanity(
	text text,
	classify boolean DEFAULT false,
	uid bigint DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	OUT clean_text text,
	OUT classification text[]
) RETURNS record
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL RESTRICTED COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_profanity(text, boolean, bigint, double precision, text) IS
	'cleans a text of profanity';

CREATE FUNCTION @extschema@.rtm_speech_to_text(
	audio text,
	audio_type bigint,
	lang text,
	codec text DEFAULT NULL,
	srate bigint DEFAULT NULL,
	uid bigint DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	OUT speech text,
	OUT language text
) RETURNS record
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL RESTRICTED COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_speech_to_text(text, bigint, text, text, bigint, bigint, double precision, text) IS
	'turns speech into text; audio_type: 1 an address, 2 the audio itself';

CREATE FUNCTION @extschema@.rtm_speech_to_text(
	audio bytea,
	audio_type bigint,
	lang text,
	codec text DEFAULT NULL,
	srate bigint DEFAULT NULL,
	uid bigint DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	OUT speech text,
	OUT language text
) RETURNS record
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL RESTRICTED COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_speech_to_text(bytea, bigint, text, text, bigint, bigint, double precision, text) IS
	'turns speech into text; audio_type: 1 an address, 2 the audio itself';

CREATE FUNCTION @extschema@.rtm_text_check(
	text text,
	uid bigint DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	OUT result integer,
	OUT clean_text text,
	OUT tags bigint[],
	OUT wlist text[]
) RETURNS record
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL RESTRICTED COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_text_check(text, bigint, double precision, text) IS
	'checks a text: whether it passes, and why not';

CREATE FUNCTION @extschema@.rtm_image_check(
	image text,
	image_type bigint,
	uid bigint DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	OUT result integer,
	OUT tags bigint[]
) RETURNS record
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL RESTRICTED COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_image_check(text, bigint, bigint, double precision, text) IS
	'checks an image: whether it passes, and why not; image_type: 1 an address, 2 the image itself';

CREATE FUNCTION @extschema@.rtm_image_check(
	image bytea,
	image_type bigint,
	uid bigint DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	OUT result integer,
	OUT tags bigint[]
) RETURNS record
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL RESTRICTED COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_image_check(bytea, bigint, bigint, double precision, text) IS
	'checks an image: whether it passes, and why not; image_type: 1 an address, 2 the image itself';

CREATE FUNCTION @extschema@.rtm_audio_check(
	audio text,
	audio_type bigint,
	lang text,
	codec text DEFAULT NULL,
	srate bigint DEFAULT NULL,
	uid bigint DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	OUT result integer,
	OUT tags bigint[]
) RETURNS record
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL RESTRICTED COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_audio_check(text, bigint, text, text, bigint, bigint, double precision, text) IS
	'checks an audio: whether it passes, and why not; audio_type: 1 an address, 2 the audio itself';

CREATE FUNCTION @extschema@.rtm_audio_check(
	audio bytea,
	audio_type bigint,
	lang text,
	codec text DEFAULT NULL,
	srate bigint DEFAULT NULL,
	uid bigint DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	OUT result integer,
	OUT tags bigint[]
) RETURNS record
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL RESTRICTED COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_audio_check(bytea, bigint, text, text, bigint, bigint, double precision, text) IS
	'checks an audio: whether it passes, and why not; audio_type: 1 an address, 2 the audio itself';

CREATE FUNCTION @extschema@.rtm_video_check(
	video text,
	video_type bigint,
	video_name text,
	uid bigint DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	OUT result integer,
	OUT tags bigint[]
) RETURNS record
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL RESTRICTED COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_video_check(text, bigint, text, bigint, double precision, text) IS
	'checks a video: whether it passes, and why not; video_type: 1 an address, 2 the video itself';

CREATE FUNCTION @extschema@.rtm_video_check(
	video bytea,
	video_type bigint,
	video_name text,
	uid bigint DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	OUT result integer,
	OUT tags bigint[]
) RETURNS record
AS 'MODULE_PATHNAME', 'rtm_sql_method'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL RESTRICTED COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_video_check(bytea, bigint, text, bigint, double precision, text) IS
	'checks a video: whether it passes, and why not; video_type: 1 an address, 2 the video itself';

--
-- Any other method of the service.  Among them are those that administrate a
-- project and make login tokens for its users, so this one has to be granted.
--

CREATE FUNCTION @extschema@.rtm_call(
	method text,
	params @extschema@.rtm_params DEFAULT '{}',
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL
) RETURNS jsonb
AS 'MODULE_PATHNAME', 'rtm_sql_call'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 10000;
COMMENT ON FUNCTION @extschema@.rtm_call(text, @extschema@.rtm_params, double precision, text) IS
	'calls a method of the service by its name on the wire; bytes that are no text are {"base64": "..."}';
REVOKE ALL ON FUNCTION @extschema@.rtm_call(text, @extschema@.rtm_params, double precision, text) FROM PUBLIC;

--
-- Message ids
--

CREATE FUNCTION @extschema@.rtm_new_mid(
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_new_mid'
LANGUAGE C STRICT VOLATILE PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.rtm_new_mid() IS
	'a message id that nobody else has, to be kept with a row whose message is to be found again';

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
LANGUAGE C STRICT IMMUTABLE PARALLEL SAFE ROWS 89;
COMMENT ON FUNCTION @extschema@.rtm_methods() IS
	'the calls: SQL function, method on the wire, what it does, in which kind of conversation, arguments';

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

--
-- Tables.  A row says whose request it is, and that is believed: so they are in a
-- schema that belongs to the extension's owner, a superuser, and nobody but
-- superusers and the extension's own code writes to them, whatever is granted.
--

CREATE SCHEMA rtm_internal;
COMMENT ON SCHEMA rtm_internal IS 'tables of the extension rtm; see its views';

CREATE SEQUENCE rtm_internal.rtm_request_id_seq AS bigint CACHE 100;
COMMENT ON SEQUENCE rtm_internal.rtm_request_id_seq IS 'ids of queued requests';

CREATE TABLE rtm_internal.rtm_request (
	seq bigint NOT NULL,
	id bigint NOT NULL,
	origin bigint NOT NULL,
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
	owner_name text,
	server_name text,
	callback_name text,
	callback_owner oid,
	send_at timestamptz,
	expires_at timestamptz,
	urgent boolean,
	error_code integer,
	error text,
	next_attempt timestamptz
) USING heap;
CREATE INDEX rtm_request_seq ON rtm_internal.rtm_request (seq, id);
CREATE INDEX rtm_request_id ON rtm_internal.rtm_request (id);
COMMENT ON TABLE rtm_internal.rtm_request IS 'requests that wait or are under way; see the view rtm_outbox';

-- Every row lives for moments: vacuum must come by the number of dead rows, whatever
-- the table's size, and be through at once.  It leaves the file as long as it is:
-- cutting it off takes a lock for which those who commit (and on a standby those who
-- read) would have to wait.
ALTER TABLE rtm_internal.rtm_request SET (
	autovacuum_vacuum_scale_factor = 0,
	autovacuum_vacuum_threshold = 1000,
	autovacuum_vacuum_cost_delay = 0,
	autovacuum_vacuum_insert_scale_factor = 0,
	autovacuum_vacuum_insert_threshold = 100000,
	vacuum_truncate = false,
	toast.vacuum_truncate = false
);

-- what is published FOR ALL TABLES can be updated and deleted all the same
ALTER TABLE rtm_internal.rtm_request REPLICA IDENTITY FULL;

-- beside finished_at, which stands for seq, the columns of rtm_request up to error
CREATE TABLE rtm_internal.rtm_finished (
	finished_at timestamptz NOT NULL,
	id bigint NOT NULL,
	origin bigint NOT NULL,
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
	owner_name text,
	server_name text,
	callback_name text,
	callback_owner oid,
	send_at timestamptz,
	expires_at timestamptz,
	urgent boolean,
	error_code integer,
	error text,
	status text NOT NULL,
	answer bytea,
	mtime bigint,
	callback_due bigint,
	callback_error text,
	callback_attempts integer,
	callback_begun timestamptz,
	PRIMARY KEY (id, origin)
) USING heap WITH (
	autovacuum_vacuum_scale_factor = 0.02,
	autovacuum_vacuum_threshold = 1000,
	autovacuum_vacuum_cost_delay = 0
);
CREATE INDEX rtm_finished_done ON rtm_internal.rtm_finished (finished_at) WHERE status <> 'failed' AND callback_due IS NULL;
CREATE INDEX rtm_finished_failed ON rtm_internal.rtm_finished (finished_at) WHERE status = 'failed';
CREATE INDEX rtm_finished_callback_due ON rtm_internal.rtm_finished (origin, owner, callback_due) WHERE callback_due IS NOT NULL;
COMMENT ON TABLE rtm_internal.rtm_finished IS 'requests that are through; see the view rtm_result';

-- Whose requests the rows are: a copy of the database, or of the cluster, doesn't send
-- what it didn't queue.
CREATE TABLE rtm_internal.rtm_origin (
	system_identifier bigint NOT NULL,
	database oid NOT NULL,
	instance bigint NOT NULL,
	timeline bigint NOT NULL,
	origin bigint NOT NULL,
	since timestamptz NOT NULL,
	replaced bigint,	-- the origin before a promotion after which nothing was to be sent
	PRIMARY KEY (system_identifier, database)
) USING heap;
COMMENT ON TABLE rtm_internal.rtm_origin IS
	'what the requests of this database are marked with, and which cluster, instance and timeline that is bound to';

CREATE FUNCTION rtm_internal.rtm_guard(
) RETURNS trigger
AS 'MODULE_PATHNAME', 'rtm_sql_guard'
LANGUAGE C VOLATILE;
COMMENT ON FUNCTION rtm_internal.rtm_guard() IS
	'refuses statements on the tables of the outbox to all but superusers';

CREATE TRIGGER rtm_request_guard BEFORE INSERT OR UPDATE OR DELETE ON rtm_internal.rtm_request
	FOR EACH ROW EXECUTE FUNCTION rtm_internal.rtm_guard();
CREATE TRIGGER rtm_request_guard_truncate BEFORE TRUNCATE ON rtm_internal.rtm_request
	FOR EACH STATEMENT EXECUTE FUNCTION rtm_internal.rtm_guard();
CREATE TRIGGER rtm_finished_guard BEFORE INSERT OR UPDATE OR DELETE ON rtm_internal.rtm_finished
	FOR EACH ROW EXECUTE FUNCTION rtm_internal.rtm_guard();
CREATE TRIGGER rtm_finished_guard_truncate BEFORE TRUNCATE ON rtm_internal.rtm_finished
	FOR EACH STATEMENT EXECUTE FUNCTION rtm_internal.rtm_guard();
CREATE TRIGGER rtm_origin_guard BEFORE INSERT OR UPDATE OR DELETE ON rtm_internal.rtm_origin
	FOR EACH ROW EXECUTE FUNCTION rtm_internal.rtm_guard();
CREATE TRIGGER rtm_origin_guard_truncate BEFORE TRUNCATE ON rtm_internal.rtm_origin
	FOR EACH STATEMENT EXECUTE FUNCTION rtm_internal.rtm_guard();

-- also for a subscription, and whatever session_replication_role is
ALTER TABLE rtm_internal.rtm_request ENABLE ALWAYS TRIGGER rtm_request_guard,
	ENABLE ALWAYS TRIGGER rtm_request_guard_truncate;
ALTER TABLE rtm_internal.rtm_finished ENABLE ALWAYS TRIGGER rtm_finished_guard,
	ENABLE ALWAYS TRIGGER rtm_finished_guard_truncate;
ALTER TABLE rtm_internal.rtm_origin ENABLE ALWAYS TRIGGER rtm_origin_guard,
	ENABLE ALWAYS TRIGGER rtm_origin_guard_truncate;

-- ALTER DEFAULT PRIVILEGES may have granted what nobody meant for these
DO $do$
DECLARE
	grantee text;
BEGIN
	FOR grantee IN
		SELECT DISTINCT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::pg_catalog.regrole::pg_catalog.text END
		FROM (SELECT nspacl FROM pg_catalog.pg_namespace WHERE nspname OPERATOR(pg_catalog.=) 'rtm_internal'
				UNION ALL SELECT c.relacl FROM pg_catalog.pg_class AS c
				WHERE c.relnamespace OPERATOR(pg_catalog.=) 'rtm_internal'::pg_catalog.regnamespace
				UNION ALL SELECT p.proacl FROM pg_catalog.pg_proc AS p
				WHERE p.pronamespace OPERATOR(pg_catalog.=) 'rtm_internal'::pg_catalog.regnamespace) AS o (acl)
			CROSS JOIN LATERAL pg_catalog.aclexplode(o.acl) AS a
		WHERE a.grantee OPERATOR(pg_catalog.<>) (SELECT n.nspowner FROM pg_catalog.pg_namespace AS n
			WHERE n.nspname OPERATOR(pg_catalog.=) 'rtm_internal')
	LOOP
		EXECUTE pg_catalog.format('REVOKE ALL ON SCHEMA rtm_internal FROM %1$s;'
			' REVOKE ALL ON ALL TABLES IN SCHEMA rtm_internal FROM %1$s;'
			' REVOKE ALL ON ALL SEQUENCES IN SCHEMA rtm_internal FROM %1$s;'
			' REVOKE ALL ON ALL FUNCTIONS IN SCHEMA rtm_internal FROM %1$s', grantee);
	END LOOP;
END
$do$;
REVOKE ALL ON FUNCTION rtm_internal.rtm_guard() FROM PUBLIC;

CREATE FUNCTION @extschema@.rtm_outbox_origin(
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_outbox_origin'
LANGUAGE C STRICT STABLE PARALLEL RESTRICTED;
COMMENT ON FUNCTION @extschema@.rtm_outbox_origin() IS
	'what the requests of this database are marked with; NULL: it has no origin yet, as the library was never preloaded';

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
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_send_message_async(bigint, bigint, bigint, text, text, bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that sends a message to a user';

CREATE FUNCTION @extschema@.rtm_send_message_async(
	mtype bigint,
	from_uid bigint,
	to_uid bigint,
	msg bytea,
	attrs text DEFAULT '',
	mid bigint DEFAULT 0,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_send_message_async(bigint, bigint, bigint, bytea, text, bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that sends a binary message to a user';

CREATE FUNCTION @extschema@.rtm_send_messages_async(
	mtype bigint,
	from_uid bigint,
	to_uids bigint[],
	msg text,
	attrs text DEFAULT '',
	mid bigint DEFAULT 0,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_send_messages_async(bigint, bigint, bigint[], text, text, bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that sends a message to several users';

CREATE FUNCTION @extschema@.rtm_send_messages_async(
	mtype bigint,
	from_uid bigint,
	to_uids bigint[],
	msg bytea,
	attrs text DEFAULT '',
	mid bigint DEFAULT 0,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_send_messages_async(bigint, bigint, bigint[], bytea, text, bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that sends a binary message to several users';

CREATE FUNCTION @extschema@.rtm_send_group_message_async(
	mtype bigint,
	from_uid bigint,
	gid bigint,
	msg text,
	attrs text DEFAULT '',
	mid bigint DEFAULT 0,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_send_group_message_async(bigint, bigint, bigint, text, text, bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that sends a message to a group';

CREATE FUNCTION @extschema@.rtm_send_group_message_async(
	mtype bigint,
	from_uid bigint,
	gid bigint,
	msg bytea,
	attrs text DEFAULT '',
	mid bigint DEFAULT 0,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_send_group_message_async(bigint, bigint, bigint, bytea, text, bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that sends a binary message to a group';

CREATE FUNCTION @extschema@.rtm_send_room_message_async(
	mtype bigint,
	from_uid bigint,
	rid bigint,
	msg text,
	attrs text DEFAULT '',
	mid bigint DEFAULT 0,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_send_room_message_async(bigint, bigint, bigint, text, text, bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that sends a message to a room';

CREATE FUNCTION @extschema@.rtm_send_room_message_async(
	mtype bigint,
	from_uid bigint,
	rid bigint,
	msg bytea,
	attrs text DEFAULT '',
	mid bigint DEFAULT 0,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_send_room_message_async(bigint, bigint, bigint, bytea, text, bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that sends a binary message to a room';

CREATE FUNCTION @extschema@.rtm_broadcast_message_async(
	mtype bigint,
	from_uid bigint,
	msg text,
	attrs text DEFAULT '',
	mid bigint DEFAULT 0,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_broadcast_message_async(bigint, bigint, text, text, bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that sends a message to everybody';

CREATE FUNCTION @extschema@.rtm_broadcast_message_async(
	mtype bigint,
	from_uid bigint,
	msg bytea,
	attrs text DEFAULT '',
	mid bigint DEFAULT 0,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_broadcast_message_async(bigint, bigint, bytea, text, bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
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
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_get_group_message_async(bigint, bigint, boolean, bigint, bigint, bigint, bigint, bigint[], @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
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
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_get_room_message_async(bigint, bigint, boolean, bigint, bigint, bigint, bigint, bigint[], @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues the question for history of a room: one page';

CREATE FUNCTION @extschema@.rtm_get_broadcast_message_async(
	uid bigint,
	descending boolean,
	num bigint,
	begin_time bigint DEFAULT NULL,
	end_time bigint DEFAULT NULL,
	lastid bigint DEFAULT NULL,
	mtypes bigint[] DEFAULT NULL,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_get_broadcast_message_async(bigint, boolean, bigint, bigint, bigint, bigint, bigint[], @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
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
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_get_p2p_message_async(bigint, bigint, boolean, bigint, bigint, bigint, bigint, bigint[], @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues the question for history of two users: one page';

CREATE FUNCTION @extschema@.rtm_get_p2p_message_info_async(
	mid bigint,
	from_uid bigint,
	to_uid bigint,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_get_p2p_message_info_async(bigint, bigint, bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues the question for a message of two users';

CREATE FUNCTION @extschema@.rtm_get_group_message_info_async(
	mid bigint,
	from_uid bigint,
	gid bigint,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_get_group_message_info_async(bigint, bigint, bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues the question for a message of a group';

CREATE FUNCTION @extschema@.rtm_get_room_message_info_async(
	mid bigint,
	from_uid bigint,
	rid bigint,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_get_room_message_info_async(bigint, bigint, bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues the question for a message of a room';

CREATE FUNCTION @extschema@.rtm_get_broadcast_message_info_async(
	mid bigint,
	from_uid bigint,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_get_broadcast_message_info_async(bigint, bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues the question for a message of the broadcast channel';

CREATE FUNCTION @extschema@.rtm_delete_p2p_message_async(
	mid bigint,
	from_uid bigint,
	to_uid bigint,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_delete_p2p_message_async(bigint, bigint, bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that deletes a message of two users';

CREATE FUNCTION @extschema@.rtm_delete_group_message_async(
	mid bigint,
	from_uid bigint,
	gid bigint,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_delete_group_message_async(bigint, bigint, bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that deletes a message of a group';

CREATE FUNCTION @extschema@.rtm_delete_room_message_async(
	mid bigint,
	from_uid bigint,
	rid bigint,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_delete_room_message_async(bigint, bigint, bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that deletes a message of a room';

CREATE FUNCTION @extschema@.rtm_delete_broadcast_message_async(
	mid bigint,
	from_uid bigint,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_delete_broadcast_message_async(bigint, bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that deletes a message of the broadcast channel';

-- Counting, editing and deleting many

CREATE FUNCTION @extschema@.rtm_get_message_num_async(
	message_type bigint,
	xid bigint,
	mtypes bigint[] DEFAULT NULL,
	begin_time bigint DEFAULT NULL,
	end_time bigint DEFAULT NULL,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_get_message_num_async(bigint, bigint, bigint[], bigint, bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that counts the messages of a group or room that are kept, and who sent them';

CREATE FUNCTION @extschema@.rtm_edit_message_async(
	mid bigint,
	from_uid bigint,
	xid bigint,
	message_type bigint,
	msg text,
	attrs text,
	time_limit bigint,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_edit_message_async(bigint, bigint, bigint, bigint, text, text, bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that gives a message of a group or room another text, unless it is older than time_limit milliseconds';

CREATE FUNCTION @extschema@.rtm_clean_message_async(
	from_uid bigint,
	xid bigint,
	message_type bigint,
	begin_time bigint,
	end_time bigint,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_clean_message_async(bigint, bigint, bigint, bigint, bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that deletes the messages of a conversation from begin_time to end_time, in milliseconds';

CREATE FUNCTION @extschema@.rtm_delete_conversation_messages_async(
	from_uid bigint,
	xid bigint,
	message_type bigint,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_delete_conversation_messages_async(bigint, bigint, bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that deletes all that a user has sent to a group or room';

CREATE FUNCTION @extschema@.rtm_clear_user_messages_async(
	uid bigint,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_clear_user_messages_async(bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that deletes all that a user has sent';

CREATE FUNCTION @extschema@.rtm_clear_project_messages_async(
	clear_type bigint,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_clear_project_messages_async(bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that deletes the messages of a project: 0 p2p, 1 room, 2 group, 3 broadcast, 4 all';
REVOKE ALL ON FUNCTION @extschema@.rtm_clear_project_messages_async(bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) FROM PUBLIC;

-- Tokens, users, bans of the project

CREATE FUNCTION @extschema@.rtm_get_token_async(
	uid bigint,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_get_token_async(bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that gives a token that a user logs in with';
REVOKE ALL ON FUNCTION @extschema@.rtm_get_token_async(bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) FROM PUBLIC;

CREATE FUNCTION @extschema@.rtm_remove_token_async(
	uid bigint,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_remove_token_async(bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that makes the token of a user invalid';

CREATE FUNCTION @extschema@.rtm_kickout_async(
	uid bigint,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_kickout_async(bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that ends the connections of a user';

CREATE FUNCTION @extschema@.rtm_get_online_users_async(
	uids bigint[],
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_get_online_users_async(bigint[], @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that says which of the users are logged in';

CREATE FUNCTION @extschema@.rtm_set_user_info_async(
	uid bigint,
	oinfo text DEFAULT NULL,
	pinfo text DEFAULT NULL,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_set_user_info_async(bigint, text, text, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that sets what everybody, and what the user alone, is told of a user; NULL leaves it as it is';

CREATE FUNCTION @extschema@.rtm_get_user_info_async(
	uid bigint,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_get_user_info_async(bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that gives what everybody, and what the user alone, is told of a user';

CREATE FUNCTION @extschema@.rtm_get_user_open_info_async(
	uids bigint[],
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_get_user_open_info_async(bigint[], @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that gives what everybody is told of users, by uid';

CREATE FUNCTION @extschema@.rtm_add_sessions_async(
	uid bigint,
	uids bigint[],
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_add_sessions_async(bigint, bigint[], @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that puts users into the list of talks of a user';

CREATE FUNCTION @extschema@.rtm_remove_sessions_async(
	uid bigint,
	uids bigint[],
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_remove_sessions_async(bigint, bigint[], @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that takes users off the list of talks of a user';

CREATE FUNCTION @extschema@.rtm_add_project_black_async(
	uid bigint,
	btime bigint,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_add_project_black_async(bigint, bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that puts a user on the blacklist of a project, for seconds; 0: for ever';
REVOKE ALL ON FUNCTION @extschema@.rtm_add_project_black_async(bigint, bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) FROM PUBLIC;

CREATE FUNCTION @extschema@.rtm_remove_project_black_async(
	uid bigint,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_remove_project_black_async(bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that takes a user off the blacklist of a project';
REVOKE ALL ON FUNCTION @extschema@.rtm_remove_project_black_async(bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) FROM PUBLIC;

CREATE FUNCTION @extschema@.rtm_is_project_black_async(
	uid bigint,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_is_project_black_async(bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that says whether a user is on the blacklist of a project';

CREATE FUNCTION @extschema@.rtm_add_project_ban_async(
	uid bigint,
	btime bigint,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_add_project_ban_async(bigint, bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that forbids a user to write in a project, for seconds; 0: for ever';
REVOKE ALL ON FUNCTION @extschema@.rtm_add_project_ban_async(bigint, bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) FROM PUBLIC;

CREATE FUNCTION @extschema@.rtm_remove_project_ban_async(
	uid bigint,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_remove_project_ban_async(bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that lets a user write in a project again';
REVOKE ALL ON FUNCTION @extschema@.rtm_remove_project_ban_async(bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) FROM PUBLIC;

CREATE FUNCTION @extschema@.rtm_is_project_ban_async(
	uid bigint,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_is_project_ban_async(bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that says whether a user is forbidden to write in a project';

-- Friends and blacklists of users

CREATE FUNCTION @extschema@.rtm_add_friends_async(
	uid bigint,
	friends bigint[],
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_add_friends_async(bigint, bigint[], @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that makes users friends of a user';

CREATE FUNCTION @extschema@.rtm_delete_friends_async(
	uid bigint,
	friends bigint[],
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_delete_friends_async(bigint, bigint[], @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that makes users no friends of a user any more';

CREATE FUNCTION @extschema@.rtm_get_friends_async(
	uid bigint,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_get_friends_async(bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that gives the friends of a user';

CREATE FUNCTION @extschema@.rtm_is_friend_async(
	uid bigint,
	fuid bigint,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_is_friend_async(bigint, bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that says whether fuid is a friend of a user';

CREATE FUNCTION @extschema@.rtm_is_friends_async(
	uid bigint,
	fuids bigint[],
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_is_friends_async(bigint, bigint[], @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that says which of the users are friends of a user';

CREATE FUNCTION @extschema@.rtm_add_blacks_async(
	uid bigint,
	blacks bigint[],
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_add_blacks_async(bigint, bigint[], @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that puts users on the blacklist of a user';

CREATE FUNCTION @extschema@.rtm_delete_blacks_async(
	uid bigint,
	blacks bigint[],
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_delete_blacks_async(bigint, bigint[], @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that takes users off the blacklist of a user';

CREATE FUNCTION @extschema@.rtm_get_blacks_async(
	uid bigint,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_get_blacks_async(bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that gives the blacklist of a user';

CREATE FUNCTION @extschema@.rtm_is_black_async(
	uid bigint,
	buid bigint,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_is_black_async(bigint, bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that says whether buid is on the blacklist of a user';

CREATE FUNCTION @extschema@.rtm_is_blacks_async(
	uid bigint,
	buids bigint[],
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_is_blacks_async(bigint, bigint[], @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that says which of the users are on the blacklist of a user';

-- Groups

CREATE FUNCTION @extschema@.rtm_add_group_members_async(
	gid bigint,
	uids bigint[],
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_add_group_members_async(bigint, bigint[], @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that makes users members of a group';

CREATE FUNCTION @extschema@.rtm_delete_group_members_async(
	gid bigint,
	uids bigint[],
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_delete_group_members_async(bigint, bigint[], @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that takes users out of a group';

CREATE FUNCTION @extschema@.rtm_delete_group_async(
	gid bigint,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_delete_group_async(bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that ends a group; its messages stay';

CREATE FUNCTION @extschema@.rtm_get_group_members_async(
	gid bigint,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_get_group_members_async(bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that gives the members of a group';

CREATE FUNCTION @extschema@.rtm_get_group_count_async(
	gid bigint,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_get_group_count_async(bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that says how many members a group has';

CREATE FUNCTION @extschema@.rtm_is_group_member_async(
	gid bigint,
	uid bigint,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_is_group_member_async(bigint, bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that says whether a user is a member of a group';

CREATE FUNCTION @extschema@.rtm_get_user_groups_async(
	uid bigint,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_get_user_groups_async(bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that gives the groups of a user';

CREATE FUNCTION @extschema@.rtm_add_group_ban_async(
	gid bigint,
	uid bigint,
	btime bigint,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_add_group_ban_async(bigint, bigint, bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that forbids a user to write to a group (NULL: to any), for seconds; 0: for ever';

CREATE FUNCTION @extschema@.rtm_remove_group_ban_async(
	gid bigint,
	uid bigint,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_remove_group_ban_async(bigint, bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that lets a user write to a group again (NULL: to any)';

CREATE FUNCTION @extschema@.rtm_is_ban_of_group_async(
	gid bigint,
	uid bigint,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_is_ban_of_group_async(bigint, bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that says whether a user is forbidden to write to a group';

CREATE FUNCTION @extschema@.rtm_set_group_info_async(
	gid bigint,
	oinfo text DEFAULT NULL,
	pinfo text DEFAULT NULL,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_set_group_info_async(bigint, text, text, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that sets what everybody, and what members, are told of a group; NULL leaves it as it is';

CREATE FUNCTION @extschema@.rtm_get_group_info_async(
	gid bigint,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_get_group_info_async(bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that gives what everybody, and what members, are told of a group';

CREATE FUNCTION @extschema@.rtm_clear_project_group_async(
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_clear_project_group_async(@extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that ends all groups of a project; their messages stay';
REVOKE ALL ON FUNCTION @extschema@.rtm_clear_project_group_async(@extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) FROM PUBLIC;

-- Rooms

CREATE FUNCTION @extschema@.rtm_add_room_member_async(
	rid bigint,
	uid bigint,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_add_room_member_async(bigint, bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that brings a user into a room';

CREATE FUNCTION @extschema@.rtm_delete_room_member_async(
	rid bigint,
	uid bigint,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_delete_room_member_async(bigint, bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that takes a user out of a room';

CREATE FUNCTION @extschema@.rtm_add_room_members_async(
	rid bigint,
	uids bigint[],
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_add_room_members_async(bigint, bigint[], @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that brings users into a room; says which are in it now';

CREATE FUNCTION @extschema@.rtm_delete_room_members_async(
	rid bigint,
	uids bigint[],
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_delete_room_members_async(bigint, bigint[], @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that takes users out of a room; says which are out of it now';

CREATE FUNCTION @extschema@.rtm_add_user_rooms_async(
	uid bigint,
	rids bigint[],
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_add_user_rooms_async(bigint, bigint[], @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that brings a user into rooms';

CREATE FUNCTION @extschema@.rtm_delete_user_rooms_async(
	uid bigint,
	rids bigint[],
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_delete_user_rooms_async(bigint, bigint[], @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that takes a user out of rooms';

CREATE FUNCTION @extschema@.rtm_get_room_members_async(
	rid bigint,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_get_room_members_async(bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that gives the users who are in a room';

CREATE FUNCTION @extschema@.rtm_get_room_count_async(
	rids bigint[],
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_get_room_count_async(bigint[], @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that says how many users are in rooms, by rid';

CREATE FUNCTION @extschema@.rtm_add_room_ban_async(
	rid bigint,
	uid bigint,
	btime bigint,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_add_room_ban_async(bigint, bigint, bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that forbids a user to write to a room (NULL: to any), for seconds; 0: for ever';

CREATE FUNCTION @extschema@.rtm_remove_room_ban_async(
	rid bigint,
	uid bigint,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_remove_room_ban_async(bigint, bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that lets a user write to a room again (NULL: to any)';

CREATE FUNCTION @extschema@.rtm_is_ban_of_room_async(
	rid bigint,
	uid bigint,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_is_ban_of_room_async(bigint, bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that says whether a user is forbidden to write to a room';

CREATE FUNCTION @extschema@.rtm_set_room_info_async(
	rid bigint,
	oinfo text DEFAULT NULL,
	pinfo text DEFAULT NULL,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_set_room_info_async(bigint, text, text, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that sets what everybody, and what members, are told of a room; NULL leaves it as it is';

CREATE FUNCTION @extschema@.rtm_get_room_info_async(
	rid bigint,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_get_room_info_async(bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that gives what everybody, and what members, are told of a room';

-- What is kept for users, their devices

CREATE FUNCTION @extschema@.rtm_data_set_async(
	uid bigint,
	key text,
	val text,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_data_set_async(bigint, text, text, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that keeps a value for a user, by a key';

CREATE FUNCTION @extschema@.rtm_data_get_async(
	uid bigint,
	key text,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_data_get_async(bigint, text, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that gives the value that is kept for a user by a key; NULL: there is none';

CREATE FUNCTION @extschema@.rtm_data_delete_async(
	uid bigint,
	key text,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_data_delete_async(bigint, text, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that deletes the value that is kept for a user by a key';

CREATE FUNCTION @extschema@.rtm_add_device_async(
	uid bigint,
	app_type text,
	device_token text,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_add_device_async(bigint, text, text, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that adds a device that messages to a user are pushed to; app_type: apns, fcm';

CREATE FUNCTION @extschema@.rtm_remove_device_async(
	uid bigint,
	device_token text,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_remove_device_async(bigint, text, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that takes a device of a user away';

CREATE FUNCTION @extschema@.rtm_add_device_push_option_async(
	uid bigint,
	option_type bigint,
	xid bigint,
	mtypes bigint[] DEFAULT NULL,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_add_device_push_option_async(bigint, bigint, bigint, bigint[], @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that ends pushes to the devices of a user: of another user (0), of a group (1), of these types';

CREATE FUNCTION @extschema@.rtm_remove_device_push_option_async(
	uid bigint,
	option_type bigint,
	xid bigint,
	mtypes bigint[] DEFAULT NULL,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_remove_device_push_option_async(bigint, bigint, bigint, bigint[], @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that allows pushes again that add_device_push_option ended';

CREATE FUNCTION @extschema@.rtm_get_device_push_option_async(
	uid bigint,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_get_device_push_option_async(bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that gives the types that are not pushed to a user, by user and by group';

-- Translation, checks of contents

CREATE FUNCTION @extschema@.rtm_translate_async(
	text text,
	dst text,
	src text DEFAULT NULL,
	ttype text DEFAULT NULL,
	profanity text DEFAULT NULL,
	post_profanity boolean DEFAULT NULL,
	uid bigint DEFAULT NULL,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_translate_async(text, text, text, text, text, boolean, bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that translates a text';

CREATE FUNCTION @extschema@.rtm_profanity_async(
	text text,
	classify boolean DEFAULT false,
	uid bigint DEFAULT NULL,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_profanity_async(text, boolean, bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that cleans a text of profanity';

CREATE FUNCTION @extschema@.rtm_speech_to_text_async(
	audio text,
	audio_type bigint,
	lang text,
	codec text DEFAULT NULL,
	srate bigint DEFAULT NULL,
	uid bigint DEFAULT NULL,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_speech_to_text_async(text, bigint, text, text, bigint, bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that turns speech into text; audio_type: 1 an address, 2 the audio itself';

CREATE FUNCTION @extschema@.rtm_speech_to_text_async(
	audio bytea,
	audio_type bigint,
	lang text,
	codec text DEFAULT NULL,
	srate bigint DEFAULT NULL,
	uid bigint DEFAULT NULL,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_speech_to_text_async(bytea, bigint, text, text, bigint, bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that turns speech into text; audio_type: 1 an address, 2 the audio itself';

CREATE FUNCTION @extschema@.rtm_text_check_async(
	text text,
	uid bigint DEFAULT NULL,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_text_check_async(text, bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that checks a text: whether it passes, and why not';

CREATE FUNCTION @extschema@.rtm_image_check_async(
	image text,
	image_type bigint,
	uid bigint DEFAULT NULL,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_image_check_async(text, bigint, bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that checks an image: whether it passes, and why not; image_type: 1 an address, 2 the image itself';

CREATE FUNCTION @extschema@.rtm_image_check_async(
	image bytea,
	image_type bigint,
	uid bigint DEFAULT NULL,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_image_check_async(bytea, bigint, bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that checks an image: whether it passes, and why not; image_type: 1 an address, 2 the image itself';

CREATE FUNCTION @extschema@.rtm_audio_check_async(
	audio text,
	audio_type bigint,
	lang text,
	codec text DEFAULT NULL,
	srate bigint DEFAULT NULL,
	uid bigint DEFAULT NULL,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_audio_check_async(text, bigint, text, text, bigint, bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that checks an audio: whether it passes, and why not; audio_type: 1 an address, 2 the audio itself';

CREATE FUNCTION @extschema@.rtm_audio_check_async(
	audio bytea,
	audio_type bigint,
	lang text,
	codec text DEFAULT NULL,
	srate bigint DEFAULT NULL,
	uid bigint DEFAULT NULL,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_audio_check_async(bytea, bigint, text, text, bigint, bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that checks an audio: whether it passes, and why not; audio_type: 1 an address, 2 the audio itself';

CREATE FUNCTION @extschema@.rtm_video_check_async(
	video text,
	video_type bigint,
	video_name text,
	uid bigint DEFAULT NULL,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_video_check_async(text, bigint, text, bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that checks a video: whether it passes, and why not; video_type: 1 an address, 2 the video itself';

CREATE FUNCTION @extschema@.rtm_video_check_async(
	video bytea,
	video_type bigint,
	video_name text,
	uid bigint DEFAULT NULL,
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_video_check_async(bytea, bigint, text, bigint, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that checks a video: whether it passes, and why not; video_type: 1 an address, 2 the video itself';

-- Any other method

CREATE FUNCTION @extschema@.rtm_call_async(
	method text,
	params @extschema@.rtm_params DEFAULT '{}',
	callback @extschema@.rtm_callback DEFAULT NULL,
	timeout double precision DEFAULT 0,
	server text DEFAULT NULL,
	send_at timestamptz DEFAULT NULL,
	expires_at timestamptz DEFAULT NULL,
	urgent boolean DEFAULT false
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_call_async'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE COST 100;
COMMENT ON FUNCTION @extschema@.rtm_call_async(text, @extschema@.rtm_params, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) IS
	'queues a call that calls a method of the service by its name on the wire; bytes that are no text are {"base64": "..."}';
REVOKE ALL ON FUNCTION @extschema@.rtm_call_async(text, @extschema@.rtm_params, @extschema@.rtm_callback, double precision, text, timestamptz, timestamptz, boolean) FROM PUBLIC;

CREATE FUNCTION @extschema@.rtm_send_trigger(
) RETURNS trigger
AS 'MODULE_PATHNAME', 'rtm_sql_send_trigger'
LANGUAGE C VOLATILE;
COMMENT ON FUNCTION @extschema@.rtm_send_trigger() IS
	'trigger that queues a call for each row: its arguments are the call, then names and values of parameters, in which $column stands for a column';

--
-- Waiting, repeating, discarding
--

CREATE FUNCTION @extschema@.rtm_wait(
	id bigint,
	timeout double precision DEFAULT 0
) RETURNS text
AS 'MODULE_PATHNAME', 'rtm_sql_wait'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.rtm_wait(bigint, double precision) IS
	'waits until a committed request is through: done, failed or expired; pending when the timeout in seconds (0: none) came first';

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

CREATE FUNCTION @extschema@.rtm_pause(
	server text DEFAULT NULL
) RETURNS boolean
AS 'MODULE_PATHNAME', 'rtm_sql_pause'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.rtm_pause(text) IS
	'nothing queued leaves for the server any more, until rtm_resume(); false if it is paused already';

CREATE FUNCTION @extschema@.rtm_resume(
	server text DEFAULT NULL
) RETURNS boolean
AS 'MODULE_PATHNAME', 'rtm_sql_resume'
LANGUAGE C CALLED ON NULL INPUT VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.rtm_resume(text) IS
	'sends for a server again that was paused; false if it is not paused';

--
-- Views of the outbox, and the functions behind them
--

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

CREATE FUNCTION @extschema@.rtm_callback_of(
	call text,
	name text
) RETURNS regprocedure
AS 'MODULE_PATHNAME', 'rtm_sql_callback_of'
LANGUAGE C STRICT STABLE PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.rtm_callback_of(text, text) IS
	'the function of that name that can be a callback of that call; NULL: there is none';

CREATE VIEW @extschema@.rtm_outbox WITH (security_barrier) AS
	SELECT r.id, r.call, r.method, CASE WHEN b.by_oid THEN coalesce(s.srvname::text, r.server_name) ELSE r.server_name END AS server,
		CASE WHEN b.by_oid THEN r.owner ELSE w.oid END::regrole AS owner, r.mid,
		@extschema@.rtm_unpack(r.nparams, r.params) AS params,
		CASE WHEN b.by_oid THEN r.callback::regprocedure ELSE @extschema@.rtm_callback_of(r.call, r.callback_name) END AS callback,
		r.enqueued_at, r.attempts, r.next_attempt,
		@extschema@.rtm_error_of(r.error_code, r.error) AS error,
		o.origin IS NOT NULL AND r.origin IS DISTINCT FROM o.origin AS held,
		r.callback_name, r.send_at, r.expires_at, coalesce(r.urgent, false) AS urgent
	FROM rtm_internal.rtm_request AS r
		CROSS JOIN (SELECT @extschema@.rtm_outbox_origin() AS origin) AS o
		CROSS JOIN LATERAL (SELECT r.origin IS NOT DISTINCT FROM o.origin AS by_oid) AS b
		LEFT JOIN pg_catalog.pg_foreign_server AS s ON s.oid OPERATOR(pg_catalog.=) r.server
		LEFT JOIN pg_catalog.pg_roles AS w ON NOT b.by_oid AND w.rolname OPERATOR(pg_catalog.=) r.owner_name::pg_catalog.name
	WHERE pg_catalog.pg_has_role(CASE WHEN b.by_oid THEN r.owner ELSE w.oid END, 'USAGE') OR pg_catalog.pg_has_role('pg_monitor', 'USAGE');
GRANT SELECT ON @extschema@.rtm_outbox TO PUBLIC;
COMMENT ON VIEW @extschema@.rtm_outbox IS 'own requests that wait or are under way; all of them for pg_monitor';

CREATE VIEW @extschema@.rtm_result WITH (security_barrier) AS
	SELECT f.id, f.status, f.call, f.method, CASE WHEN b.by_oid THEN coalesce(s.srvname::text, f.server_name) ELSE f.server_name END AS server,
		CASE WHEN b.by_oid THEN f.owner ELSE w.oid END::regrole AS owner, f.mid, f.mtime,
		@extschema@.rtm_unpack(f.nparams, f.params) AS params,
		CASE WHEN f.answer IS NOT NULL THEN @extschema@.rtm_unpack(-1, f.answer) END AS answer,
		@extschema@.rtm_error_of(f.error_code, f.error) AS error,
		f.attempts, f.enqueued_at, f.finished_at,
		CASE WHEN b.by_oid THEN f.callback::regprocedure ELSE @extschema@.rtm_callback_of(f.call, f.callback_name) END AS callback,
		CASE WHEN f.callback IS NULL THEN NULL
			WHEN f.callback_due IS NOT NULL THEN 'pending'
			WHEN f.callback_error IS NOT NULL THEN 'failed'
			ELSE 'done' END AS callback_status,
		f.callback_error,
		f.callback_due IS NOT NULL AND o.origin IS NOT NULL AND f.origin IS DISTINCT FROM o.origin AS held,
		f.callback_name
	FROM rtm_internal.rtm_finished AS f
		CROSS JOIN (SELECT @extschema@.rtm_outbox_origin() AS origin) AS o
		CROSS JOIN LATERAL (SELECT f.origin IS NOT DISTINCT FROM o.origin AS by_oid) AS b
		LEFT JOIN pg_catalog.pg_foreign_server AS s ON s.oid OPERATOR(pg_catalog.=) f.server
		LEFT JOIN pg_catalog.pg_roles AS w ON NOT b.by_oid AND w.rolname OPERATOR(pg_catalog.=) f.owner_name::pg_catalog.name
	WHERE pg_catalog.pg_has_role(CASE WHEN b.by_oid THEN f.owner ELSE w.oid END, 'USAGE') OR pg_catalog.pg_has_role('pg_monitor', 'USAGE');
GRANT SELECT ON @extschema@.rtm_result TO PUBLIC;
COMMENT ON VIEW @extschema@.rtm_result IS 'own requests that failed, or whose results are kept; all of them for pg_monitor';

--
-- Figures of the workers, from shared memory, and the views that show them
--

CREATE FUNCTION @extschema@.rtm_worker_stats(
	OUT datid oid,
	OUT worker text,
	OUT pid integer,
	OUT state text,
	OUT since timestamptz,
	OUT last_error text,
	OUT userid oid
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
	OUT expired bigint,
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

CREATE FUNCTION @extschema@.rtm_server_health(
	OUT srvid oid,
	OUT unreachable_since timestamptz,
	OUT last_error text,
	OUT limited_to integer
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'rtm_sql_server_health'
LANGUAGE C STRICT VOLATILE PARALLEL RESTRICTED ROWS 2;
COMMENT ON FUNCTION @extschema@.rtm_server_health() IS 'further figures of rtm_stat_server';
REVOKE ALL ON FUNCTION @extschema@.rtm_server_health() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION @extschema@.rtm_server_health() TO pg_monitor;

CREATE FUNCTION @extschema@.rtm_error_stats(
	OUT srvid oid,
	OUT code integer,
	OUT count bigint,
	OUT last_at timestamptz
) RETURNS SETOF record
AS 'MODULE_PATHNAME', 'rtm_sql_error_stats'
LANGUAGE C STRICT VOLATILE PARALLEL RESTRICTED ROWS 10;
COMMENT ON FUNCTION @extschema@.rtm_error_stats() IS 'the rows of rtm_stat_error';
REVOKE ALL ON FUNCTION @extschema@.rtm_error_stats() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION @extschema@.rtm_error_stats() TO pg_monitor;

CREATE FUNCTION @extschema@.rtm_counted_since(
) RETURNS timestamptz
AS 'MODULE_PATHNAME', 'rtm_sql_counted_since'
LANGUAGE C STRICT VOLATILE PARALLEL RESTRICTED;
COMMENT ON FUNCTION @extschema@.rtm_counted_since() IS
	'since when the figures of this database are counted; NULL: there are none';
REVOKE ALL ON FUNCTION @extschema@.rtm_counted_since() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION @extschema@.rtm_counted_since() TO pg_monitor;

CREATE VIEW @extschema@.rtm_stat_worker AS
	SELECT d.datname AS database, w.worker, w.pid, w.state, w.since, w.last_error, w.userid::regrole AS role
	FROM @extschema@.rtm_worker_stats() AS w
		LEFT JOIN pg_catalog.pg_database AS d ON d.oid OPERATOR(pg_catalog.=) w.datid;
GRANT SELECT ON @extschema@.rtm_stat_worker TO pg_monitor;
COMMENT ON VIEW @extschema@.rtm_stat_worker IS 'the workers of all databases';

CREATE VIEW @extschema@.rtm_stat_server AS
	SELECT s.srvname::text AS server, coalesce(t.sent, 0) AS sent, coalesce(t.failed, 0) AS failed, coalesce(t.expired, 0) AS expired,
		coalesce(t.retried, 0) AS retried, coalesce(t.in_flight, 0) AS in_flight,
		coalesce(q.queued, 0) AS queued, coalesce(q.scheduled, 0) AS scheduled, pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) q.oldest AS oldest_age,
		t.answer_time, t.last_answer_time,
		coalesce(q.held, 0) AS held, h.unreachable_since, h.last_error, h.limited_to,
		p.since::timestamptz AS paused_since, p.by AS paused_by
	FROM pg_catalog.pg_foreign_server AS s
		JOIN pg_catalog.pg_foreign_data_wrapper AS w ON w.oid OPERATOR(pg_catalog.=) s.srvfdw
			AND w.fdwname OPERATOR(pg_catalog.=) 'rtm'
		LEFT JOIN @extschema@.rtm_server_stats() AS t ON t.srvid OPERATOR(pg_catalog.=) s.oid
		LEFT JOIN @extschema@.rtm_server_health() AS h ON h.srvid OPERATOR(pg_catalog.=) s.oid
		CROSS JOIN LATERAL (SELECT
				pg_catalog.max(x.option_value) FILTER (WHERE x.option_name OPERATOR(pg_catalog.=) 'paused_since') AS since,
				pg_catalog.max(x.option_value) FILTER (WHERE x.option_name OPERATOR(pg_catalog.=) 'paused_by') AS by
			FROM pg_catalog.pg_options_to_table(s.srvoptions) AS x) AS p
		LEFT JOIN (SELECT r.server, pg_catalog.count(*) FILTER (WHERE NOT r.held AND NOT r.scheduled) AS queued,
				pg_catalog.count(*) FILTER (WHERE NOT r.held AND r.scheduled) AS scheduled,
				pg_catalog.min(r.since) FILTER (WHERE NOT r.held AND NOT r.scheduled) AS oldest,
				pg_catalog.count(*) FILTER (WHERE r.held) AS held
			FROM (SELECT CASE WHEN i.origin IS NOT DISTINCT FROM o.origin
						THEN i.server ELSE n.oid END AS server,
					GREATEST(i.enqueued_at, i.send_at) AS since,
					i.seq OPERATOR(pg_catalog.<) 0 AND i.send_at IS NOT NULL AS scheduled,
					o.origin IS NOT NULL AND i.origin IS DISTINCT FROM o.origin AS held
				FROM rtm_internal.rtm_request AS i
					CROSS JOIN (SELECT @extschema@.rtm_outbox_origin() AS origin) AS o
					LEFT JOIN pg_catalog.pg_foreign_server AS n
						ON n.srvname OPERATOR(pg_catalog.=) i.server_name::pg_catalog.name) AS r
			GROUP BY r.server) AS q ON q.server OPERATOR(pg_catalog.=) s.oid;
GRANT SELECT ON @extschema@.rtm_stat_server TO pg_monitor;
COMMENT ON VIEW @extschema@.rtm_stat_server IS
	'what the sender of this database has done for each foreign server since the server''s start; times of answers in milliseconds';

CREATE VIEW @extschema@.rtm_stat_error AS
	SELECT s.srvname::text AS server, e.code, (@extschema@.rtm_error_of(e.code, NULL)).sqlstate,
		(@extschema@.rtm_error_of(e.code, NULL)).message, e.count, e.last_at
	FROM @extschema@.rtm_error_stats() AS e
		LEFT JOIN pg_catalog.pg_foreign_server AS s ON s.oid OPERATOR(pg_catalog.=) e.srvid;
GRANT SELECT ON @extschema@.rtm_stat_error TO pg_monitor;
COMMENT ON VIEW @extschema@.rtm_stat_error IS
	'attempts of this database''s queued requests that failed, by foreign server and code';

CREATE VIEW @extschema@.rtm_stat_outbox AS
	SELECT q.queued, q.scheduled, q.oldest_age, q.held, f.failed, f.callbacks, f.callbacks_held,
		coalesce(w.state, 'stopped') AS sender, w.pid AS sender_pid, w.since AS sender_since,
		w.last_error AS sender_error, @extschema@.rtm_counted_since() AS counted_since,
		b.timeline, b.instance
	FROM (SELECT @extschema@.rtm_outbox_origin() AS origin) AS o
		LEFT JOIN rtm_internal.rtm_origin AS b ON b.origin OPERATOR(pg_catalog.=) o.origin
		CROSS JOIN LATERAL (SELECT
				pg_catalog.count(*) FILTER (WHERE NOT r.held AND NOT r.scheduled) AS queued,
				pg_catalog.count(*) FILTER (WHERE NOT r.held AND r.scheduled) AS scheduled,
				pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) pg_catalog.min(r.since)
					FILTER (WHERE NOT r.held AND NOT r.scheduled) AS oldest_age,
				pg_catalog.count(*) FILTER (WHERE r.held) AS held
			FROM (SELECT GREATEST(i.enqueued_at, i.send_at) AS since,
					i.seq OPERATOR(pg_catalog.<) 0 AND i.send_at IS NOT NULL AS scheduled,
					o.origin IS NOT NULL AND i.origin IS DISTINCT FROM o.origin AS held
				FROM rtm_internal.rtm_request AS i) AS r) AS q
		CROSS JOIN LATERAL (SELECT
				(SELECT pg_catalog.count(*) FROM rtm_internal.rtm_finished AS i
					WHERE i.status OPERATOR(pg_catalog.=) 'failed') AS failed,
				pg_catalog.count(*) FILTER (WHERE o.origin IS NULL OR d.origin IS NOT DISTINCT FROM o.origin) AS callbacks,
				pg_catalog.count(*) FILTER (WHERE o.origin IS NOT NULL AND d.origin IS DISTINCT FROM o.origin) AS callbacks_held
			FROM rtm_internal.rtm_finished AS d WHERE d.callback_due IS NOT NULL) AS f
		LEFT JOIN (SELECT * FROM @extschema@.rtm_worker_stats() AS w
			WHERE w.worker OPERATOR(pg_catalog.=) 'rtm sender'
				AND w.datid OPERATOR(pg_catalog.=) (SELECT b.oid FROM pg_catalog.pg_database AS b
					WHERE b.datname OPERATOR(pg_catalog.=) pg_catalog.current_database())
			-- of several the one that is worst off
			ORDER BY pg_catalog.array_position('{failed,stopped,starting,waiting,paused,holding,running}'::text[], w.state)
			LIMIT 1) AS w ON true;
GRANT SELECT ON @extschema@.rtm_stat_outbox TO pg_monitor;
COMMENT ON VIEW @extschema@.rtm_stat_outbox IS 'the outbox of this database at a glance: one row';

CREATE FUNCTION @extschema@.rtm_stat_reset(
) RETURNS void
AS 'MODULE_PATHNAME', 'rtm_sql_stat_reset'
LANGUAGE C STRICT VOLATILE PARALLEL RESTRICTED;
COMMENT ON FUNCTION @extschema@.rtm_stat_reset() IS
	'counts the figures of rtm_stat_server and rtm_stat_error of this database anew';
REVOKE ALL ON FUNCTION @extschema@.rtm_stat_reset() FROM PUBLIC;

--
-- Copies, standbys, restores: what another database queued
--

CREATE FUNCTION @extschema@.rtm_adopt_held(
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_adopt_held'
LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.rtm_adopt_held() IS
	'makes the requests that are held, and callbacks, this database''s own, which sends them: how many';
REVOKE ALL ON FUNCTION @extschema@.rtm_adopt_held() FROM PUBLIC;

CREATE FUNCTION @extschema@.rtm_discard_held(
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_discard_held'
LANGUAGE C STRICT VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION @extschema@.rtm_discard_held() IS
	'deletes the requests that are held, and gives up their callbacks: how many';
REVOKE ALL ON FUNCTION @extschema@.rtm_discard_held() FROM PUBLIC;
