// Checks that the Markdown files are right: links lead to files and headings, and commands name flags that the tool
// has.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "base/file.h"
#include "support/program.h"

namespace crema {
namespace {

namespace fs = std::filesystem;

// The repository's Markdown files, by their paths from its root.
std::vector<fs::path> pages() {
  std::vector<fs::path> found;
  for (auto entry = fs::recursive_directory_iterator("."); entry != fs::recursive_directory_iterator(); ++entry) {
    const fs::path path = entry->path().lexically_normal();
    const bool hidden = path.filename().string().starts_with(".");
    if (entry->is_directory() && (hidden || path == "build")) entry.disable_recursion_pending();
    if (path.extension() == ".md") found.push_back(path);
  }
  return found;
}

std::vector<std::string> matches(const std::string& text, const std::string& pattern) {
  const std::regex regex(pattern);
  std::vector<std::string> found;
  for (std::sregex_iterator i(text.begin(), text.end(), regex), end; i != end; ++i) found.push_back((*i)[1]);
  return found;
}

// The names by which links reach a page's headings: in small letters, spaces as hyphens, without punctuation, and
// numbered where two are the same.
std::set<std::string> anchors(const std::string& page) {
  std::set<std::string> names;
  for (const std::string& heading : matches(page, "(?:^|\n)#+ ([^\n]*)")) {
    std::string name;
    for (const char c : heading) {
      if (std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_')
        name += static_cast<char>(std::tolower(c));
      if (c == ' ') name += '-';
    }
    const std::string first = name;
    for (int i = 1; !names.insert(name).second; ++i) name = first + "-" + std::to_string(i);
  }
  return names;
}

TEST(Docs, links_lead_to_files_and_headings) {
  ASSERT_GT(pages().size(), 20u);
  for (const fs::path& page : pages()) {
    const std::string text = read_file(page.string());
    for (const std::string& link : matches(text, R"(\]\(([^)\s]+)\))")) {
      if (link.find("://") != std::string::npos) continue;
      const size_t hash = link.find('#');
      const fs::path file = hash == 0 ? page : page.parent_path() / link.substr(0, hash);
      ASSERT_TRUE(fs::exists(file)) << page << ": " << link;
      if (hash == std::string::npos) continue;
      EXPECT_TRUE(anchors(read_file(file.string())).contains(link.substr(hash + 1))) << page << ": " << link;
    }
  }
}

// Files that a sentence names in backquotes.
TEST(Docs, name_files_that_there_are) {
  for (const fs::path& page : pages()) {
    for (const std::string& name :
         matches(read_file(page.string()),
                 "`((?:src|tools|tests|scripts|benchmarks|studies|docs|proto|cmake)/[\\w./-]*)`")) {
      const bool written_by_example = page == "docs/adding_a_layer.md" && name == "src/layers/softsign.cpp";
      EXPECT_TRUE(fs::exists(name) || written_by_example) << page << ": " << name;
    }
  }
}

// "crema COMMAND ..." with all that follows on its line, and on the next ones after a backslash.
TEST(Docs, commands_have_the_flags_that_are_shown) {
  std::map<std::string, std::string> helps;
  int seen = 0;
  for (const fs::path& page : pages()) {
    const std::string text = std::regex_replace(read_file(page.string()), std::regex("\\\\\n *"), "");
    for (const std::string& command : matches(text, "(?:^|[`/\n ])crema ([a-z]+(?: [^\n`#]*)?)")) {
      std::istringstream words(command);
      std::string name, word;
      words >> name;
      // Elsewhere "crema" is the subject of a sentence.
      const bool shown = name == "train" || name == "test" || name == "show" || name == "check" || name == "time" ||
                         name == "draw" || name == "plot" || name == "info" || name == "completion";
      if (!shown) continue;
      if (!helps.contains(name)) helps[name] = crema(name + " --help").out;
      while (words >> word) {
        if (!word.starts_with("--")) continue;
        const std::string flag = word.substr(0, word.find_first_of("=,;:)"));
        EXPECT_NE(helps[name].find(flag), std::string::npos) << page << ": crema " << command;
        ++seen;
      }
    }
  }
  EXPECT_GT(seen, 50);
}

}  // namespace
}  // namespace crema
