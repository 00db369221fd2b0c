-- SPDX-License-Identifier: Apache-2.0
--
-- Which way a host took certificates when it was asked last, so that it is not asked at
-- every visit. A host without a row was not asked, or has answered otherwise since.

CREATE TABLE host_transport (
	host TEXT PRIMARY KEY NOT NULL,
	transport TEXT NOT NULL CHECK (transport IN ('shell', 'agent')),
	version TEXT NOT NULL,
	asked_at INTEGER NOT NULL
) STRICT;
