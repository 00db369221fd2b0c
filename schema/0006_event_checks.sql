-- SPDX-License-Identifier: Apache-2.0
--
-- What `certferry status` asks for each place: the newest of the events that say how a look
-- before an order ended (store_event_blocked()). Events are never removed; these are few.

CREATE INDEX event_checks ON event (certificate, host, id)
	WHERE name IN ('order.planned', 'order.blocked', 'order.postponed');
