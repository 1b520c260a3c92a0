--
-- Who may call: USAGE on the server, and a user mapping.
--
SET client_min_messages = warning;
CREATE ROLE regress_rtm_app;
GRANT USAGE ON SCHEMA public TO regress_rtm_app;
RESET client_min_messages;

SET ROLE regress_rtm_app;
SELECT state, message FROM failure($$SELECT rtm_send_group_message(51, 1, 700, 'no')$$);
SELECT state FROM failure($$SELECT rtm_get_group_message(1, 700, false, 1)$$);
SELECT state, message FROM failure($$SELECT rtm_call('*ping')$$);
SELECT state, message FROM failure($$CREATE SERVER mine FOREIGN DATA WRAPPER rtm$$);
RESET ROLE;

-- USAGE alone isn't enough
GRANT USAGE ON FOREIGN SERVER rtm TO regress_rtm_app;
SET ROLE regress_rtm_app;
SELECT state, message FROM failure($$SELECT rtm_send_group_message(51, 1, 700, 'no mapping')$$);
RESET ROLE;

-- a mapping of the role's own
CREATE SERVER second FOREIGN DATA WRAPPER rtm OPTIONS (endpoint '127.0.0.1:1', pid '11000001');
GRANT USAGE ON FOREIGN SERVER second TO regress_rtm_app;
SET ROLE regress_rtm_app;
SELECT state FROM failure($$SELECT rtm_send_group_message(51, 1, 700, 'no mapping', server => 'second')$$);
RESET ROLE;
CREATE USER MAPPING FOR regress_rtm_app SERVER second OPTIONS (secret 'shhh');
SET ROLE regress_rtm_app;
-- now it is the connection that fails
SELECT state FROM failure($$SELECT rtm_send_group_message(51, 1, 700, 'nobody there', server => 'second')$$);
RESET ROLE;

DROP SERVER second CASCADE;
REVOKE USAGE ON FOREIGN SERVER rtm FROM regress_rtm_app;
DROP OWNED BY regress_rtm_app;
DROP ROLE regress_rtm_app;
