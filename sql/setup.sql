--
-- What every other file needs: the extensions and the local gate.
--
\set VERBOSITY terse
CREATE EXTENSION rtm;
CREATE EXTENSION rtm_gate;

-- a server "rtm" and a user mapping that point at a gate of this database
SELECT rtm_gate_setup() IS NOT NULL AS ready;
SELECT count(*) FROM pg_foreign_server WHERE srvname = 'rtm';

-- What a statement fails with; an empty row if it doesn't.
CREATE FUNCTION failure(statement text, OUT state text, OUT message text,
						OUT detail text, OUT hint text)
LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS
		state = RETURNED_SQLSTATE,
		message = MESSAGE_TEXT,
		detail = PG_EXCEPTION_DETAIL,
		hint = PG_EXCEPTION_HINT;
END $$;
