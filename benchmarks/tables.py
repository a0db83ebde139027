"""Tables as text and as Markdown, and their places in a document."""
import re


class Table:
    """Cells are strings; `align` has l or r for each column."""

    def __init__(self, align, header):
        self.align, self.rows = align, [header]

    def add(self, *cells):
        self.rows.append([str(cell) for cell in cells])

    def text(self):
        widths = [max(len(row[i]) for row in self.rows) for i in range(len(self.align))]
        lines = []
        for row in self.rows:
            cells = [c.ljust(w) if a == "l" else c.rjust(w) for c, w, a in zip(row, widths, self.align)]
            lines.append("  ".join(cells).rstrip())
        return "\n".join(lines) + "\n"

    def markdown(self):
        def line(cells):
            return "| " + " | ".join(cells) + " |\n"
        rule = ["---" if a == "l" else "---:" for a in self.align]
        return line(self.rows[0]) + line(rule) + "".join(line(row) for row in self.rows[1:])


def milliseconds(value):
    if value is None:
        return "-"
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def megabytes(value):
    return "-" if value is None else f"{value / 1e6:.0f}" if value >= 1e7 else f"{value / 1e6:.1f}"


def ratio(above, below):
    return "-" if above is None or not below else f"{above / below:.2f}"


def write_between_markers(path, name, content):
    """Puts the content between the lines <!-- name --> and <!-- /name --> of the document."""
    with open(path) as file:
        text = file.read()
    begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->\n"
    if begin not in text or end not in text:
        raise SystemExit(f"{path}: the lines {begin.strip()} and {end.strip()} are not both there")
    text = re.sub(re.escape(begin) + ".*?" + re.escape(end), lambda _: begin + content + end, text, flags=re.DOTALL)
    with open(path, "w") as file:
        file.write(text)
