\echo '-- The conversations as tables, read as user 1001'
CREATE SCHEMA chat;
IMPORT FOREIGN SCHEMA rtm FROM SERVER rtm INTO chat OPTIONS (uid '1001');

\echo '-- the last messages of a group, with names: one call'
SELECT to_char(m.sent, 'HH24:MI:SS') AS at, u.name, u.city, m.msg
FROM chat.group_message m JOIN users u ON u.id = m.from_uid
WHERE m.gid = 110
ORDER BY m.id DESC
LIMIT 8;

\echo '-- the latest of all groups: the first page of each, asked for together, and merged'
SELECT g.name AS "group", u.name, m.msg
FROM groups g
JOIN chat.group_message m ON m.gid = g.id
JOIN users u ON u.id = m.from_uid
ORDER BY m.sent DESC, m.id DESC
LIMIT 8;

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
