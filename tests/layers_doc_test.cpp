// docs/layers.md is up to date with the sources, the schema and the rows.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "core/layer.h"
#include "support/layers_page.h"

namespace crema {
namespace {

TEST(LayersDoc, IsCurrent) {
  std::ifstream in(CREMA_SOURCE_DIR "/docs/layers.md");
  std::ostringstream written;
  written << in.rdbuf();
  const std::string page = layers_page(CREMA_SOURCE_DIR);
  EXPECT_TRUE(page == written.str()) << "docs/layers.md is out of date; build/release/tests/layers_doc writes it anew";
  for (const auto& [type, entry] : layer_types()) EXPECT_NE(page.find("\n## " + type + "\n"), std::string::npos);
}

// Each type's section says what it computes, in the first words of its source.
TEST(LayersDoc, NamesEachTypeInItsSource) {
  const std::string page = layers_page(CREMA_SOURCE_DIR);
  for (const auto& [type, entry] : layer_types()) {
    const size_t begin = page.find("\n## " + type + "\n"), end = page.find("\n## ", begin + 1);
    const std::string section = page.substr(begin + 4 + type.size(), end - begin);
    EXPECT_NE(section.find("\n" + type + ":"), std::string::npos) << type << ": no line of the comment begins with it";
  }
}

}  // namespace
}  // namespace crema
