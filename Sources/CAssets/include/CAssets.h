#ifndef APUS_ASSETS_H
#define APUS_ASSETS_H

#include <stddef.h>

// The OpenAPI document, byte for byte as it is checked in beside this target, and its length.
const unsigned char *apus_openapi(size_t *length);

#endif
