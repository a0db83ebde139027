// Where a message came from. A Source travels with its message through the upgrades and the filter, so that an error
// found later can still name the line and the file.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace crema {

// Both from 1. Line 0: unknown (the message comes from a binary file or was built in code).
struct Position {
  int line = 0;
  int column = 0;
  std::string flag{};  // `--set base_lr=0.02`, if this flag has set the field (config/override.h), not a line of the
                       // file

  bool known() const { return line > 0 || !flag.empty(); }
};

struct Source {
  std::string file;
  Position position;  // of the message itself

  // Where each field was set, by its path from the message: "name", "convolution_param.kernel_size", "bottom[1]". The
  // first of several values stands without an index. Arrays of numbers keep the positions of their first 100 values.
  std::map<std::string, Position, std::less<>> fields;

  // "file:line" of the message; the file's name alone where the line is unknown.
  std::string at() const;

  // "file:line:column" of a field; if it was not set, of the field around it ("convolution_param"); if that was not set
  // either, at(). If a flag has set the field: the flag.
  std::string at(std::string_view field) const;

  // As at(field), without the column.
  std::string line_of(std::string_view field) const;

  // The field's own position or that of the field around it; not known() if neither is.
  Position find(std::string_view field) const;

  // Notes where a field was set; nothing if that is unknown.
  void set(std::string_view field, Position where);

  // Notes that `field`, with all that is in it, was set there. Positions noted before for its parts are forgotten.
  void set_anew(std::string_view field, const Position& where);

  // The Source of the message in `field`, with paths relative to that message. They are removed from this Source.
  Source take(std::string_view field);

  // Moves the positions of `field`, and of what is in it, to `path` in `to`.
  void move(std::string_view field, Source& to, std::string_view path);
};

// `text` as an error message shows it: in quotes, on one line, shortened if it is long.
std::string in_quotes(std::string_view text);

// The same without the quotes.
std::string shortened(std::string_view text);

}  // namespace crema
