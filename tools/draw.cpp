// crema draw: a picture of a net.
#include <filesystem>

#ifdef CREMA_WITH_GRAPHVIZ
#include <graphviz/cgraph.h>
#include <graphviz/gvc.h>
#endif

#include "base/file.h"
#include "commands.h"
#include "flags.h"
#include "net_dot.h"

#if defined(CREMA_WITH_GRAPHVIZ) && defined(__SANITIZE_ADDRESS__)
// The leak sanitizer calls this. Graphviz and its libraries keep memory until the program ends.
extern "C" const char* __lsan_default_suppressions() { return "leak:libfontconfig\nleak:libgvc\nleak:libpango\n"; }
#endif

namespace crema {
namespace {

struct DrawFlags {
  std::string model, output;
  StateFlags state;
  std::vector<std::string> settings;
  ShapeFlags shapes;
};

#ifdef CREMA_WITH_GRAPHVIZ

constexpr bool kDraws = true;

struct CloseContext {
  void operator()(GVC_t* context) const { gvFreeContext(context); }
};

// Graphviz counts bytes in unsigned int until version 12, in size_t since 13.
template <typename Size>
Size counted_in(int (*render)(GVC_t*, Agraph_t*, const char*, char**, Size*));
using Bytes = decltype(counted_in(&gvRenderData));

// The picture's bytes. `format`: "svg" or "png".
std::string rendered(const std::string& dot, const std::string& format) {
  const std::unique_ptr<GVC_t, CloseContext> context(gvContext());
  agseterr(AGMAX);  // failures are reported below
  const auto close_graph = [&](Agraph_t* graph) {
    gvFreeLayout(context.get(), graph);
    agclose(graph);
  };
  const std::unique_ptr<Agraph_t, decltype(close_graph)> graph(agmemread(dot.c_str()), close_graph);
  char* bytes = nullptr;
  Bytes size = 0;
  const bool drawn = graph && gvLayout(context.get(), graph.get(), "dot") == 0 &&
                     gvRenderData(context.get(), graph.get(), format.c_str(), &bytes, &size) == 0 && bytes != nullptr;
  if (!drawn) {
    const char* reason = aglasterr();
    throw Error("Graphviz cannot draw {}: {}; .dot files need no drawing", format,
                reason != nullptr ? reason : "it has no plugin for it");
  }
  std::string picture(bytes, size);
  gvFreeRenderData(bytes);
  return picture;
}

#else

constexpr bool kDraws = false;

std::string rendered(const std::string&, const std::string&) { return ""; }

#endif

std::string format_of(const std::string& path) {
  const std::string ending = std::filesystem::path(path).extension().string();
  check(ending == ".dot" || ending == ".svg" || ending == ".png",
        "{}: the ending \"{}\" is none of .svg, .png and .dot, the kinds of files that draw writes", path, ending);
  check(kDraws || ending == ".dot",
        "{}: only .dot can be written: Graphviz is not part of this build (CMake option CREMA_GRAPHVIZ)", path);
  return ending.substr(1);
}

void draw(const DrawFlags& flags) {
  const std::string format = format_of(flags.output);
  check_not_input(flags.output, flags.model);
  const NetConfig config = filtered(read_net(flags.model, flags.settings), flags.state, TRAIN);
  Survey found = survey(config, flags.shapes, {.engine = Engine::plain});
  if (!found.faults.empty()) throw Error(found.faults[0].text);
  if (!found.unknown.empty()) throw Error(found.unknown[0]);
  check_blobs(flags.shapes, found.data_tops);
  const std::string name = config.net.name().empty() ? flags.model : config.net.name();
  const std::string dot = net_dot(found, fmt::format("{}, phase {}", name, Phase_Name(found.net->phase())));
  write_file(flags.output, format == "dot" ? dot : rendered(dot, format));
}

}  // namespace

void add_draw(CLI::App& app) {
  const auto flags = std::make_shared<DrawFlags>();
  CLI::App* command = app.add_subcommand("draw", "draw a net: its layers, blobs, shapes and costs");
  command->add_option("--model,MODEL", flags->model, "the net's prototxt")->required()->check(kFileName);
  command->add_option("--output", flags->output, "the picture: .svg or .png, or .dot for Graphviz's text")
      ->required()
      ->check(kFileName);
  add_shape_flag(*command, flags->shapes);
  add_state_flags(*command, flags->state, "the net's phase: TRAIN (the default) or TEST");
  add_set_flag(*command, flags->settings);
  command->footer(
      "Example:\n  crema draw --model models/lenet/train_test.prototxt --stage mnist-10k --output build/lenet.svg");
  command->callback([flags] { draw(*flags); });
}

}  // namespace crema
