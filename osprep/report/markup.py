"""HTML that is escaped unless it was made here."""

import base64
from html import escape

from osprep.errors import ConfigError

_VOID = ("img", "meta", "path", "line")
_MAGIC = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"RIFF": "image/webp",
    b"GIF8": "image/gif",
}


class Html(str):
    """Markup that is sound already: what `tag` and `join` return. Any other text is escaped by them."""

    __slots__ = ()


def tag(element: str, /, *children: object, **attributes: object) -> Html:
    """Return an element. `class_` stands for class, `_` in names for `-`; attributes that are None are left out."""
    pairs = ((key.rstrip("_").replace("_", "-"), value) for key, value in attributes.items() if value is not None)
    opening = "".join(f' {key}="{escape(str(value), quote=True)}"' for key, value in pairs)
    if element in _VOID:
        return Html(f"<{element}{opening}/>")
    return Html(f"<{element}{opening}>{join(*children)}</{element}>")


def join(*children: object) -> Html:
    """Return children one after another; lists and tuples are followed, None is left out."""
    parts = []
    for child in children:
        if isinstance(child, Html):
            parts.append(str(child))
        elif isinstance(child, (list, tuple)):
            parts.append(str(join(*child)))
        elif child is not None:
            parts.append(escape(str(child), quote=True))
    return Html("".join(parts))


def picture(content: bytes, alt: str, where: str, **attributes: object) -> Html:
    """Return an image that is part of the page itself. Raises ConfigError unless it is PNG, JPEG, WebP or GIF."""
    kind = next((kind for magic, kind in _MAGIC.items() if content.startswith(magic)), None)
    if kind is None:
        raise ConfigError(f"{where}: no PNG, JPEG, WebP or GIF; a report can hold no other pictures")
    data = base64.b64encode(content).decode("ascii")
    return tag("img", src=f"data:{kind};base64,{data}", alt=alt, decoding="async", **attributes)
