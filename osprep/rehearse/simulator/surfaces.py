"""What the ground is made of: colour, radar backscatter and texture of each kind of surface."""

from dataclasses import dataclass

CLASSES: tuple[str, ...] = ("water", "forest", "farmland", "grass", "bare", "urban", "road", "building")


@dataclass(frozen=True, slots=True)
class Surface:
    """One kind of surface.

    `colour` is reflectance 0..1 in R, G, B, NIR. `sigma` is backscatter in dB in HH, cross-polarised, VV. `mottle` and
    `grain` are the strength of broad and of fine texture, `vary` and `vary_sigma` (dB) the spread between instances.
    """

    cover: str
    colour: tuple[float, float, float, float]
    sigma: tuple[float, float, float]
    mottle: float = 0.08
    grain: float = 0.06
    vary: float = 0.08
    vary_sigma: float = 0.8
    leafy: bool = False


_ROOF = (-12.0, -20.0, -12.5)
_PAVED = (-16.0, -25.0, -15.5)
_CAR = (-3.0, -13.0, -4.0)

SURFACES: dict[str, Surface] = {
    "water": Surface("water", (0.07, 0.12, 0.14, 0.03), (-23.0, -33.0, -21.0), 0.12, 0.03, 0.10, 1.0),
    "shallow": Surface("water", (0.14, 0.19, 0.18, 0.05), (-22.0, -32.0, -20.5), 0.10, 0.03),
    "forest": Surface("forest", (0.19, 0.25, 0.14, 0.50), (-9.5, -15.0, -9.5), 0.12, 0.08, 0.10, 0.5, True),
    "tree": Surface("forest", (0.20, 0.27, 0.15, 0.52), (-8.0, -14.0, -8.5), 0.10, 0.10, 0.16, 0.8, True),
    "grass": Surface("grass", (0.36, 0.41, 0.25, 0.52), (-13.5, -21.5, -12.5), 0.13, 0.07, 0.10),
    "garden": Surface("grass", (0.34, 0.38, 0.25, 0.46), (-12.0, -20.0, -11.5), 0.20, 0.12, 0.12),
    "meadow": Surface("grass", (0.42, 0.43, 0.28, 0.50), (-14.0, -22.0, -13.0), 0.10, 0.06, 0.12, 1.2),
    "pitch": Surface("grass", (0.30, 0.45, 0.24, 0.55), (-14.5, -23.0, -13.5), 0.06, 0.03, 0.06),
    "crop": Surface("farmland", (0.26, 0.36, 0.18, 0.55), (-10.5, -18.0, -10.0), 0.05, 0.05, 0.16, 1.6),
    "cereal": Surface("farmland", (0.56, 0.52, 0.33, 0.46), (-13.0, -22.0, -12.0), 0.04, 0.04, 0.12, 1.6),
    "stubble": Surface("farmland", (0.60, 0.52, 0.39, 0.45), (-15.0, -24.0, -13.5), 0.05, 0.05, 0.10, 1.4),
    "ploughed": Surface("farmland", (0.44, 0.35, 0.27, 0.34), (-11.5, -22.0, -10.5), 0.05, 0.06, 0.12, 1.8),
    "vegetables": Surface("farmland", (0.22, 0.34, 0.19, 0.48), (-9.5, -17.0, -9.5), 0.06, 0.08, 0.14, 1.4),
    "bare": Surface("bare", (0.56, 0.49, 0.41, 0.50), (-15.5, -25.0, -14.5), 0.14, 0.06, 0.10),
    "sand": Surface("bare", (0.72, 0.65, 0.53, 0.64), (-19.0, -29.0, -18.0), 0.06, 0.04, 0.06),
    "yard": Surface("urban", (0.52, 0.50, 0.47, 0.50), _PAVED, 0.10, 0.07, 0.12, 1.5),
    "parking": Surface("urban", (0.41, 0.405, 0.39, 0.40), (-18.0, -27.0, -17.5), 0.07, 0.04, 0.10),
    "gravel": Surface("urban", (0.55, 0.50, 0.45, 0.52), (-13.5, -23.0, -13.0), 0.13, 0.09, 0.10, 1.2),
    "pavement": Surface("road", (0.58, 0.56, 0.53, 0.55), (-15.0, -24.0, -15.0), 0.05, 0.05),
    "asphalt": Surface("road", (0.39, 0.385, 0.375, 0.38), (-20.5, -30.0, -20.0), 0.06, 0.03, 0.05, 0.4),
    "track": Surface("road", (0.60, 0.53, 0.43, 0.55), (-16.5, -26.0, -16.0), 0.10, 0.06, 0.06),
    "marking": Surface("road", (0.80, 0.80, 0.78, 0.78), (-20.5, -30.0, -20.0), 0.02, 0.02, 0.02, 0.2),
    "line": Surface("grass", (0.85, 0.87, 0.82, 0.85), (-14.5, -23.0, -13.5), 0.02, 0.02, 0.02, 0.2),
    "tile": Surface("building", (0.58, 0.36, 0.28, 0.44), _ROOF, 0.06, 0.08, 0.14),
    "slate": Surface("building", (0.35, 0.34, 0.35, 0.36), _ROOF, 0.06, 0.07, 0.16),
    "brown": Surface("building", (0.47, 0.40, 0.34, 0.42), _ROOF, 0.06, 0.07, 0.14),
    "bitumen": Surface("building", (0.44, 0.43, 0.43, 0.43), (-9.0, -19.0, -9.5), 0.08, 0.05, 0.16),
    "concrete": Surface("building", (0.64, 0.62, 0.59, 0.62), (-9.0, -19.0, -9.5), 0.08, 0.05, 0.10),
    "metal": Surface("building", (0.80, 0.81, 0.82, 0.78), (-6.0, -17.0, -6.5), 0.03, 0.03, 0.10, 2.0),
    "blue": Surface("building", (0.35, 0.47, 0.62, 0.40), (-6.0, -17.0, -6.5), 0.03, 0.03, 0.08, 2.0),
    "tank": Surface("building", (0.90, 0.90, 0.89, 0.85), (-2.0, -13.0, -2.5), 0.02, 0.02, 0.04, 1.5),
    "box": Surface("urban", (0.50, 0.34, 0.30, 0.42), (0.0, -11.0, -0.5), 0.02, 0.03, 0.30, 2.0),
    "deck": Surface("urban", (0.52, 0.44, 0.40, 0.46), (-1.0, -11.0, -1.5), 0.06, 0.08, 0.20, 2.0),
    "white-box": Surface("urban", (0.82, 0.82, 0.80, 0.78), (0.0, -11.0, -0.5), 0.02, 0.03, 0.10, 2.0),
    "white-car": Surface("urban", (0.86, 0.86, 0.86, 0.80), _CAR, 0.0, 0.02, 0.08, 3.0),
    "dark-car": Surface("urban", (0.18, 0.19, 0.22, 0.22), _CAR, 0.0, 0.02, 0.25, 3.0),
    "red-car": Surface("urban", (0.62, 0.18, 0.16, 0.40), _CAR, 0.0, 0.02, 0.12, 3.0),
}
