"""Rectangles on a plan in metres, and how the plan lies on the image."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Rect:
    """A rectangle on the plan, in metres."""

    left: float
    top: float
    right: float
    bottom: float

    @classmethod
    def around(cls, u: float, v: float, width: float, height: float) -> "Rect":
        """Return the rectangle with this middle and these sides."""
        return cls(u - width / 2, v - height / 2, u + width / 2, v + height / 2)

    @property
    def width(self) -> float:
        """Metres from left to right."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Metres from top to bottom."""
        return self.bottom - self.top

    @property
    def centre(self) -> tuple[float, float]:
        """The middle."""
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2

    def inset(self, metres: float) -> "Rect":
        """Return the rectangle with `metres` taken off each side."""
        return Rect(self.left + metres, self.top + metres, self.right - metres, self.bottom - metres)

    def box(self, along: bool, place: float, back: float, width: float, deep: float) -> "Rect":
        """Return a rectangle whose middle is `place` along and `back` metres behind the top (or left) side."""
        if along:
            return Rect.around(self.left + place, self.top + back, width, deep)
        return Rect.around(self.left + back, self.top + place, deep, width)

    def corners(self) -> list[tuple[float, float]]:
        """Return the four corners in order."""
        return [(self.left, self.top), (self.right, self.top), (self.right, self.bottom), (self.left, self.bottom)]

    def outline(self, step: float = 25.0) -> list[tuple[float, float]]:
        """Return the outline with a point at least every `step` metres, so that it can bend."""
        corners = self.corners()
        points = []
        for start, end in zip(corners, corners[1:] + corners[:1], strict=True):
            points += line(start, end, step)[:-1]
        return points

    def circle(self) -> list[tuple[float, float]]:
        """Return the outline of a round thing as wide as the rectangle."""
        (u, v), radius = self.centre, self.width / 2
        turns = [2 * math.pi * step / 24 for step in range(24)]
        return [(u + radius * math.cos(turn), v + radius * math.sin(turn)) for turn in turns]


@dataclass(frozen=True, slots=True)
class Frame:
    """How the plan lies on the image: turned by `angle` radians, bent gently so that streets curve, and scaled."""

    height: int
    width: int
    gsd: float
    angle: float
    bend: float
    phase: tuple[float, float]

    @property
    def extent(self) -> float:
        """Side in metres of the square around the origin that covers the image however it is turned."""
        return 1.12 * math.hypot(self.height, self.width) * self.gsd

    def pixels(self, plan: object) -> Points:
        """Return image coordinates (x, y) for plan coordinates [..., 2] in metres."""
        points = np.asarray(plan, np.float64)
        u, v = points[..., 0], points[..., 1]
        wave = 2 * math.pi / max(1.2 * self.extent, 500.0)
        x = u + self.bend / wave * np.sin(v * wave + self.phase[0])
        y = v + self.bend / wave * np.sin(u * wave + self.phase[1])
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        out = np.empty_like(points)
        out[..., 0] = (x * cos - y * sin) / self.gsd + self.width / 2
        out[..., 1] = (x * sin + y * cos) / self.gsd + self.height / 2
        return out


def line(start: tuple[float, float], end: tuple[float, float], step: float) -> list[tuple[float, float]]:
    """Return points from start to end, at most `step` metres apart."""
    count = max(1, math.ceil(math.dist(start, end) / step))
    (u0, v0), (u1, v1) = start, end
    return [(u0 + (u1 - u0) * i / count, v0 + (v1 - v0) * i / count) for i in range(count + 1)]
