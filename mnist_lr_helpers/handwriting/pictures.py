"""Image files of all kinds, as grey pictures: whatever their colours, depth and rotation, and never too large."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING

from mnist_lr_helpers.exceptions import DataError

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".gif")
MAXIMUM_PIXELS = 80_000_000  # of one picture: phones have up to 50 million
TOO_LARGE = "{} has more than 80 million pixels.\nScale it down; 12 million are plenty for a sheet"


def read_pictures(payload: bytes, name: str) -> list[np.ndarray]:
    """The pictures in an image file, upright, as grey ``[height, width]`` from 0 for black to 1 for white.

    A TIFF file may hold several. What is transparent counts as white paper, or as black where all else is white.

    Raises:
        DataError: not an image, damaged, or of more than 80 million pixels, which is found out before it is decoded.
    """
    from PIL import Image, ImageSequence

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the limit here is lower
            with Image.open(io.BytesIO(payload)) as image:
                pages = ImageSequence.Iterator(image) if image.format == "TIFF" else [image]
                return [_grey(page, name) for page in pages]
    except DataError:
        raise
    except Image.DecompressionBombError:
        raise DataError(TOO_LARGE.format(name)) from None
    except Image.UnidentifiedImageError:
        raise DataError(
            f"{name} is no image that can be read here.\nStore it as PNG or JPEG with a program that opens it"
        ) from None
    except Exception as error:  # Pillow raises many kinds for damaged files
        raise DataError(f"{name} is damaged or not complete ({error}).\nCopy or store it once more") from error


def _grey(image: Picture, name: str) -> np.ndarray:
    from PIL import Image, ImageOps

    if image.width * image.height > MAXIMUM_PIXELS:
        raise DataError(TOO_LARGE.format(name))
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith(("I", "F")):  # 16 and 32 bits, or fractions
        numbers = np.asarray(image, dtype=np.float32)
        most = numbers.max(initial=0)
        white = next((one for one in (1, 255, 65_535) if most <= one), most)
        return numbers / white
    if not image.has_transparency_data:
        return np.asarray(image.convert("L"), dtype=np.float32) / 255
    image = image.convert("RGBA")
    on_white, on_black = (
        np.asarray(Image.alpha_composite(Image.new("RGBA", image.size, paper), image).convert("L")) / np.float32(255)
        for paper in ("white", "black")
    )
    return on_white if np.ptp(on_white) >= np.ptp(on_black) else on_black
