-- SPDX-License-Identifier: Apache-2.0
--
-- The first schema. States, key types and kinds of error are the texts of the
-- tables in server/. Times are seconds since the epoch, or milliseconds where
-- the name ends in _ms. Of columns that may be absent, ids and texts are NULL
-- then; a profile is '' where there is none, since a unique index takes two
-- NULLs for different. What lies in a column named "sealed" is sealed with its
-- own table, row and column (server/crypto/seal.h).

PRAGMA application_id = 0x43457246;

-- A known text, sealed: how a wrong sealing key is recognized.
CREATE TABLE sealing_check (
	id INTEGER PRIMARY KEY CHECK (id = 1),
	sealed BLOB NOT NULL
) STRICT;

-- A public key stands here once, whatever it is for.
CREATE TABLE key (
	id INTEGER PRIMARY KEY,
	purpose TEXT NOT NULL CHECK (purpose IN ('account', 'certificate', 'ssh')),
	type TEXT NOT NULL,
	spki_sha256 BLOB NOT NULL UNIQUE CHECK (length(spki_sha256) = 32),
	sealed BLOB NOT NULL CHECK (length(sealed) > 61),
	created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE account (
	id INTEGER PRIMARY KEY,
	directory TEXT NOT NULL UNIQUE,
	key_id INTEGER NOT NULL UNIQUE REFERENCES key (id),
	url TEXT,
	eab_kid TEXT
) STRICT;

-- claim is the token of the worker that has the row, 0 where none has. token
-- grows with each claim, so that a save by one who lost it can be told.
CREATE TABLE "order" (
	id INTEGER PRIMARY KEY,
	certificate TEXT NOT NULL CHECK (certificate <> ''),
	host TEXT NOT NULL CHECK (host <> ''),
	ca TEXT NOT NULL,
	dns TEXT NOT NULL,
	profile TEXT NOT NULL,
	names TEXT NOT NULL CHECK (names <> ''),
	key_type TEXT NOT NULL,
	intent TEXT NOT NULL,
	reason TEXT,
	account_id INTEGER REFERENCES account (id),
	key_id INTEGER UNIQUE REFERENCES key (id),
	url TEXT,
	finalize_url TEXT,
	certificate_url TEXT,
	certificate_id INTEGER UNIQUE REFERENCES certificate (id),
	state TEXT NOT NULL CHECK (state IN ('wait', 'create', 'publish', 'spread',
		'answer', 'validate', 'finalize', 'collect', 'tidy', 'done')),
	state_since_ms INTEGER NOT NULL,
	began_at_ms INTEGER,
	run_at_ms INTEGER NOT NULL,
	attempts INTEGER NOT NULL CHECK (attempts >= 0),
	polls INTEGER NOT NULL CHECK (polls >= 0),
	last_kind TEXT NOT NULL,
	last_code TEXT NOT NULL,
	last_msg TEXT NOT NULL,
	last_retry_after INTEGER NOT NULL,
	last_at INTEGER NOT NULL,
	created_at INTEGER NOT NULL,
	token INTEGER NOT NULL DEFAULT 0,
	claim INTEGER NOT NULL DEFAULT 0,
	-- The URL is committed before anything is done with it.
	CHECK ((account_id IS NOT NULL AND url IS NOT NULL) OR state IN
		('wait', 'create', 'tidy', 'done'))
) STRICT;

CREATE UNIQUE INDEX order_in_flight ON "order" (account_id, profile, names)
	WHERE state NOT IN ('wait', 'done');
-- One that is tidied up has come to its end: the next need not wait for that.
CREATE UNIQUE INDEX order_open ON "order" (certificate, host)
	WHERE state NOT IN ('tidy', 'done');
CREATE INDEX order_due ON "order" (run_at_ms, id) WHERE state <> 'done';
CREATE INDEX order_history ON "order" (certificate, host, id);

CREATE TABLE order_name (
	order_id INTEGER NOT NULL REFERENCES "order" (id),
	name TEXT NOT NULL,
	PRIMARY KEY (order_id, name)
) STRICT;

CREATE TABLE authz (
	id INTEGER PRIMARY KEY,
	order_id INTEGER NOT NULL REFERENCES "order" (id),
	name TEXT NOT NULL,
	url TEXT NOT NULL,
	challenge_url TEXT,
	txt_name TEXT,
	txt_value TEXT,
	zone TEXT,
	is_answered INTEGER NOT NULL CHECK (is_answered IN (0, 1)),
	is_valid INTEGER NOT NULL CHECK (is_valid IN (0, 1)),
	UNIQUE (order_id, name)
) STRICT;

-- Names that a CA has seen proved, and until when it needs no proof again.
CREATE TABLE proved (
	account_id INTEGER NOT NULL REFERENCES account (id),
	profile TEXT NOT NULL,
	name TEXT NOT NULL,
	until INTEGER NOT NULL,
	PRIMARY KEY (account_id, profile, name)
) STRICT;

-- The ledger: a value stands here before it is set, and until it was removed.
-- An id is not given again: who is about to remove a row must not hit another.
CREATE TABLE txt (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	order_id INTEGER NOT NULL REFERENCES "order" (id),
	dns TEXT NOT NULL,
	zone TEXT NOT NULL,
	name TEXT NOT NULL,
	value TEXT NOT NULL,
	state TEXT NOT NULL CHECK (state IN ('wanted', 'set', 'unwanted')),
	created_at INTEGER NOT NULL,
	UNIQUE (order_id, dns, zone, name, value)
) STRICT;
CREATE INDEX txt_state ON txt (state, id);
CREATE INDEX txt_value ON txt (name, value);

CREATE TABLE certificate (
	id INTEGER PRIMARY KEY,
	order_id INTEGER NOT NULL UNIQUE REFERENCES "order" (id),
	key_id INTEGER NOT NULL UNIQUE REFERENCES key (id),
	name TEXT NOT NULL,
	host TEXT NOT NULL,
	names TEXT NOT NULL CHECK (names <> ''),
	key_type TEXT NOT NULL,
	ca TEXT NOT NULL,
	intent TEXT NOT NULL,
	serial TEXT NOT NULL,
	issuer TEXT NOT NULL,
	sha256 BLOB NOT NULL UNIQUE CHECK (length(sha256) = 32),
	not_before INTEGER NOT NULL,
	not_after INTEGER NOT NULL CHECK (not_after > not_before),
	cert_pem TEXT NOT NULL,
	chain_pem TEXT NOT NULL,
	created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX certificate_history ON certificate (name, host, id);

CREATE TABLE delivery (
	id INTEGER PRIMARY KEY,
	certificate TEXT NOT NULL,
	host TEXT NOT NULL,
	wanted_id INTEGER REFERENCES certificate (id),
	installed_id INTEGER REFERENCES certificate (id),
	installed_at INTEGER NOT NULL,
	installed_setup TEXT,
	reason TEXT,
	served_sha256 BLOB CHECK (length(served_sha256) = 32),
	served TEXT,
	served_at INTEGER NOT NULL,
	is_served INTEGER NOT NULL CHECK (is_served IN (0, 1)),
	state TEXT NOT NULL CHECK (state IN ('push', 'verify', 'done')),
	run_at_ms INTEGER NOT NULL,
	attempts INTEGER NOT NULL CHECK (attempts >= 0),
	last_kind TEXT NOT NULL,
	last_code TEXT NOT NULL,
	last_msg TEXT NOT NULL,
	last_retry_after INTEGER NOT NULL,
	last_at INTEGER NOT NULL,
	token INTEGER NOT NULL DEFAULT 0,
	claim INTEGER NOT NULL DEFAULT 0,
	UNIQUE (certificate, host),
	CHECK (wanted_id IS NOT NULL OR state = 'done')
) STRICT;
CREATE INDEX delivery_due ON delivery (run_at_ms, id) WHERE state <> 'done';
CREATE INDEX delivery_host ON delivery (host);

CREATE TABLE host_key (
	host TEXT NOT NULL,
	position INTEGER NOT NULL,
	type TEXT NOT NULL,
	blob BLOB NOT NULL CHECK (length(blob) > 0),
	enrolled_at INTEGER NOT NULL,
	how TEXT NOT NULL,
	PRIMARY KEY (host, position)
) STRICT;

-- Nothing is ever removed, so an id is never given again.
CREATE TABLE event (
	id INTEGER PRIMARY KEY,
	at INTEGER NOT NULL,
	name TEXT NOT NULL CHECK (name <> ''),
	certificate TEXT,
	host TEXT,
	order_id INTEGER,
	text TEXT NOT NULL
) STRICT;

CREATE TRIGGER event_stays_as_it_is BEFORE UPDATE ON event
BEGIN
	SELECT RAISE(ABORT, 'an event is never changed');
END;
CREATE TRIGGER event_stays BEFORE DELETE ON event
BEGIN
	SELECT RAISE(ABORT, 'an event is never removed');
END;
