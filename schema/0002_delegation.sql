-- SPDX-License-Identifier: Apache-2.0
--
-- Delegation, a list of dns entries, records that a person sets, and a provider's pace.

-- "order".dns holds names joined by "," from now on. waits_for: whom an order that is
-- spreading waits for, in words.
ALTER TABLE "order" ADD COLUMN alias TEXT;
ALTER TABLE "order" ADD COLUMN waits_for TEXT;

-- Where the record is made, by which entry, and which entries refused for good.
ALTER TABLE authz ADD COLUMN target TEXT;
ALTER TABLE authz ADD COLUMN dns TEXT;
ALTER TABLE authz ADD COLUMN refused TEXT;
-- What is on its way goes on as it began: without a CNAME, at the one entry.
UPDATE authz SET target = txt_name,
	dns = (SELECT o.dns FROM "order" AS o WHERE o.id = authz.order_id)
	WHERE zone IS NOT NULL;

-- The ledger anew: a row may belong to no order but to a check, a person may be asked to
-- set a value or to remove one, and challenge is the name that is proved where name is
-- elsewhere. An id is still not given again.
CREATE TABLE txt_0002 (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	order_id INTEGER REFERENCES "order" (id),
	dns TEXT NOT NULL,
	zone TEXT NOT NULL,
	name TEXT NOT NULL,
	value TEXT NOT NULL,
	challenge TEXT,
	state TEXT NOT NULL CHECK (state IN
		('wanted', 'set', 'unwanted', 'asked', 'left')),
	created_at INTEGER NOT NULL,
	UNIQUE (order_id, dns, zone, name, value)
) STRICT;
INSERT INTO txt_0002 (id, order_id, dns, zone, name, value, state, created_at)
	SELECT id, order_id, dns, zone, name, value, state, created_at FROM txt;
DELETE FROM sqlite_sequence WHERE name = 'txt_0002';
INSERT INTO sqlite_sequence (name, seq)
	SELECT 'txt_0002', seq FROM sqlite_sequence WHERE name = 'txt';
DROP TABLE txt;
ALTER TABLE txt_0002 RENAME TO txt;
CREATE INDEX txt_state ON txt (state, id);
CREATE INDEX txt_value ON txt (name, value);

-- What a credential has spent of its provider's limit, and until when that counts.
CREATE TABLE pace_spent (
	dns TEXT NOT NULL,
	at INTEGER NOT NULL,
	until INTEGER NOT NULL CHECK (until > at),
	requests INTEGER NOT NULL CHECK (requests > 0),
	PRIMARY KEY (dns, until, at)
) STRICT;

-- Before this time the provider wants to hear nothing.
CREATE TABLE pace_hold (
	dns TEXT PRIMARY KEY NOT NULL,
	until INTEGER NOT NULL
) STRICT;
