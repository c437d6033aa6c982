-- The tables of a store. Times are microseconds since 1970-01-01 UTC, NULL where there is none. No STRICT tables and no other recent
-- feature: the sqlite3 command of an old distribution must be able to read the file.

CREATE TABLE rack (
	number INTEGER PRIMARY KEY,
	id     TEXT NOT NULL UNIQUE
);

-- What a change of state rewrites, kept narrow. The key is the number of the rack shifted left by 20, plus a running index: a rack and
-- what is inside it are neighbours, and so are the pages that a pass over the rack touches. An object that appears again in another
-- rack keeps its key, so the column rack says where it is. An empty state marks a tombstone.
CREATE TABLE object (
	key         INTEGER PRIMARY KEY,
	kind        TEXT NOT NULL,
	id          TEXT NOT NULL,
	rack        INTEGER NOT NULL,
	state       TEXT NOT NULL,
	since       INTEGER,
	version     INTEGER NOT NULL,
	transitions INTEGER NOT NULL,
	outcome     TEXT NOT NULL,
	reason      TEXT NOT NULL,
	outcome_at  INTEGER,
	over_sla    INTEGER NOT NULL
);
CREATE UNIQUE INDEX object_name ON object (kind, id);
CREATE INDEX object_rack ON object (rack, kind, id);

-- The typed rest of an object as JSON text, apart from the object because most commits do not change it.
CREATE TABLE record (
	object INTEGER PRIMARY KEY,
	data   BLOB NOT NULL
);

-- Only ever appended. It has one index and no more: each costs a fifth of the throughput.
CREATE TABLE history (
	position   INTEGER PRIMARY KEY,
	object     INTEGER NOT NULL,
	rack       INTEGER NOT NULL,
	seq        INTEGER NOT NULL,
	from_state TEXT NOT NULL,
	to_state   TEXT NOT NULL,
	at         INTEGER,
	"trigger"  TEXT NOT NULL,
	initiator  TEXT NOT NULL,
	note       TEXT NOT NULL
);
CREATE INDEX history_object ON history (object);

-- The order of posting is the order of number. Results is a JSON list.
CREATE TABLE request (
	number       INTEGER PRIMARY KEY,
	id           TEXT NOT NULL,
	kind         TEXT NOT NULL,
	object       TEXT NOT NULL,
	rack         TEXT NOT NULL,
	type         TEXT NOT NULL,
	state        TEXT NOT NULL,
	initiator    TEXT NOT NULL,
	reference    TEXT NOT NULL,
	cycle        TEXT NOT NULL,
	at           INTEGER,
	started_at   INTEGER,
	ended_at     INTEGER,
	cancelled_by TEXT NOT NULL,
	reason       TEXT NOT NULL,
	params       BLOB,
	results      BLOB
);
CREATE UNIQUE INDEX request_name ON request (id, kind, object);
CREATE INDEX request_object ON request (kind, object);
CREATE INDEX request_open ON request (kind, object) WHERE state IN ('pending', 'started');
