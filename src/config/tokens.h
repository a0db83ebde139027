// The words and signs of a prototxt.
#pragma once

#include <fmt/format.h>
#include <google/protobuf/io/tokenizer.h>

#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "config/source.h"

namespace crema {

// The tokens of a text, with one of them in view. Every function throws Error, with file, line and column, at a fault.
class Tokens {
 public:
  using Type = google::protobuf::io::Tokenizer::TokenType;
  using Tokenizer = google::protobuf::io::Tokenizer;

  Tokens(google::protobuf::io::ZeroCopyInputStream& stream, const std::string& file);

  bool at_end() const { return is(Tokenizer::TYPE_END); }
  bool broken() const { return !error_.message.empty(); }  // after a fault within a token: there is no next one
  bool is(Type type) const { return token_.type == type; }
  bool is(std::string_view text) const { return token_.text == text; }
  const std::string& text() const { return token_.text; }
  Position position() const { return {token_.line + 1, token_.column + 1}; }
  int previous_line();  // of the token before; 0 if there is none

  // The token as an error message shows it: in quotes, or "the end of the file".
  std::string shown() const;

  void next();
  bool take(std::string_view text);  // next() if the token in view is this one
  void expect(std::string_view text, std::string_view what);
  std::string identifier(std::string_view what);

  template <typename... Args>
  [[noreturn]] void fail(Position where, fmt::format_string<Args...> format, Args&&... args) const {
    throw Error("{}:{}:{}: {}", file_.empty() ? "(no file)" : file_, where.line, where.column,
                fmt::format(format, std::forward<Args>(args)...));
  }
  template <typename... Args>
  [[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) const {
    fail(position(), format, std::forward<Args>(args)...);
  }

 private:
  struct FirstError final : google::protobuf::io::ErrorCollector {
    void AddError(int line, int column, const std::string& message) override;
    Position position;
    std::string message;
  };

  std::string file_;
  FirstError error_;
  Tokenizer tokenizer_;
  const Tokenizer::Token& token_;  // of tokenizer_, which changes it in place
};

}  // namespace crema
