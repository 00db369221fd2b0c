/* SPDX-License-Identifier: Apache-2.0 */
#include "load.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/str.h"
#include "provider/wire.h"

/* Members of the first version: less is no provider. */
#define SIZE_V1 (offsetof(struct dns_provider, cleanup) + sizeof(void *))

static bool is_trusted(const char *shown, const char *path, mode_t type, struct err *err)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return err_set_errno(err, ERR_CONFIG, "%s", shown);
	if ((st.st_mode & S_IFMT) != type)
		return err_set(err, ERR_CONFIG, "%s: not a %s", shown,
		               type == S_IFDIR ? "directory" : "regular file");
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return err_set(err, ERR_CONFIG,
		               "%s: others than its owner can change it; chmod go-w it",
		               shown);
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return err_set(err, ERR_CONFIG,
		               "%s: belongs to user %u; chown it to root", shown,
		               st.st_uid);
	return true;
}

bool load_check(const char *dir, const char *name, struct err *err)
{
	char file[72], shown[300];

	/* A name, never a path: configuration cannot reach another directory. */
	if (!str_is_made_of(name, "abcdefghijklmnopqrstuvwxyz0123456789_", 1, 64))
		return err_set(err, ERR_CONFIG,
		               "'%.64s' is not a provider name (a-z, 0-9 and _)", name);
	if (!is_trusted(dir, dir, S_IFDIR, err))
		return false;
	if (chdir(dir) < 0)
		return err_set_errno(err, ERR_CONFIG, "%s", dir);
	snprintf(file, sizeof(file), "%.64s.so", name);
	snprintf(shown, sizeof(shown), "%.200s/%s", dir, file);
	return is_trusted(shown, file, S_IFREG, err);
}

static bool is_whole(const struct dns_provider *provider, const char *dir,
                     const char *name, struct err *err)
{
	const char *lacks = !provider->options   ? "options"
	                    : !provider->present ? "present"
	                    : !provider->cleanup ? "cleanup"
	                                         : NULL;

	if (!provider->name || strcmp(provider->name, name) != 0)
		return err_set(err, ERR_CONFIG, "%s/%s.so: calls itself '%.64s'", dir,
		               name, provider->name ? provider->name : "");
	if (lacks)
		return err_set(err, ERR_CONFIG, "%s/%s.so: not a whole provider: no %s",
		               dir, name, lacks);
	if (provider->requests_max == 0 && provider->requests_window_s == 0)
		return true;
	if (provider->requests_max < 1 || provider->requests_max > WIRE_REQUESTS_MAX ||
	    provider->requests_window_s < 1 ||
	    provider->requests_window_s > WIRE_WINDOW_MAX)
		return err_set(err, ERR_CONFIG,
		               "%s/%s.so: a limit of %u requests in %u s is none that "
		               "can be kept",
		               dir, name, provider->requests_max,
		               provider->requests_window_s);
	return true;
}

bool load_open(const char *dir, const char *name, struct dns_provider *out,
               struct err *err)
{
	char path[WIRE_NAME_MAX + 8];
	const struct dns_provider *found;
	void *lib;

	snprintf(path, sizeof(path), "./%s.so", name);
	lib = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!lib)
		return err_set(err, ERR_CONFIG, "%s: %s", dir, dlerror());
	found = dlsym(lib, "dns_provider_v1");
	if (!found)
		return err_set(err, ERR_CONFIG, "%s/%s.so: no dns_provider_v1 in it", dir,
		               name);
	if (found->abi != DNS_PROVIDER_ABI || found->size < SIZE_V1)
		return err_set(
		    err, ERR_CONFIG,
		    "%s/%s.so: built for ABI %u, %u bytes; wanted %d, at least "
		    "%zu",
		    dir, name, found->abi, found->size, DNS_PROVIDER_ABI, SIZE_V1);

	/* An older provider is shorter: what it lacks reads as NULL. */
	*out = (struct dns_provider){ 0 };
	memcpy(out, found, found->size < sizeof(*out) ? found->size : sizeof(*out));
	return is_whole(out, dir, name, err);
}
