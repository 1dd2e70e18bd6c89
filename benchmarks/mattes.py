"""Mattes of known truth, brought down to a model's size and back: how much nearer to the truth than plain bicubic?

    python -m benchmarks.mattes [--sheet FILE.png]

Discs with edges of 1 to 16 pixels, hair from 0.7 to 3 pixels wide, motion blur, and a shadow of one half are drawn at
four times the plate's size and averaged. As a background change the shape is a photograph in front of another one,
mixed in linear light as a lens mixes them, with grain; as an addition it is a bright object, dark where only its shadow
is, over a photograph that knows nothing of it. Both are brought down as plates are for the model.

SAD is the sum of absolute differences, the gradient error the sum of squared differences of the gradient magnitudes, by
Gaussian derivatives of 1.4 pixels (Rhemann et al., CVPR 2009). Flicker is the mean change from frame to frame of the
error, of a shape that moves 1.4 pixels a frame under fresh grain. All are ratios to bicubic (Catmull-Rom).
`upsampled` is the upsampling alone, `finished` with the thresholds to exact 0 and 1 before it, as in a take. `rough`
mattes are blurred and sent through the small model's codec, on the way down.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from skimage import data
from skimage.transform import resize as resize_photograph
from sklearn.datasets import load_sample_image

import vera_engine
from vera_engine.model.codec import LinearVideoCodec
from vera_engine.plates.finish_settings import Detail
from vera_engine.plates.matte import clean_matte
from vera_engine.plates.picture import contact_sheet
from vera_engine.plates.resize import catmull_rom, resampling, resize
from vera_engine.plates.srgb import decode_signed_srgb, encode_signed_srgb
from vera_engine.plates.upsample import EditGuide, PlateGuide, upsample_matte

Floats = NDArray[np.float32]

SMALL_MODEL = Path(vera_engine.__file__).parent / "model" / "small"
HEIGHT, WIDTH = 384, 576
FINER = 4
MODEL_SIZES = ((96, 144), (167, 250))
ROUGH_SIZES = ((96, 144), (48, 72))  # multiples of the codec's 8
GRAIN = 0.01  # standard deviation, sRGB
MOTION = (1.37, 0.41)  # pixels a frame
FRAMES = 3
ROUGH_FRAMES = 5  # the codec takes 1 + 4 n
ROUGH_BLUR = 0.7  # pixels of the model's picture
_ROW, _COLUMN = (np.mgrid[0 : HEIGHT * FINER, 0 : WIDTH * FINER].astype(np.float32) + 0.5) / FINER


@dataclass(frozen=True)
class Case:
    """A true alpha (H, W), and the plate and edit (H, W, 3), display sRGB, that it belongs to."""

    alpha: Floats
    plate: Floats
    edit: Floats


def discs(x: float, y: float) -> Floats:
    """Six discs whose edges are 1 to 16 pixels soft."""
    softness = {(110, 100): 1, (290, 110): 3, (470, 110): 8, (110, 280): 16, (290, 280): 2, (460, 280): 5}
    return averaged(np.max([disc(x + column, y + row, 64, soft) for (column, row), soft in softness.items()], axis=0))


def hair(x: float, y: float) -> Floats:
    """A head, and 46 curved hairs 0.7 to 3 pixels wide."""
    random = np.random.default_rng(0)
    drawn = disc(x + 288, y + 230, 80, 2)
    for number in range(46):
        angle = np.pi * (1 + (number + 0.5) / 46) + random.normal() * 0.1
        length, curl, width = random.uniform(40, 150), random.normal() * 0.012, random.uniform(0.7, 3.0)
        at = np.array([x + 288 + 70 * np.cos(angle), y + 230 + 70 * np.sin(angle)])
        for _ in range(12):
            angle += curl * length / 12
            then = at + length / 12 * np.array([np.cos(angle), np.sin(angle)])
            stroke(drawn, at, then, width)
            at = then
    return averaged(drawn)


def blur(x: float, y: float) -> Floats:
    """A disc and a bent bar, blurred over 28 pixels along the rows."""
    drawn = disc(x + 180, y + 190, 70, 2)
    for begin, end in (((330, 80), (420, 300)), ((420, 300), (500, 120))):
        stroke(drawn, np.add(begin, (x, y)), np.add(end, (x, y)), 26)
    blurred: Floats = ndimage.uniform_filter1d(averaged(drawn), 28, axis=1, mode="constant")
    return blurred


def shadow(x: float, y: float) -> Floats:
    """A ball and its soft shadow of one half."""
    inside = np.clip((1 - np.hypot((_COLUMN - 330 - x) / 190, (_ROW - 255 - y) / 60)) / 0.35, 0, 1)
    return averaged(np.maximum(ball(x, y), 0.5 * inside * inside * (3 - 2 * inside)))


def ball(x: float, y: float) -> Floats:
    """What casts the shadow, at the finer size."""
    return disc(x + 250, y + 150, 75, 2)


SHAPES: dict[str, Callable[[float, float], Floats]] = {"discs": discs, "hair": hair, "blur": blur, "shadow": shadow}


def disc(x: float, y: float, radius: float, soft: float) -> Floats:
    """At the finer size, its edge `soft` pixels wide."""
    drawn: Floats = np.clip((radius - np.hypot(_COLUMN - x, _ROW - y)) / np.float32(soft) + np.float32(0.5), 0, 1)
    return drawn


def stroke(drawn: Floats, begin: NDArray[np.float64], end: NDArray[np.float64], width: float) -> None:
    """Draws a hard line of that width with round ends, at the finer size."""
    low, high = (np.minimum(begin, end) - width) * FINER, (np.maximum(begin, end) + width) * FINER
    box = tuple(slice(max(0, int(a)), max(0, int(b) + 1)) for a, b in zip(low[::-1], high[::-1], strict=True))
    column, row = _COLUMN[box] - begin[0], _ROW[box] - begin[1]
    along_x, along_y = end - begin
    share = np.clip((column * along_x + row * along_y) / (along_x**2 + along_y**2), 0, 1)
    drawn[box] = np.maximum(drawn[box], np.hypot(column - share * along_x, row - share * along_y) < width / 2)


def averaged(fine: Floats) -> Floats:
    """The mean of all that lies in each pixel of the plate."""
    mean: Floats = fine.reshape(HEIGHT, FINER, WIDTH, FINER).mean(axis=(1, 3), dtype=np.float32)
    return mean


def photograph(pixels: NDArray[np.uint8]) -> Floats:
    """Its middle, (H, W, 3), display sRGB."""
    color = pixels if pixels.ndim == 3 else np.repeat(pixels[..., np.newaxis], 3, axis=-1)
    scale = max(HEIGHT / color.shape[0], WIDTH / color.shape[1])
    size = (int(np.ceil(color.shape[0] * scale)), int(np.ceil(color.shape[1] * scale)))
    large = resize_photograph(color / np.float32(255), size, anti_aliasing=True, order=3)
    top, left = (size[0] - HEIGHT) // 2, (size[1] - WIDTH) // 2
    middle: Floats = np.clip(large[top : top + HEIGHT, left : left + WIDTH], 0, 1).astype(np.float32)
    return middle


def grainy(picture: Floats, seed: int) -> Floats:
    """With fresh grain."""
    noise = np.random.default_rng(seed).normal(0, GRAIN, picture.shape)
    return np.clip(picture + noise, 0, 1).astype(np.float32)


def background_change(name: str, pair: int, move: float = 0, seed: int = 1) -> Case:
    """Something that is kept in front of what is replaced."""
    kept = SHAPES[name](MOTION[0] * move, MOTION[1] * move)[..., np.newaxis]
    front, behind = _FRONT[pair], _BEHIND[pair]
    mixed = encode_signed_srgb(kept * decode_signed_srgb(front) + (1 - kept) * decode_signed_srgb(behind))
    return Case(1 - kept[..., 0], grainy(mixed, seed), _BEHIND[pair - 1])


def addition(name: str, pair: int, move: float = 0, seed: int = 1) -> Case:
    """An object, its color carried a little past its edge and black elsewhere, over a plate that does not know it."""
    alpha = SHAPES[name](MOTION[0] * move, MOTION[1] * move)
    body = averaged(ball(MOTION[0] * move, MOTION[1] * move)) if name == "shadow" else alpha
    reach = np.clip(ndimage.gaussian_filter(ndimage.grey_dilation(body, size=(7, 7)), 1), 0, 1)[..., np.newaxis]
    color = np.array([(0.8, 0.15, 0.1), (0.1, 0.4, 0.85), (0.9, 0.8, 0.2), (0.3, 0.75, 0.3)][pair], np.float32)
    shaded = color * (0.5 + 0.5 * photograph(data.brick()))
    return Case(alpha, grainy(_BEHIND[pair], seed), (np.clip(shaded, 0, 1) * reach).astype(np.float32))


def refined(case: Case, small: Floats, detail: Detail, clean: bool) -> Floats:
    """A small matte upsampled with the case's guide; cleaned before, as a take's is, or not."""
    alpha = clean_matte(small) if clean else small
    guide = (
        PlateGuide(decode_signed_srgb(case.plate), exposure=0.0)
        if detail is Detail.PLATE
        else EditGuide(resize(case.edit, small.shape[1], small.shape[0]), alpha)
    )
    return upsample_matte(alpha, WIDTH, HEIGHT, guide, raw=small)


def bicubic(small: Floats) -> Floats:
    """A small matte interpolated by Catmull-Rom."""
    rows = resampling(small.shape[0], HEIGHT, catmull_rom).along(small, 0)
    return np.clip(resampling(small.shape[1], WIDTH, catmull_rom).along(rows, 1), 0, 1)


def roughened(mattes: list[Floats]) -> list[Floats]:
    """A clip of small mattes (h, w), blurred and decoded from what the small model's codec keeps of them."""
    codec = LinearVideoCodec.from_pretrained(SMALL_MODEL, subfolder="vae").eval()
    soft = np.stack([ndimage.gaussian_filter(matte, ROUGH_BLUR) for matte in mattes])
    pixels = torch.from_numpy(soft)[None, None].repeat(1, 3, 1, 1, 1) * 2 - 1
    with torch.no_grad():
        decoded = codec.decode(codec.encode(pixels).latent_dist.mode()).sample
    return list(np.clip((decoded[0].mean(dim=0).numpy() + 1) / 2, 0, 1))


def absolute_error(matte: Floats, truth: Floats) -> float:
    """SAD."""
    return float(np.abs(matte - truth).sum(dtype=np.float64))


def gradient_error(matte: Floats, truth: Floats) -> float:
    """The sum of squared differences of gradient magnitudes."""
    sizes = [ndimage.gaussian_gradient_magnitude(each.astype(np.float64), 1.4) for each in (matte, truth)]
    return float(np.square(sizes[0] - sizes[1]).sum())


def flicker(errors: list[Floats]) -> float:
    """How much the error changes from frame to frame, at the mean."""
    return float(np.mean([np.abs(b - a).mean() for a, b in pairwise(errors)]))


def measure(case_of: Callable[..., Case], detail: Detail, model_size: tuple[int, int]) -> list[Floats]:
    """Prints a line for each shape and one for all; returns a picture of truth, bicubic and finished matte for each."""
    height, width = model_size
    totals: dict[bool, NDArray[np.float64]] = {False: np.zeros(6), True: np.zeros(6)}
    shown: list[Floats] = []
    for pair, name in enumerate(SHAPES):
        clip = [case_of(name, pair, move, seed=move + 1) for move in range(FRAMES)]
        small = [resize(case.alpha, width, height) for case in clip]
        plain = [bicubic(matte) for matte in small]
        for clean, total in totals.items():
            fine = [refined(case, matte, detail, clean) for case, matte in zip(clip, small, strict=True)]
            sums = np.array([errors(fine, clip), errors(plain, clip)]).T.ravel()
            total += sums
            line(detail, model_size, name, "finished" if clean else "upsampled", sums)
        shown += [clip[0].alpha, plain[0], fine[0]]
    for clean, total in totals.items():
        line(detail, model_size, "all", "finished" if clean else "upsampled", total)
    return shown


def measure_rough(case_of: Callable[..., Case], detail: Detail, model_size: tuple[int, int]) -> None:
    """Prints a line for each shape and one for all, of rough mattes finished."""
    height, width = model_size
    total = np.zeros(6)
    for pair, name in enumerate(SHAPES):
        clip = [case_of(name, pair, move, seed=move + 1) for move in range(ROUGH_FRAMES)]
        small = roughened([resize(case.alpha, width, height) for case in clip])
        fine = [refined(case, matte, detail, True) for case, matte in zip(clip, small, strict=True)]
        sums = np.array([errors(fine, clip), errors([bicubic(matte) for matte in small], clip)]).T.ravel()
        total += sums
        line(detail, model_size, name, "rough", sums)
    line(detail, model_size, "all", "rough", total)


def errors(mattes: list[Floats], clip: list[Case]) -> tuple[float, float, float]:
    """SAD, gradient error and flicker of a clip's mattes."""
    pairs = [(matte, case.alpha) for matte, case in zip(mattes, clip, strict=True)]
    return (
        sum(absolute_error(*pair) for pair in pairs),
        sum(gradient_error(*pair) for pair in pairs),
        flicker([matte - truth for matte, truth in pairs]),
    )


def line(detail: Detail, model_size: tuple[int, int], name: str, what: str, sums: NDArray[np.float64]) -> None:
    """One row of the table: ratios to bicubic."""
    sad, gradient, change = sums[0::2] / sums[1::2]
    size = f"{model_size[1]}x{model_size[0]}"
    print(f"{detail:5} {size:7} {name:6} {what:9}  SAD {sad:5.3f}  gradient {gradient:5.3f}  flicker {change:5.3f}")


_FRONT = [
    photograph(data.chelsea()),
    0.5 * photograph(data.brick()),
    photograph(data.astronaut()),
    0.3 * photograph(data.gravel()),
]
_BEHIND = [
    photograph(picture)
    for picture in (load_sample_image("china.jpg"), data.rocket(), data.coffee(), load_sample_image("flower.jpg"))
]


def main() -> None:
    """Measures both kinds of edit at both sizes."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--sheet", type=Path, help="a PNG of true, bicubic and finished mattes")
    sheet = arguments.parse_args().sheet
    rows = []
    kinds: tuple[tuple[Callable[..., Case], Detail], ...] = (
        (background_change, Detail.PLATE),
        (addition, Detail.EDIT),
    )
    for model_size in ROUGH_SIZES:
        for case_of, detail in kinds:
            measure_rough(case_of, detail, model_size)
    for model_size in MODEL_SIZES:
        for case_of, detail in kinds:
            pictures = measure(case_of, detail, model_size)
            rows += [(f"{name}, {detail}", pictures[3 * row : 3 * row + 3]) for row, name in enumerate(SHAPES)]
    if sheet is not None:
        contact_sheet(rows, sheet, ("truth", "bicubic", "finished"), image_width=WIDTH)


if __name__ == "__main__":
    main()
