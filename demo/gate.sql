\echo '-- The extension, and a gate of our own instead of the service'
CREATE EXTENSION rtm;
CREATE EXTENSION rtm_gate;
SELECT rtm_gate_setup();

\echo '-- what that made: a server and a user mapping, as you would for the service'
SELECT srvname, srvoptions FROM pg_foreign_server;

SELECT * FROM rtm_send_message(51, 1001, 1007, 'Hello from SQL!');
