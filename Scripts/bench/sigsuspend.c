// Preloaded into what runs under valgrind. Valgrind 3.19 writes to the signal mask that a program hands to sigsuspend,
// and libdispatch, in which Swift's main thread waits, keeps its mask in memory that cannot be written: a crash.
// So the mask that valgrind sees is a copy.
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

// The size of the kernel's signal sets, which are smaller than libc's.
enum { KERNEL_SIGNAL_SET_BYTES = 8 };

int sigsuspend(const sigset_t *mask) {
  sigset_t copy = *mask;
  return (int)syscall(SYS_rt_sigsuspend, &copy, KERNEL_SIGNAL_SET_BYTES);
}
