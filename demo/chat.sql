\echo '-- A small chat application'
CREATE TABLE users (
	id bigint PRIMARY KEY,
	name text NOT NULL,
	city text NOT NULL
);

CREATE TABLE groups (
	id bigint PRIMARY KEY,
	name text NOT NULL
);

CREATE TABLE members (
	group_id bigint REFERENCES groups,
	user_id bigint REFERENCES users,
	PRIMARY KEY (group_id, user_id)
);

CREATE TABLE chat_lines (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	group_id bigint NOT NULL,
	user_id bigint NOT NULL,
	written_at timestamptz NOT NULL DEFAULT now(),
	body text NOT NULL,
	FOREIGN KEY (group_id, user_id) REFERENCES members
);

CREATE TABLE direct_lines (
	id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	from_user bigint NOT NULL REFERENCES users,
	to_user bigint NOT NULL REFERENCES users,
	written_at timestamptz NOT NULL DEFAULT now(),
	body text NOT NULL
);

\echo '-- the rows of users, groups, members are in demo/data:'
\copy users FROM 'tree/demo/data/users.csv' (FORMAT csv, HEADER)
\copy groups FROM 'tree/demo/data/groups.csv' (FORMAT csv, HEADER)
\copy members FROM 'tree/demo/data/members.csv' (FORMAT csv, HEADER)

SELECT g.id, g.name, count(*) AS members
FROM groups g JOIN members m ON m.group_id = g.id
GROUP BY g.id
ORDER BY g.id;
