// Which algorithm computes each pass of a convolution: what was measured to be the fastest, or what a solver's state
// says. A store is shared by the nets of a run. Without one, convolutions are direct alone.
//
// Its file also keeps what the process found out about the engine's kernels (math/self_check.h): what earlier processes
// found counts from the store's creation on.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "math/self_check.h"

namespace crema {

class Algorithms {
 public:
  // `problem`: all that the choice depends on, beside the machine (convolution_choice.h writes it). `pass`: "forward",
  // "backward_data" or "backward_weights". `algorithm`: "direct", "winograd" or "gemm".
  struct Choice {
    std::string problem, pass, algorithm;

    bool operator==(const Choice&) const = default;
  };

  // `file`: the choices measured by earlier processes; "": none are kept. A file that cannot be read, or is none of
  // ours, is warned of and counts as empty; so does one in an older form, without a warning.
  explicit Algorithms(std::string file = "");
  virtual ~Algorithms() = default;
  Algorithms(const Algorithms&) = delete;
  Algorithms& operator=(const Algorithms&) = delete;

  // "" where it has to be measured. What find() and remember() said is in use from then on.
  virtual std::string find(const std::string& problem, const std::string& pass);
  // `seconds`: that the measurement took, for the log.
  virtual void remember(const std::string& problem, const std::string& pass, const std::string& algorithm,
                        double seconds);

  // All that is in use, sorted: for a state.
  std::vector<Choice> in_use() const;
  // A state's choices: they come before what is measured. What was in use before is forgotten. `complete`: what they
  // do not name is direct, and nothing is measured any more.
  void give(const std::vector<Choice>& choices, bool complete);

  // Says in the log what was measured and compared since the last time, and adds it to the file: what other processes
  // add meanwhile stays. Where that fails, warns once.
  virtual void save();

 private:
  using Key = std::pair<std::string, std::string>;
  using Map = std::map<Key, std::string>;

  struct Content {  // of the file
    Map choices;
    SelfChecks::Answers checks;
  };

  Content read() const;
  void write();

  std::string file_;
  Map known_;               // from the file, or measured by this process
  size_t kept_checks_ = 0;  // of the process's, as many as the file has
  Map given_;               // by a state
  Map in_use_;
  bool complete_ = false, warned_ = false;
  int measured_ = 0;  // since the last save()
  double seconds_ = 0;
};

// Where this machine's choices are kept: a file of the folder $CREMA_CACHE, else $XDG_CACHE_HOME/crema, else
// ~/.cache/crema, whose name has the processor and oneDNN's version. "" where CREMA_CACHE is empty, or nothing is set.
std::string algorithms_file();

}  // namespace crema
