// Charts as SVG.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "chart_canvas.h"

namespace crema {
namespace {

constexpr const char* kFonts = "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif";

// Escapes text for use between tags and in attributes. XML allows neither control characters nor bytes that are not
// UTF-8.
std::string escaped(const std::string& text) {
  std::string result;
  for (size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const size_t length = byte < 0x80                   ? 1
                          : byte >= 0xC2 && byte < 0xE0 ? 2
                          : byte >= 0xE0 && byte < 0xF0 ? 3
                          : byte >= 0xF0 && byte < 0xF5 ? 4
                                                        : 0;
    bool whole = length > 0 && i + length <= text.size();
    for (size_t k = 1; whole && k < length; ++k) whole = (text[i + k] & 0xC0) == 0x80;
    if (!whole || byte < 0x20 || byte == 0x7F) {
      result += byte == '\t' ? " " : "?";
      ++i;
      continue;
    }
    const std::string character = text.substr(i, length);
    result += character == "&"    ? "&amp;"
              : character == "<"  ? "&lt;"
              : character == ">"  ? "&gt;"
              : character == "\"" ? "&quot;"
                                  : character;
    i += length;
  }
  return result;
}

// A coordinate to a hundredth of a pixel, without superfluous zeros. Far outside it is clamped, since some viewers
// cannot read large numbers.
std::string coordinate(double value) {
  std::string text = fmt::format("{:.2f}", std::clamp(value, -1e5, 1e5));
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text == "-0" ? "0" : text;
}

std::string hex(Colour c) { return fmt::format("#{:02x}{:02x}{:02x}", c.red, c.green, c.blue); }

class SvgCanvas final : public Canvas {
 public:
  void clip(const Box& box) override {
    ++clips_;
    body_ += fmt::format("<clipPath id=\"clip{}\">{}/></clipPath>\n<g clip-path=\"url(#clip{})\">\n", clips_,
                         rectangle(box), clips_);
  }
  void unclip() override { body_ += "</g>\n"; }

  void frame(const Box& box, const Stroke& stroke) override {
    body_ += fmt::format("{} fill=\"none\"{}/>\n", rectangle(box), attributes(stroke));
  }

  void line(const std::vector<ChartPoint>& points, const Stroke& stroke) override {
    body_ += "<polyline points=\"";
    for (const ChartPoint& p : points) {
      if (&p != points.data()) body_ += ' ';
      body_ += coordinate(p.x) + "," + coordinate(p.y);
    }
    body_ += fmt::format("\" fill=\"none\"{} stroke-linejoin=\"round\"/>\n", attributes(stroke));
  }

  // Dots are lines of length zero with round ends: their text is much shorter than that of circles.
  void dots(const std::vector<ChartPoint>& points, Colour colour, double size) override {
    body_ += "<path d=\"";
    for (const ChartPoint& p : points) body_ += fmt::format("M{} {}h0", coordinate(p.x), coordinate(p.y));
    body_ += fmt::format("\" fill=\"none\"{} stroke-linecap=\"round\"/>\n", attributes({colour, size}));
  }

  void text(ChartPoint at, const std::string& text, const TextStyle& style, const std::string& raised) override {
    if (text.empty()) return;
    static constexpr const char* kAnchors[] = {"start", "middle", "end"};
    // The middle of digits is 0.35 of the font's size above the baseline.
    const double shift = 0.35 * style.size;
    const std::string x = coordinate(at.x), y = coordinate(at.y);
    body_ += fmt::format("<text font-size=\"{}\" text-anchor=\"{}\" fill=\"{}\"{}", coordinate(style.size),
                         kAnchors[static_cast<int>(style.anchor)], hex(style.colour),
                         style.bold ? " font-weight=\"bold\"" : "");
    if (style.upwards) {
      body_ += fmt::format(" transform=\"translate({} {}) rotate(-90)\" y=\"{}\">", x, y, coordinate(shift));
    } else {
      body_ += fmt::format(" x=\"{}\" y=\"{}\">", x, coordinate(at.y + shift));
    }
    body_ += escaped(text);
    if (!raised.empty()) body_ += fmt::format("<tspan dy=\"-0.45em\" font-size=\"75%\">{}</tspan>", escaped(raised));
    body_ += "</text>\n";
  }

  std::string document(const Chart& chart) const {
    const ChartPoint size = chart_size(chart);
    const std::string width = coordinate(size.x), height = coordinate(size.y);
    return fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" role=\"img\" "
        "font-family=\"{2}\">\n<title>{3}</title>\n<rect width=\"{0}\" height=\"{1}\" fill=\"#ffffff\"/>\n{4}</svg>\n",
        width, height, kFonts, escaped(chart.title.empty() ? chart.panels[0].title : chart.title), body_);
  }

 private:
  static std::string rectangle(const Box& box) {
    return fmt::format("<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"", coordinate(box.left), coordinate(box.top),
                       coordinate(box.width), coordinate(box.height));
  }
  static std::string attributes(const Stroke& stroke) {
    std::string dashes;
    for (const double length : stroke.dashes) dashes += (dashes.empty() ? "" : " ") + coordinate(length);
    return fmt::format(" stroke=\"{}\" stroke-width=\"{}\"{}", hex(stroke.colour), coordinate(stroke.width),
                       dashes.empty() ? "" : fmt::format(" stroke-dasharray=\"{}\"", dashes));
  }

  std::string body_;
  int clips_ = 0;
};

}  // namespace

std::string as_svg(const Chart& chart) {
  SvgCanvas canvas;
  draw(chart, &canvas);
  return canvas.document(chart);
}

}  // namespace crema
