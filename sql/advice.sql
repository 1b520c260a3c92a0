--
-- What somebody reads who made a mistake, as a whole: message, detail and hint.
--
\set VERBOSITY default

-- a server's options
CREATE SERVER advice FOREIGN DATA WRAPPER rtm OPTIONS (host '127.0.0.1', port '1');
CREATE SERVER advice FOREIGN DATA WRAPPER rtm OPTIONS (endpoint 'rtm.example.com', pid '1');
CREATE SERVER advice FOREIGN DATA WRAPPER rtm OPTIONS (endpoint E'rtm\n.example.com:2', pid '1');
SELECT repeat('a:1,', 16) || 'a:1' AS many \gset
CREATE SERVER advice FOREIGN DATA WRAPPER rtm OPTIONS (endpoint :'many', pid '1');
SELECT repeat('a:1,', 1000) || 'a:1' AS many \gset
CREATE SERVER advice FOREIGN DATA WRAPPER rtm OPTIONS (endpoint :'many', pid '1');
CREATE SERVER advice FOREIGN DATA WRAPPER rtm OPTIONS (endpoint '127.0.0.1:1', pid 'mine');
CREATE SERVER advice FOREIGN DATA WRAPPER rtm OPTIONS (endpoint '127.0.0.1:1', pid '1', encryption 'ssl');
CREATE SERVER advice FOREIGN DATA WRAPPER rtm OPTIONS (endpoint '127.0.0.1:1', pid '1', secret 'not here');
CREATE SERVER advice FOREIGN DATA WRAPPER rtm OPTIONS (endpoint '127.0.0.1:1', pid '1', quest_timeout 'soon');

-- what is missing, one after the other
SELECT rtm_send_message(51, 1001, 1002, 'hello', server => 'advice');
CREATE SERVER advice FOREIGN DATA WRAPPER rtm;
CREATE ROLE regress_advice;
SET ROLE regress_advice;
SELECT rtm_send_message(51, 1001, 1002, 'hello', server => 'advice');
RESET ROLE;
GRANT USAGE ON FOREIGN SERVER advice TO regress_advice;
SET ROLE regress_advice;
SELECT rtm_send_message(51, 1001, 1002, 'hello', server => 'advice');
RESET ROLE;
CREATE USER MAPPING FOR regress_advice SERVER advice OPTIONS (endpoint '127.0.0.1:1');
CREATE USER MAPPING FOR regress_advice SERVER advice;
SET ROLE regress_advice;
SELECT rtm_send_message(51, 1001, 1002, 'hello', server => 'advice');
RESET ROLE;
ALTER SERVER advice OPTIONS (endpoint '127.0.0.1:1');
SET ROLE regress_advice;
SELECT rtm_send_message(51, 1001, 1002, 'hello', server => 'advice');
RESET ROLE;
ALTER SERVER advice OPTIONS (pid '1');
SET ROLE regress_advice;
SELECT rtm_send_message(51, 1001, 1002, 'hello', server => 'advice');
RESET ROLE;
ALTER USER MAPPING FOR regress_advice SERVER advice OPTIONS (secret 'guess');

-- nobody is there
SET ROLE regress_advice;
SELECT rtm_send_message(51, 1001, 1002, 'hello', server => 'advice');
RESET ROLE;

-- the gate is there; its port is another one in every run
SELECT regexp_replace(fs.option, '^endpoint=', '') AS endpoint
FROM pg_foreign_server s, unnest(s.srvoptions) AS fs (option)
WHERE s.srvname = 'rtm' AND fs.option LIKE 'endpoint=%' \gset
ALTER SERVER advice OPTIONS (SET endpoint :'endpoint');
SET ROLE regress_advice;
SELECT rtm_send_message(51, 1001, 1002, 'hello', server => 'advice');
RESET ROLE;
ALTER SERVER advice OPTIONS (SET pid '11000001');
SET ROLE regress_advice;
SELECT rtm_send_message(51, 1001, 1002, 'hello', server => 'advice');
RESET ROLE;


-- encryption that can't be
CREATE USER MAPPING FOR CURRENT_USER SERVER advice OPTIONS (secret 'guess');
\set hello 'SELECT rtm_send_message(51, 1001, 1002, \'hello\', server => \'advice\')'
ALTER SERVER advice OPTIONS (encryption 'ecdh');
SELECT regexp_replace(detail, '127\.0\.0\.1:[0-9]+', 'HOST:PORT') AS detail, hint FROM failure(:'hello');
ALTER SERVER advice OPTIONS (public_key_file '/nonexistent/key.pem');
SELECT regexp_replace(detail, '127\.0\.0\.1:[0-9]+', 'HOST:PORT') AS detail, hint FROM failure(:'hello');
SELECT current_setting('data_directory') || '/PG_VERSION' AS no_key \gset
ALTER SERVER advice OPTIONS (SET public_key_file :'no_key');
SELECT regexp_replace(detail, '127\.0\.0\.1:[0-9]+', 'HOST:PORT') AS detail, hint FROM failure(:'hello');
ALTER SERVER advice OPTIONS (SET encryption 'tls', tls_ca_file :'no_key');
SELECT regexp_replace(detail, '127\.0\.0\.1:[0-9]+', 'HOST:PORT') AS detail, hint FROM failure(:'hello');
SET client_min_messages = warning;
DROP SERVER advice CASCADE;
RESET client_min_messages;
DROP ROLE regress_advice;

-- a call's arguments
SELECT rtm_send_message(51, 1001, 1002, NULL);
SELECT rtm_send_message(200, 1001, 1002, 'hello');
SELECT rtm_send_message(51, 1001, 1001, 'hello');
SELECT rtm_send_message(51, 1001, 1002, repeat('hello', 5000));
SELECT rtm_send_message(51, 1001, 1002, 'hello', timeout => -1);
SELECT rtm_send_messages(51, 1001, '{}', 'hello');
SELECT FROM rtm_get_group_message(1001, 101, true, 0);
SELECT rtm_delete_group_message(1, 1001, 101);
SELECT rtm_call('sendmessage');

-- what the gate knows of the user
SELECT rtm_gate_fault('error', method => 'sendgroupmsg', code => 200041, times => 1) > 0 AS told;
SELECT rtm_send_group_message(51, 1001, 101, 'hello');
SELECT rtm_gate_fault('error', method => 'sendgroupmsg', code => 200044, times => 1) > 0 AS told;
SELECT rtm_send_group_message(51, 1001, 101, 'hello');
SELECT rtm_gate_fault_clear();

-- queued calls
CREATE FUNCTION advice_callback(mid bigint) RETURNS void LANGUAGE sql AS '';
SELECT rtm_send_message_async(51, 1001, 1002, 'hello', callback => 'advice_callback(bigint)');
DROP FUNCTION advice_callback;
SELECT rtm_wait(0);
BEGIN;
SELECT rtm_send_message_async(51, 1001, 1002, 'hello') > 0 AS queued;
SELECT state, regexp_replace(message, '[0-9]+', 'N') AS message, hint
FROM failure('SELECT rtm_wait(currval(''rtm_internal.rtm_request_id_seq''))');
ROLLBACK;
BEGIN READ ONLY;
SELECT rtm_send_message_async(51, 1001, 1002, 'hello');
ROLLBACK;
\set VERBOSITY terse
