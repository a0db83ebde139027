// The blocks ("layer { ... }") around the place that a parser has reached. They help to explain the commonest mistake
// in such files: a missing "}", or one too many.
#pragma once

#include <google/protobuf/message.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/source.h"

namespace crema {

bool is_layer(const google::protobuf::Descriptor& type);

// A message whose text is being read, or has been read.
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
  // The first block is the whole file.
  void open(Block block) { blocks_.push_back(std::move(block)); }
  void pop() { blocks_.pop_back(); }
  // To be called at the "}" that ends the innermost block. `begins_line`: whether it is the first sign of its line.
  void note_close(Position at, bool begins_line);

  bool in_the_file_itself() const { return blocks_.size() == 1; }  // outside of all other blocks
  // Where the layer around the place begins; not known() outside of layers.
  Position layer() const;

  // What is wrong, and where.
  struct Fault {
    Position where;
    std::string text;
    int blocks = 0;  // how many blocks are not closed, counted from the innermost one
  };
  // A layer cannot begin within a layer. If the innermost block has no such field, but an outer one has, a "}" is
  // missing before its line.
  std::optional<Fault> missing_close(const std::string& field, int line) const;
  // The fault of a file that ends within the innermost block.
  Fault unclosed_end() const;
  // What to say of a "}" outside of all blocks, if there was a block before it.
  std::optional<std::string> extra_close() const;
  // For an unknown field, the end of the error message. An outer block may have such a field, if this one was not
  // closed; so may the block before, if it was closed too early. "" if it has none.
  std::string outer_place(const std::string& field) const;
  std::string closed_place(const std::string& field) const;

 private:
  std::string suspicion() const;
  std::string last_one() const;

  std::vector<Block> blocks_;  // from the whole file to the innermost one
  std::optional<Block> last_;  // the outermost block that was closed last
  std::optional<Block>
      suspect_;  // within the open one, the first block whose "}" is indented like that of an outer one
  int last_line_ = 0, suspect_line_ = 0;  // the lines of their "}"
};

}  // namespace crema
