"""A batch as a picture."""

import io

import numpy as np
from PIL import Image

from osloader import Batch

GAP = 4


def draw_batch(batch: Batch) -> bytes:
    """Return a PNG: one column per slot, per view the optical crop above the SAR crop."""
    optical, sar = (images.numpy().transpose(0, 1, 3, 4, 2) for images in (batch.optical, batch.sar))
    columns = []
    for slot in range(optical.shape[0]):
        cells = [_rgb(images[slot, view]) for view in range(optical.shape[1]) for images in (optical, sar)]
        columns.append(np.concatenate([np.pad(cell, ((0, GAP), (0, GAP), (0, 0))) for cell in cells]))
    out = io.BytesIO()
    Image.fromarray(np.concatenate(columns, axis=1)).save(out, "PNG")
    return out.getvalue()


def _rgb(image: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]") -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
    return image[..., :3] if image.shape[2] >= 3 else np.repeat(image[..., :1], 3, axis=2)
