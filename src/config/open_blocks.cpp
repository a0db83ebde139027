#include "config/open_blocks.h"

#include <fmt/format.h>

#include "base/error.h"
#include "crema.pb.h"

namespace crema {

using google::protobuf::FieldDescriptor;

bool is_layer(const google::protobuf::Descriptor& type) {
  return &type == LayerParameter::descriptor() || &type == V1LayerParameter::descriptor();
}

std::string Block::text() const {
  if (!is_layer(*message->GetDescriptor())) return in_quotes(name);
  const FieldDescriptor* field = message->GetDescriptor()->FindFieldByName("name");
  const bool named = field && message->GetReflection()->HasField(*message, field);
  return named ? fmt::format("layer {}", in_quotes(message->GetReflection()->GetString(*message, field)))
               : in_quotes(name);
}

void OpenBlocks::note_close(Position at, bool begins_line) {
  const Block& block = blocks_.back();
  if (blocks_.size() == 2) {
    last_ = block;
    last_line_ = at.line;
    suspect_.reset();
  } else if (!suspect_ && block.begins_line && begins_line && at.column < block.where.column) {
    suspect_ = block;
    suspect_line_ = at.line;
  }
}

Position OpenBlocks::layer() const {
  Position found;
  for (const Block& block : blocks_) {
    if (is_layer(*block.message->GetDescriptor())) found = block.where;
  }
  return found;
}

std::optional<OpenBlocks::Fault> OpenBlocks::missing_close(const std::string& field, int line) const {
  const size_t inner = blocks_.size() - 1;
  size_t owner = inner;
  while (owner > 0 && !blocks_[owner].has_field(field)) --owner;
  if (owner == inner || !blocks_[owner].has_field(field)) return std::nullopt;
  const Block &outer = blocks_[owner + 1], &innermost = blocks_[inner];
  const std::string others =
      owner + 1 == inner ? " is"
                         : fmt::format(" and {} in line {} are", in_quotes(innermost.name), innermost.where.line);
  return Fault{
      outer.where,
      fmt::format("{}{} not closed: a \"}}\" is missing before line {}{}", outer.text(), others, line, suspicion()),
      static_cast<int>(inner - owner)};
}

// The indentation may tell which block a "}" was meant for.
std::string OpenBlocks::suspicion() const {
  if (!suspect_) return "";
  return fmt::format("; as it stands, the one in line {} closes {} of line {}", suspect_line_,
                     in_quotes(suspect_->name), suspect_->where.line);
}

OpenBlocks::Fault OpenBlocks::unclosed_end() const {
  const Block &innermost = blocks_.back(), *outer = &innermost;
  for (const Block& block : blocks_) {
    if (is_layer(*block.message->GetDescriptor())) outer = &block;
  }
  const std::string within =
      outer == &innermost ? "" : fmt::format(", in {} of line {}", in_quotes(innermost.name), innermost.where.line);
  return {outer->where,
          fmt::format("{} is not closed: the file ends within it{}{}", outer->text(), within, suspicion())};
}

// `layer "conv1" of line 3 is closed in line 9`
std::string OpenBlocks::last_one() const {
  return fmt::format("{} of line {} is closed in line {}", last_->text(), last_->where.line, last_line_);
}

std::optional<std::string> OpenBlocks::extra_close() const {
  if (!in_the_file_itself() || !last_) return std::nullopt;
  return fmt::format("this \"}}\" closes nothing: {}", last_one());
}

std::string OpenBlocks::outer_place(const std::string& field) const {
  for (size_t i = blocks_.size() - 1; i-- > 0;) {
    if (!blocks_[i].has_field(field)) continue;
    return fmt::format("; {} around it has: is {} of line {} not closed?", i == 0 ? "the message" : blocks_[i].text(),
                       in_quotes(blocks_.back().name), blocks_.back().where.line);
  }
  return "";
}

std::string OpenBlocks::closed_place(const std::string& field) const {
  const bool follows = in_the_file_itself() && last_ && is_layer(*last_->message->GetDescriptor());
  return follows && last_->has_field(field) ? "; " + last_one() : "";
}

}  // namespace crema
