#ifndef APUS_FUZZ_H
#define APUS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

// Runs libFuzzer with its own command line: `check` sees one input after the other until a limit is reached or it ends
// the process. Returns the exit status. An input lies in memory of exactly its size.
int apus_fuzz(int argc, char **argv, int (*check)(const uint8_t *bytes, size_t count));

#endif
