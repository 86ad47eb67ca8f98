"""Pieces of SVG: text that fits, boxes, groups."""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

from imsobs.preview.theme import LIGHT

# Widths of letters as shares of the size, of the widest font in the list (DejaVu Sans).
_NARROW, _WIDE = set("iljtfI.,:;'|! ()[]r-"), set("mwMW%@")
# How much wider letters of weight 600 are.
_BOLD = 1.12


def text(
    x: float,
    y: float,
    content: str,
    *,
    size: float = 12,
    color: str = LIGHT["ink"],
    weight: int = 400,
    anchor: str = "start",
    width: float | None = None,
    mono: bool = False,
) -> str:
    """Return one line of text with its baseline at y, cut to ``width`` pixels when given."""
    if width is not None:
        content = fitted(content, width, size if weight < 600 else size * _BOLD)
    family = ' class="mono"' if mono else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" font-weight="{weight}" '
        f'fill="{color}" text-anchor="{anchor}"{family}>{escape(content)}</text>'
    )


def text_width(content: str, size: float) -> float:
    """Return about how wide a text is, in pixels."""
    return sum(_letter(character) for character in content) * size


def _letter(character: str) -> float:
    if character in _NARROW:
        return 0.37
    return 0.92 if character in _WIDE else 0.7 if character.isupper() else 0.61


def fitted(content: str, width: float, size: float) -> str:
    """Return the text, cut with an ellipsis to about ``width`` pixels."""
    if text_width(content, size) <= width:
        return content
    room = width - size
    for kept, character in enumerate(content):
        room -= _letter(character) * size
        if room < 0:
            return content[:kept].rstrip() + "…"
    return content.rstrip() + "…"


def box(
    x: float,
    y: float,
    width: float,
    height: float,
    fill: str,
    *,
    radius: float = 0,
    stroke: str = "",
) -> str:
    """Return a rectangle."""
    line = f' stroke="{stroke}"' if stroke else ""
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(0, width):.1f}" height="{height:.1f}" '
        f'rx="{radius:g}" fill="{fill}"{line}/>'
    )


def group(x: float, y: float, content: str, tooltip: str = "") -> str:
    """Return content moved to (x, y); the tooltip is what a pointer shows."""
    title = f"<title>{escape(tooltip)}</title>" if tooltip else ""
    return f'<g transform="translate({x:.1f},{y:.1f})">{title}{content}</g>'


def document(width: float, height: float, content: str, label: str, family: str, mono: str) -> str:
    """Return a whole drawing."""
    style = f"text{{font-family:{family}}}text.mono{{font-family:{mono}}}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}" '
        f'viewBox="0 0 {width:g} {height:g}" role="img" aria-label={quoteattr(label)}>'
        f"<style>{style}</style>{content}</svg>"
    )
