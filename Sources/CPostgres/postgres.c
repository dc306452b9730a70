#include "CPostgres.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>

static struct apus_postgres functions;
static const struct apus_postgres *found;

static void find(void) {
  void *library = dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) return;
#define FIND(name) \
  functions.name = (__typeof__(functions.name))dlsym(library, #name); \
  if (functions.name == NULL) return;
  APUS_POSTGRES_FUNCTIONS(FIND)
#undef FIND
  found = &functions;
}

const struct apus_postgres *apus_postgres_find(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, find);
  return found;
}

void apus_postgres_ignore(void *context, const PGresult *notice) {
  (void)context;
  (void)notice;
}
