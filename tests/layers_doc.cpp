// Writes docs/layers.md anew: build/release/tests/layers_doc
#include <cstdio>

#include "base/error.h"
#include "base/file.h"
#include "support/layers_page.h"

int main() {
  try {
    crema::write_file(CREMA_SOURCE_DIR "/docs/layers.md", crema::layers_page(CREMA_SOURCE_DIR));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
