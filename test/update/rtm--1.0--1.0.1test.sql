/* rtm--1.0--1.0.1test.sql: plays the next version for test/t/601_install_update.pl */

-- complain if script is sourced in psql, rather than via ALTER EXTENSION
\echo Use "ALTER EXTENSION rtm UPDATE TO '1.0.1test'" to load this file. \quit

-- in the order in which rtm_retry(), rtm_discard(), callbacks and the sender come to them
LOCK TABLE rtm_internal.rtm_finished, rtm_internal.rtm_request IN ACCESS EXCLUSIVE MODE;

-- rows that move while they are under way
UPDATE rtm_internal.rtm_request SET owner_name = owner_name;
UPDATE rtm_internal.rtm_finished SET owner_name = owner_name;
ALTER TABLE rtm_internal.rtm_request ADD COLUMN remark text;
CREATE INDEX rtm_request_enqueued_at ON rtm_internal.rtm_request (enqueued_at);
ALTER TABLE rtm_internal.rtm_finished SET (fillfactor = 90);

CREATE FUNCTION @extschema@.rtm_next_version(
) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN 'what the next version brings';
COMMENT ON FUNCTION @extschema@.rtm_next_version() IS 'a function that is new';

CREATE OR REPLACE VIEW @extschema@.rtm_stat_error AS
	SELECT s.srvname::text AS server, e.code, (@extschema@.rtm_error_of(e.code, NULL)).sqlstate,
		(@extschema@.rtm_error_of(e.code, NULL)).message, e.count, e.last_at, e.srvid
	FROM @extschema@.rtm_error_stats() AS e
		LEFT JOIN pg_catalog.pg_foreign_server AS s ON s.oid OPERATOR(pg_catalog.=) e.srvid;
