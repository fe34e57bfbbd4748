"""Shard patterns: many tars in one URL."""

import itertools
import re
from collections.abc import Iterator

from osloader.errors import ConfigError

MAX_NAMES = 1_000_000  # shards one pattern may name
_BRACES = re.compile(r"\{([^{}]*)\}")
_RANGE = re.compile(r"(\d{1,12})\.\.(\d{1,12})")
_SHARDS = re.compile(r"(?P<root>.*/|)(?P<path>shards/.+)", re.DOTALL)


def split_pattern(url: str) -> tuple[str, tuple[str, ...] | None]:
    """Return the root and the shard paths below it that a pattern names; None in their place for a plain root.

    Raises ConfigError when the tars do not lie below one `shards/` folder.
    """
    if not url.endswith(".tar"):
        return url, None
    matches = [_SHARDS.fullmatch(name) for name in expand(url)]
    found = [(match["root"], match["path"]) for match in matches if match]
    if len(found) < len(matches):
        raise ConfigError(
            f"{url}: not below a `shards/` folder, so no catalogue belongs to it; tars without one need an index, "
            "which this version cannot make (a later one will: `osloader index`)"
        )
    roots = {root for root, _ in found}
    if len(roots) > 1:
        raise ConfigError(f"{url}: names shards of {len(roots)} datasets; open one at a time")
    return roots.pop() or ".", tuple(dict.fromkeys(path for _, path in found))


def expand(pattern: str) -> Iterator[str]:
    """Yield the names of a pattern in order; `{07..12}` counts with leading zeros, `{a,b}` lists.

    Raises ConfigError for braces that do not pair, a range that runs backwards, wildcards, and too many names.
    """
    if "*" in pattern or "?" in pattern:
        raise ConfigError(f"{pattern}: wildcards are not known; use braces such as {{000000..000003}}, or the root")
    parts = _BRACES.split(pattern)
    if any(brace in text for text in parts for brace in "{}"):
        raise ConfigError(f"{pattern}: braces do not pair, or stand inside one another")
    choices = [_choices(part, pattern) if index % 2 else [part] for index, part in enumerate(parts)]
    count = 1
    for choice in choices:
        count *= len(choice)
    if count > MAX_NAMES:
        raise ConfigError(f"{pattern}: names {count:,} shards, the limit is {MAX_NAMES:,}; use the root")
    return map("".join, itertools.product(*choices))


def _choices(body: str, pattern: str) -> list[str]:
    if (match := _RANGE.fullmatch(body)) is None:
        return body.split(",")
    first, last = match.groups()
    count = int(last) - int(first) + 1
    if not 0 < count <= MAX_NAMES:
        raise ConfigError(f"{pattern}: {{{body}}} counts backwards or beyond {MAX_NAMES:,}")
    return [str(int(first) + number).zfill(len(first)) for number in range(count)]
