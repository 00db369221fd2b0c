/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/policy.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* A policy that was taken has no slot without names and directory, no service without a
 * reload, and no key that everybody may read. */
static void look(const struct policy *policy)
{
	for (size_t i = 0; i < policy->slot_count; i++) {
		const struct policy_slot *slot = &policy->slots[i];

		if (slot->names.len == 0 || slot->directory[0] != '/' ||
		    strstr(slot->directory, "/../") || (slot->mode & 037) ||
		    policy_slot(policy, slot->name) != slot)
			abort();
	}
	for (size_t i = 0; i < policy->service_count; i++)
		if (policy->services[i].run[POLICY_RELOAD].argv.len == 0)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	AUTO_STRLIST struct strlist problems = { 0 };
	AUTO_POLICY struct policy *policy = NULL;

	if (len > POLICY_BYTES_MAX)
		return 0;
	policy = policy_parse("p", (const char *)bytes, len, &problems);
	/* One or the other, never both. */
	if (!policy == (problems.len == 0))
		abort();
	if (policy)
		look(policy);
	return 0;
}
