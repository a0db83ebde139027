#include "kind.h"

#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <optional>

#include "base/error.h"
#include "config/prototxt.h"
#include "config/tokens.h"

namespace crema {
namespace {

// The number of the text's top-level fields that nets have, minus the number of those that solvers have, as far as the
// text can be read.
int leaning(const std::string& text) {
  google::protobuf::io::ArrayInputStream stream(text.data(), static_cast<int>(text.size()));
  int net = 0, solver = 0, depth = 0;
  try {
    Tokens tokens(stream, "");
    for (; !tokens.at_end(); tokens.next()) {
      if (tokens.is("{")) ++depth;
      if (tokens.is("}")) --depth;
      if (depth > 0 || !tokens.is(Tokens::Tokenizer::TYPE_IDENTIFIER)) continue;
      net += NetParameter::descriptor()->FindFieldByName(tokens.text()) != nullptr;
      solver += SolverParameter::descriptor()->FindFieldByName(tokens.text()) != nullptr;
    }
  } catch (const Error&) {
  }
  return net - solver;
}

}  // namespace

ReadFile read_either(const std::string& path, const std::vector<std::string>& settings) {
  const std::string text = read_text(path);
  const auto read = [&](bool net, std::vector<TextFault>* faults) -> std::variant<NetConfig, SolverConfig> {
    if (net) return parse_net(text, path, settings, faults);
    return parse_solver(text, path, settings, faults);
  };
  const bool net_first = leaning(text) >= 0;
  std::optional<Error> first;
  ReadFile found;
  try {
    found.config = read(net_first, &found.faults);
    if (found.faults.empty()) return found;
  } catch (const Error& error) {
    first = error;
  }
  try {
    return {read(!net_first, nullptr), {}, true};
  } catch (const Error&) {
  }
  if (first && found.faults.empty()) throw Error(*first);
  if (first) found.faults.push_back({first->what(), {}});
  found.usable = !first;
  return found;
}

}  // namespace crema
