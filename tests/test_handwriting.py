"""Own digits: every kind of file, every way that one can be wrong, sheets at a slant, and what is made of them."""

import gzip
import io
import os
import re
import struct
import zipfile
import zlib
from pathlib import Path

from mnist_lr_helpers import data, handwriting
from mnist_lr_helpers.course import execute
from mnist_lr_helpers.course.command import main
from mnist_lr_helpers.data import DataError, Dataset
from mnist_lr_helpers.handwriting import load_drawings, photographs, pictures, prepare, read_ink, sheets

import numpy as np
import pytest
import torch
from conftest import idx_bytes, seeded
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

DARK, LIGHT = 20, 235  # grey values of pen and paper


@pytest.fixture(scope="module")
def small() -> tuple[torch.Tensor, torch.Tensor]:
    """Ten of each of scikit-learn's digits, as MNIST lays them out, ``[100, 1, 28, 28]``, in order of their labels."""
    test = data.load_data("digits", scaling="unit").train
    chosen = torch.cat([(test.labels == digit).nonzero()[:10, 0] for digit in range(10)])
    return prepare(test.images[chosen] * (test.images[chosen] > 0.3)), test.labels[chosen]


def seven(side: int = 240) -> np.ndarray:
    """A 7 with a pen on white paper, grey ``[side, side]`` from 0 to 255."""
    grey = np.full((side, side), LIGHT, np.uint8)
    k = side // 24
    grey[5 * k : 7 * k, 7 * k : 16 * k] = DARK
    for row in range(7 * k, 19 * k):
        column = 14 * k - (row - 7 * k) // 2
        grey[row, column : column + 2 * k] = DARK
    return grey


def as_mnist(grey: np.ndarray) -> torch.Tensor:
    """What the drawing must become, by the book: full ink or none, then prepared."""
    return prepare(torch.tensor(grey < 128).float()[None, None])


def close(images: torch.Tensor, grey: np.ndarray) -> bool:
    """Whether this is the drawing, but for softer edges."""
    return bool(((images - as_mnist(grey)).abs().mean() < 0.02).all())


def transparent(grey: np.ndarray, ink: int) -> Image.Image:
    """A stroke of one grey on nothing."""
    alpha = Image.fromarray(((grey < 128) * 255).astype(np.uint8))
    plain = Image.new("L", alpha.size, ink)
    return Image.merge("LA", (plain, alpha)).convert("RGBA")


KINDS = {
    "7_1.png": lambda grey: Image.fromarray(grey),
    "7_2.jpg": lambda grey: Image.fromarray(grey).convert("RGB"),
    "7_3.webp": lambda grey: Image.fromarray(grey).convert("RGB"),
    "7_4.tif": lambda grey: Image.fromarray(grey),
    "7_5.bmp": lambda grey: Image.fromarray(grey),
    "7_6.gif": lambda grey: Image.fromarray(grey),
    "7-7.png": lambda grey: Image.fromarray(grey).convert("1"),
    "7 (8).png": lambda grey: Image.fromarray(grey).convert("P"),
    "7.png": lambda grey: Image.fromarray(grey.astype(np.uint16) * 257),
    "7_10.tiff": lambda grey: Image.fromarray(grey.astype(np.uint16) * 257),
    "7_11.tif": lambda grey: Image.fromarray(grey.astype(np.float32) / 255),
    "7_12.png": lambda grey: transparent(grey, 0),
    "7_13.png": lambda grey: transparent(grey, 255),
    "7_14.png": lambda grey: ImageOps.invert(Image.fromarray(grey)),
    "7_15.PNG": lambda grey: Image.fromarray(grey[:, 20:]),
    "7_16.jpeg": lambda grey: Image.fromarray(np.kron(grey, np.ones((5, 5), np.uint8))).convert("CMYK"),
    "7_17.png": lambda grey: Image.fromarray((150 + grey.astype(float) / 4).astype(np.uint8)),  # a faint pencil
}


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_picture_becomes_the_same_image(tmp_path: Path, name: str) -> None:
    KINDS[name](seven()).save(tmp_path / name)
    found = load_drawings(tmp_path / name)
    assert found.labels.tolist() == [7]
    assert close(found.images, seven())
    assert set(found.report["remarks"]) <= {"", "inverted"}


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_camera_that_was_held_another_way_changes_nothing(tmp_path: Path, orientation: int) -> None:
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Pillow's transpositions that the camera did
    image = Image.fromarray(seven())
    image = image.transpose(Image.Transpose(undo[orientation])) if orientation > 1 else image
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.save(tmp_path / "7.jpg", exif=exif, quality=95)
    assert close(load_drawings(tmp_path / "7.jpg").images, seven())


def test_names_and_folders_tell_label_and_writer(tmp_path: Path) -> None:
    for place in ("7/0001.png", "7/12.png", "anna/7/1.png", "anna/7_2.png", "bo/sub/7.png"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(seven()).save(tmp_path / place)
    (tmp_path / ".hidden.png").write_bytes(b"x")
    (tmp_path / "Thumbs.db").write_bytes(b"x")
    (tmp_path / "notes.txt").write_text("seven sevens", encoding="utf-8")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    found = load_drawings(tmp_path)
    assert found.labels.tolist() == [7] * 5
    assert found.writers == ["", "", "anna", "anna", "bo"]
    left_out = found.report[~found.report["kept"]]
    assert left_out[["file", "remarks"]].to_numpy().tolist() == [["notes.txt", "no image"]]
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_archives_are_read_as_folders(tmp_path: Path) -> None:
    inside = io.BytesIO()
    Image.fromarray(seven()).save(inside, format="png")
    for name in ("drawings.zip", "class/anna.zip"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        with zipfile.ZipFile(tmp_path / name, "w") as archive:  # as the pad writes it
            archive.writestr("7/0001.png", inside.getvalue())
            archive.writestr("__MACOSX/7/0001.png", inside.getvalue())
    assert load_drawings(tmp_path / "drawings.zip").writers == [""]
    assert load_drawings(tmp_path / "class").writers == ["anna"]


def test_remarks_name_what_is_odd(tmp_path: Path) -> None:
    both = np.concatenate([seven()[:, 40:180], seven()[:, 40:180]], axis=1)
    touching, dusty = seven()[50:], seven()
    dusty[200:203, 200:203] = DARK
    made = {"7_a": both, "7_b": touching, "7_c": dusty, "7_d": np.full((90, 90), LIGHT, np.uint8), "7_e": seven()}
    made["7_f"] = np.pad(np.full((80, 80), DARK, np.uint8), 5, constant_values=LIGHT)
    for name, grey in made.items():
        Image.fromarray(grey).save(tmp_path / f"{name}.png")
    report = load_drawings(tmp_path).report.set_index("file")
    assert report["remarks"].tolist()[:5] == ["two digits?", "touches the border", "", "empty", ""]
    assert report["kept"].tolist() == [True, True, True, False, True, False]
    images = load_drawings(tmp_path).images
    assert torch.equal(images[2], images[3])  # the speck is gone


# What cannot be read, and what the reader is told.


def png_of(width: int, height: int) -> bytes:
    """A PNG file whose header promises a size, and that holds next to nothing."""
    header = struct.pack(">2I5B", width, height, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0")), (b"IEND", b"")]
    packed = (struct.pack(">I", len(c)) + n + c + struct.pack(">I", zlib.crc32(n + c)) for n, c in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


def cut_off(format: str) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (200, 200), np.uint8)).save(file, format=format)
    return file.getvalue()[: len(file.getvalue()) // 2]


def zipped(**files: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file.getvalue()


def plain(grey: int) -> bytes:
    file = io.BytesIO()
    Image.new("L", (100, 100), grey).save(file, format="png")
    return file.getvalue()


def npz(**arrays: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


ROWS = np.zeros((12, 784), int)
WRONG = {
    "a text": ("7_1.png", b"not an image", "Store it as PNG"),
    "a page of HTML": ("7_1.jpg", b"<html></html>", "Store it as PNG"),
    "nothing": ("7_1.png", b"", "Store it as PNG"),
    "100 million pixels": ("7_1.png", png_of(10_000, 10_000), "more than 80 million pixels"),
    "a billion pixels": ("7_1.png", png_of(40_000, 40_000), "more than 80 million pixels"),
    "half a PNG": ("7_1.png", cut_off("png"), "damaged or not complete"),
    "half a JPEG": ("7_1.jpg", cut_off("jpeg"), "damaged or not complete"),
    "half a TIFF": ("7_1.tif", cut_off("tiff"), "damaged or not complete|no image"),
    "no ink": ("7_1.png", plain(230), "empty"),
    "all ink": ("7_1.png", plain(5), "mostly ink"),
    "no label": ("IMG_2034.png", plain(5), "no corner marks"),
    "a date for a label": ("2026-01-07.png", plain(5), "no corner marks"),
    "a broken archive": ("all.zip", b"PK\x03\x04 broken", "cannot be unpacked"),
    "an empty archive": ("all.zip", zipped(), "nothing is in it"),
    "a document": ("sheet.pdf", b"%PDF-1.4", "no image"),
    "a table without labels": ("t.csv", b"\n".join(b",".join([b"0"] * 784) for _ in range(3)), "without labels"),
    "a table of words": ("t.csv", b"label,a\nseven,x", "no table of numbers"),
    "an empty table": ("t.csv", b"", "no table of numbers"),
    "letters": ("t.csv", ("label," + ",".join(f"p{i}" for i in range(784)) + "\n11" + ",9" * 784).encode(), "11"),
    "no arrays": ("t.npz", b"PK broken", "no complete NPZ"),
    "objects": ("t.npz", npz(x=np.array([{}, []], dtype=object), y=np.zeros(2)), "no complete NPZ"),
    "images alone": ("t.npz", npz(x=ROWS), "without labels"),
    "other labels": ("t.npz", npz(x=ROWS, y=np.arange(12)), "other than 0 to 9: 10, 11"),
    "half labels": ("t.npz", npz(x=ROWS, y=np.full(12, 0.5)), "other than 0 to 9: 0.5"),
    "no squares": ("t.npz", npz(x=np.zeros((12, 30)), y=np.zeros(12, int)), "square"),
    "standardised": ("t.npz", npz(x=ROWS - 0.4, y=np.zeros(12, int)), "pixels below 0"),
    "a shape of its own": ("t.npz", npz(x=ROWS.reshape(12, 2, 392), y=np.zeros(12, int)), r"images \[12, 2, 392\]"),
    "a header alone": ("t.csv", ("label," + ",".join(f"p{i}" for i in range(784))).encode(), "nothing is in it"),
    "no image at all": ("t.npz", npz(x=ROWS[:0], y=np.zeros(0, int)), "without labels"),
    "white alone": ("t.npz", npz(x=ROWS, y=np.zeros(12, int)), "12 × empty"),
    "images of IDX alone": ("t10k-images-idx3-ubyte", idx_bytes(np.zeros((2, 28, 28), np.uint8)), "t10k-labels-idx1"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_read_is_named_with_a_remedy(tmp_path: Path, case: str) -> None:
    name, content, told = WRONG[case]
    (tmp_path / name).write_bytes(content)
    for place in (tmp_path / name, tmp_path):
        with pytest.raises(DataError, match=told) as caught:
            load_drawings(place)
        first, *_, last = str(caught.value).splitlines()
        assert name.partition(".")[0] in first or place == tmp_path
        assert len(last) > 10
        assert "Traceback" not in first


def test_a_bomb_is_refused_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image.Image, "load", lambda _: pytest.fail("decoded"))
    with pytest.raises(DataError, match="80 million"):
        pictures.read_pictures(png_of(10_000, 10_000), "bomb.png")


def test_a_missing_place_a_locked_archive_and_two_labels_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        load_drawings(tmp_path / "none")
    locked = bytearray(zipped(**{"7/1.png": plain(9)}))
    for place in (6, locked.index(b"PK\x01\x02") + 8):  # the flag that says so, of the file and of the directory
        locked[place] |= 1
    (tmp_path / "locked.zip").write_bytes(locked)
    with pytest.raises(DataError, match="without a password"):
        load_drawings(tmp_path / "locked.zip")
    (tmp_path / "two" / "7").mkdir(parents=True)
    Image.fromarray(seven()).save(tmp_path / "two" / "7" / "3_1.png")
    with pytest.raises(DataError, match="two digits"):
        load_drawings(tmp_path / "two")


@settings(max_examples=40)
@given(st.binary(max_size=200), st.sampled_from([*pictures.SUFFIXES, ".csv", ".npz", ".zip", "-images-idx3-ubyte"]))
def test_no_file_whatever_it_holds_ends_otherwise(tmp_path_factory, content: bytes, suffix: str) -> None:
    path = tmp_path_factory.mktemp("any") / f"7{suffix}"
    path.write_bytes(content)
    with pytest.raises(DataError):
        load_drawings(path)


DAMAGED = ("png", "jpg", "jpeg", "webp", "tif", "tiff", "bmp", "gif")


@pytest.mark.parametrize("suffix", DAMAGED)
def test_what_is_called_a_picture_must_be_one(tmp_path: Path, suffix: str) -> None:
    (tmp_path / f"7_1.{suffix}").write_bytes(b"x")
    with pytest.raises(DataError, match=f"7_1.{suffix} is no image that can be read here"):
        load_drawings(tmp_path)


MESSAGES = {
    "7.png": (
        plain(230),
        "/7.png shows no digit: 1 × empty.\nGive pictures (PNG, JPEG), a sheet or a table; write with a dark pen and "
        "leave paper round each digit",
    ),
    "me.png": (
        plain(230),
        "me.png shows no corner marks, and its name tells no digit.\nA sheet: photograph all of it, sharp and in even "
        "light. One digit: call it 7_1.png, or put it in a folder called 7",
    ),
    "8.png": (
        png_of(10_000, 10_000),
        "8.png has more than 80 million pixels.\nScale it down; 12 million are plenty for a sheet",
    ),
    "t.csv": (
        b",".join([b"0"] * 784),
        "t.csv holds images without labels.\nAdd them: one more column, first in each row",
    ),
    "o.csv": (b"12,0,0,0,9", "o.csv has labels other than 0 to 9: 12.\nKeep the rows of digits only"),
    "n.csv": (b"1,0,0,-3,9", "n.csv has pixels below 0 or none at all.\nUndo the scaling: pixels go from 0 to 255"),
    "r.csv": (
        b"1,0,0,3,9,5",
        "r.csv has 5 pixels a row, which make no square.\nWrite one image a row: label, then 784 pixels",
    ),
    "all.zip": (
        zipped(**{"a-images-idx3-ubyte": idx_bytes(np.zeros((2, 28, 28), np.uint8))}),
        "a-images-idx3-ubyte lies in an archive.\nUnpack it: a file of images is read with its labels beside it",
    ),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_messages_are_whole(tmp_path: Path, name: str) -> None:
    content, told = MESSAGES[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError) as caught:
        load_drawings(tmp_path / name)
    assert str(caught.value).endswith(told)
    assert str(caught.value).count("\n") == 1


def test_a_sheet_with_too_few_marks_says_how_many_were_found(tmp_path: Path, filled: np.ndarray) -> None:
    half = np.hstack([filled[:, : filled.shape[1] // 2], np.ones_like(filled[:, :200])])
    Image.fromarray((255 * half).astype(np.uint8)).save(tmp_path / "7.png")
    with pytest.raises(DataError, match=r"7.png shows 2 of a sheet's 4 corner marks, of which 3 are needed, and"):
        load_drawings(tmp_path / "7.png")


def test_the_package_offers_what_it_says() -> None:
    assert set(handwriting.__all__) == {"Drawings", "load_drawings", "prepare", "read_ink", "sheets"}
    assert all(hasattr(handwriting, name) for name in handwriting.__all__)


def test_the_report_has_its_columns_and_what_is_no_image_has_no_label(tmp_path: Path) -> None:
    Image.fromarray(seven()).save(tmp_path / "7_1.png")
    (tmp_path / "notes.txt").write_text("seven", encoding="utf-8")
    found = load_drawings(tmp_path)
    assert list(found.report.columns) == ["file", "writer", "label", "kept", "remarks"]
    assert found.report["label"].tolist() == [7, -1]
    assert "report" not in repr(found)
    assert found.images.dtype == torch.float32
    assert found.images.shape == (1, 1, 28, 28)


def test_a_tiff_file_may_hold_several_pictures(tmp_path: Path) -> None:
    pages = [Image.fromarray(seven()), Image.fromarray(seven(480))]
    pages[0].save(tmp_path / "7_1.tif", save_all=True, append_images=pages[1:])
    assert load_drawings(tmp_path / "7_1.tif").labels.tolist() == [7, 7]


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
def test_pictures_are_grey_from_0_to_1_at_every_depth(tmp_path: Path, kind: type) -> None:
    grey, white = np.array([[0, 51, 255], [102, 153, 204]]), {np.uint8: 255, np.uint16: 65_535, np.float32: 1}[kind]
    Image.fromarray((grey / 255 * white).astype(kind)).save(tmp_path / "7.tif")
    [found] = pictures.read_pictures((tmp_path / "7.tif").read_bytes(), "7.tif")
    assert found == pytest.approx(grey / 255, abs=1e-6)


def test_the_largest_picture_is_still_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "MAXIMUM_PIXELS", 10_000)
    assert pictures.read_pictures(plain(255), "paper.png")[0].shape == (100, 100)
    monkeypatch.setattr(pictures, "MAXIMUM_PIXELS", 9_999)
    with pytest.raises(DataError, match="million pixels"):
        pictures.read_pictures(plain(255), "paper.png")


# Tables.


def test_rows_of_tables_are_named_with_their_writer_and_judged_one_by_one(tmp_path: Path, small) -> None:
    images, labels = small[0][:12].clone(), small[1][:12]
    images[3], images[7] = 0, 0
    images[7, :, 2:-2, 2:-2] = 1
    (tmp_path / "anna").mkdir()
    np.savez(tmp_path / "anna" / "mine.npz", x=16 * images.numpy(), y=labels.numpy())
    report = load_drawings(tmp_path).report
    assert report["file"].tolist() == [f"anna/mine.npz, image {n}" for n in range(1, 13)]
    assert set(report["writer"]) == {"anna"}
    assert report.loc[~report["kept"], "remarks"].to_dict() == {3: "empty", 7: "mostly ink"}


@pytest.mark.parametrize("most", [1, 16, 255, 65_535, 200])
def test_full_ink_is_the_largest_number_that_the_table_may_hold(tmp_path: Path, small, most: int) -> None:
    np.savez(tmp_path / "t.npz", x=most * small[0][:12].numpy(), y=small[1][:12].numpy())
    scale = most / 255 if most == 200 else 1
    assert load_drawings(tmp_path / "t.npz").images.amax().item() == pytest.approx(scale, abs=0.02)


def test_white_ink_is_told_by_all_four_sides(tmp_path: Path) -> None:
    image = np.zeros((28, 28))
    image[6:24, 6:24] = 1
    image[8:20, 12:15] = 0
    for light, remark in ((1, "inverted"), (0, "")):  # just over half of the rim is light, or none
        image[0], image[:, -1] = light, light
        for way in (image, np.rot90(image, 2)):
            np.savez(tmp_path / "t.npz", x=way[None], y=np.array([1]))
            assert load_drawings(tmp_path / "t.npz").report["remarks"].tolist() == [remark]


def test_some_transposed_images_among_others_and_fewer_than_ten_decide_nothing(tmp_path: Path, small) -> None:
    images, labels = small
    mixed = torch.where((torch.arange(100) % 9 < 5)[:, None, None, None], images.mT, images)
    sevens = images[labels == 7].mT
    tables = {"all": (images.mT, labels), "none": (images, labels), "mixed": (mixed, labels)}
    tables |= {"ten": (sevens, labels[labels == 7]), "nine": (sevens[1:], labels[labels == 7][1:])}
    found = {}
    for name, (x, y) in tables.items():
        np.savez(tmp_path / "t.npz", x=x.numpy(), y=y.numpy())
        [found[name]] = set(load_drawings(tmp_path / "t.npz").report["remarks"])
    assert found == {"all": "transposed", "none": "", "mixed": "", "ten": "transposed", "nine": ""}


def test_labels_may_be_a_column(tmp_path: Path, small) -> None:
    images, labels = (small[0][:, 0] * 255).round().byte().numpy(), small[1].numpy().astype(np.uint8)
    (tmp_path / "a-images-idx3-ubyte").write_bytes(idx_bytes(images))
    (tmp_path / "a-labels-idx1-ubyte").write_bytes(idx_bytes(labels[:, None]))
    assert torch.equal(load_drawings(tmp_path).labels, small[1])


def test_tables_of_every_kind_hold_the_same_images(tmp_path: Path, small) -> None:
    images, labels = (small[0][:, 0] * 255).round().byte().numpy(), small[1].numpy().astype(np.uint8)
    rows = np.column_stack([labels, images.reshape(100, -1)])
    header = ",".join(["label", *(f"pixel{i}" for i in range(784))])
    np.savetxt(tmp_path / "kaggle.csv", rows, "%d", ",", header=header, comments="")
    np.savetxt(tmp_path / "plain.csv", rows, "%d", ",")
    last = np.roll(rows, -1, axis=1)
    np.savetxt(tmp_path / "last.csv", last, "%d", ",", header=header[6:] + ",Label", comments="")
    np.savez(tmp_path / "keras.npz", x_train=images[:60], y_train=labels[:60], x_test=images[60:], y_test=labels[60:])
    np.savez(tmp_path / "flat.npz", images=images.reshape(100, -1) / 255, labels=labels[:, None])
    (tmp_path / "a-images-idx3-ubyte").write_bytes(idx_bytes(images))
    (tmp_path / "a-labels-idx1-ubyte").write_bytes(idx_bytes(labels))
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "b-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx_bytes(images)))
    (tmp_path / "b" / "b-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx_bytes(labels)))
    for name in ("kaggle.csv", "plain.csv", "last.csv", "keras.npz", "flat.npz", "a-images-idx3-ubyte", "b"):
        found = load_drawings(tmp_path / name)
        order = found.labels.argsort(stable=True)
        assert torch.equal(found.labels[order], small[1]), name
        assert set(found.report["remarks"]) == {""}, name
        if name != "keras.npz":  # whose parts come in another order
            assert (found.images - small[0]).abs().max() < 0.05, name


def test_transposed_and_inverted_tables_are_recognised_and_said(tmp_path: Path, small) -> None:
    images, labels = small
    np.savez(tmp_path / "emnist.npz", x=images.mT.numpy(), y=labels.numpy())
    np.savez(tmp_path / "white.npz", x=1 - images.numpy(), y=labels.numpy())
    for name, remark in (("emnist.npz", "transposed"), ("white.npz", "inverted")):
        found = load_drawings(tmp_path / name)
        assert set(found.report["remarks"]) == {remark}
        assert (found.images - images).abs().mean() < 0.01


# Preparation.


@settings(max_examples=40)
@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 2**31))
def test_prepared_ink_is_twenty_pixels_long_and_in_the_middle(down: int, right: int, seed: int) -> None:
    ink = torch.zeros(1, 1, 100, 90)
    spots = torch.rand(1, 1, 40, 30, generator=seeded(seed))
    ink[:, :, down : down + 40, right : right + 30] = (spots > 0.5).float()
    ready = prepare(ink)
    rows, columns = ready[0, 0].sum(dim=1), ready[0, 0].sum(dim=0)
    assert max((rows > 0).sum(), (columns > 0).sum()) == 20
    for profile in (rows, columns):
        assert abs((profile @ torch.arange(28.0)) / profile.sum() - 14) <= 0.501
    assert torch.allclose(prepare(ready), ready, atol=1e-5)
    assert torch.allclose(prepare(ink.roll((3, 5), dims=(2, 3))), ready)


def test_uneven_light_is_no_ink() -> None:
    light = np.linspace(1, 0.6, 240)[:, None] * np.linspace(1, 0.8, 240)
    lit = read_ink(seven() / 255 * light)
    assert close(prepare(torch.tensor(lit.ink)[None, None]), seven())
    assert read_ink(0.9 * light).ink is None


@pytest.mark.parametrize(("side", "ink"), [(40, 0.25), (41, 0.0)])
def test_small_pictures_keep_their_shades_and_larger_ones_have_ink_or_none(side: int, ink: float) -> None:
    grey = np.full((side, side), 0.9)
    grey[10:20, 10:20], grey[10:20, 20:30] = 0.1, 0.7  # full ink, and a quarter of it
    found = read_ink(grey).ink
    assert found[12:18, 12:18] == pytest.approx(1, abs=1e-4)
    assert found[12:18, 22:28] == pytest.approx(ink, abs=1e-4)
    assert found[30:] == pytest.approx(0, abs=1e-4)


def test_one_black_pixel_does_not_outweigh_a_pencil() -> None:
    grey = np.full((120, 120), 0.9)
    grey[30:90, 55:65] = 0.6
    grey[100, 100] = 0
    ink = read_ink(grey).ink
    assert (ink[32:88, 57:63] == 1).all()
    assert (ink[95:, 95:] == 0).all()


@pytest.mark.parametrize("side", range(4))
def test_ink_at_any_one_border_is_noticed(side: int) -> None:
    grey = np.full((120, 120), 0.9)
    grey[60:, 55:65] = 0.1
    assert read_ink(np.rot90(grey, side)).remarks == ("touches the border",)
    grey[115:] = 0.9
    assert read_ink(np.rot90(grey, side)).remarks == ()


def test_two_digits_stand_beside_each_other_and_have_a_fifth_of_the_ink_each() -> None:
    grey = np.full((120, 160), 0.9)
    grey[30:90, 30:40] = 0.1
    for height, remarks in ((8, ()), (14, ()), (20, ("two digits?",))):
        grey[40 : 40 + height, 100:110] = 0.1
        assert read_ink(grey).remarks == remarks
    assert read_ink(grey.T).remarks == ()  # one above the other: a 5 in two strokes


# Sheets.


@pytest.fixture(scope="module")
def filled(small) -> np.ndarray:
    images, labels = small
    boxes = {(int(labels[i]), i % 10): images[i, 0] for i in range(100) if i != 42}
    return photographs.fill_sheet(boxes)


@pytest.mark.parametrize(("tilt", "turn"), [(0, 0), (10, 20), (20, 0), (20, 20)])
def test_sheets_are_found_at_a_slant_and_cut_into_their_boxes(
    tmp_path: Path, filled, small, tilt: int, turn: int
) -> None:
    camera = photographs.Camera(tilt=tilt, turn=turn, fall_off=0.3)
    photo = photographs.photograph(filled, camera, generator=seeded(tilt + turn))
    (tmp_path / "anna.jpg").write_bytes(photo)
    found = load_drawings(tmp_path / "anna.jpg")
    kept = [i for i in range(100) if i != 42]
    assert found.labels.tolist() == small[1][kept].tolist()
    assert found.report.loc[~found.report["kept"], ["file", "remarks"]].to_numpy().tolist() == [
        ["anna.jpg, row 4, box 3", "empty"]
    ]
    assert set(found.writers) == {"anna"}
    assert (found.images - small[0][kept]).abs().mean() < 0.06


@pytest.mark.slow
def test_a_sheet_may_lie_upside_down_and_lack_a_mark_but_not_two(tmp_path: Path, filled) -> None:
    photo = photographs.photograph(filled, photographs.Camera(), generator=seeded(1))
    image = Image.open(io.BytesIO(photo))
    image.rotate(180).save(tmp_path / "turned.png")
    assert len(load_drawings(tmp_path / "turned.png")) == 99
    whole = np.array(image)
    marks = sheets.find_marks(whole / 255)
    for n, number in enumerate((0, 3), start=1):
        left, top = marks[number].min(axis=0).astype(int) - 5
        right, bottom = marks[number].max(axis=0).astype(int) + 5
        whole[top:bottom, left:right] = LIGHT
        Image.fromarray(whole).save(tmp_path / f"{n}.png")
    assert len(load_drawings(tmp_path / "1.png")) >= 97
    Image.fromarray(whole).save(tmp_path / "sheet.png")
    with pytest.raises(DataError, match="2 of a sheet's 4 corner marks"):
        load_drawings(tmp_path / "sheet.png")


@pytest.mark.slow
def test_the_sheet_is_written_for_both_papers(tmp_path: Path, capsys) -> None:
    assert main(["sheet", "--output", str(tmp_path)]) == 0
    sizes = {}
    for path in tmp_path.glob("*.pdf"):
        box = re.search(rb"/MediaBox \[ ?0 0 ([\d.]+) ([\d.]+) ?\]", path.read_bytes())
        sizes[path.name] = tuple(round(float(one) / 72 * 25.4) for one in box.groups())
    assert sizes == {"sheet_A4.pdf": (210, 297), "sheet_Letter.pdf": (216, 279)}
    assert "sheet_A4.pdf" in capsys.readouterr().out
    for paper in sheets.PAPERS:
        page = photographs.fill_sheet({}, paper)
        assert sorted(sheets.find_marks(page)) == [0, 1, 2, 3]
        boxes = [box for *_, box in sheets.cut(sheets.straighten(page, sheets.find_marks(page)))]
        assert len(boxes) == 100
        assert {read_ink(box).remarks for box in boxes} == {("empty",)}
    with pytest.raises(ValueError, match="A3"):
        sheets.draw_sheet("A3")


def test_the_same_chance_takes_the_same_photograph(filled) -> None:
    first, again, other = (
        photographs.photograph(filled, photographs.Camera(), generator=seeded(seed)) for seed in (3, 3, 4)
    )
    assert first == again != other


# A folder as a data set.


@pytest.fixture
def own(tmp_path: Path, small) -> Path:
    """A folder of five students, a hundred digits each."""
    for writer in ("s1", "s2", "s3", "s4", "s5"):
        (tmp_path / "own" / writer).mkdir(parents=True)
        for i, (image, label) in enumerate(zip(*small, strict=True)):
            Image.fromarray((255 * image[0].numpy()).astype(np.uint8)).save(
                tmp_path / "own" / writer / f"{label}_{i}.png"
            )
    return tmp_path / "own"


@pytest.mark.slow
def test_a_folder_is_a_data_set(own: Path) -> None:
    dataset = data.load_data(f"folder:{own}", scaling="unit")
    assert [len(split) for split in (dataset.train, dataset.validation, dataset.test)] == [320, 80, 100]
    assert torch.bincount(dataset.test.labels).tolist() == [10] * 10
    again, other = (data.load_data(f"folder:{own}", seed=seed, scaling="unit") for seed in (0, 1))
    assert torch.equal(again.train.images, dataset.train.images)
    assert not torch.equal(other.train.images, dataset.train.images)
    assert torch.equal(other.test.images, dataset.test.images)
    assert torch.equal(data.load_data(f"folder:{own}/", scaling="unit").test.images, dataset.test.images)
    assert len(data.load_data(f"folder:{own}", train_size=1_000).train) == 320
    assert dataset.train.images.amax() == 1


def test_a_folder_with_too_few_is_refused_with_their_number(own: Path) -> None:
    for path in own.glob("s1/7_*5.png"):
        path.unlink()
    with pytest.raises(DataError, match="49 × 7"):
        data.load_data(f"folder:{own}")
    with pytest.raises(DataError, match="does not exist"):
        data.load_data("folder:nowhere")


def test_the_command_line_takes_a_folder_and_a_relative_one_starts_at_the_project(own: Path, monkeypatch) -> None:
    execute.prepare_data(f"folder:{own}")
    relative = os.path.relpath(own, data.PROJECT)
    monkeypatch.chdir(own)
    assert len(data.load_data(f"folder:{relative}").test) == 100


# A model to take home.


@pytest.mark.slow
@pytest.mark.parametrize("model", ["linear", "network"])
def test_the_exported_model_answers_as_pytorch_does(tmp_path: Path, own: Path, digits: Dataset, model: str) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    export = pytest.importorskip("mnist_lr_helpers.course.export")
    options = ["--model", model, "--dataset", "digits", "--drawings", str(own), "--output", str(tmp_path)]
    assert main(["export", *options]) == 0
    unit = data.load_data("digits", scaling="unit")
    expected = export.train(model, unit)(unit.test.images).detach().numpy()
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    for n in (1, len(unit.test)):
        (logits,) = session.run(["logits"], {"ink": unit.test.images[:n].numpy()})
        assert np.allclose(logits, expected[:n], atol=1e-4)
    card = (tmp_path / "MODEL_CARD.md").read_text(encoding="utf-8")
    right = (expected.argmax(axis=1) == unit.test.labels.numpy()).mean()
    assert f"Test: {right:.2%} [" in card
    assert "calibration error" in card
    assert re.search(r"\| shift +\| 2 \(pixels\) +\| \d+\.\d%", card)
    assert re.search(r"\| 2 +\| +100 \|", card)
    assert "s1" not in card
    assert str(own) not in card


@pytest.mark.slow
def test_an_export_that_answers_otherwise_is_refused(digits: Dataset) -> None:
    pytest.importorskip("onnxruntime")
    export = pytest.importorskip("mnist_lr_helpers.course.export")
    from mnist_lr_helpers.models import LogisticRegression

    right, wrong = (LogisticRegression(generator=seeded(seed)) for seed in (0, 1))
    program = export.as_onnx(right)
    assert export.largest_difference(program, right, digits.test.images[:20]) < 1e-4
    with pytest.raises(ValueError, match="the export is wrong"):
        export.largest_difference(program, wrong, digits.test.images[:20])


def test_export_names_what_it_cannot_have(capsys, tmp_path: Path) -> None:
    assert main(["export", "--dataset", "digits", "--drawings", str(tmp_path / "none")]) == 2
    assert "does not exist" in capsys.readouterr().err
