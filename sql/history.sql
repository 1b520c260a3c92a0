--
-- History: rows that page on by themselves, single pages.
--
SELECT count(rtm_send_group_message(CASE i % 5 WHEN 0 THEN 60 ELSE 51 END, i % 3 + 1, 300,
									'line ' || i, mid => 5000 + i))
FROM generate_series(1, 47) i;

-- forward, backward, fewer than a page, more than a page, all
SELECT mid, from_uid, mtype, msg FROM rtm_get_group_message(1, 300, false, 3);
SELECT mid, from_uid, mtype, msg FROM rtm_get_group_message(1, 300, true, 3);
SELECT count(*), min(mid), max(mid) FROM rtm_get_group_message(1, 300, false, 20);
SELECT count(*), min(mid), max(mid) FROM rtm_get_group_message(1, 300, false, 21);
SELECT count(*), min(mid), max(mid) FROM rtm_get_group_message(1, 300, true, 41);
SELECT count(*), min(mid), max(mid) FROM rtm_get_group_message(1, 300, false, 1000);
SELECT count(*), min(mid), max(mid) FROM rtm_get_group_message(1, 300, true, NULL);

-- rows come in the order that was asked for, each once
SELECT bool_and(mid > before) AS forward, count(DISTINCT id) AS rows
FROM (SELECT id, mid, lag(mid, 1, 0::bigint) OVER (ORDER BY n) AS before
	  FROM rtm_get_group_message(1, 300, false, NULL)
		   WITH ORDINALITY AS h (id, from_uid, mtype, mid, msg, attrs, mtime, msg_binary, attrs_binary, n)) AS o;
SELECT bool_and(mid < before) AS backward, count(DISTINCT id) AS rows
FROM (SELECT id, mid, lag(mid, 1, 9223372036854775807) OVER (ORDER BY n) AS before
	  FROM rtm_get_group_message(1, 300, true, NULL)
		   WITH ORDINALITY AS h (id, from_uid, mtype, mid, msg, attrs, mtime, msg_binary, attrs_binary, n)) AS o;

-- only some types of message
SELECT count(*), min(mid), max(mid)
FROM rtm_get_group_message(1, 300, false, NULL, mtypes => '{60}');
SELECT count(*) FROM rtm_get_group_message(1, 300, false, NULL, mtypes => '{61,62}');

-- only some time, both ends included
SELECT mid, mtime AS t FROM rtm_get_group_message(1, 300, false, 1) \gset
SELECT count(*) > 0 AS found
FROM rtm_get_group_message(1, 300, false, NULL, begin_time => :t, end_time => :t);
SELECT count(*) AS before_the_first
FROM rtm_get_group_message(1, 300, false, NULL, end_time => :t - 1);
SELECT count(*) AS since_the_first
FROM rtm_get_group_message(1, 300, false, NULL, begin_time => :t);

-- a single page, and the next one by its cursor
SELECT num, cardinality(msgs) AS messages, (msgs[1]).msg AS first, (msgs[20]).msg AS last,
	lastid = (msgs[20]).id AS cursor
FROM rtm_get_group_message_page(1, 300, false, 20);
SELECT lastid, begin_time, end_time FROM rtm_get_group_message_page(1, 300, false, 20) \gset
SELECT num, cardinality(msgs) AS messages, (msgs[1]).msg AS first, (msgs[20]).msg AS last
FROM rtm_get_group_message_page(1, 300, false, 20, :begin_time, :end_time, :lastid);
SELECT num, cardinality(msgs) AS messages
FROM rtm_get_group_message_page(1, 300, false, NULL);
SELECT m.mid, m.from_uid, m.direction, m.to_uid, m.mtype, m.msg, m.attrs
FROM rtm_get_group_message_page(1, 300, true, 2) AS p, unnest(p.msgs) AS m;

-- all pages by hand, as a program of the API would do it
WITH RECURSIVE page AS (
	SELECT * FROM rtm_get_group_message_page(1, 300, false, 10)
	UNION ALL
	SELECT n.*
	FROM page p, LATERAL rtm_get_group_message_page(1, 300, false, 10, p.begin_time, p.end_time, p.lastid) n
	WHERE p.num = 10)
SELECT num, cardinality(msgs) AS messages FROM page;

-- nothing there
SELECT * FROM rtm_get_group_message(1, 999, false, NULL);
SELECT num, cardinality(msgs) AS messages FROM rtm_get_group_message_page(1, 999, false, 10);

-- Deleted messages are no rows, and a page without them is filled up.
SELECT count(*) FROM (SELECT rtm_delete_group_message(5000 + i, i % 3 + 1, 300)
					  FROM generate_series(11, 30) i) AS deleted;
SELECT mid FROM rtm_get_group_message(1, 300, false, 3, lastid =>
	(SELECT id FROM rtm_get_group_message(1, 300, false, 9) WHERE mid = 5009));
SELECT count(*), min(mid), max(mid) FROM rtm_get_group_message(1, 300, false, NULL);
SELECT count(*), min(mid), max(mid) FROM rtm_get_group_message(1, 300, false, 20);

-- P2P: who said what to whom, from both sides.
SELECT count(rtm_send_message(51, 31, 32, 'ping ' || i)) FROM generate_series(1, 2) i;
SELECT count(rtm_send_message(51, 32, 31, 'pong ' || i)) FROM generate_series(1, 2) i;
SELECT direction, from_uid, to_uid, msg FROM rtm_get_p2p_message(31, 32, false, NULL);
SELECT direction, from_uid, to_uid, msg FROM rtm_get_p2p_message(32, 31, true, NULL);
SELECT m.direction, m.from_uid, m.to_uid, m.msg
FROM rtm_get_p2p_message_page(31, 32, false, 20) AS p, unnest(p.msgs) AS m;

-- Rooms and the broadcast channel, with pages.
SELECT count(rtm_send_room_message(51, 1, 301, 'in the room ' || i)) FROM generate_series(1, 25) i;
SELECT count(*), count(DISTINCT msg) FROM rtm_get_room_message(1, 301, true, NULL);
SELECT num, (msgs[1]).msg FROM rtm_get_room_message_page(1, 301, true, 1);
SELECT mtime AS broadcast_begin FROM rtm_broadcast_message(77, 1, 'to all 1') \gset
SELECT mtime >= :broadcast_begin AS later FROM rtm_broadcast_message(77, 1, 'to all 2');
SELECT msg FROM rtm_get_broadcast_message(1, false, NULL, :broadcast_begin, mtypes => '{77}');
SELECT num, (msgs[1]).msg FROM rtm_get_broadcast_message_page(1, true, 1, mtypes => '{77}');

-- With the application's own tables.
CREATE TABLE person (uid bigint PRIMARY KEY, name text);
INSERT INTO person VALUES (31, 'Ada'), (32, 'Grace');
SELECT s.name AS "from", r.name AS "to", h.msg
FROM rtm_get_p2p_message(31, 32, false, NULL) WITH ORDINALITY
		AS h (id, direction, from_uid, to_uid, mtype, mid, msg, attrs, mtime, msg_binary, attrs_binary, n)
	JOIN person s ON s.uid = h.from_uid
	JOIN person r ON r.uid = h.to_uid
ORDER BY h.n;
-- a call per row
SELECT p.name, h.count
FROM person p, LATERAL (SELECT count(*) FROM rtm_get_p2p_message(p.uid, 31, false, NULL)) h
ORDER BY p.name;
DROP TABLE person;

-- In the select list, and with a LIMIT that doesn't want all of it.
SELECT (rtm_get_p2p_message(31, 32, false, NULL)).msg;
SELECT msg FROM rtm_get_room_message(1, 301, false, NULL) LIMIT 2;
