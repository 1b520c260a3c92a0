\echo '-- What pg_cron says about the run, and the broadcast that came of it'
SELECT jobid, status, return_message, start_time::timestamptz(0), end_time::timestamptz(0)
FROM cron.job_run_details
WHERE end_time IS NOT NULL
ORDER BY runid;

SELECT u.name AS "from", h.msg, to_timestamp(h.mtime / 1000.0)::timestamptz(0) AS sent
FROM rtm_get_broadcast_message(uid => 1002, descending => true, num => 5) h
JOIN users u ON u.id = h.from_uid
ORDER BY h.id;
