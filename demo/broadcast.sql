\echo '-- A broadcast on a schedule'
CREATE EXTENSION pg_cron;

SELECT cron.schedule('how many lines', :'schedule',
	$$SELECT rtm_broadcast_message(52, 1001, format('So far %s lines were written in %s groups.', count(*), count(DISTINCT group_id))) FROM chat_lines$$)
	AS job;

SELECT jobid, schedule, database, username, active FROM cron.job;
