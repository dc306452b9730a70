#include "CFuzz.h"

// Part of libFuzzer, which has no header. Source: LLVM, "libFuzzer", using libFuzzer as a library.
int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*check)(const uint8_t *bytes, size_t count));

int apus_fuzz(int argc, char **argv, int (*check)(const uint8_t *bytes, size_t count)) {
  return LLVMFuzzerRunDriver(&argc, &argv, check);
}
