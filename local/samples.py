"""Renders the sample images: `python -m local.samples` writes them to `samples/`.

No photographs, so no licences to mind. Nothing random is in it; it takes about two minutes.
"""

from pathlib import Path

import cv2

from local.fields import at, blend, box, cut_out, cylinder, ellipsoid, extrude, ring, rod
from local.tracer import Part, Scene, render

FOLDER = Path(__file__).resolve().parent.parent / "samples"
JPEG_QUALITY = 88


def _mug() -> list[Part]:
    wall = cut_out(cylinder(0.92, 1.02, 0.08), at((0, 0.2, 0), cylinder(0.82, 1.1, 0.1)))
    handle = cut_out(at((1.02, -0.02, 0), ring(0.46, 0.115, 1.25)), cylinder(0.86, 1.2))
    glaze = at((0, 1.02, 0), blend(wall, handle, 0.12))
    inside = cut_out(cylinder(0.85, 0.99, 0.02), at((0, 0.16, 0), cylinder(0.80, 1.05, 0.1)))
    return [
        Part(glaze, (0.03, 0.13, 0.42), 0.75),
        Part(at((0, 1.03, 0), inside), (0.85, 0.42, 0.10), 0.5),
    ]


def _boot() -> list[Part]:
    slab = box((3, 1, 3), 0)
    leg = rod((-0.56, 0.6, 0), (-0.62, 2.6, 0), 0.48, 0.60)
    heel = at((-0.54, 0.3, 0), ellipsoid((0.55, 0.62, 0.46)))
    toes = at((0.42, 0.26, 0), ellipsoid((0.98, 0.62, 0.46)))
    foot = blend(blend(toes, heel, 0.3), leg, 0.45)
    shaft = rod((-0.58, 1.2, 0), (-0.62, 2.8, 0), 0.43, 0.53)
    upper = cut_out(cut_out(foot, at((0, 3.3, 0), slab)), at((0, -0.85, 0), slab))
    band = cut_out(rod((-0.62, 2.0, 0), (-0.62, 2.5, 0), 0.605, 0.64), shaft)
    band = cut_out(cut_out(band, at((0, 3.36, 0), slab)), at((0, 1.1, 0), slab))
    sole = at((0, 0.12, 0), extrude(foot, 0.26, 0.045, 0.12))
    return [
        Part(cut_out(upper, shaft), (0.72, 0.36, 0.02), 0.65),
        Part(band, (0.30, 0.045, 0.03), 0.15),
        Part(cut_out(sole, at((0.75, 0, 0), box((0.9, 0.07, 2), 0.06))), (0.26, 0.11, 0.045), 0.2),
    ]


def _chair() -> list[Part]:
    wood, legs = (0.46, 0.22, 0.09), []
    for x, z in ((-0.62, 0.55), (0.62, 0.55), (-0.62, -0.55), (0.62, -0.55)):
        legs.append(rod((x, 1.3, z), (x * 1.16, 0.04, z * 1.16), 0.075, 0.045))
    for x in (-0.62, 0.62):
        legs.append(rod((x, 1.3, -0.58), (x * 1.05, 2.75, -0.82), 0.07, 0.055))
        legs.append(rod((x * 1.08, 0.62, 0.6), (x * 1.08, 0.62, -0.6), 0.04, 0.04))
    legs += [rod((-0.66, 0.8, z), (0.66, 0.8, z), 0.04, 0.04) for z in (-0.58, 0.58)]
    slats = [
        rod((-0.64, y, z), (0.64, y, z), 0.075, 0.075)
        for y, z in ((1.85, -0.67), (2.25, -0.735), (2.66, -0.8))
    ]
    seat = at((0, 1.36, 0), box((0.78, 0.09, 0.72), 0.08))
    return [Part(field, wood, 0.35) for field in (*legs, *slats)] + [
        Part(seat, (0.02, 0.22, 0.22), 0.3)
    ]


def _bottle_and_jar() -> list[Part]:
    body = blend(
        at((0, 1.05, 0), cylinder(0.62, 1.05, 0.16)), at((0, 2.3, 0), cylinder(0.22, 0.4)), 0.4
    )
    left, right = (-0.75, 0, 0), (0.95, 0, 0.25)
    return [
        Part(at(left, body), (0.30, 0.09, 0.015), 0.9),
        Part(at((-0.75, 1.0, 0), cylinder(0.632, 0.55, 0.01)), (0.86, 0.58, 0.24), 0.1),
        Part(at((-0.75, 1.12, 0), cylinder(0.637, 0.05, 0.005)), (0.02, 0.16, 0.13), 0.1),
        Part(at((-0.75, 2.72, 0), cylinder(0.30, 0.26, 0.05)), (0.03, 0.03, 0.035), 0.5),
        Part(at(right, at((0, 0.46, 0), cylinder(0.66, 0.46, 0.1))), (0.02, 0.20, 0.16), 0.8),
        Part(at(right, at((0, 1.06, 0), cylinder(0.69, 0.17, 0.05))), (0.62, 0.40, 0.22), 0.3),
    ]


def scenes() -> list[Scene]:
    """Return what is rendered; one name is as awkward as the names of real uploads."""
    return [
        Scene("ceramic mug (blue).jpg", (1600, 1200), _mug(), (1.6, 3.4, 6.4), (0.22, 0.9, 0), 2.0),
        Scene("Größe 42 + (new).jpg", (1400, 1400), _boot(), (1.8, 3.3, 7.0), (0.08, 1.12, 0), 2.0),
        Scene("chair.jpg", (1200, 1600), _chair(), (3.4, 3.3, 6.6), (0, 1.3, 0), 2.0),
        Scene(
            "bottle-and-jar.jpg", (3000, 2000), _bottle_and_jar(),
            (0.4, 2.6, 8.6), (0.05, 1.38, 0), 2.25, (0.78, 0.80, 0.82),
        ),
    ]  # fmt: skip


def main() -> None:
    """Write all of them."""
    for scene in scenes():
        path = FOLDER / scene.name
        path.parent.mkdir(parents=True, exist_ok=True)
        jpeg = cv2.imencode(".jpg", render(scene), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1]
        path.write_bytes(jpeg.tobytes())
        print(f"{scene.name}: {path.stat().st_size // 1024} KiB")


if __name__ == "__main__":
    main()
