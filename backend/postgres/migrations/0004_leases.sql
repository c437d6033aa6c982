-- Who works on which rack. A row stays when its lease ends, so that its token never goes back; what has expired belongs to nobody.

CREATE TABLE lease (
	rack    text        COLLATE "C" PRIMARY KEY,
	token   bigint      NOT NULL,
	owner   text        COLLATE "C" NOT NULL,
	expires timestamptz NOT NULL
);
CREATE INDEX lease_owner ON lease (owner);

-- The controllers. A commit under a lease holds the row of its owner, and whoever takes a lease from an owner waits for that.
CREATE TABLE owner (
	name    text        COLLATE "C" PRIMARY KEY,
	expires timestamptz NOT NULL
);

CREATE VIEW leases AS
SELECT rack, owner, token, expires
FROM lease
WHERE expires > clock_timestamp()
ORDER BY rack;
