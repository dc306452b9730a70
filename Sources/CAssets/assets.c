#include "CAssets.h"

#pragma clang diagnostic ignored "-Wc23-extensions" // #embed, which Swift's own clang understands

static const unsigned char openapi[] = {
#embed "openapi.json"
};

const unsigned char *apus_openapi(size_t *length) {
  *length = sizeof(openapi);
  return openapi;
}
