\echo '-- The last messages of a group, with names'
SELECT to_char(to_timestamp(h.mtime / 1000.0), 'HH24:MI:SS') AS at, u.name, u.city, h.msg
FROM rtm_get_group_message(uid => 1001, gid => 110, descending => true, num => 8) h
JOIN users u ON u.id = h.from_uid
ORDER BY h.id;

\echo '-- a whole talk of two users, more than a page of the gate'
SELECT s.name AS "from", r.name AS "to", h.msg
FROM rtm_get_p2p_message(uid => 1001, ouid => 1007, descending => false, num => NULL) h
JOIN users s ON s.id = h.from_uid
JOIN users r ON r.id = h.to_uid
ORDER BY h.id;

\echo '-- who talks most, over the histories of all groups'
SELECT g.name AS "group", count(*) AS messages, count(DISTINCT h.from_uid) AS people,
	mode() WITHIN GROUP (ORDER BY u.name) AS most_active
FROM groups g
CROSS JOIN LATERAL rtm_get_group_message(1001, g.id, false, NULL) h
JOIN users u ON u.id = h.from_uid
GROUP BY g.id
ORDER BY messages DESC, g.name;

\echo '-- members of the first groups who never said a word'
SELECT g.name AS "group", string_agg(u.name, ', ' ORDER BY u.name) AS silent
FROM groups g
CROSS JOIN LATERAL (SELECT array_agg(h.from_uid) AS speakers FROM rtm_get_group_message(1001, g.id, false, NULL) h) said
JOIN members m ON m.group_id = g.id AND m.user_id <> ALL (said.speakers)
JOIN users u ON u.id = m.user_id
WHERE g.id <= 103
GROUP BY g.id
ORDER BY g.id;

\echo '-- no line without its message, no message changed on its way'
SELECT count(*) AS lines, count(h.mid) AS messages, count(*) = count(h.mid) AND bool_and(h.msg = l.body) AS complete
FROM chat_lines l
LEFT JOIN (
	SELECT g.id AS gid, h.*
	FROM groups g, LATERAL rtm_get_group_message(1001, g.id, false, NULL) h
) h ON h.gid = l.group_id AND h.from_uid = l.user_id AND h.attrs::json ->> 'line' = l.id::text;
