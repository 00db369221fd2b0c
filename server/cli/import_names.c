/* SPDX-License-Identifier: Apache-2.0 */
#include "import.h"

/* clang-format off */
const struct import_row import_rows[IMPORT_PROVIDER_COUNT] = {
	[IMPORT_CLOUDFLARE] = { "cloudflare", "cloudflare", { "api-token" }, NULL },
	[IMPORT_RFC2136] = { "rfc2136", "rfc2136", { "server", "tsig-key" }, NULL },
	[IMPORT_POWERDNS] = { "powerdns", "powerdns", { "api-url", "api-key" }, NULL },
	[IMPORT_ACME_DNS] = { "acme_dns", "acme-dns",
	  { "api-url", "username", "password", "subdomain" },
	  "lego and certbot keep the accounts in a JSON file of their own "
	  "(ACME_DNS_STORAGE_PATH): write each as ACMEDNS_USERNAME, ACMEDNS_PASSWORD, "
	  "ACMEDNS_SUBDOMAIN" },
};

static const struct import_name names[] = {
	/* lego; its CLOUDFLARE_ is an alias of CF_ */
	{ "CF_DNS_API_TOKEN", IMPORT_CLOUDFLARE, "api-token", IMPORT_SECRET },
	{ "CLOUDFLARE_DNS_API_TOKEN", IMPORT_CLOUDFLARE, "api-token", IMPORT_SECRET },
	{ "CF_ZONE_API_TOKEN", IMPORT_CLOUDFLARE, "zone-token", IMPORT_SECRET },
	{ "CLOUDFLARE_ZONE_API_TOKEN", IMPORT_CLOUDFLARE, "zone-token", IMPORT_SECRET },
	{ "CLOUDFLARE_BASE_URL", IMPORT_CLOUDFLARE, "api-url", IMPORT_URL },
	{ "CF_API_EMAIL", IMPORT_CLOUDFLARE, NULL, IMPORT_REFUSED },
	{ "CF_API_KEY", IMPORT_CLOUDFLARE, NULL, IMPORT_REFUSED },
	{ "CLOUDFLARE_EMAIL", IMPORT_CLOUDFLARE, NULL, IMPORT_REFUSED },
	{ "CLOUDFLARE_API_KEY", IMPORT_CLOUDFLARE, NULL, IMPORT_REFUSED },
	{ "RFC2136_NAMESERVER", IMPORT_RFC2136, "server", IMPORT_SERVER },
	{ "RFC2136_TSIG_KEY", IMPORT_RFC2136, "tsig-name", IMPORT_KEY_NAME },
	{ "RFC2136_TSIG_SECRET", IMPORT_RFC2136, "tsig-key", IMPORT_SECRET },
	{ "RFC2136_TSIG_ALGORITHM", IMPORT_RFC2136, "tsig-algorithm", IMPORT_ALGORITHM },
	{ "RFC2136_TSIG_FILE", IMPORT_RFC2136, "tsig-key", IMPORT_KEY_FILE },
	{ "PDNS_API_URL", IMPORT_POWERDNS, "api-url", IMPORT_URL },
	{ "PDNS_API_KEY", IMPORT_POWERDNS, "api-key", IMPORT_SECRET },
	{ "PDNS_SERVER_NAME", IMPORT_POWERDNS, "server-id", IMPORT_TEXT },
	{ "ACME_DNS_API_BASE", IMPORT_ACME_DNS, "api-url", IMPORT_URL },
	/* other tools that speak to Cloudflare: Caddy, octoDNS, wrangler, flarectl */
	{ "CLOUDFLARE_API_TOKEN", IMPORT_CLOUDFLARE, "api-token", IMPORT_SECRET },
	{ "CF_API_TOKEN", IMPORT_CLOUDFLARE, "api-token", IMPORT_SECRET },
	/* certbot */
	{ "dns_cloudflare_api_token", IMPORT_CLOUDFLARE, "api-token", IMPORT_SECRET },
	{ "dns_cloudflare_email", IMPORT_CLOUDFLARE, NULL, IMPORT_REFUSED },
	{ "dns_cloudflare_api_key", IMPORT_CLOUDFLARE, NULL, IMPORT_REFUSED },
	{ "dns_rfc2136_server", IMPORT_RFC2136, "server", IMPORT_SERVER },
	{ "dns_rfc2136_port", IMPORT_RFC2136, "port", IMPORT_PORT },
	{ "dns_rfc2136_name", IMPORT_RFC2136, "tsig-name", IMPORT_KEY_NAME },
	{ "dns_rfc2136_secret", IMPORT_RFC2136, "tsig-key", IMPORT_SECRET },
	{ "dns_rfc2136_algorithm", IMPORT_RFC2136, "tsig-algorithm", IMPORT_ALGORITHM },
	{ "dns_powerdns_api_url", IMPORT_POWERDNS, "api-url", IMPORT_URL },
	{ "dns_powerdns_api_key", IMPORT_POWERDNS, "api-key", IMPORT_SECRET },
	{ "dns_powerdns_server_id", IMPORT_POWERDNS, "server-id", IMPORT_TEXT },
	{ "dns_acmedns_api_url", IMPORT_ACME_DNS, "api-url", IMPORT_URL },
	/* acme.sh; in its account.conf most have SAVED_ in front */
	{ "CF_Token", IMPORT_CLOUDFLARE, "api-token", IMPORT_SECRET },
	{ "CF_Zone_ID", IMPORT_CLOUDFLARE, "zone-id", IMPORT_TEXT },
	{ "CF_Key", IMPORT_CLOUDFLARE, NULL, IMPORT_REFUSED },
	{ "CF_Email", IMPORT_CLOUDFLARE, NULL, IMPORT_REFUSED },
	{ "NSUPDATE_SERVER", IMPORT_RFC2136, "server", IMPORT_SERVER },
	{ "NSUPDATE_SERVER_PORT", IMPORT_RFC2136, "port", IMPORT_PORT },
	{ "NSUPDATE_KEY", IMPORT_RFC2136, "tsig-key", IMPORT_KEY_FILE },
	{ "PDNS_Url", IMPORT_POWERDNS, "api-url", IMPORT_URL },
	{ "PDNS_Token", IMPORT_POWERDNS, "api-key", IMPORT_SECRET },
	{ "PDNS_ServerId", IMPORT_POWERDNS, "server-id", IMPORT_TEXT },
	{ "ACMEDNS_BASE_URL", IMPORT_ACME_DNS, "api-url", IMPORT_URL },
	{ "ACMEDNS_UPDATE_URL", IMPORT_ACME_DNS, "api-url", IMPORT_URL },
	{ "ACMEDNS_USERNAME", IMPORT_ACME_DNS, "username", IMPORT_TEXT },
	{ "ACMEDNS_PASSWORD", IMPORT_ACME_DNS, "password", IMPORT_SECRET },
	{ "ACMEDNS_SUBDOMAIN", IMPORT_ACME_DNS, "subdomain", IMPORT_TEXT },
};
/* clang-format on */

const struct import_name *import_name_find(const char *name)
{
	static const char saved[] = "SAVED_";
	const char *colon = strrchr(name, ':');

	/* certbot of old put the plugin's name in front. */
	if (colon)
		name = colon + 1;
	if (str_starts(name, saved))
		name += sizeof(saved) - 1;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (str_eq(names[i].name, name))
			return &names[i];
	return NULL;
}
