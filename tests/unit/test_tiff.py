"""What a TIFF's tags say, whoever read them."""

import pytest

from cutout import tiff

MAKE, SUB_DIRECTORIES = 271, 330

RAW: dict[str, dict[int, object]] = {
    "DNG": {50706: b"\x01\x04\x00\x00"},
    "DNG whose first picture is the sensor's": {254: 0, 50706: (1, 4, 0, 0), 262: 32803},
    "colour filter array": {262: 32803},
    "linear raw": {262: 34892},
    "linear raw, read as a sequence": {262: (34892,)},
    "pattern of the filters": {33421: (2, 2), 33422: b"\x00\x01\x01\x02"},
    "preview first, as in NEF and ARW": {254: 1, MAKE: "NIKON CORPORATION", SUB_DIRECTORIES: (8,)},
    "preview of one page of many": {254: 3},
    "camera with sub-directories": {MAKE: "SAMSUNG", SUB_DIRECTORIES: 4_096},
    "TIFF/EP with sub-directories": {37398: b"\x01\x00\x00\x00", SUB_DIRECTORIES: 4_096},
    "Nikon's compression": {259: 34713},
    "Pentax's compression": {259: 65535, MAKE: "PENTAX"},
    "Sony's compression": {259: 32767},
}
PICTURES: dict[str, dict[int, object]] = {
    "nothing at all": {},
    "scan": {254: 0, 256: 2_480, 257: 3_508, 259: 5, 262: 2, MAKE: "EPSON"},
    "photo developed by a program": {254: 0, 262: 2, MAKE: "Canon", 272: "Canon EOS R5"},
    "photo with smaller versions behind": {254: 0, MAKE: "Canon", SUB_DIRECTORIES: (8, 16)},
    "microscope's planes": {SUB_DIRECTORIES: (8, 16, 24), 270: "OME"},
    "page of many": {254: 2},
    "numbers that are none": {254: "1", 259: b"", 262: (), 256: None},
    "fraction": {262: 32803.5},
}


@pytest.mark.parametrize("name", RAW)
def test_a_cameras_raw_file_is_known_by_its_tags(name: str) -> None:
    """Its first picture is never the photo."""
    assert tiff.is_raw(RAW[name])


@pytest.mark.parametrize("name", PICTURES)
def test_other_tiffs_are_no_raw_files(name: str) -> None:
    """A photo that was developed still names its camera."""
    assert not tiff.is_raw(PICTURES[name])
