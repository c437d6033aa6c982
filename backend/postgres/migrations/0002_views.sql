-- Views for people. Programs of the module do not use them.

CREATE VIEW objects AS
SELECT
	o.rack, o.kind, o.id, o.state, o.since,
	(SELECT format('%sd%sh%sm', s / 86400, lpad((s / 3600 % 24)::text, 2, '0'), lpad((s / 60 % 60)::text, 2, '0'))
		FROM (SELECT greatest(0, floor(extract(epoch FROM now() - o.since)))::bigint AS s) AS elapsed) AS time_in_state,
	o.outcome, o.reason, o.over_sla, o.version, o.transitions,
	convert_from(d.data, 'UTF8') AS data
FROM object o
LEFT JOIN record d ON d.object = o.key
WHERE o.state <> ''
ORDER BY o.rack, o.kind, o.id;

CREATE VIEW transitions AS
SELECT
	h.position, h.at, h.rack, o.kind, o.id, h.seq, h.from_state, h.to_state, h."trigger", h.initiator, h.note
FROM history h
JOIN object o ON o.key = h.object
ORDER BY h.position;

CREATE VIEW requests AS
SELECT
	id, rack, kind, object, type, state, initiator, reference, cycle, at, started_at, ended_at, cancelled_by, reason,
	convert_from(params, 'UTF8') AS params,
	convert_from(results, 'UTF8') AS results
FROM request
ORDER BY number;
