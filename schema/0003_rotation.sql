-- SPDX-License-Identifier: Apache-2.0
--
-- A deploy key that takes the place of another: one such change at a time, and how far it
-- has come at each host. Both rows of `key` stand while it lasts; the new one is used for
-- deliveries from is_switched on, and the old one is removed at the end.

CREATE TABLE rotation (
	id INTEGER PRIMARY KEY CHECK (id = 1),
	old_key_id INTEGER NOT NULL UNIQUE REFERENCES key (id),
	new_key_id INTEGER NOT NULL UNIQUE REFERENCES key (id),
	is_switched INTEGER NOT NULL CHECK (is_switched IN (0, 1)),
	started_at INTEGER NOT NULL,
	CHECK (old_key_id <> new_key_id)
) STRICT;

-- A host without a row is one that waits.
CREATE TABLE rotation_host (
	host TEXT PRIMARY KEY NOT NULL,
	state TEXT NOT NULL CHECK (state IN ('waits', 'added', 'by hand', 'proved', 'done')),
	at INTEGER NOT NULL,
	text TEXT NOT NULL
) STRICT;
