#include "config/tokens.h"

namespace crema {
namespace {

// The tokenizer's messages begin with a capital letter and end with a full stop. crema's messages follow a position and
// have neither.
std::string clause(std::string sentence) {
  if (sentence.starts_with("Interpreting non ascii"))
    return "a character outside ASCII, which may stand in strings alone";
  if (!sentence.empty() && sentence.back() == '.') sentence.pop_back();
  if (!sentence.empty() && sentence[0] >= 'A' && sentence[0] <= 'Z') sentence[0] += 'a' - 'A';
  return sentence;
}

}  // namespace

void Tokens::FirstError::AddError(int line, int column, const std::string& text) {
  if (!message.empty()) return;
  message = text;
  position = {line + 1, column + 1};
}

Tokens::Tokens(google::protobuf::io::ZeroCopyInputStream& stream, const std::string& file)
    : file_(file), tokenizer_(&stream, &error_), token_(tokenizer_.current()) {
  tokenizer_.set_comment_style(Tokenizer::SH_COMMENT_STYLE);
  tokenizer_.set_allow_f_after_float(true);
  next();
}

std::string Tokens::shown() const {
  if (at_end()) return "the end of the file";
  return is(Tokenizer::TYPE_STRING) ? shortened(text()) : in_quotes(text());
}

int Tokens::previous_line() {
  const Tokenizer::Token& token = tokenizer_.previous();
  return token.type == Tokenizer::TYPE_START ? 0 : token.line + 1;
}

void Tokens::next() {
  tokenizer_.Next();
  if (!error_.message.empty()) fail(error_.position, "{}", clause(error_.message));
}

bool Tokens::take(std::string_view text) {
  if (!is(text)) return false;
  next();
  return true;
}

void Tokens::expect(std::string_view text, std::string_view what) {
  if (!take(text)) fail("expected {}, found {}", what, shown());
}

std::string Tokens::identifier(std::string_view what) {
  if (!is(Tokenizer::TYPE_IDENTIFIER)) fail("expected {}, found {}", what, shown());
  std::string name = text();
  next();
  return name;
}

}  // namespace crema
