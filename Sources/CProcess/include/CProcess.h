#ifndef APUS_PROCESS_H
#define APUS_PROCESS_H

#include <sys/types.h>

// Makes a pipe whose ends no program inherits, [0] to read without blocking and [1] to write: 0 or a negated errno.
int apus_pipe(int ends[2]);

// Starts a program that dies with the calling thread, and so with this process, however it ends. Linux only.
//
// The program leads a process group of its own, reads nothing, writes both outputs to `log_fd`, and inherits no other
// descriptor, no signal handler and no blocked signal. `argv` and `envp` end with NULL.
// Returns its process id once it is really running, else the negated errno of the step that failed.
pid_t apus_spawn(const char *path, char *const argv[], char *const envp[], int log_fd);

// A descriptor that polls as readable when `pid` has ended, or a negated errno (ENOSYS before Linux 5.3).
int apus_watch(pid_t pid);

// Waits for the end of `pid` and leaves it unreaped, so that its number still cannot belong to another process.
void apus_await(pid_t pid);

// Reaps `pid`: its exit status, the negated signal that ended it, or INT_MIN when the system kept no record of it.
int apus_reap(pid_t pid);

#endif
