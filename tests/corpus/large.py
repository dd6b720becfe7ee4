"""Files near the limits, 100 megapixels within 25 MB, in every mode; run it for what they take.

`python -m tests.corpus.large` prepares each in a process of its own and prints the peak of its
memory and its computing time; the limits are those of the function `prepare`.
"""

import io
import resource
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from cutout.adapters.preparing import PillowPreparer
from tests.corpus.heifs import AV1, HEVC
from tests.corpus.pictures import chunk, encoded
from tests.corpus.pngs import SIGNATURE
from tests.corpus.profiles import ADOBE_RGB, grey_profile, rgb_profile
from tests.corpus.tiffs import DEFLATE, Tiff, with_profile

SIDE = 10_000
SIZE = (SIDE, SIDE)
ROOT = Path(__file__).parent.parent.parent


def main() -> None:
    """Print a table of all kinds."""
    for name in KINDS:
        megabytes, seconds = measured(name)
        sys.stdout.write(f"| {name} | {megabytes:,.0f} MB | {seconds:.1f} s |\n")
        sys.stdout.flush()


def measured(name: str) -> tuple[float, float]:
    """Return peak memory in megabytes and computing time in seconds of one kind."""
    body = KINDS[name]()
    command = [sys.executable, "-m", "tests.corpus.large", "one"]
    run = subprocess.run(command, input=body, capture_output=True, check=True, cwd=ROOT)  # noqa: S603
    peak, seconds = run.stdout.split()
    return float(peak) / 1024, float(seconds)


def prepare_one() -> None:
    """Prepare what comes by standard input, and write peak memory in KB and seconds.

    The kernel's own peak is read: what `getrusage` says begins with the parent's.
    """
    PillowPreparer().prepare(io.BytesIO(sys.stdin.buffer.read()))
    used = resource.getrusage(resource.RUSAGE_SELF)
    status = Path("/proc/self/status").read_text("ascii").splitlines()
    peak = next(line.split()[1] for line in status if line.startswith("VmHWM:"))
    sys.stdout.write(f"{peak} {used.ru_utime + used.ru_stime}\n")


def png(depth: int, kind: int, row: bytes, *, tags: tuple[tuple[bytes, bytes], ...] = ()) -> bytes:
    """Return a PNG of equal rows, turned."""
    packer = zlib.compressobj(1)
    data = b"".join([*(packer.compress(b"\0" + row) for _ in range(SIDE)), packer.flush()])
    exif = b"II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\6\0\0\0\0\0\0\0"
    parts = [(b"IHDR", struct.pack(">II5B", *SIZE, depth, kind, 0, 0, 0)), (b"eXIf", exif)]
    return SIGNATURE + b"".join(
        chunk(*part) for part in [*parts, *tags, (b"IDAT", data), (b"IEND", b"")]
    )


def iccp(body: bytes) -> tuple[bytes, bytes]:
    """Return the chunk of a profile."""
    return (b"iCCP", b"p\0\0" + zlib.compress(body))


def tiff(samples: int, bits: int, photometric: int, **changes: object) -> bytes:
    """Return a TIFF of one number in all samples, turned, with a profile."""
    planes = 1 if "planes" not in changes else samples
    changes.pop("planes", None)
    row = bytes(range(250)) * (SIDE // 250)
    data = row * (SIDE * samples * bits // 8 // planes)
    icc = grey_profile(1.8) if photometric < 2 else rgb_profile(ADOBE_RGB, 2.2)
    tags = {274: (3, [6]), **with_profile(icc)}
    described = {"bits": (bits,) * samples, "photometric": photometric, "compression": DEFLATE}
    file = Tiff(SIZE, [data] * planes, tags=tags, **(described | changes))  # type: ignore[arg-type]
    return file.file()


def picture(mode: str, colour: object) -> Image.Image:
    """Return a picture that is not quite of one colour."""
    found = Image.new(mode, SIZE, colour)  # type: ignore[arg-type]
    found.putpixel((5, 5), 0 if mode in ("L", "P") else (0,) * len(mode))
    return found


def turned_jpeg(mode: str, colour: object) -> bytes:
    """Return a JPEG that EXIF says is turned, with a profile."""
    exif = Image.Exif()
    exif[274] = 6
    icc = grey_profile(1.8) if mode == "L" else rgb_profile(ADOBE_RGB, 2.2)
    return encoded(picture(mode, colour), "JPEG", quality=80, exif=exif.tobytes(), icc_profile=icc)


def run_lengths() -> bytes:
    """Return a BMP whose rows are runs of 255 pixels."""
    full, rest = divmod(SIDE, 255)
    row = b"\xff\x01" * full + bytes([rest, 2]) + b"\0\0"
    palette = bytes(range(256)) * 4
    rows = row * SIDE + b"\0\1"
    info = struct.pack("<IiiHHIIiiII", 40, *SIZE, 1, 8, 1, len(rows), 0, 0, 256, 0)
    offset = 14 + len(info) + len(palette)
    return struct.pack("<2sIHHI", b"BM", offset + len(rows), 0, 0, offset) + info + palette + rows


KINDS: dict[str, Callable[[], bytes]] = {
    "JPEG, RGB": lambda: turned_jpeg("RGB", (90, 140, 200)),
    "JPEG, grey": lambda: turned_jpeg("L", 90),
    "JPEG, CMYK": lambda: turned_jpeg("CMYK", (90, 140, 200, 9)),
    "JPEG, RGB, without its end": lambda: turned_jpeg("RGB", (90, 140, 200))[:-2],
    "JPEG, progressive": lambda: encoded(
        picture("RGB", (90, 140, 200)), "JPEG", quality=80, progressive=True
    ),
    "PNG, RGB of 8 bits": lambda: png(8, 2, b"abc" * SIDE, tags=(iccp(rgb_profile(ADOBE_RGB, 2)),)),
    "PNG, RGBA of 8 bits": lambda: png(
        8, 6, b"abcd" * SIDE, tags=(iccp(rgb_profile(ADOBE_RGB, 2)),)
    ),
    "PNG, RGB of 16 bits": lambda: png(16, 2, b"aabbcc" * SIDE),
    "PNG, RGB of 16 bits, a transparent colour": lambda: png(
        16, 2, b"aabbcc" * (SIDE - 1) + b"xxyyzz", tags=((b"tRNS", b"xxyyzz"),)
    ),
    "PNG, RGBA of 16 bits": lambda: png(16, 6, b"aabbccdd" * SIDE),
    "PNG, grey of 16 bits": lambda: png(16, 0, b"aa" * SIDE, tags=(iccp(grey_profile(1.8)),)),
    "PNG, grey of 16 bits, a transparent grey": lambda: png(
        16, 0, b"aa" * (SIDE - 1) + b"zz", tags=((b"tRNS", b"zz"),)
    ),
    "PNG, grey and alpha of 16 bits": lambda: png(16, 4, b"aabb" * SIDE),
    "PNG, palette with alpha": lambda: png(
        8, 3, b"\1\2" * (SIDE // 2), tags=((b"PLTE", b"abcdefghi"), (b"tRNS", b"\0\xff\x80"))
    ),
    "PNG, bilevel, a transparent grey": lambda: png(
        1, 0, b"\x55" * (SIDE // 8), tags=((b"tRNS", b"\0\0"),)
    ),
    "WebP": lambda: encoded(picture("RGB", (90, 140, 200)), "WEBP", quality=50, method=0),
    "WebP, lossless with alpha": lambda: encoded(
        picture("RGBA", (90, 140, 200, 99)), "WEBP", lossless=True, method=0
    ),
    "GIF with a transparent colour": lambda: encoded(picture("P", 3), "GIF", transparency=0),
    "BMP, run lengths": run_lengths,
    "TIFF, RGB of 8 bits": lambda: tiff(3, 8, 2),
    "TIFF, RGBA of 8 bits": lambda: tiff(4, 8, 2, extra=(1,)),
    "TIFF, RGB of 16 bits": lambda: tiff(3, 16, 2),
    "TIFF, RGBA of 16 bits": lambda: tiff(4, 16, 2, extra=(1,)),
    "TIFF, RGB of 16 bits in planes": lambda: tiff(3, 16, 2, planes=True),
    "TIFF, RGBA of 16 bits in planes": lambda: tiff(4, 16, 2, extra=(1,), planes=True),
    "TIFF, grey of 8 bits, white is 0": lambda: tiff(1, 8, 0),
    "TIFF, grey and alpha of 8 bits": lambda: tiff(2, 8, 1, extra=(1,)),
    "TIFF, grey of 16 bits": lambda: tiff(1, 16, 0),
    "TIFF, grey of 32 bits": lambda: tiff(1, 32, 0),
    "TIFF, floats": lambda: tiff(1, 32, 0, format=3),
    "TIFF, CMYK of 8 bits": lambda: tiff(4, 8, 5),
    "TIFF, CMYK of 16 bits": lambda: tiff(4, 16, 5),
    "TIFF, L*a*b*": lambda: tiff(3, 8, 8),
    "TIFF, bilevel": lambda: encoded(Image.new("1", SIZE, 1), "TIFF", compression="group4"),
    "HEIC": lambda: encoded(picture("RGB", (90, 140, 200)), HEVC, quality=10),
    "HEIC with alpha": lambda: encoded(picture("RGBA", (90, 140, 200, 99)), HEVC, quality=10),
    "AVIF": lambda: encoded(picture("RGB", (90, 140, 200)), AV1, quality=20, speed=10),
    "AVIF with alpha": lambda: encoded(
        picture("RGBA", (90, 140, 200, 99)), AV1, quality=20, speed=10
    ),
}  # fmt: skip


if __name__ == "__main__":
    prepare_one() if sys.argv[1:] else main()
