-- Views for people who read the file with the sqlite3 command. Programs of the module do not use them.

CREATE VIEW objects AS
SELECT
	r.id AS rack,
	o.kind AS kind,
	o.id AS id,
	o.state AS state,
	strftime('%Y-%m-%dT%H:%M:%S', o.since / 1000000, 'unixepoch') || printf('.%06dZ', o.since % 1000000) AS since,
	printf('%dd%02dh%02dm',
		max(0, strftime('%s', 'now') - o.since / 1000000) / 86400,
		max(0, strftime('%s', 'now') - o.since / 1000000) / 3600 % 24,
		max(0, strftime('%s', 'now') - o.since / 1000000) / 60 % 60) AS time_in_state,
	o.outcome AS outcome,
	o.reason AS reason,
	o.over_sla AS over_sla,
	o.version AS version,
	o.transitions AS transitions,
	CAST(d.data AS TEXT) AS data
FROM rack r
CROSS JOIN object o ON o.rack = r.number
LEFT JOIN record d ON d.object = o.key
WHERE o.state <> ''
ORDER BY r.id, o.kind, o.id;

CREATE VIEW transitions AS
SELECT
	h.position AS position,
	strftime('%Y-%m-%dT%H:%M:%S', h.at / 1000000, 'unixepoch') || printf('.%06dZ', h.at % 1000000) AS at,
	r.id AS rack,
	o.kind AS kind,
	o.id AS id,
	h.seq AS seq,
	h.from_state AS from_state,
	h.to_state AS to_state,
	h."trigger" AS "trigger",
	h.initiator AS initiator,
	h.note AS note
FROM history h
CROSS JOIN object o ON o.key = h.object
CROSS JOIN rack r ON r.number = h.rack
ORDER BY h.position;

CREATE VIEW requests AS
SELECT
	id, rack, kind, object, type, state, initiator, reference, cycle,
	strftime('%Y-%m-%dT%H:%M:%S', at / 1000000, 'unixepoch') || printf('.%06dZ', at % 1000000) AS at,
	strftime('%Y-%m-%dT%H:%M:%S', started_at / 1000000, 'unixepoch') || printf('.%06dZ', started_at % 1000000) AS started_at,
	strftime('%Y-%m-%dT%H:%M:%S', ended_at / 1000000, 'unixepoch') || printf('.%06dZ', ended_at % 1000000) AS ended_at,
	cancelled_by, reason,
	CAST(params AS TEXT) AS params,
	CAST(results AS TEXT) AS results
FROM request
ORDER BY number;
