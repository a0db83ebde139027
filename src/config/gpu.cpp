#include "config/gpu.h"

#include <fmt/format.h>

#include <set>

namespace crema {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// Looks for `engine: CUDNN` in every message of a layer.
void find_engines(const Message& message, const Source& source, const std::string& prefix,
                  std::vector<std::string>* found) {
  const auto& reflection = *message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field->is_repeated()) continue;
    const std::string path = prefix + field->name();
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      find_engines(reflection.GetMessage(message, field), source, path + ".", found);
    } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_ENUM &&
               reflection.GetEnum(message, field)->name() == "CUDNN") {
      found->push_back(fmt::format("{}: {}: CUDNN", source.line_of(path), field->name()));
    }
  }
}

}  // namespace

std::vector<std::string> gpu_requests(const SolverConfig& config) {
  const SolverParameter& s = config.solver;
  std::vector<std::string> found;
  if (s.has_solver_mode() && s.solver_mode() == SolverParameter::GPU) {
    found.push_back(config.source.line_of("solver_mode") + ": solver_mode: GPU");
  }
  const bool on_cpu = s.has_solver_mode() && s.solver_mode() == SolverParameter::CPU;
  if (s.has_device_id() && s.device_id() >= 0 && !on_cpu) {
    found.push_back(fmt::format("{}: device_id: {}", config.source.line_of("device_id"), s.device_id()));
  }
  return found;
}

std::vector<std::string> gpu_requests(const NetConfig& config) {
  std::vector<std::string> found;
  for (int i = 0; i < config.net.layer_size(); ++i) {
    find_engines(config.net.layer(i), config.layers[i], "", &found);
  }
  return found;
}

std::string cpu_notice(const std::vector<std::string>& requests) {
  if (requests.empty()) return "";
  const size_t more = std::set<std::string>(requests.begin(), requests.end()).size() - 1;
  return fmt::format("{}{}: crema runs on the CPU", requests[0], more > 0 ? fmt::format(" (and {} more)", more) : "");
}

}  // namespace crema
