// The blocks ("layer { ... }") around the place that a parser has reached, and what they tell of the commonest mistake
// in such files: a "}" that is missing, or one too many.
#pragma once

#include <google/protobuf/message.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/source.h"

namespace crema {

bool is_layer(const google::protobuf::Descriptor& type);

// A message whose text is being read, or was.
struct Block {
  const google::protobuf::Message* message;
  std::string name;  // the field's; "" for the whole file
  Position where;
  bool begins_line = false;

  bool has_field(const std::string& field) const { return message->GetDescriptor()->FindFieldByName(field) != nullptr; }
  // `layer "conv1"`, as far as it was read; `"pooling_param"`.
  std::string text() const;
};

class OpenBlocks {
 public:
  // The first one is the whole file.
  void open(Block block) { blocks_.push_back(std::move(block)); }
  void pop() { blocks_.pop_back(); }
  // The innermost block ends with the "}" at `at`, which is the first sign of its line or not.
  void note_close(Position at, bool begins_line);

  bool in_the_file_itself() const { return blocks_.size() == 1; }
  // Where the layer begins in which the place is; not known() outside of layers.
  Position layer() const;

  // What is wrong, and where.
  struct Fault {
    Position where;
    std::string text;
    int blocks = 0;  // so many of them, from the innermost one on, are not closed
  };
  // A layer cannot begin within a layer: where `field` is none of the innermost block's, but of one further out, "}" is
  // missing before its line.
  std::optional<Fault> missing_close(const std::string& field, int line) const;
  // Of a file that ends within the innermost block.
  Fault unclosed_end() const;
  // Of a "}" in the file itself, where there was a block before it.
  std::optional<std::string> extra_close() const;
  // Where `field`, which is unknown here, may have been meant to stand; "" where that is unknown, too: in a block
  // around this one, or in the one that was closed before.
  std::string outer_place(const std::string& field) const;
  std::string closed_place(const std::string& field) const;

 private:
  std::string suspicion() const;
  std::string last_one() const;

  std::vector<Block> blocks_;  // from the whole file to the innermost one
  // The last block of the file itself that was closed; within the one that is open, the first block whose "}" stands as
  // if it closed something further out.
  std::optional<Block> last_, suspect_;
  int last_line_ = 0, suspect_line_ = 0;  // of their "}"
};

}  // namespace crema
