/* The client: see main.c. */
#include "loop.h"

struct samples { int64_t *values; size_t count, room; };
struct line { size_t length; char text[LINE_ROOM]; };
struct call {
  int fd; /* -1: not connected */
  enum { STATUS, HEADERS, SIZE, DATA, DATA_END, TRAILERS, UNTIL_CLOSED, OVER } part;
  bool is_chunked, closes, is_done, hangs_up;
  long next;
  size_t left; /* of this piece of a chunked body */
  int64_t sent, delay;
  struct line frame, event; /* of the protocol; of the stream inside it */
};

static struct plan plan;
static struct samples firsts, delays, gaps;
enum { CONNECT, REFUSED, CUT, ORDER, UNFINISHED, KINDS };
static long started, over, whole, hung_up, chunks_seen;
static const char *const kinds[KINDS] = {"connect", "status", "cut", "order", "unfinished"};
static long broken[KINDS];

static void add(struct samples *samples, int64_t value) {
  if (samples->count == samples->room) {
    samples->room = 2 * samples->room + 4096;
    samples->values = must(realloc(samples->values, samples->room * sizeof *samples->values));
  }
  samples->values[samples->count++] = value;
}

static void hang_up(struct call *call) {
  if (call->fd >= 0) close(call->fd);
  call->fd = -1;
  call->part = OVER;
}

static bool has_broken(struct call *call, int kind, const char *seen) {
  static bool was_told;
  if (!was_told) fprintf(stderr, "streams: %s after %ld chunks: %.300s\n", kinds[kind], call->next, seen);
  was_told = true;
  broken[kind]++;
  over++;
  hang_up(call);
  return false;
}

/* Takes one byte; tells whether it ended a line, which is then in `text` without its end. */
static bool ends_line(struct line *line, char byte) {
  if (byte != '\n') {
    if (line->length < LINE_ROOM - 1) line->text[line->length++] = byte;
    return false;
  }
  if (line->length && line->text[line->length - 1] == '\r') line->length--;
  line->text[line->length] = 0;
  line->length = 0;
  return true;
}

/* Like `take_frame`: looks at a whole line, and tells whether the stream goes on. */
static bool take_event(struct call *call, int64_t arrival) {
  const char *text = call->event.text;
  const char *mark = strchr(text, '@');
  if (!mark) {
    call->is_done |= strncmp(text, "data: [DONE]", 12) == 0;
    return true;
  }
  char *after;
  long place = strtol(mark + 1, &after, 10);
  if (place != call->next || call->is_done) return has_broken(call, ORDER, text);
  int64_t delay = arrival - strtoll(after + 1, NULL, 10);
  if (place == 0) add(&firsts, arrival - call->sent);
  else add(&gaps, delay - call->delay);
  add(&delays, delay);
  call->delay = delay;
  call->next++;
  chunks_seen++;
  if (!call->hangs_up || call->next < plan.chunks / 2) return true;
  hung_up++;
  over++;
  hang_up(call);
  return false;
}

static bool has_ended(struct call *call) {
  if (!call->is_done) return has_broken(call, CUT, call->event.text);
  if (call->next != plan.chunks) return has_broken(call, ORDER, "the end came too early or too late");
  whole++;
  over++;
  if (call->closes) hang_up(call);
  call->part = OVER;
  return false;
}

static bool take_frame(struct call *call) {
  const char *text = call->frame.text;
  switch (call->part) {
  case STATUS:
    if (!strstr(text, " 200")) return has_broken(call, REFUSED, text);
    call->part = HEADERS;
    return true;
  case HEADERS:
    call->is_chunked |= strcasecmp(text, "transfer-encoding: chunked") == 0;
    call->closes |= strcasecmp(text, "connection: close") == 0;
    if (!*text) call->part = call->is_chunked ? SIZE : UNTIL_CLOSED;
    return true;
  case SIZE:
    call->left = strtoul(text, NULL, 16);
    call->part = call->left ? DATA : TRAILERS;
    return true;
  case DATA_END:
    call->part = SIZE;
    return true;
  default: return *text ? true : has_ended(call);
  }
}

/* Takes what arrived; tells whether the stream goes on. */
static bool take(struct call *call, const char *bytes, size_t count, int64_t arrival) {
  for (const char *end = bytes + count; bytes < end;) {
    if (call->part != DATA && call->part != UNTIL_CLOSED) {
      if (ends_line(&call->frame, *bytes++) && !take_frame(call)) return false;
      continue;
    }
    const char *stop = call->part == DATA && call->left < (size_t)(end - bytes) ? bytes + call->left : end;
    call->left -= call->part == DATA ? (size_t)(stop - bytes) : 0;
    while (bytes < stop)
      if (ends_line(&call->event, *bytes++) && !take_event(call, arrival)) return false;
    if (call->part == DATA && !call->left) call->part = DATA_END;
  }
  return true;
}

static bool connects(struct call *call) {
  struct sockaddr_in address = loopback(plan.port);
  call->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (call->fd < 0) die("socket");
  if (connect(call->fd, (struct sockaddr *)&address, sizeof address) < 0)
    return has_broken(call, CONNECT, strerror(errno));
  without_delay(call->fd);
  if (setsockopt(call->fd, SOL_SOCKET, SO_TIMESTAMPNS, &(int){1}, sizeof(int)) < 0) die("SO_TIMESTAMPNS");
  watch(call->fd, call);
  return true;
}

/* Sends the next request, on the same connection if it still stands. */
static void ask_next(struct call *call) {
  call->part = OVER;
  while (call->part == OVER && started < plan.total) {
    started++;
    *call = (struct call){.fd = call->fd};
    call->hangs_up = plan.hang_up_every && started % plan.hang_up_every == 0;
    if (call->fd < 0 && !connects(call)) continue;
    call->sent = stamp_ns();
    size_t length = strlen(plan.request);
    if (send(call->fd, plan.request, length, MSG_NOSIGNAL) != (ssize_t)length) has_broken(call, CUT, strerror(errno));
  }
  if (call->part == OVER) hang_up(call);
}

/* Like recv, and tells when the last of these bytes arrived. */
static ssize_t receive(int fd, char *bytes, size_t room, int64_t *arrival) {
  char control[CMSG_SPACE(sizeof(struct timespec))];
  struct iovec piece = {bytes, room};
  struct msghdr message = {
      .msg_iov = &piece, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  ssize_t count = recvmsg(fd, &message, MSG_DONTWAIT);
  struct cmsghdr *stamp = count > 0 ? CMSG_FIRSTHDR(&message) : NULL;
  *arrival = stamp_ns();
  if (stamp && stamp->cmsg_type == SCM_TIMESTAMPNS) {
    struct timespec time;
    memcpy(&time, CMSG_DATA(stamp), sizeof time);
    *arrival = time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
  }
  return count;
}

static void hear(struct call *call) {
  static char bytes[READ_ROOM];
  int64_t arrival;
  ssize_t count = receive(call->fd, bytes, sizeof bytes, &arrival);
  if (count < 0 && errno == EAGAIN) return;
  bool goes_on = true;
  if (count > 0) goes_on = take(call, bytes, (size_t)count, arrival);
  else if (call->part == UNTIL_CLOSED) goes_on = has_ended(call);
  else goes_on = has_broken(call, CUT, count < 0 ? strerror(errno) : call->event.text);
  if (count <= 0) hang_up(call);
  if (!goes_on) ask_next(call);
}

static int by_size(const void *left, const void *right) {
  int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
  return (a > b) - (a < b);
}

static void tell(const char *name, struct samples *samples) {
  qsort(samples->values, samples->count, sizeof *samples->values, by_size);
  size_t last = samples->count ? samples->count - 1 : 0;
  int64_t none = 0, *values = samples->count ? samples->values : &none;
  printf(",\"%s\":{\"count\":%zu,\"p50_us\":%.1f,\"p99_us\":%.1f,\"max_us\":%.1f}", name, samples->count,
         (double)values[last / 2] / 1e3, (double)values[last * 99 / 100] / 1e3, (double)values[last] / 1e3);
}

static void tell_all(double seconds) {
  broken[UNFINISHED] = plan.total - over;
  printf("{\"seconds\":%.3f,\"whole\":%ld,\"hung_up\":%ld,\"chunks\":%ld", seconds, whole, hung_up, chunks_seen);
  for (int i = 0; i < KINDS; i++) printf("%s\"%s\":%ld", i ? "," : ",\"broken\":{", kinds[i], broken[i]);
  printf("}");
  tell("first", &firsts);
  tell("delay", &delays);
  tell("gap", &gaps);
  printf("}\n");
}

int ask(struct plan given) {
  plan = given;
  struct call *calls = must(calloc((size_t)plan.at_once, sizeof *calls));
  int64_t start = now_ns(), end = start + plan.seconds * 1000000000, next_start = start;
  long opened = 0;
  for (struct epoll_event events[EVENTS]; over < plan.total && now_ns() < end;) {
    for (; opened < plan.at_once && next_start <= now_ns(); next_start += plan.stagger_us * 1000) {
      calls[opened].fd = -1;
      ask_next(&calls[opened++]);
    }
    if (plan.look_every_us) usleep((useconds_t)plan.look_every_us);
    int count = wait_until(opened < plan.at_once ? next_start : end, events);
    for (int i = 0; i < count; i++) hear(events[i].data.ptr);
  }
  tell_all((double)(now_ns() - start) / 1e9);
  free(calls);
  return 0;
}
