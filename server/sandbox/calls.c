/* SPDX-License-Identifier: Apache-2.0 */
#include <asm/sockios.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "parts.h"

/*
 * Three answers. Allowed, by name. Refused with EPERM: what a library may try and
 * can do without. Killed: what only an attacker asks for. Anything else answers
 * ENOSYS, as on an older kernel, so that the C library falls back to the
 * call it used before (clone3, openat2, epoll_pwait2, and those to come).
 */

/* clang-format off */
static const char *const allowed[] = {
	/* reading, writing, waiting */
	"read", "readv", "write", "writev", "close", "close_range", "lseek", "pread64",
	"poll", "ppoll", "select", "pselect6", "fstat", "newfstatat", "statx",
	"recvfrom", "getsockopt", "setsockopt", "getsockname", "getpeername", "shutdown",
	/* memory and threads that are there */
	"munmap", "mremap", "madvise", "brk", "futex", "set_robust_list", "rseq",
	"membarrier", "sched_yield", "sched_getaffinity",
	/* oneself and the time */
	"getpid", "gettid", "getppid", "getuid", "geteuid", "getgid", "getegid",
	"getrandom", "clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep",
	"gettimeofday", "time", "uname", "sysinfo", "getrlimit",
	/* signals and the end */
	"rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigpending", "sigaltstack",
	"restart_syscall", "exit", "exit_group", NULL
};

/* Beside these for one that connects out and loads its plugin. */
static const char *const allowed_client[] = {
	"connect", "bind", "sendto", "sendmsg", "sendmmsg", "recvmsg", "recvmmsg",
	"epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "pipe", "pipe2",
	"eventfd2", "dup", "access", "faccessat", "faccessat2", "stat", "lstat",
	"readlink", "readlinkat", "getdents64", "getcwd", "fadvise64", "statfs",
	"fstatfs", NULL
};

static const char *const refused[] = {
	/* other processes, and an alarm that somebody set for us */
	"fork", "vfork", "kill", "tkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo",
	"pidfd_open", "pidfd_send_signal", "setpgid", "setsid", "alarm", "setitimer",
	"timer_create", "setrlimit",
	/* files */
	"creat", "unlink", "unlinkat", "rename", "renameat", "renameat2", "link", "linkat",
	"symlink", "symlinkat", "mkdir", "mkdirat", "rmdir", "chmod", "fchmod", "fchmodat",
	"chown", "fchown", "lchown", "fchownat", "truncate", "ftruncate", "utimensat",
	"chdir", "fchdir", "setxattr", "memfd_create",
	/* a server, which a child never is */
	"listen", "accept", "accept4",
	/* users */
	"setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setgroups",
	"capset", NULL
};

/* For one whose sockets are open already. */
static const char *const refused_one_socket[] = {
	"open", "openat", "socket", "socketpair", "connect", "bind", "clone", "sendmsg",
	"sendmmsg", NULL
};

static const char *const killed[] = {
	"ptrace", "process_vm_readv", "process_vm_writev",
	"process_madvise", "pidfd_getfd", "kcmp", "bpf", "perf_event_open", "userfaultfd",
	"io_uring_setup", "io_uring_enter", "io_uring_register", "kexec_load",
	"kexec_file_load", "init_module", "finit_module", "delete_module", "mount",
	"umount2", "move_mount", "open_tree", "fsopen", "fsmount", "pivot_root", "chroot",
	"setns", "unshare", "open_by_handle_at", "name_to_handle_at", "keyctl", "add_key",
	"request_key", "reboot", "swapon", "swapoff", "acct", "quotactl", "iopl", "ioperm",
	"modify_ldt", "clock_settime", "settimeofday", "adjtimex", "clock_adjtime",
	"sethostname", "setdomainname", "syslog", "vhangup", "lookup_dcookie",
	 "fanotify_init", NULL
};

/* A program of the operator's may start others, and make pipes with a name. */
static const char *const killed_in_children[] = { "execve", "execveat", "mknod",
	                                          "mknodat", NULL };

/* clang-format on */

/* What a program leaves behind beyond its end, and signals by other ways than kill(). */
/* clang-format off */
static const char *const refused_program[] = {
	"shmget", "semget", "msgget", "mq_open", "rt_sigqueueinfo", "rt_tgsigqueueinfo",
	"pidfd_send_signal", NULL
};
/* clang-format on */

/* A call that is answered by its arguments. */
struct rule {
	const char *call;
	uint32_t action;
	unsigned count;
	struct scmp_arg_cmp args[3];
};

#define BITS(arg, mask, value)                                                         \
	{                                                                              \
		(arg), SCMP_CMP_MASKED_EQ, (scmp_datum_t)(mask), (scmp_datum_t)(value) \
	}
#define IS(arg, value)                                       \
	{                                                    \
		(arg), SCMP_CMP_EQ, (scmp_datum_t)(value), 0 \
	}
#define ALLOW  SCMP_ACT_ALLOW
#define REFUSE SCMP_ACT_ERRNO(EPERM)

enum { SOCK_TYPE = 0xf, WRITES = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | O_APPEND };

static const struct rule rules[] = {
	/* Memory is never made executable; only for_client maps libraries. */
	{ "mmap", ALLOW, 1, { BITS(2, PROT_EXEC, 0) } },
	{ "mprotect", ALLOW, 1, { BITS(2, PROT_EXEC, 0) } },
	{ "mprotect", REFUSE, 1, { BITS(2, PROT_EXEC, PROT_EXEC) } },
	{ "prlimit64", ALLOW, 2, { IS(0, 0), IS(2, 0) } },
	/* Not F_SETOWN and F_SETSIG, which send a signal of choice to any process. */
	{ "fcntl", ALLOW, 1, { IS(1, F_DUPFD) } },
	{ "fcntl", ALLOW, 1, { IS(1, F_DUPFD_CLOEXEC) } },
	{ "fcntl", ALLOW, 1, { IS(1, F_GETFD) } },
	{ "fcntl", ALLOW, 1, { IS(1, F_SETFD) } },
	{ "fcntl", ALLOW, 1, { IS(1, F_GETFL) } },
	{ "fcntl", ALLOW, 1, { IS(1, F_SETFL) } },
	{ "fcntl", REFUSE, 1, { IS(1, F_SETOWN) } },
	{ "ioctl", ALLOW, 1, { IS(1, FIONREAD) } },
	{ "ioctl", ALLOW, 1, { IS(1, FIONBIO) } },
	{ "prctl", ALLOW, 1, { IS(0, PR_SET_NAME) } },
	{ "prctl", ALLOW, 1, { IS(0, 0x53564d41 /* PR_SET_VMA */) } },
	{ "prctl", REFUSE, 1, { IS(0, PR_SET_DUMPABLE) } },
};

static const struct rule rules_client[] = {
	{ "mmap", ALLOW, 1, { BITS(2, PROT_WRITE, 0) } },
	{ "mmap",
	  REFUSE,
	  1,
	  { BITS(2, PROT_WRITE | PROT_EXEC, PROT_WRITE | PROT_EXEC) } },
	{ "open", ALLOW, 1, { BITS(1, WRITES, 0) } },
	{ "openat", ALLOW, 1, { BITS(2, WRITES, 0) } },
	{ "socket", ALLOW, 1, { IS(0, AF_INET) } },
	{ "socket", ALLOW, 1, { IS(0, AF_INET6) } },
	/* getaddrinfo asks the kernel which addresses we have. */
	{ "socket", ALLOW, 2, { IS(0, AF_NETLINK), IS(2, 0) } },
	{ "socket", REFUSE, 1, { IS(0, AF_UNIX) } },
	{ "socket", REFUSE, 1, { IS(0, AF_PACKET) } },
	/* curl wakes its own threads so; a datagram one could be sent elsewhere. */
	{ "socketpair", ALLOW, 2, { IS(0, AF_UNIX), BITS(1, SOCK_TYPE, SOCK_STREAM) } },
	{ "clone", ALLOW, 1, { BITS(0, CLONE_THREAD, CLONE_THREAD) } },
	{ "clone", REFUSE, 1, { BITS(0, CLONE_THREAD, 0) } },
};

static const struct rule rules_one_socket[] = {
	{ "mmap", REFUSE, 1, { BITS(2, PROT_EXEC, PROT_EXEC) } },
	/* send() on what is connected, nothing with an address. */
	{ "sendto", ALLOW, 1, { IS(4, 0) } },
};

/* No namespaces of its own: in one, a user may mount and be root. */
static const struct rule rules_program[] = {
	{ "clone", REFUSE, 1, { BITS(0, CLONE_NEWUSER, CLONE_NEWUSER) } },
	{ "clone", REFUSE, 1, { BITS(0, CLONE_NEWNS, CLONE_NEWNS) } },
	{ "clone", REFUSE, 1, { BITS(0, CLONE_NEWNET, CLONE_NEWNET) } },
	{ "clone", REFUSE, 1, { BITS(0, CLONE_NEWPID, CLONE_NEWPID) } },
	/* Characters typed at a terminal that somebody else reads. */
	{ "ioctl", REFUSE, 1, { BITS(1, 0xffffffff, TIOCSTI) } },
	/* Limits of other processes of the user: no CPU time is as good as a signal. */
	{ "prlimit64", REFUSE, 1, { { 0, SCMP_CMP_NE, 0, 0 } } },
	/* Whoever may be signalled, and a signal of choice to one that is not a child. */
	{ "kill", REFUSE, 1, { BITS(0, 0xffffffff, 0xffffffff) } },
	{ "fcntl", REFUSE, 1, { BITS(1, 0xffffffff, F_SETOWN) } },
	{ "fcntl", REFUSE, 1, { BITS(1, 0xffffffff, F_SETSIG) } },
	{ "fcntl", REFUSE, 1, { BITS(1, 0xffffffff, F_SETOWN_EX) } },
	{ "ioctl", REFUSE, 1, { BITS(1, 0xffffffff, FIOSETOWN) } },
	{ "ioctl", REFUSE, 1, { BITS(1, 0xffffffff, SIOCSPGRP) } },
};

/* A call that this library or machine does not know needs no rule. */
static int add_names(scmp_filter_ctx filter, uint32_t action, const char *const *names)
{
	int r = 0;

	for (; !r && *names; names++) {
		int call = seccomp_syscall_resolve_name(*names);

		if (call != __NR_SCMP_ERROR)
			r = seccomp_rule_add(filter, action, call, 0);
	}
	return r;
}

static int add_rules(scmp_filter_ctx filter, const struct rule *list, size_t count)
{
	int r = 0;

	for (size_t i = 0; !r && i < count; i++) {
		int call = seccomp_syscall_resolve_name(list[i].call);

		if (call != __NR_SCMP_ERROR)
			r = seccomp_rule_add_array(filter, list[i].action, call,
			                           list[i].count, list[i].args);
	}
	return r;
}

/* abort() and raise() signal us by our number; no other process may be. */
static int add_raise(scmp_filter_ctx filter)
{
	const struct rule raise_rules[] = {
		{ "tgkill", ALLOW, 1, { IS(0, getpid()) } },
		{ "tgkill",
		  REFUSE,
		  1,
		  { { 0, SCMP_CMP_NE, (scmp_datum_t)getpid(), 0 } } },
	};

	return add_rules(filter, raise_rules, ARRAY_SIZE(raise_rules));
}

static int add_kind(scmp_filter_ctx filter, enum sandbox_kind kind)
{
	int r;

	if (kind == SANDBOX_NET_CLIENT) {
		r = add_names(filter, ALLOW, allowed_client);
		return r ? r : add_rules(filter, rules_client, ARRAY_SIZE(rules_client));
	}
	r = add_names(filter, REFUSE, refused_one_socket);
	return r ? r : add_rules(filter, rules_one_socket, ARRAY_SIZE(rules_one_socket));
}

/* Our parent ends all that the program has started: it is to outlive that. Where
 * Landlock knows signals this says it twice. */
static int add_parent(scmp_filter_ctx filter)
{
	pid_t parent = getppid(), group = getpgid(parent);
	const struct rule parent_rules[] = {
		{ "kill", REFUSE, 1, { BITS(0, 0xffffffff, parent) } },
		{ "tkill", REFUSE, 1, { BITS(0, 0xffffffff, parent) } },
		{ "tgkill", REFUSE, 1, { BITS(0, 0xffffffff, parent) } },
		{ "kill", REFUSE, 1, { BITS(0, 0xffffffff, (uint32_t)-group) } },
	};

	/* 0: it is outside of our numbers. */
	return add_rules(filter, parent_rules, ARRAY_SIZE(parent_rules) - (group <= 0));
}

/* The other way round: a shell needs the most of what there is, so that only what is
 * dangerous is refused. clone3 hides its flags from a filter; libraries fall back. */
static int fill_for_program(scmp_filter_ctx filter)
{
	int call = seccomp_syscall_resolve_name("clone3");
	int r = call == __NR_SCMP_ERROR
	            ? 0
	            : seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), call, 0);

	if (!r)
		r = add_names(filter, REFUSE, killed);
	if (!r)
		r = add_names(filter, REFUSE, refused_program);
	if (!r)
		r = add_parent(filter);
	return r ? r : add_rules(filter, rules_program, ARRAY_SIZE(rules_program));
}

static int fill(scmp_filter_ctx filter, enum sandbox_kind kind)
{
	int r = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);

	if (!r)
		r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	/* A tree in place of a chain; a library too old for it stays with the chain. */
	(void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (r || kind == SANDBOX_PROGRAM)
		return r ? r : fill_for_program(filter);
	r = add_names(filter, SCMP_ACT_KILL_PROCESS, killed);
	if (!r)
		r = add_names(filter, SCMP_ACT_KILL_PROCESS, killed_in_children);
	if (!r)
		r = add_names(filter, ALLOW, allowed);
	if (!r)
		r = add_names(filter, REFUSE, refused);
	if (!r)
		r = add_rules(filter, rules, ARRAY_SIZE(rules));
	if (!r)
		r = add_raise(filter);
	return r ? r : add_kind(filter, kind);
}

bool calls_limit(enum sandbox_kind kind, struct err *err)
{
	scmp_filter_ctx filter = seccomp_init(
	    kind == SANDBOX_PROGRAM ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(ENOSYS));
	int r;

	if (!filter)
		return err_set(err, ERR_INTERNAL, "sandbox: seccomp filter: no memory");
	r = fill(filter, kind);
	if (!r)
		r = seccomp_load(filter);
	seccomp_release(filter);
	if (r)
		return err_set(
		    err, ERR_CONFIG,
		    "sandbox: this kernel or container does not let a program "
		    "limit its own system calls (seccomp: %s), and certferry's "
		    "helpers do not run without",
		    strerror(-r));
	return true;
}
