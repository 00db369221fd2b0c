/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A child enters the sandbox, tries one thing and says with its exit status
 * how that ended: an errno, 0 for "it worked". Each row says what must come.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netdb.h>
#include <pthread.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/sandbox.h"
#include "unit.h"

enum { KILLED = 1000, OTHER_END = 2000, SOCKETS_FIRST = 40 };

static pid_t parent;
static char secret_path[] = "/tmp/certferry-sandbox-XXXXXX";
static char scratch_path[] = "/tmp/certferry-scratch-XXXXXX";
static const char *const made[] = { "new", "fifo", "device" };

static int result(long r)
{
	return r < 0 ? errno : 0;
}

static int run_shell(void)
{
	char *const argv[] = { (char[]){ "sh" }, NULL };

	return result(execve("/bin/sh", argv, NULL));
}

static int spawn_shell(void)
{
	char *const argv[] = { (char[]){ "sh" }, NULL };
	pid_t pid;

	return posix_spawn(&pid, "/bin/sh", NULL, NULL, argv, NULL);
}

static int fork_once(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return result(pid);
}

static int open_it(const char *path, int flags)
{
	return result(open(path, flags | O_CLOEXEC, 0600));
}

static int read_shadow(void)
{
	return open_it("/etc/shadow", O_RDONLY);
}

static int read_store(void)
{
	return open_it(secret_path, O_RDONLY);
}

static int read_resolv(void)
{
	return open_it("/etc/nsswitch.conf", O_RDONLY);
}

static int read_parent_memory(void)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/mem", (int)parent);
	return open_it(path, O_RDONLY);
}

static int write_tmp(void)
{
	return open_it("/tmp/certferry-sandbox-new", O_WRONLY | O_CREAT);
}

static int truncate_store(void)
{
	return result(truncate(secret_path, 0));
}

static int unlink_store(void)
{
	return result(unlink(secret_path));
}

static int chmod_store(void)
{
	return result(chmod(secret_path, 0666));
}

static int rename_store(void)
{
	return result(rename(secret_path, "/tmp/certferry-sandbox-moved"));
}

static int kill_parent(void)
{
	return result(kill(parent, SIGKILL));
}

static int tgkill_parent(void)
{
	return result(syscall(SYS_tgkill, parent, parent, SIGKILL));
}

/* The way round kill(): a socket whose owner gets a signal of our choice. */
static int own_by_parent(void)
{
	return result(fcntl(SOCKETS_FIRST, F_SETOWN, parent));
}

static int choose_signal(void)
{
	return result(fcntl(SOCKETS_FIRST, F_SETSIG, SIGKILL));
}

static int be_nonblocking(void)
{
	return result(fcntl(SOCKETS_FIRST, F_SETFL, O_NONBLOCK));
}

static int trace_parent(void)
{
	return result(ptrace(PTRACE_ATTACH, parent, NULL, NULL));
}

static int read_parent(void)
{
	char byte;
	struct iovec here = { &byte, 1 }, there = { secret_path, 1 };

	return result(process_vm_readv(parent, &here, 1, &there, 1, 0));
}

static int mount_it(void)
{
	return result(mount("none", "/mnt", "tmpfs", 0, NULL));
}

static int unshare_it(void)
{
	return result(syscall(SYS_unshare, 0x10000000));
}

static int chroot_it(void)
{
	return result(chroot("/tmp"));
}

static int open_by_handle(void)
{
	return result(syscall(SYS_open_by_handle_at, AT_FDCWD, NULL, 0));
}

static int bpf_it(void)
{
	return result(syscall(SYS_bpf, 0, NULL, 0));
}

static int uring_it(void)
{
	return result(syscall(SYS_io_uring_setup, 1, NULL));
}

static int become_root(void)
{
	return result(setresuid(0, 0, 0));
}

static int stop_alarm(void)
{
	return result(syscall(SYS_setitimer, 0, NULL, NULL));
}

static int more_memory(void)
{
	struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };

	return result(setrlimit(RLIMIT_AS, &limit));
}

static int be_dumpable(void)
{
	return result(prctl(PR_SET_DUMPABLE, 1));
}

static int unix_socket(void)
{
	return result(socket(AF_UNIX, SOCK_STREAM, 0));
}

static int raw_socket(void)
{
	return result(socket(AF_PACKET, SOCK_RAW, 0));
}

static int tcp_socket(void)
{
	return result(socket(AF_INET, SOCK_STREAM, 0));
}

static int listen_it(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return fd < 0 ? errno : result(listen(fd, 1));
}

static int datagram_pair(void)
{
	int pair[2];

	return result(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
}

static int code_from_data(void)
{
	void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
	                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return at == MAP_FAILED ? errno : 0;
}

static int code_later(void)
{
	void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
	                -1, 0);

	return at == MAP_FAILED ? OTHER_END : result(mprotect(at, 4096, PROT_EXEC));
}

static int memory_file(void)
{
	return result(memfd_create("x", 0));
}

static int new_call(void)
{
	return result(syscall(437 /* openat2 */, -1, "/", NULL, 0));
}

static void *nothing(void *arg)
{
	return arg;
}

static int start_thread(void)
{
	pthread_t thread;
	int r = pthread_create(&thread, NULL, nothing, NULL);

	return r ? r : pthread_join(thread, NULL);
}

static int resolve_localhost(void)
{
	struct addrinfo *found = NULL, hints = { .ai_socktype = SOCK_STREAM };
	int r = getaddrinfo("localhost", "443", &hints, &found);

	if (!r)
		freeaddrinfo(found);
	return r ? OTHER_END : 0;
}

static int say_hello(void)
{
	char got[8] = "";
	int pair[2] = { SOCKETS_FIRST, SOCKETS_FIRST + 1 };

	if (send(pair[0], "hello", 5, MSG_NOSIGNAL) != 5)
		return errno;
	if (recv(pair[1], got, sizeof(got), 0) != 5)
		return errno;
	return strcmp(got, "hello") == 0 ? 0 : OTHER_END;
}

static int send_to_stranger(void)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX, .sun_path = "/dev/log" };

	return result(sendto(SOCKETS_FIRST, "x", 1, MSG_NOSIGNAL, (struct sockaddr *)&to,
	                     sizeof(to)));
}

static int work_a_bit(void)
{
	char *big = malloc(1 << 20);
	int r = big ? 0 : ENOMEM;

	free(big);
	usleep(1);
	return r;
}

static int give_up(void)
{
	abort();
}

/* want of {client, one socket}: an errno, 0 (it works), KILLED; -1: not tried */
static const struct {
	const char *name;
	int (*act)(void);
	int client, one_socket;
	bool by_landlock; /* at the client: nothing else can stop root there */
} rows[] = {
	{ "exec a shell", run_shell, KILLED, KILLED, false },
	{ "spawn a shell", spawn_shell, EPERM, EPERM, false },
	{ "fork", fork_once, EPERM, EPERM, false },
	{ "read /etc/shadow", read_shadow, EACCES, EPERM, true },
	{ "read the store", read_store, EACCES, EPERM, true },
	{ "read the parent's memory", read_parent_memory, EACCES, EPERM, true },
	{ "read nsswitch.conf", read_resolv, 0, EPERM, false },
	{ "write a new file", write_tmp, ENOSYS, EPERM, false },
	{ "truncate the store", truncate_store, EPERM, EPERM, false },
	{ "unlink the store", unlink_store, EPERM, EPERM, false },
	{ "chmod the store", chmod_store, EPERM, EPERM, false },
	{ "rename the store", rename_store, EPERM, EPERM, false },
	{ "kill the parent", kill_parent, EPERM, EPERM, false },
	{ "tgkill the parent", tgkill_parent, EPERM, EPERM, false },
	{ "own a socket by the parent", own_by_parent, EPERM, EPERM, false },
	{ "choose the socket's signal", choose_signal, ENOSYS, ENOSYS, false },
	{ "be non-blocking", be_nonblocking, 0, 0, false },
	{ "ptrace the parent", trace_parent, KILLED, KILLED, false },
	{ "process_vm_readv of the parent", read_parent, KILLED, KILLED, false },
	{ "mount", mount_it, KILLED, KILLED, false },
	{ "unshare a user namespace", unshare_it, KILLED, KILLED, false },
	{ "chroot", chroot_it, KILLED, KILLED, false },
	{ "open_by_handle_at", open_by_handle, KILLED, KILLED, false },
	{ "bpf", bpf_it, KILLED, KILLED, false },
	{ "io_uring", uring_it, KILLED, KILLED, false },
	{ "become root", become_root, EPERM, EPERM, false },
	{ "stop the alarm", stop_alarm, EPERM, EPERM, false },
	{ "raise the memory limit", more_memory, ENOSYS, ENOSYS, false },
	{ "be dumpable", be_dumpable, EPERM, EPERM, false },
	{ "a Unix socket", unix_socket, EPERM, EPERM, false },
	{ "a packet socket", raw_socket, EPERM, EPERM, false },
	{ "a TCP socket", tcp_socket, 0, EPERM, false },
	{ "listen", listen_it, EPERM, EPERM, false },
	{ "a datagram pair", datagram_pair, ENOSYS, EPERM, false },
	{ "memory to write and execute", code_from_data, EPERM, EPERM, false },
	{ "make data executable", code_later, EPERM, EPERM, false },
	{ "a file in memory", memory_file, EPERM, EPERM, false },
	{ "a call newer than the list", new_call, ENOSYS, ENOSYS, false },
	{ "a thread", start_thread, 0, EPERM, false },
	{ "resolve localhost", resolve_localhost, 0, -1, false },
	{ "talk on its socket", say_hello, 0, 0, false },
	{ "send to a stranger", send_to_stranger, -1, ENOSYS, false },
	{ "allocate and sleep", work_a_bit, 0, 0, false },
	{ "abort", give_up, OTHER_END, OTHER_END, false },
};

static int write_scratch(void)
{
	return open_it("new", O_WRONLY | O_CREAT | O_TRUNC);
}

static int write_null(void)
{
	return open_it("/dev/null", O_WRONLY | O_CREAT | O_TRUNC);
}

static int make_fifo(void)
{
	return result(mkfifo("fifo", 0600));
}

static int make_device(void)
{
	return result(mknod("device", S_IFCHR | 0600, 0x103));
}

/* Runs it and reports what a shell makes of that. */
static int run_true(void)
{
	char *const argv[] = { (char[]){ "sh" }, (char[]){ "-c" },
		               (char[]){ "echo x | cat >/dev/null" }, NULL };
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		execve("/bin/sh", argv, NULL);
		_exit(99);
	}
	return waitpid(pid, &status, 0) == pid ? WEXITSTATUS(status) : OTHER_END;
}

static int write_much(void)
{
	struct rlimit limit;

	return result(getrlimit(RLIMIT_FSIZE, &limit)) ||
	               limit.rlim_max > 16 * 1024 * 1024
	           ? OTHER_END
	           : 0;
}

static int fork_user_namespace(void)
{
	return result(syscall(SYS_clone, 0x10000000 | SIGCHLD, NULL, NULL, NULL, NULL));
}

static int new_clone(void)
{
	return result(syscall(435 /* clone3 */, NULL, 0));
}

/* SANDBOX_PROGRAM: an errno, 0 (it works), KILLED */
static const struct {
	const char *name;
	int (*act)(void);
	int want;
	bool by_landlock;
} program_rows[] = {
	{ "a shell with a pipe", run_true, 0, false },
	{ "fork", fork_once, 0, false },
	{ "a thread", start_thread, 0, false },
	{ "read nsswitch.conf", read_resolv, 0, false },
	{ "read the store", read_store, 0, false },
	{ "write to scratch", write_scratch, 0, false },
	{ "write to /dev/null", write_null, 0, false },
	{ "a named pipe in scratch", make_fifo, 0, false },
	{ "a device in scratch", make_device, EACCES, true },
	{ "a TCP socket", tcp_socket, 0, false },
	{ "listen", listen_it, 0, false },
	{ "a Unix socket", unix_socket, 0, false },
	{ "resolve localhost", resolve_localhost, 0, false },
	{ "memory to write and execute", code_from_data, 0, false },
	{ "abort", give_up, OTHER_END, false },
	{ "write a new file in /tmp", write_tmp, EACCES, true },
	{ "truncate the store", truncate_store, EACCES, true },
	{ "unlink the store", unlink_store, EACCES, true },
	{ "rename the store", rename_store, EACCES, true },
	{ "files of any size", write_much, 0, false },
	{ "ptrace the parent", trace_parent, EPERM, false },
	{ "process_vm_readv of the parent", read_parent, EPERM, false },
	{ "mount", mount_it, EPERM, false },
	{ "unshare a user namespace", unshare_it, EPERM, false },
	{ "fork into a user namespace", fork_user_namespace, EPERM, false },
	{ "clone3", new_clone, ENOSYS, false },
	{ "chroot", chroot_it, EPERM, false },
	{ "open_by_handle_at", open_by_handle, EPERM, false },
	{ "bpf", bpf_it, EPERM, false },
	{ "io_uring", uring_it, EPERM, false },
};

static bool has_landlock(void)
{
	return syscall(444, NULL, 0, 1) > 0;
}

static _Noreturn void child(enum sandbox_kind kind, int (*act)(void), int report)
{
	const struct sandbox_limits limits = { .cpu_s = 10,
		                               .memory_max = 512 << 20,
		                               .scratch = "." };
	struct err err;
	int got = OTHER_END;

	if (kind == SANDBOX_PROGRAM && chdir(scratch_path) < 0)
		_exit(1);
	if (sandbox_enter(kind, &limits, &err))
		got = act();
	else
		print_error("%s\n", err.msg);
	if (write(report, &got, sizeof(got)) < 0)
		_exit(1);
	_exit(0);
}

static int try_it(enum sandbox_kind kind, int (*act)(void))
{
	int report[2], pair[2], got = OTHER_END, status;
	pid_t pid;

	assert_int_equal(pipe(report), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	assert_int_not_equal(dup2(pair[0], SOCKETS_FIRST), -1);
	assert_int_not_equal(dup2(pair[1], SOCKETS_FIRST + 1), -1);
	pid = fork();
	assert_int_not_equal(pid, -1);
	if (pid == 0)
		child(kind, act, report[1]);
	close(report[1]);
	close(pair[0]);
	close(pair[1]);
	if (read(report[0], &got, sizeof(got)) != sizeof(got))
		got = OTHER_END;
	close(report[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS ? KILLED : got;
}

static void test_hostile(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char name[100];

		snprintf(name, sizeof(name), "%s: client", rows[i].name);
		if (rows[i].client >= 0 && (!rows[i].by_landlock || has_landlock()))
			CHECK(name,
			      try_it(SANDBOX_NET_CLIENT, rows[i].act) == rows[i].client);
		snprintf(name, sizeof(name), "%s: one socket", rows[i].name);
		if (rows[i].one_socket >= 0)
			CHECK(name, try_it(SANDBOX_ONE_SOCKET, rows[i].act) ==
			                rows[i].one_socket);
	}
	CHECK("the store is there", access(secret_path, R_OK) == 0);
	DONE();
}

static void test_program(void **state)
{
	char name[100];

	(void)state;
	assert_non_null(mkdtemp(scratch_path));
	for (size_t i = 0; i < sizeof(program_rows) / sizeof(program_rows[0]); i++) {
		int got;

		if (program_rows[i].by_landlock && !has_landlock())
			continue;
		got = try_it(SANDBOX_PROGRAM, program_rows[i].act);
		snprintf(name, sizeof(name), "%s: %d", program_rows[i].name, got);
		CHECK(name, got == program_rows[i].want);
	}
	CHECK("the store is there", access(secret_path, R_OK) == 0);
	for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++) {
		snprintf(name, sizeof(name), "%s/%s", scratch_path, made[i]);
		unlink(name);
	}
	assert_int_equal(rmdir(scratch_path), 0);
	DONE();
}

static void test_more_paths(void **state)
{
	const char *const more[] = { secret_path, NULL };
	const struct sandbox_limits limits = { .cpu_s = 10,
		                               .memory_max = 512 << 20,
		                               .may_read = more };
	struct err err;
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		_exit(sandbox_enter(SANDBOX_NET_CLIENT, &limits, &err) ? read_store()
		                                                       : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* Each number is the line that the child got to. */
static int as_nobody(void)
{
	struct err err;
	int death = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!sandbox_drop_user(65534, 65534, &err))
		return 1;
	if (getuid() != 65534 || geteuid() != 65534 || getgid() != 65534)
		return 2;
	if (getgroups(0, NULL) != 0)
		return 3;
	if (setuid(0) == 0)
		return 4;
	if (read_store() != EACCES)
		return 5;
	prctl(PR_GET_PDEATHSIG, &death);
	return death == SIGKILL ? 0 : 6;
}

static void test_drop_user(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	if (geteuid() != 0) {
		print_message("not root: nothing to drop\n");
		return;
	}
	pid = fork();
	if (pid == 0)
		_exit(as_nobody());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static int use_cpu(void)
{
	volatile bool on = true;

	while (on)
		;
	return 0;
}

static void test_cpu(void **state)
{
	const struct sandbox_limits limits = { .cpu_s = 1, .memory_max = 512 << 20 };
	struct err err;
	int status;
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		_exit(sandbox_enter(SANDBOX_ONE_SOCKET, &limits, &err) ? use_cpu() : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGXCPU);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hostile),    cmocka_unit_test(test_program),
		cmocka_unit_test(test_more_paths), cmocka_unit_test(test_drop_user),
		cmocka_unit_test(test_cpu),
	};
	int fd = mkstemp(secret_path), r;

	parent = getpid();
	close(fd);
	r = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(secret_path);
	return r;
}
