/* SPDX-License-Identifier: Apache-2.0 */
#include "engine.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"

bool engine_paths_find(struct engine_paths *out, struct err *err)
{
	char self[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (len < 0)
		return err_set_errno(err, ERR_INTERNAL,
		                     "/proc/self/exe (is /proc mounted?)");
	self[len] = '\0';
	/* PREFIX/bin/certferry */
	for (int i = 0; i < 2 && (slash = strrchr(self, '/')); i++)
		*slash = '\0';
	out->dns_host = xasprintf("%s/libexec/certferry/certferry-dns-host", self);
	out->ssh_worker = xasprintf("%s/libexec/certferry/certferry-ssh-worker", self);
	out->agent = xasprintf("%s/sbin/certferry-agent", self);
	out->plugins = xasprintf("%s/lib/certferry/plugins", self);
	if (!fs_exists(out->dns_host) || !fs_exists(out->ssh_worker))
		return err_set(err, ERR_INTERNAL,
		               "%s is missing: the installation is not whole, install "
		               "certferry again",
		               fs_exists(out->dns_host) ? out->ssh_worker
		                                        : out->dns_host);
	return true;
}

void engine_paths_deinit(struct engine_paths *paths)
{
	free(paths->dns_host);
	free(paths->ssh_worker);
	free(paths->agent);
	free(paths->plugins);
	*paths = (struct engine_paths){ 0 };
}
