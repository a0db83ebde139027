// Which algorithm computes each pass of a convolution: the one that was measured to be the fastest, or the one that a
// solver's state names. A store is shared by the nets of a run. Without a store, all convolutions are direct.
//
// Its file also keeps the results of the self-checks of the engine's kernels (math/self_check.h). The results of
// earlier processes are used from the store's creation on.
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

  // `file`: the choices measured by earlier processes; "": none are kept. A file that cannot be read, or that crema did
  // not write, counts as empty, with a warning. A file in an older form counts as empty, too, without a warning.
  explicit Algorithms(std::string file = "");
  virtual ~Algorithms() = default;
  Algorithms(const Algorithms&) = delete;
  Algorithms& operator=(const Algorithms&) = delete;

  // "" if the pass has to be measured. An algorithm that find() returned, or that remember() was given, is in use from
  // then on.
  virtual std::string find(const std::string& problem, const std::string& pass);
  // `seconds`: the time that the measurement took, for the log.
  virtual void remember(const std::string& problem, const std::string& pass, const std::string& algorithm,
                        double seconds);

  // All that is in use, sorted: for a state.
  std::vector<Choice> in_use() const;
  // Sets a state's choices: they take precedence over measured ones. The list of what is in use is cleared. `complete`:
  // passes that they do not name are direct, and nothing is measured any more.
  void give(const std::vector<Choice>& choices, bool complete);

  // Logs what was measured and compared since the last call, and adds it to the file. What other processes add
  // meanwhile is kept. If saving fails, warns once.
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
  size_t kept_checks_ = 0;  // how many of the process's checks are in the file
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
