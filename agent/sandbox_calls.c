/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox.h"
#include "sandbox_parts.h"

/*
 * Three answers: allowed; killed, for what only an attacker asks; and for the rest
 * ENOSYS, as on an older kernel, so that a C library of another year falls back to the
 * call it used before. Some are answered by an argument: memory is never made
 * executable, kill() asks only whether somebody lives (signal 0), and fcntl() is for
 * flags of descriptors (it could have signals sent to others: F_SETOWN, F_SETSIG).
 */
#if defined(__x86_64__)
#define MACHINE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define MACHINE AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define MACHINE AUDIT_ARCH_RISCV64
#elif defined(__powerpc64__) && defined(__LITTLE_ENDIAN__)
#define MACHINE AUDIT_ARCH_PPC64LE
#endif

bool sandbox_has_seccomp(void)
{
#if defined(SANDBOX_SANITIZED) || !defined(MACHINE)
	return false;
#else
	/* A filter of NULL: EFAULT where there are filters, EINVAL where there are none.
	 */
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL) < 0 && errno == EFAULT;
#endif
}

#ifdef MACHINE
static const int allowed[] = {
	/* reading, writing, waiting */
	SYS_read,
	SYS_write,
	SYS_readv,
	SYS_writev,
	SYS_pread64,
	SYS_close,
	SYS_lseek,
	SYS_ppoll,
	SYS_recvfrom,
	SYS_sendto,
	SYS_flock,
	/* files */
	SYS_openat,
	SYS_openat2,
	SYS_newfstatat,
	SYS_fstat,
	SYS_statx,
	SYS_fstatfs,
	SYS_faccessat,
	SYS_faccessat2,
	SYS_getdents64,
	SYS_readlinkat,
	SYS_mkdirat,
	SYS_unlinkat,
	SYS_symlinkat,
	SYS_renameat2,
	SYS_fchmod,
	SYS_fchown,
	SYS_fsync,
	SYS_fdatasync,
	SYS_umask,
	/* memory */
	SYS_munmap,
	SYS_mremap,
	SYS_madvise,
	SYS_brk,
	SYS_futex,
	SYS_membarrier,
	/* oneself, time, chance */
	SYS_getpid,
	SYS_gettid,
	SYS_getuid,
	SYS_geteuid,
	SYS_getgid,
	SYS_getegid,
	SYS_getrandom,
	SYS_clock_gettime,
	SYS_clock_nanosleep,
	SYS_nanosleep,
	SYS_gettimeofday,
	SYS_setitimer,
	SYS_uname,
	SYS_sysinfo,
	SYS_sched_yield,
	/* signals and the end */
	SYS_rt_sigaction,
	SYS_rt_sigprocmask,
	SYS_rt_sigreturn,
	SYS_restart_syscall,
	SYS_wait4,
	SYS_exit,
	SYS_exit_group,
#ifdef SYS_renameat
	SYS_renameat,
#endif
#ifdef SYS_poll
	SYS_poll,
#endif
#ifdef SYS_alarm
	SYS_alarm,
#endif
#ifdef SYS_readlink
	SYS_readlink,
#endif
#ifdef SYS_time
	SYS_time,
#endif
};

static const int killed[] = {
	SYS_execve,
	SYS_execveat,
	SYS_ptrace,
	SYS_process_vm_readv,
	SYS_process_vm_writev,
	SYS_socket,
	SYS_connect,
	SYS_bind,
	SYS_listen,
	SYS_mount,
	SYS_umount2,
	SYS_pivot_root,
	SYS_chroot,
	SYS_setns,
	SYS_unshare,
	SYS_bpf,
	SYS_perf_event_open,
	SYS_userfaultfd,
	SYS_io_uring_setup,
	SYS_keyctl,
	SYS_add_key,
	SYS_init_module,
	SYS_finit_module,
	SYS_delete_module,
	SYS_kexec_load,
	SYS_reboot,
	SYS_open_by_handle_at,
	SYS_setuid,
	SYS_setgid,
	SYS_setresuid,
	SYS_setresgid,
	SYS_tgkill,
	SYS_tkill,
};

/* What the C library asks when it opens a directory, and no more. */
static const int fcntl_commands[] = { F_GETFD, F_SETFD, F_GETFL, F_DUPFD_CLOEXEC };

struct program {
	struct sock_filter lines[2 * (ARRAY_SIZE(allowed) + ARRAY_SIZE(killed)) + 64];
	size_t count;
};

static void add(struct program *program, struct sock_filter line)
{
	program->lines[program->count++] = line;
}

static void add_load(struct program *program, size_t offset)
{
	add(program,
	    (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offset));
}

static void add_answer(struct program *program, unsigned answer)
{
	add(program, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, answer));
}

/* The accumulator holds the call's number: this answer for this one. */
static void add_call(struct program *program, int call, unsigned answer)
{
	add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
	                                          (unsigned)call, 0, 1));
	add_answer(program, answer);
}

/* Allowed where none of the bits is set in the argument (its lower half). */
static void add_without(struct program *program, int call, size_t arg, unsigned bits)
{
	size_t offset = offsetof(struct seccomp_data, args) + arg * sizeof(uint64_t);

	add(program, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
	                                          (unsigned)call, 0, 4));
	add_load(program, offset);
	add(program,
	    (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, 0, 1));
	add_answer(program, SECCOMP_RET_ERRNO | EPERM);
	add_answer(program, SECCOMP_RET_ALLOW);
}

/* Allowed where the argument is one of these, compared one by one. */
static void add_with(struct program *program, int call, size_t arg, const int *values,
                     size_t count)
{
	size_t offset = offsetof(struct seccomp_data, args) + arg * sizeof(uint64_t);

	add(program,
	    (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)call, 0,
	                                 (unsigned char)(2 * count + 2)));
	add_load(program, offset);
	for (size_t i = 0; i < count; i++)
		add_call(program, values[i], SECCOMP_RET_ALLOW);
	add_answer(program, SECCOMP_RET_ERRNO | EPERM);
}

static void fill(struct program *program)
{
	add_load(program, offsetof(struct seccomp_data, arch));
	add(program,
	    (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MACHINE, 1, 0));
	add_answer(program, SECCOMP_RET_KILL_PROCESS);
	add_load(program, offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < ARRAY_SIZE(allowed); i++)
		add_call(program, allowed[i], SECCOMP_RET_ALLOW);
	for (size_t i = 0; i < ARRAY_SIZE(killed); i++)
		add_call(program, killed[i], SECCOMP_RET_KILL_PROCESS);
	add_without(program, SYS_mmap, 2, PROT_EXEC);
	add_without(program, SYS_mprotect, 2, PROT_EXEC);
	add_without(program, SYS_kill, 1, ~0U);
	add_with(program, SYS_fcntl, 1, fcntl_commands, ARRAY_SIZE(fcntl_commands));
	add_answer(program, SECCOMP_RET_ERRNO | ENOSYS);
}

bool sandbox_limit_calls(struct err *err)
{
	struct program program = { .count = 0 };
	struct sock_fprog filter;

	fill(&program);
	filter = (struct sock_fprog){ (unsigned short)program.count, program.lines };
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0 ||
	       err_set_errno(err, ERR_INTERNAL, "sandbox: seccomp");
}
#else
bool sandbox_limit_calls(struct err *err)
{
	return err_set(err, ERR_INTERNAL, "sandbox: not for this machine");
}
#endif
