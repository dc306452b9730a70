#define _GNU_SOURCE
#include "CProcess.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// What the child needs between fork and exec, where nothing may be allocated and no lock may be taken.
struct plan {
  const char *path;
  char *const *argv;
  char *const *envp;
  int log_fd;
  int error_fd;
  pid_t parent;
  int descriptor_limit;
};

static int reset_signals(void) {
  for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);  // fails for SIGKILL and SIGSTOP only
  sigset_t none;
  sigemptyset(&none);
  return sigprocmask(SIG_SETMASK, &none, NULL);
}

// Leaves 0: /dev/null, 1 and 2: the log, 3: the error pipe, which closes on exec, and nothing else.
static int arrange_descriptors(const struct plan *plan) {
  int log = fcntl(plan->log_fd, F_DUPFD, 4);
  int error = fcntl(plan->error_fd, F_DUPFD, 4);
  if (log < 0 || error < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0 || dup3(error, 3, O_CLOEXEC) < 0) return -1;
  int null = open("/dev/null", O_RDONLY);
  if (null < 0 || dup2(null, 0) < 0) return -1;
  if (syscall(SYS_close_range, 4U, ~0U, 0U) == 0) return 0;
  for (int fd = 4; fd < plan->descriptor_limit; fd++) close(fd);  // before Linux 5.9, or where it is filtered
  return 0;
}

// Runs in the child: only async-signal-safe calls, because another thread may have held any lock at the fork.
static _Noreturn void become(const struct plan *plan) {
  int error_fd = plan->error_fd;
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) goto failed;
  if (getppid() != plan->parent) _exit(127);  // it died before the line above: nobody would send the signal
  // A group of its own: Ctrl-C at the terminal goes to Apus alone, which stops its servers when its clients are served.
  if (setpgid(0, 0) != 0 || arrange_descriptors(plan) != 0) goto failed;
  error_fd = 3;
  if (reset_signals() != 0) goto failed;
  execve(plan->path, plan->argv, plan->envp);
failed:;
  int error = errno;
  ssize_t written = write(error_fd, &error, sizeof error);
  _exit(written < 0 ? 126 : 127);
}

// The errno that the child reported, or 0 when the pipe closed because the exec succeeded.
static int reported_error(int fd) {
  int error = 0;
  ssize_t count;
  do count = read(fd, &error, sizeof error);
  while (count < 0 && errno == EINTR);
  return count == sizeof error ? error : 0;
}

int apus_pipe(int ends[2]) {
  if (pipe2(ends, O_CLOEXEC) != 0) return -errno;
  return fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0 ? 0 : -errno;  // of this end alone
}

pid_t apus_spawn(const char *path, char *const argv[], char *const envp[], int log_fd) {
  int report[2];
  if (pipe2(report, O_CLOEXEC) != 0) return -errno;
  struct plan plan = {path, argv, envp, log_fd, report[1], getpid(), (int)sysconf(_SC_OPEN_MAX)};

  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);  // none of this process's handlers may run in the child
  pid_t pid = fork();
  if (pid == 0) become(&plan);
  int error = pid < 0 ? errno : 0;
  pthread_sigmask(SIG_SETMASK, &before, NULL);

  close(report[1]);
  if (pid > 0 && (error = reported_error(report[0])) != 0) apus_reap(pid);
  close(report[0]);
  return error != 0 ? -error : pid;
}

int apus_watch(pid_t pid) {
  int fd = (int)syscall(SYS_pidfd_open, pid, 0U);  // closes on exec by itself
  return fd < 0 ? -errno : fd;
}

void apus_await(pid_t pid) {
  siginfo_t info;
  while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) != 0 && errno == EINTR) continue;
}

int apus_reap(pid_t pid) {
  int status;
  pid_t reaped;
  do reaped = waitpid(pid, &status, 0);
  while (reaped < 0 && errno == EINTR);
  if (reaped != pid) return INT_MIN;
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}
