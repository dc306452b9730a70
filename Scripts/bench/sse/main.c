/* Streams of server-sent events, sent and received with as little noise as one thread and epoll allow.
 *
 *   streams serve PORT COMPLETION
 *     An upstream. A chat request with `"stream":true` is answered with `max_tokens` chunks, one every `seed`
 *     microseconds (two fields that every gateway passes on), a chunk with the usage, and `data: [DONE]`. Any other
 *     POST is answered with the text in the file COMPLETION, any other request with a list of one model.
 *
 *   streams ask PORT REQUEST AT_ONCE TOTAL CHUNKS STAGGER_US LOOK_EVERY_US HANG_UP_EVERY SECONDS
 *     A client. It sends the request in the file REQUEST (head and body) TOTAL times on AT_ONCE connections, which
 *     start STAGGER_US apart, and expects CHUNKS chunks each time. It looks for what has arrived every LOOK_EVERY_US
 *     (0: at once). Every HANG_UP_EVERY-th stream (0: none) is hung up half way. What is not over after SECONDS is
 *     broken. It prints its figures as JSON on standard output, and what broke first on standard error.
 *
 * A chunk's content is `@NUMBER:NANOSECONDS@`: its number in the stream and when the upstream sent it. The kernel tells
 * when it arrived (SO_TIMESTAMPNS), by the same clock. So the client knows how long each chunk was under way, and by
 * how much the gap between two grew, however late the upstream or the client itself were. Of chunks that are found
 * together the kernel tells the last one's arrival only: LOOK_EVERY_US must be well below the pace.
 */
#include "loop.h"

#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <time.h>

static int poller;

void die(const char *what) {
  fprintf(stderr, "streams: %s: %s\n", what, strerror(errno));
  exit(1);
}

void *must(void *memory) {
  if (!memory) die("memory");
  return memory;
}

static int64_t read_clock(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

int64_t now_ns(void) { return read_clock(CLOCK_MONOTONIC); }

int64_t stamp_ns(void) { return read_clock(CLOCK_REALTIME); }

int wait_until(int64_t due, struct epoll_event *events) {
  int64_t left = due - now_ns();
  if (left < 0) left = 0;
  struct timespec timeout = {left / 1000000000, left % 1000000000};
  int count = epoll_pwait2(poller, events, EVENTS, due == NEVER ? NULL : &timeout, NULL);
  if (count < 0 && errno != EINTR) die("epoll");
  return count < 0 ? 0 : count;
}

void watch(int fd, void *owner) {
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = owner};
  if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) < 0) die("epoll_ctl");
}

void without_delay(int fd) {
  if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)) < 0) die("TCP_NODELAY");
}

struct sockaddr_in loopback(int port) {
  return (struct sockaddr_in){AF_INET, htons((uint16_t)port), {htonl(INADDR_LOOPBACK)}, {0}};
}

char *contents(const char *path) {
  FILE *file = fopen(path, "rb");
  if (!file) die(path);
  char *text = must(calloc(1, READ_ROOM));
  if (fread(text, 1, READ_ROOM - 1, file) == READ_ROOM - 1) die("the file is too long");
  fclose(file);
  return text;
}

int main(int count, char **words) {
  signal(SIGPIPE, SIG_IGN);
  /* Where it is allowed: a chunk must not wait for its time stamp until the measured process (priority 1) has had its
     turn. */
  sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){.sched_priority = 2});
  if ((poller = epoll_create1(EPOLL_CLOEXEC)) < 0) die("epoll_create");
  if (count == 4 && strcmp(words[1], "serve") == 0) serve(atoi(words[2]), contents(words[3]));
  if (count != 11 || strcmp(words[1], "ask") != 0) {
    fprintf(stderr, "streams: the comment at the top of main.c says how it is called\n");
    return 64;
  }
  long numbers[7];
  for (int i = 0; i < 7; i++) numbers[i] = atol(words[4 + i]);
  return ask((struct plan){.port = atoi(words[2]), .request = contents(words[3]), .at_once = numbers[0],
                           .total = numbers[1], .chunks = numbers[2], .stagger_us = numbers[3],
                           .look_every_us = numbers[4], .hang_up_every = numbers[5], .seconds = numbers[6]});
}
