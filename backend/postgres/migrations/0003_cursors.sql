-- How far each reader of the history has come: the position of the last row that it has done with.

CREATE TABLE cursor (
	name     text   COLLATE "C" PRIMARY KEY,
	position bigint NOT NULL
);

CREATE VIEW cursors AS
SELECT
	name, position,
	(SELECT coalesce(max(position), 0) FROM history) - position AS lag
FROM cursor
ORDER BY name;
