/* SPDX-License-Identifier: Apache-2.0 */
#include "accept.h"

#include "base/clock.h"

bool accept_names(const struct policy_slot *slot, const struct strlist *names,
                  struct err *err)
{
	for (size_t i = 0; i < names->len; i++)
		if (!policy_allows(slot, names->items[i]))
			return err_set(
			    err, ERR_DENIED,
			    "this server's policy does not allow the name %s in "
			    "slot %s",
			    names->items[i], slot->name);
	return true;
}

static bool check_age(const struct policy_slot *slot, const struct cert *cert,
                      const struct cert *installed, struct err *err)
{
	char theirs[CLOCK_TEXT], ours[CLOCK_TEXT];

	if (!installed || slot->may_be_older || cert->not_before >= installed->not_before)
		return true;
	return err_set(err, ERR_DENIED,
	               "the certificate is from %s and the installed one from %s; the "
	               "policy says older: refuse",
	               clock_format(cert->not_before, theirs),
	               clock_format(installed->not_before, ours));
}

bool accept_check(const struct policy_slot *slot, const struct cert *cert,
                  const struct key *key, const struct cert *installed, int64_t now,
                  struct err *err)
{
	if (!accept_names(slot, &cert->names, err))
		return false;
	if (key_type_get(key) == KEY_ED25519)
		return err_set(err, ERR_REMOTE, "an Ed25519 key, which is for SSH");
	return cert_check(cert, key, &cert->names, now, err) &&
	       check_age(slot, cert, installed, err);
}
