-- The last messages of a group, with names
SELECT to_char(to_timestamp(h.mtime / 1000.0), 'HH24:MI:SS') AS at, u.name, u.city, h.msg
FROM rtm_get_group_message(uid => 1001, gid => 110, descending => true, num => 8) h
JOIN users u ON u.id = h.from_uid
ORDER BY h.id;

-- a whole talk of two users, more than a page of the gate
SELECT s.name AS "from", r.name AS "to", h.msg
FROM rtm_get_p2p_message(uid => 1001, ouid => 1007, descending => false, num => NULL) h
JOIN users s ON s.id = h.from_uid
JOIN users r ON r.id = h.to_uid
ORDER BY h.id;

-- who talks most, over the histories of all groups
SELECT g.name AS "group", count(*) AS messages, count(DISTINCT h.from_uid) AS people,
	mode() WITHIN GROUP (ORDER BY u.name) AS most_active
FROM groups g
CROSS JOIN LATERAL rtm_get_group_message(1001, g.id, false, NULL) h
JOIN users u ON u.id = h.from_uid
GROUP BY g.id
ORDER BY messages DESC, g.name;

-- members who never said a word
SELECT g.name AS "group", string_agg(u.name, ', ' ORDER BY u.name) AS silent
FROM groups g
JOIN members m ON m.group_id = g.id
JOIN users u ON u.id = m.user_id
WHERE NOT EXISTS (
	SELECT FROM rtm_get_group_message(1001, g.id, false, NULL) h WHERE h.from_uid = m.user_id)
	AND g.id <= 103
GROUP BY g.id
ORDER BY g.id;

-- the proof: no line without its message
SELECT count(*) AS lines, count(h.mid) AS messages
FROM chat_lines l
LEFT JOIN (
	SELECT g.id AS gid, h.*
	FROM groups g, LATERAL rtm_get_group_message(1001, g.id, false, NULL) h
) h ON h.gid = l.group_id AND h.from_uid = l.user_id AND h.msg = l.body
	AND h.attrs::json ->> 'line' = l.id::text;

DO $$
DECLARE
	lost bigint;
BEGIN
	SELECT count(*) INTO lost
	FROM chat_lines l
	WHERE NOT EXISTS (
		SELECT FROM rtm_get_group_message(1001, l.group_id, false, NULL) h
		WHERE h.attrs::json ->> 'line' = l.id::text AND h.msg = l.body);
	IF lost > 0 THEN
		RAISE EXCEPTION '% lines have no message', lost;
	END IF;
END
$$;
