/* The upstream: see main.c. */
#include "loop.h"

enum { REQUEST_ROOM = 16 << 10 };
/* Waking up for every single chunk of thousands of streams would take more of the machine than sending them. */
static const int64_t LEAST_SLEEP_NS = 250000;

struct answer {
  int fd; /* -1: hung up; it is freed when its turn comes */
  bool is_in_heap;
  long next, chunks;
  int64_t pace, due;
  size_t held;
  char request[REQUEST_ROOM];
};

/* The streams, the one that is due next on top: a binary heap. */
static struct answer **heap;
static size_t heap_count, heap_room;

static void heap_push(struct answer *answer) {
  answer->is_in_heap = true;
  if (heap_count == heap_room) heap = must(realloc(heap, (heap_room = 2 * heap_room + 64) * sizeof *heap));
  size_t at = heap_count++;
  for (; at && heap[(at - 1) / 2]->due > answer->due; at = (at - 1) / 2) heap[at] = heap[(at - 1) / 2];
  heap[at] = answer;
}

static struct answer *heap_pop(void) {
  struct answer *top = heap[0], *last = heap[--heap_count];
  size_t at = 0;
  for (size_t child; (child = 2 * at + 1) < heap_count; at = child) {
    if (child + 1 < heap_count && heap[child + 1]->due < heap[child]->due) child++;
    if (heap[child]->due >= last->due) break;
    heap[at] = heap[child];
  }
  heap[at] = last;
  top->is_in_heap = false;
  return top;
}

static void drop(struct answer *answer) {
  close(answer->fd);
  answer->fd = -1;
  if (!answer->is_in_heap) free(answer);
}

/* A socket takes 128 KB and more: it is full only when nobody reads, and then the stream is over. */
static bool put(struct answer *answer, const char *bytes, size_t count) {
  return send(answer->fd, bytes, count, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)count;
}

/* Sends the next chunk, or the stream's end; tells whether the connection still stands. */
static bool put_next(struct answer *answer) {
  static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n"
                             "X-Accel-Buffering: no\r\nTransfer-Encoding: chunked\r\n\r\n";
  static const char opening[] = "data: {\"id\":\"chatcmpl-bench0000000000000000000001\","
                                "\"object\":\"chat.completion.chunk\",\"created\":1750000000,"
                                "\"model\":\"bench-upstream\",\"choices\":[";
  char event[LINE_ROOM], bytes[2 * LINE_ROOM];
  bool is_last = answer->next == answer->chunks;
  if (is_last)
    snprintf(event, sizeof event,
             "%s],\"usage\":{\"prompt_tokens\":168,\"completion_tokens\":%ld,\"total_tokens\":%ld}}\n\n"
             "data: [DONE]\n\n",
             opening, answer->chunks, 168 + answer->chunks);
  else
    snprintf(event, sizeof event, "%s{\"index\":0,\"delta\":{\"content\":\"@%ld:%lld@\"},\"finish_reason\":%s}]}\n\n",
             opening, answer->next, (long long)stamp_ns(), answer->next + 1 == answer->chunks ? "\"stop\"" : "null");
  int count = snprintf(bytes, sizeof bytes, "%s%zx\r\n%s\r\n%s", answer->next ? "" : head, strlen(event), event,
                       is_last ? "0\r\n\r\n" : "");
  answer->next++;
  return put(answer, bytes, (size_t)count);
}

static long number(const char *body, const char *name, long fallback) {
  const char *field = strstr(body, name);
  return field ? strtol(field + strlen(name) + strspn(field + strlen(name), "\": "), NULL, 10) : fallback;
}

/* Routers ask for the models, and for the health: any answer is a good one. */
static const char models[] = "{\"object\":\"list\",\"data\":[{\"id\":\"bench-upstream\",\"object\":\"model\"}]}";

static bool put_whole(struct answer *answer, const char *text) {
  char bytes[READ_ROOM + LINE_ROOM];
  int count = snprintf(bytes, sizeof bytes, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                       "Content-Length: %zu\r\n\r\n%s", strlen(text), text);
  return put(answer, bytes, (size_t)count);
}

/* Answers the request that is held, once it is whole; tells whether the connection may stay. */
static bool serve_request(struct answer *answer, const char *completion) {
  answer->request[answer->held] = 0;
  char *body = strstr(answer->request, "\r\n\r\n");
  if (!body) return answer->held < REQUEST_ROOM - 1;
  *body = 0; /* the head is a text of its own for a moment */
  const char *length = strcasestr(answer->request, "\r\ncontent-length:");
  size_t whole = (size_t)(body - answer->request) + 4 + (length ? strtoul(length + 17, NULL, 10) : 0);
  *body = '\r';
  if (answer->held < whole) return whole < REQUEST_ROOM;
  answer->held = 0;
  if (strncmp(answer->request, "POST ", 5) != 0) return put_whole(answer, models);
  const char *stream = strstr(body, "\"stream\"");
  if (!stream || strncmp(stream + 8 + strspn(stream + 8, ": "), "true", 4) != 0) return put_whole(answer, completion);
  /* Some gateways give the field its newer name. */
  answer->chunks = number(body, "\"max_tokens\"", number(body, "\"max_completion_tokens\"", 64));
  answer->pace = number(body, "\"seed\"", 0) * 1000;
  answer->next = 0;
  answer->due = now_ns() + answer->pace;
  if (!put_next(answer)) return false;
  heap_push(answer);
  return true;
}

static void receive(struct answer *answer, const char *completion) {
  char *room = answer->request + answer->held;
  ssize_t count = recv(answer->fd, room, REQUEST_ROOM - 1 - answer->held, MSG_DONTWAIT);
  if (count < 0 && errno == EAGAIN) return;
  if (count > 0) answer->held += (size_t)count;
  if (count <= 0 || (!answer->is_in_heap && !serve_request(answer, completion))) drop(answer);
}

static void accept_all(int listener) {
  for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0;) {
    struct answer *answer = must(calloc(1, sizeof *answer));
    answer->fd = fd;
    without_delay(fd);
    watch(fd, answer);
  }
}

static void send_what_is_due(void) {
  for (int64_t now = now_ns(); heap_count && heap[0]->due <= now;) {
    struct answer *answer = heap_pop();
    if (answer->fd < 0) {
      free(answer);
    } else if (!put_next(answer)) {
      drop(answer);
    } else if (answer->next <= answer->chunks) {
      answer->due += answer->pace; /* by the plan, not by when it really was: no drift */
      heap_push(answer);
    }
  }
}

void serve(int port, const char *completion) {
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  struct sockaddr_in address = loopback(port);
  if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) < 0) die("SO_REUSEADDR");
  if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 4096) < 0) die("listen");
  watch(listener, NULL);
  for (struct epoll_event events[EVENTS];;) {
    int64_t soonest = now_ns() + LEAST_SLEEP_NS;
    int64_t due = !heap_count ? NEVER : heap[0]->due < soonest ? soonest : heap[0]->due;
    int count = wait_until(due, events);
    for (int i = 0; i < count; i++)
      if (events[i].data.ptr) receive(events[i].data.ptr, completion);
      else accept_all(listener);
    send_what_is_due();
  }
}
