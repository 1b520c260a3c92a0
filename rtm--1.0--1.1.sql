/* rtm--1.0--1.1.sql */

-- complain if script is sourced in psql, rather than via ALTER EXTENSION
\echo Use "ALTER EXTENSION rtm UPDATE TO '1.1'" to load this file. \quit

--
-- Whose requests the rows of an outbox are: a copy of the database, or of the
-- cluster, doesn't send what it didn't queue.
--

CREATE TABLE @extschema@.rtm_origin (
	system_identifier bigint NOT NULL,
	database oid NOT NULL,
	instance bigint NOT NULL,
	timeline bigint NOT NULL,
	origin bigint NOT NULL,
	since timestamptz NOT NULL,
	PRIMARY KEY (system_identifier, database)
);
REVOKE ALL ON TABLE @extschema@.rtm_origin FROM PUBLIC;
COMMENT ON TABLE @extschema@.rtm_origin IS
	'what the requests of this database are marked with, and which cluster, instance and timeline that is bound to';

-- in the order in which rtm_retry(), rtm_discard(), callbacks and the sender come to them
LOCK TABLE @extschema@.rtm_finished, @extschema@.rtm_request IN ACCESS EXCLUSIVE MODE;

ALTER TABLE @extschema@.rtm_request ADD COLUMN origin bigint, ADD COLUMN owner_name text,
	ADD COLUMN server_name text, ADD COLUMN callback_name text;
ALTER TABLE @extschema@.rtm_finished ADD COLUMN origin bigint, ADD COLUMN owner_name text,
	ADD COLUMN server_name text, ADD COLUMN callback_name text;

-- what is published FOR ALL TABLES can be updated and deleted all the same
ALTER TABLE @extschema@.rtm_request REPLICA IDENTITY FULL;

CREATE FUNCTION @extschema@.rtm_outbox_origin(
) RETURNS bigint
AS 'MODULE_PATHNAME', 'rtm_sql_outbox_origin'
LANGUAGE C STRICT STABLE PARALLEL RESTRICTED;
COMMENT ON FUNCTION @extschema@.rtm_outbox_origin() IS
	'what the requests of this database are marked with; NULL: it has no origin yet, as the library was never preloaded';

-- what the OIDs mean, while they mean it: pg_upgrade gives servers and functions others
-- (whose they are is known now as well; without preload the sender tells that by the names)
UPDATE @extschema@.rtm_request AS r SET
	origin = @extschema@.rtm_outbox_origin(),
	owner_name = (SELECT a.rolname FROM pg_catalog.pg_roles AS a WHERE a.oid OPERATOR(pg_catalog.=) r.owner),
	server_name = (SELECT s.srvname FROM pg_catalog.pg_foreign_server AS s WHERE s.oid OPERATOR(pg_catalog.=) r.server),
	callback_name = (SELECT pg_catalog.format('%I.%I', n.nspname, p.proname) FROM pg_catalog.pg_proc AS p
		JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) p.pronamespace WHERE p.oid OPERATOR(pg_catalog.=) r.callback);
UPDATE @extschema@.rtm_finished AS r SET
	origin = @extschema@.rtm_outbox_origin(),
	owner_name = (SELECT a.rolname FROM pg_catalog.pg_roles AS a WHERE a.oid OPERATOR(pg_catalog.=) r.owner),
	server_name = (SELECT s.srvname FROM pg_catalog.pg_foreign_server AS s WHERE s.oid OPERATOR(pg_catalog.=) r.server),
	callback_name = (SELECT pg_catalog.format('%I.%I', n.nspname, p.proname) FROM pg_catalog.pg_proc AS p
		JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) p.pronamespace WHERE p.oid OPERATOR(pg_catalog.=) r.callback);

CREATE FUNCTION @extschema@.rtm_callback_of(
	call text,
	name text
) RETURNS regprocedure
AS 'MODULE_PATHNAME', 'rtm_sql_callback_of'
LANGUAGE C STRICT STABLE PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.rtm_callback_of(text, text) IS
	'the function of that name that can be a callback of that call; NULL: there is none';

--
-- Every row of the outbox lives for moments: vacuum must come by the number of
-- dead rows, whatever the table's size, and be through at once.  It leaves the
-- file as long as it is: cutting it off takes a lock for which those who commit
-- (and on a standby those who read) would have to wait.
--

ALTER TABLE @extschema@.rtm_request SET (
	autovacuum_vacuum_scale_factor = 0,
	autovacuum_vacuum_threshold = 1000,
	autovacuum_vacuum_cost_delay = 0,
	autovacuum_vacuum_insert_scale_factor = 0,
	autovacuum_vacuum_insert_threshold = 100000,
	vacuum_truncate = false,
	toast.vacuum_truncate = false
);
ALTER TABLE @extschema@.rtm_finished SET (
	autovacuum_vacuum_scale_factor = 0.02,
	autovacuum_vacuum_threshold = 1000,
	autovacuum_vacuum_cost_delay = 0
);
CREATE INDEX rtm_finished_failed ON @extschema@.rtm_finished (finished_at) WHERE status = 'failed';

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

CREATE OR REPLACE VIEW @extschema@.rtm_outbox WITH (security_barrier) AS
	SELECT r.id, r.call, r.method, CASE WHEN b.by_oid THEN coalesce(s.srvname::text, r.server_name) ELSE r.server_name END AS server,
		CASE WHEN b.by_oid THEN r.owner ELSE w.oid END::regrole AS owner, r.mid,
		@extschema@.rtm_unpack(r.nparams, r.params) AS params,
		CASE WHEN b.by_oid THEN r.callback::regprocedure ELSE @extschema@.rtm_callback_of(r.call, r.callback_name) END AS callback,
		r.enqueued_at, r.attempts, r.next_attempt,
		@extschema@.rtm_error_of(r.error_code, r.error) AS error,
		o.origin IS NOT NULL AND r.origin IS DISTINCT FROM o.origin AS held,
		r.callback_name
	FROM @extschema@.rtm_request AS r
		CROSS JOIN (SELECT @extschema@.rtm_outbox_origin() AS origin) AS o
		CROSS JOIN LATERAL (SELECT r.origin IS NOT DISTINCT FROM o.origin AS by_oid) AS b
		LEFT JOIN pg_catalog.pg_foreign_server AS s ON s.oid OPERATOR(pg_catalog.=) r.server
		LEFT JOIN pg_catalog.pg_roles AS w ON NOT b.by_oid AND w.rolname OPERATOR(pg_catalog.=) r.owner_name::pg_catalog.name
	WHERE pg_catalog.pg_has_role(CASE WHEN b.by_oid THEN r.owner ELSE w.oid END, 'USAGE') OR pg_catalog.pg_has_role('pg_monitor', 'USAGE');

CREATE OR REPLACE VIEW @extschema@.rtm_result WITH (security_barrier) AS
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
	FROM @extschema@.rtm_finished AS f
		CROSS JOIN (SELECT @extschema@.rtm_outbox_origin() AS origin) AS o
		CROSS JOIN LATERAL (SELECT f.origin IS NOT DISTINCT FROM o.origin AS by_oid) AS b
		LEFT JOIN pg_catalog.pg_foreign_server AS s ON s.oid OPERATOR(pg_catalog.=) f.server
		LEFT JOIN pg_catalog.pg_roles AS w ON NOT b.by_oid AND w.rolname OPERATOR(pg_catalog.=) f.owner_name::pg_catalog.name
	WHERE pg_catalog.pg_has_role(CASE WHEN b.by_oid THEN f.owner ELSE w.oid END, 'USAGE') OR pg_catalog.pg_has_role('pg_monitor', 'USAGE');

--
-- Monitoring
--

CREATE FUNCTION @extschema@.rtm_server_health(
	OUT srvid oid,
	OUT unreachable_since timestamptz,
	OUT last_error text
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

CREATE FUNCTION @extschema@.rtm_stat_reset(
) RETURNS void
AS 'MODULE_PATHNAME', 'rtm_sql_stat_reset'
LANGUAGE C STRICT VOLATILE PARALLEL RESTRICTED;
COMMENT ON FUNCTION @extschema@.rtm_stat_reset() IS
	'counts the figures of rtm_stat_server and rtm_stat_error of this database anew';
REVOKE ALL ON FUNCTION @extschema@.rtm_stat_reset() FROM PUBLIC;

CREATE OR REPLACE VIEW @extschema@.rtm_stat_server AS
	SELECT s.srvname::text AS server, coalesce(t.sent, 0) AS sent, coalesce(t.failed, 0) AS failed,
		coalesce(t.retried, 0) AS retried, coalesce(t.in_flight, 0) AS in_flight,
		coalesce(q.queued, 0) AS queued, pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) q.oldest AS oldest_age,
		t.answer_time, t.last_answer_time,
		coalesce(q.held, 0) AS held, h.unreachable_since, h.last_error
	FROM pg_catalog.pg_foreign_server AS s
		JOIN pg_catalog.pg_foreign_data_wrapper AS w ON w.oid OPERATOR(pg_catalog.=) s.srvfdw
			AND w.fdwname OPERATOR(pg_catalog.=) 'rtm'
		LEFT JOIN @extschema@.rtm_server_stats() AS t ON t.srvid OPERATOR(pg_catalog.=) s.oid
		LEFT JOIN @extschema@.rtm_server_health() AS h ON h.srvid OPERATOR(pg_catalog.=) s.oid
		LEFT JOIN (SELECT r.server, pg_catalog.count(*) FILTER (WHERE NOT r.held) AS queued,
				pg_catalog.min(r.enqueued_at) FILTER (WHERE NOT r.held) AS oldest,
				pg_catalog.count(*) FILTER (WHERE r.held) AS held
			FROM (SELECT CASE WHEN i.origin IS NOT DISTINCT FROM o.origin
						THEN i.server ELSE n.oid END AS server,
					i.enqueued_at, o.origin IS NOT NULL AND i.origin IS DISTINCT FROM o.origin AS held
				FROM @extschema@.rtm_request AS i
					CROSS JOIN (SELECT @extschema@.rtm_outbox_origin() AS origin) AS o
					LEFT JOIN pg_catalog.pg_foreign_server AS n
						ON n.srvname OPERATOR(pg_catalog.=) i.server_name::pg_catalog.name) AS r
			GROUP BY r.server) AS q ON q.server OPERATOR(pg_catalog.=) s.oid;

CREATE VIEW @extschema@.rtm_stat_error AS
	SELECT s.srvname::text AS server, e.code, (@extschema@.rtm_error_of(e.code, NULL)).sqlstate,
		(@extschema@.rtm_error_of(e.code, NULL)).message, e.count, e.last_at
	FROM @extschema@.rtm_error_stats() AS e
		LEFT JOIN pg_catalog.pg_foreign_server AS s ON s.oid OPERATOR(pg_catalog.=) e.srvid;
GRANT SELECT ON @extschema@.rtm_stat_error TO pg_monitor;
COMMENT ON VIEW @extschema@.rtm_stat_error IS
	'attempts of this database''s queued requests that failed, by foreign server and code';

CREATE VIEW @extschema@.rtm_stat_outbox AS
	SELECT q.queued, q.oldest_age, q.held, f.failed, f.callbacks, f.callbacks_held,
		coalesce(w.state, 'stopped') AS sender, w.pid AS sender_pid, w.since AS sender_since,
		w.last_error AS sender_error, @extschema@.rtm_counted_since() AS counted_since
	FROM (SELECT @extschema@.rtm_outbox_origin() AS origin) AS o
		CROSS JOIN LATERAL (SELECT
				pg_catalog.count(*) FILTER (WHERE o.origin IS NULL OR r.origin IS NOT DISTINCT FROM o.origin) AS queued,
				pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) pg_catalog.min(r.enqueued_at)
					FILTER (WHERE o.origin IS NULL OR r.origin IS NOT DISTINCT FROM o.origin) AS oldest_age,
				pg_catalog.count(*) FILTER (WHERE o.origin IS NOT NULL AND r.origin IS DISTINCT FROM o.origin) AS held
			FROM @extschema@.rtm_request AS r) AS q
		CROSS JOIN LATERAL (SELECT
				(SELECT pg_catalog.count(*) FROM @extschema@.rtm_finished AS i
					WHERE i.status OPERATOR(pg_catalog.=) 'failed') AS failed,
				pg_catalog.count(*) FILTER (WHERE o.origin IS NULL OR d.origin IS NOT DISTINCT FROM o.origin) AS callbacks,
				pg_catalog.count(*) FILTER (WHERE o.origin IS NOT NULL AND d.origin IS DISTINCT FROM o.origin) AS callbacks_held
			FROM @extschema@.rtm_finished AS d WHERE d.callback_due IS NOT NULL) AS f
		LEFT JOIN @extschema@.rtm_worker_stats() AS w ON w.worker OPERATOR(pg_catalog.=) 'rtm sender'
			AND w.datid OPERATOR(pg_catalog.=) (SELECT b.oid FROM pg_catalog.pg_database AS b
				WHERE b.datname OPERATOR(pg_catalog.=) pg_catalog.current_database());
GRANT SELECT ON @extschema@.rtm_stat_outbox TO pg_monitor;
COMMENT ON VIEW @extschema@.rtm_stat_outbox IS 'the outbox of this database at a glance: one row';
