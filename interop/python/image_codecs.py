"""Compresses images with the encoders that areaDetector links (LZ4, bitshuffle, C-Blosc, libjpeg, zlib), one JSON line each."""

import base64
import io
import json
import tempfile
import zlib

import h5py
import hdf5plugin
import lz4.block
import numpy as np
from numcodecs import blosc
from PIL import Image

rng = np.random.default_rng(7)


def bslz4(image, block=0):
    """What bshuf_compress_lz4 makes: the HDF5 filter has the same bytes behind a header of 12."""
    with tempfile.TemporaryDirectory() as folder, h5py.File(f"{folder}/x.h5", "w") as file:
        filters = hdf5plugin.Bitshuffle(nelems=block, cname="lz4")
        data = file.create_dataset("d", data=image, chunks=image.shape, **filters)
        return data.id.read_direct_chunk((0,) * image.ndim)[1][12:]


def jpeg(image):
    out = io.BytesIO()
    Image.fromarray(image).save(out, "JPEG", quality=90)
    decoded = np.asarray(Image.open(io.BytesIO(out.getvalue())))
    return out.getvalue(), decoded


def tell(codec, image, data, pixels=None):
    pixels = image if pixels is None else pixels
    text = [base64.b64encode(bytes(b)).decode() for b in (data, np.ascontiguousarray(pixels).tobytes())]
    print(json.dumps({"codec": codec, "dtype": str(image.dtype), "shape": image.shape, "data": text[0], "pixels": text[1]}))


def spot(shape, dtype):
    """A peak with noise: compressible, but not trivially."""
    y, x = np.indices(shape)
    peak = 100 * np.exp(-((x - shape[1] / 2) ** 2 + (y - shape[0] / 3) ** 2) / 50)
    return (peak + rng.poisson(3, shape)).astype(dtype)


for dtype in "int8 uint8 int16 uint16 int32 uint32 int64 uint64 float32 float64".split():
    # Less than one block, one with a remainder of 8 elements, several, and pixels that fill no eight.
    for shape in (1, 7), (3, 5), (16, 16), (101, 103):
        image = spot(shape, dtype)
        raw = image.tobytes()
        tell("lz4", image, lz4.block.compress(raw, store_size=False))
        tell("bslz4", image, bslz4(image))
        tell("zlib", image, zlib.compress(raw))
    for name in "blosclz", "lz4", "lz4hc", "zlib", "zstd":
        for shuffle in 0, 1, 2:
            tell("blosc", image, blosc.compress(image, name.encode(), 5, shuffle))
    noise = rng.integers(0, 256, (40, 40 * image.itemsize), dtype=np.uint8).view(dtype)
    tell("lz4", noise, lz4.block.compress(noise.tobytes(), store_size=False))
    tell("bslz4", noise, bslz4(noise))
    tell("blosc", noise, blosc.compress(noise, b"blosclz", 9, 1))

# Long runs: lengths of several bytes, and matches that overlap themselves.
flat = np.full((300, 400), 7, np.uint16)
tell("lz4", flat, lz4.block.compress(flat.tobytes(), store_size=False))
tell("bslz4", flat, bslz4(flat))

grey = spot((33, 47), np.uint8)
tell("jpeg", grey, *jpeg(grey))
y, x = np.indices((32, 48))
color = np.stack([5 * x, 8 * y, 255 - 5 * x], axis=-1).astype(np.uint8)
tell("jpeg", color, *jpeg(color))
