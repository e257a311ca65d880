"""Reading drawings back."""

from xml.etree import ElementTree

SVG = "{http://www.w3.org/2000/svg}"


def parsed(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)


def marks(svg: str, tag: str, style: str) -> list[ElementTree.Element]:
    """The elements of one kind whose classes include `style`."""
    return [each for each in parsed(svg).iter(f"{SVG}{tag}") if style in (each.get("class") or "").split()]


def corners(element: ElementTree.Element) -> list[tuple[float, float]]:
    """The points of a line or an area, in units of the drawing."""
    pairs = [pair.split(",") for pair in (element.get("points") or "").split()]
    return [(float(x), float(y)) for x, y in pairs]


def words(svg: str) -> list[str]:
    return [each.text or "" for each in parsed(svg).iter(f"{SVG}text")]


def at(element: ElementTree.Element, *names: str) -> tuple[float, ...]:
    return tuple(float(element.get(name) or "nan") for name in names)
