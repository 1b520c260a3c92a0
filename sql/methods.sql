--
-- The catalogue of calls, and the SQL functions that it describes.
--
SELECT name, method, kind, conversation FROM rtm_methods();

-- Each call has one function whose arguments are what the catalogue says ...
SELECT m.name, m.arguments, a.found
FROM rtm_methods() m
	LEFT JOIN pg_proc p ON p.proname = m.name
		AND NOT 'bytea'::regtype = ANY (p.proargtypes),
	LATERAL (SELECT split_part(pg_get_function_identity_arguments(p.oid), ', OUT ', 1)) a (found)
WHERE m.arguments IS DISTINCT FROM a.found;

-- ... sends have one more, with a msg of type bytea ...
SELECT m.name, count(p.oid) AS overloads
FROM rtm_methods() m
	LEFT JOIN pg_proc p ON p.proname = m.name
		AND pg_get_function_identity_arguments(p.oid) =
			replace(m.arguments, 'msg text', 'msg bytea')
		AND 'bytea'::regtype = ANY (p.proargtypes)
WHERE m.kind = 'send'
GROUP BY m.name ORDER BY m.name;

-- ... histories one more, for a page.
SELECT m.name, p.proname
FROM rtm_methods() m
	LEFT JOIN pg_proc p ON p.proname = m.name || '_page'
		AND pg_get_function_identity_arguments(p.oid) = m.arguments
WHERE m.kind = 'history' ORDER BY m.name;

-- Each function but those for pages has a twin that queues the call.
SELECT p.proname, pg_get_function_identity_arguments(p.oid) AS arguments
FROM rtm_methods() m
	JOIN pg_proc p ON p.proname = m.name
	LEFT JOIN pg_proc a ON a.proname = p.proname || '_async' AND a.prorettype = 'bigint'::regtype
		AND pg_get_function_identity_arguments(a.oid) =
			regexp_replace(split_part(pg_get_function_identity_arguments(p.oid), ', OUT ', 1), '(^|, )timeout',
				'\1callback rtm_callback, timeout') || ', send_at timestamp with time zone, expires_at timestamp with time zone, urgent boolean'
WHERE a.oid IS NULL;
SELECT count(*) FROM pg_proc WHERE proname LIKE 'rtm\_%\_async';

-- Arguments with their defaults, one call of each kind.
SELECT p.proname AS function, pg_get_function_arguments(p.oid) AS arguments,
	pg_get_function_result(p.oid) AS result
FROM pg_proc p
WHERE proname IN ('rtm_send_message', 'rtm_get_p2p_message', 'rtm_get_group_message',
				  'rtm_get_group_message_page', 'rtm_delete_group_message',
				  'rtm_get_group_message_info', 'rtm_call',
				  'rtm_send_group_message_async', 'rtm_call_async')
ORDER BY 1, 2 \gx

-- Labels: who may run where.
SELECT m.kind, p.provolatile, p.proparallel, p.proisstrict, p.prosecdef, count(*)
FROM rtm_methods() m JOIN pg_proc p ON p.proname IN (m.name, m.name || '_page')
GROUP BY 1, 2, 3, 4, 5 ORDER BY 1;

-- Every object of the extension has a comment.
SELECT pg_describe_object(classid, objid, objsubid) AS without_comment
FROM pg_depend
WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
	AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'rtm')
	AND coalesce(obj_description(objid, classid::regclass::name), '') = ''
	AND NOT (classid = 'pg_type'::regclass AND EXISTS	-- row and array types
		(SELECT FROM pg_type t WHERE t.oid = objid AND (t.typelem <> 0 OR
			EXISTS (SELECT FROM pg_class c WHERE c.oid = t.typrelid AND c.relkind <> 'c'))))
	AND NOT (classid = 'pg_class'::regclass AND EXISTS	-- the class behind a type
		(SELECT FROM pg_class c WHERE c.oid = objid AND c.relkind = 'c'))
ORDER BY 1;

-- What has to be granted; nobody else reads the sequences and the outbox's tables.
SELECT proname FROM pg_proc
WHERE proname LIKE 'rtm\_%' AND NOT has_function_privilege('public', oid, 'EXECUTE')
	AND oid IN (SELECT objid FROM pg_depend WHERE deptype = 'e' AND refobjid =
				(SELECT oid FROM pg_extension WHERE extname = 'rtm'))
ORDER BY 1;
SELECT relname, relacl IS NULL OR NOT relacl::text ~ '[{,]=' AS private
FROM pg_class
WHERE oid IN (SELECT objid FROM pg_depend WHERE deptype = 'e' AND refobjid =
			  (SELECT oid FROM pg_extension WHERE extname = 'rtm'))
	AND relkind IN ('r', 'S', 'v')
ORDER BY 1;
