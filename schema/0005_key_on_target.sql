-- SPDX-License-Identifier: Apache-2.0
--
-- Keys that are made on the server: the order has the server's request in place of a key,
-- and its certificate no key at all.

ALTER TABLE "order" ADD COLUMN is_key_on_target INTEGER NOT NULL DEFAULT 0
	CHECK (is_key_on_target IN (0, 1));
-- PKCS #10, DER: there before the CA hears of the order.
ALTER TABLE "order" ADD COLUMN csr BLOB;

-- The same table, but key_id may be NULL. Orders and deliveries point to it: until the
-- commit, in which all is as it was, that may be wrong.
PRAGMA defer_foreign_keys = ON;
CREATE TABLE certificate_0005 AS SELECT * FROM certificate;
DROP TABLE certificate;
CREATE TABLE certificate (
	id INTEGER PRIMARY KEY,
	order_id INTEGER NOT NULL UNIQUE REFERENCES "order" (id),
	key_id INTEGER UNIQUE REFERENCES key (id),
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
INSERT INTO certificate SELECT * FROM certificate_0005 ORDER BY id;
DROP TABLE certificate_0005;
CREATE INDEX certificate_history ON certificate (name, host, id);
