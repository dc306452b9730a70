/* What the upstream and the client share: one thread that waits for sockets and for moments. */
#pragma once
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 256, LINE_ROOM = 1 << 10, READ_ROOM = 64 << 10 };
#define NEVER INT64_MAX

/* Ends the process with the reason that the system gave. */
void die(const char *what);

/* Memory, or the end of the process. */
void *must(void *memory);

/* The clock to wait by: it never jumps. */
int64_t now_ns(void);

/* The clock to stamp by: the kernel's own for what arrives. */
int64_t stamp_ns(void);

/* Waits for events, at most until `due`; tells how many there are. */
int wait_until(int64_t due, struct epoll_event *events);

/* From now on, `wait_until` brings `owner` when `fd` can be read. */
void watch(int fd, void *owner);

/* Every write leaves at once (TCP_NODELAY). */
void without_delay(int fd);

/* A port of 127.0.0.1. */
struct sockaddr_in loopback(int port);

/* The text in a file of less than READ_ROOM bytes. */
char *contents(const char *path);

/* The upstream; it ends with its process. */
_Noreturn void serve(int port, const char *completion);

/* What the client shall do: its words on the command line. */
struct plan {
  int port;
  const char *request;
  long at_once, total, chunks, stagger_us, look_every_us, hang_up_every, seconds;
};

/* The client; its status is the process's. */
int ask(struct plan given);
