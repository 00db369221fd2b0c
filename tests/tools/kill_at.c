/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kill_at [--attach PID] [--at PROCESS:CALL] NAMES REPORT COMMAND...
 *
 * Runs COMMAND and follows its processes, or with --attach those that process PID forks
 * meanwhile (a server that listens). Of what is named in NAMES (comm, with commas
 * between) the system calls are counted, each process for itself and in the order in
 * which they came to be: 1, 2, 3. With --at, that process gets SIGKILL where it enters
 * that call, before anything of it is done; what the others do then is no longer watched.
 *
 * REPORT has a line "is PROCESS COMM" for each process that is or becomes one of NAMES;
 * "call PROCESS NUMBER NAME" for each call that was counted, where nobody was to be
 * killed; "killed PROCESS NUMBER NAME" if it was; at last "ended STATUS", COMMAND's
 * status as a shell has it. NAME is - but for calls that change what others see.
 *
 * Unlike strace it tells processes of one program apart, and stops only those that it
 * counts. It needs nothing but the C library, so that cc makes it anywhere.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/ptrace.h>

enum {
	TASKS_MAX = 512, /* alive at one time */
	COMM_MAX = 16,
	SYSCALL_STOP = SIGTRAP | 0x80,
};

struct task {
	pid_t id, process; /* process: whose thread it is; 0: an empty row */
	int number;        /* among the processes named; 0: none of them */
};

static struct {
	pid_t attach, command;
	int at_process;
	unsigned long at_call;
	const char *names;
	FILE *report;
	struct task tasks[TASKS_MAX];
	unsigned long calls[TASKS_MAX]; /* by number of process */
	int processes, status;
	bool is_over, is_killed, is_leaving;
} run;

/* clang-format off */
static const struct {
	uint64_t number;
	const char *name;
} marked[] = {
#ifdef SYS_rename
	{ SYS_rename, "rename" }, { SYS_unlink, "unlink" }, { SYS_mkdir, "mkdir" },
	{ SYS_rmdir, "rmdir" }, { SYS_fork, "clone" }, { SYS_vfork, "clone" },
#endif
#ifdef SYS_renameat
	{ SYS_renameat, "rename" },
#endif
	{ SYS_renameat2, "rename" }, { SYS_symlinkat, "symlink" }, { SYS_mkdirat, "mkdir" },
	{ SYS_unlinkat, "unlink" }, { SYS_fsync, "fsync" }, { SYS_fdatasync, "fsync" },
	{ SYS_ftruncate, "ftruncate" }, { SYS_write, "write" }, { SYS_pwrite64, "write" },
	{ SYS_sendmsg, "send" }, { SYS_sendto, "send" }, { SYS_fchmod, "fchmod" },
	{ SYS_fchown, "fchown" }, { SYS_flock, "flock" }, { SYS_kill, "kill" },
	{ SYS_execve, "exec" }, { SYS_clone, "clone" }, { SYS_clone3, "clone" },
	{ SYS_connect, "connect" }, { SYS_exit_group, "exit" },
};
/* clang-format on */

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "kill_at: %s: %s\n", what, strerror(errno));
	exit(4);
}

static const char *name_of(uint64_t number)
{
	for (size_t i = 0; i < sizeof(marked) / sizeof(marked[0]); i++)
		if (marked[i].number == number)
			return marked[i].name;
	return "-";
}

static struct task *find(pid_t id)
{
	for (size_t i = 0; i < TASKS_MAX; i++)
		if (run.tasks[i].id == id)
			return &run.tasks[i];
	return NULL;
}

/* Of a thread: its process, and what that is called. False: it is gone already. */
static bool look_up(pid_t id, pid_t *process, char comm[COMM_MAX + 1])
{
	char path[64], line[128];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)id);
	file = fopen(path, "re");
	*process = 0;
	comm[0] = '\0';
	while (file && *process == 0 && fgets(line, sizeof(line), file)) {
		if (strncmp(line, "Name:\t", 6) == 0)
			snprintf(comm, COMM_MAX + 1, "%.*s", (int)strcspn(line + 6, "\n"),
			         line + 6);
		else if (strncmp(line, "Tgid:\t", 6) == 0)
			*process = (pid_t)strtoll(line + 6, NULL, 10);
	}
	if (file)
		fclose(file);
	return *process > 0;
}

static bool is_named(const char *comm)
{
	size_t len = strlen(comm);

	for (const char *at = run.names; *at; at += strcspn(at, ",")) {
		at += *at == ',';
		if (strncmp(at, comm, len) == 0 && (at[len] == ',' || !at[len]))
			return true;
	}
	return false;
}

/* The number of a process that is named, or becomes so; what it has by now stays. */
static int give_number(const struct task *task, const char *comm)
{
	if (!is_named(comm) || task->process == run.attach)
		return 0;
	for (size_t i = 0; i < TASKS_MAX; i++)
		if (run.tasks[i].process == task->process && run.tasks[i].number)
			return run.tasks[i].number;
	return run.processes < TASKS_MAX - 1 ? ++run.processes : 0;
}

/* A task that is new, or has become another program. */
static void place(struct task *task)
{
	char comm[COMM_MAX + 1];

	if (!look_up(task->id, &task->process, comm))
		return;
	task->number = give_number(task, comm);
	if (task->number && task->id == task->process)
		fprintf(run.report, "is %d %s\n", task->number, comm);
}

static struct task *add(pid_t id)
{
	struct task *task = find(0);

	if (!task) {
		errno = EAGAIN;
		die("too many processes");
	}
	*task = (struct task){ .id = id, .process = id };
	place(task);
	return task;
}

static bool is_counted(const struct task *task)
{
	return task->number && !run.is_killed &&
	       (run.at_process == 0 || run.at_process == task->number);
}

static void count(const struct task *task)
{
	struct ptrace_syscall_info info = { 0 };
	unsigned long number;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, task->id, sizeof(info), &info) <= 0 ||
	    info.op != PTRACE_SYSCALL_INFO_ENTRY)
		return;
	number = ++run.calls[task->number];
	if (run.at_process == 0) {
		fprintf(run.report, "call %d %lu %s\n", task->number, number,
		        name_of(info.entry.nr));
	} else if (number == run.at_call) {
		kill(task->process, SIGKILL);
		run.is_killed = true;
		fprintf(run.report, "killed %d %lu %s\n", task->number, number,
		        name_of(info.entry.nr));
	}
}

static void go_on(const struct task *task, int stop_signal)
{
	ptrace(run.is_leaving     ? PTRACE_DETACH
	       : is_counted(task) ? PTRACE_SYSCALL
	                          : PTRACE_CONT,
	       task->id, 0, stop_signal);
}

static void take_stop(struct task *task, int status)
{
	int stop = WSTOPSIG(status), event = status >> 16;

	if (stop == SYSCALL_STOP && is_counted(task))
		count(task);
	if (event == PTRACE_EVENT_EXEC)
		place(task);
	if (event == PTRACE_EVENT_STOP && stop != SIGTRAP && !run.is_leaving) {
		/* Stopped by a signal, as by ^Z: it stays so. */
		ptrace(PTRACE_LISTEN, task->id, 0, 0);
		return;
	}
	go_on(task, event || stop == SYSCALL_STOP ? 0 : stop);
	if (run.is_leaving)
		*task = (struct task){ 0 };
}

/* One report of the kernel. False: there are no more tasks. */
static bool step(void)
{
	int status;
	pid_t id = waitpid(-1, &status, __WALL);
	struct task *task;

	if (id < 0 && errno == EINTR)
		return true;
	if (id < 0)
		return false;
	task = find(id);
	if (WIFSTOPPED(status)) {
		take_stop(task ? task : add(id), status);
		return true;
	}
	if (task)
		*task = (struct task){ 0 };
	if (id == run.command) {
		run.status = WIFSIGNALED(status) ? 128 + WTERMSIG(status)
		                                 : WEXITSTATUS(status);
		run.is_over = true;
	}
	return true;
}

static void follow(pid_t id)
{
	const unsigned long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK |
	                              PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
	                              PTRACE_O_TRACEEXEC;

	if (ptrace(PTRACE_SEIZE, id, 0, options) < 0)
		die("ptrace");
	add(id);
}

/* COMMAND, held until it is followed. */
static void start(char **argv)
{
	int hold[2];
	char byte;

	if (pipe(hold) < 0)
		die("pipe");
	run.command = fork();
	if (run.command < 0)
		die("fork");
	if (run.command == 0) {
		close(hold[1]);
		(void)!read(hold[0], &byte, 1);
		close(hold[0]);
		execv(argv[0], argv);
		die(argv[0]);
	}
	follow(run.attach ? run.attach : run.command);
	close(hold[0]);
	close(hold[1]);
}

/* Who lives on does so without us, and loses no signal by it; also who is born at this
 * very moment. Those of COMMAND that outlived it are ours to wait for. */
static void let_go(void)
{
	run.is_leaving = true;
	for (size_t i = 0; i < TASKS_MAX; i++)
		if (run.tasks[i].id &&
		    ptrace(PTRACE_INTERRUPT, run.tasks[i].id, 0, 0) < 0)
			run.tasks[i] = (struct task){ 0 };
	while (step())
		;
}

static const char *take_option(char ***argv, const char *name)
{
	const char *value = NULL;

	if (**argv && strcmp(**argv, name) == 0) {
		value = (*argv)[1];
		*argv += 2;
	}
	return value;
}

int main(int argc, char **argv)
{
	const char *attach, *at;
	char *end = NULL;

	if (argc < 4)
		return 2;
	argv++;
	attach = take_option(&argv, "--attach");
	at = take_option(&argv, "--at");
	if (attach)
		run.attach = (pid_t)strtoll(attach, NULL, 10);
	if (at) {
		run.at_process = (int)strtoll(at, &end, 10);
		run.at_call = *end == ':' ? strtoull(end + 1, NULL, 10) : 0;
	}
	run.names = *argv++;
	run.report = fopen(*argv, "we");
	if (!run.report)
		die(*argv);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	start(argv + 1);
	while (!run.is_over && step())
		;
	let_go();
	fprintf(run.report, "ended %d\n", run.status);
	return fclose(run.report) != 0;
}
