#include <oneapi/dnnl/dnnl.h>

const dnnl_version_t* dnnl_version() {
  static const dnnl_version_t version = [] {
    dnnl_version_t v = {};
    v.major = DNNL_VERSION_MAJOR + 1;
    return v;
  }();
  return &version;
}
