#include "CAssets.h"

static const unsigned char openapi[] = {
#embed "openapi.json"
};

const unsigned char *apus_openapi(size_t *length) {
  *length = sizeof(openapi);
  return openapi;
}
