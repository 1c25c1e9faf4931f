"""Contact sheets of what went wrong. They show people's plates: for one's own eyes, never for the repository."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from PIL import Image, ImageDraw, ImageFont

from training.evaluate.blur import opened
from training.evaluate.labels import Box
from training.evaluate.metrics import Found, Judged

CELL, LETTERS = (240, 120), 18  # pixels: a picture's room, a line of text's height
COLUMNS, MOST = 6, 72
Tile = tuple[Image.Image, list[str]]
Row = TypeVar("Row")


def wrong_readings(folder: Path, judged: Iterable[Judged], path: Path) -> int:
    """Plates that were found and read wrong, the surest first: picture, truth, reading, score. Returns their number."""
    wrong = [each for each in judged if each.found and each.label.readable and not each.right]
    wrong.sort(key=lambda each: -each.found.score if each.found else 0.0)

    def tile(each: Judged) -> Tile:
        found = each.found
        assert found is not None  # noqa: S101 - only found plates were kept
        marks = [found.box] if found.box else []
        picture = view(folder / each.label.file, each.label.box, 0.25, marks)
        return picture, [each.label.text, f"{each.reading or '-'}  {found.score:.3f}", short(each.label.source)]

    return sheet_of(wrong, tile, path)


def missed(folder: Path, judged: Iterable[Judged], path: Path) -> int:
    """Plates that no detection covers, the widest first."""
    lost = sorted((each for each in judged if not each.found), key=lambda each: -each.label.width)

    def tile(each: Judged) -> Tile:
        box = each.label.box
        picture = view(folder / each.label.file, box, 1.0, [box] if box else [])
        return picture, [f"{each.label.width:.0f} px  {each.label.text}", short(each.label.source)]

    return sheet_of(lost, tile, path)


def false_boxes(folder: Path, false: Iterable[tuple[str, Found]], path: Path) -> int:
    """Boxes that cover no labelled plate, the surest first. Some are plates that nobody labelled."""

    def tile(each: tuple[str, Found]) -> Tile:
        file, found = each
        picture = view(folder / file, found.box, 1.0, [found.box] if found.box else [])
        return picture, [f"{found.dscore:.3f}  {found.text or '-'}  {found.score:.2f}", Path(file).stem]

    return sheet_of(sorted(false, key=lambda each: -each[1].dscore), tile, path)


def view(path: Path, box: Box | None, room: float, marks: Sequence[Box]) -> Image.Image:
    """`box` with `room` times its size round it, or the whole picture; `marks` are outlined."""
    picture = opened(path)
    if box is None:
        return picture
    for mark in marks:
        ImageDraw.Draw(picture).rectangle([round(side) for side in mark], outline=(255, 60, 0))
    x1, y1, x2, y2 = box
    side = room * max(y2 - y1, (x2 - x1) / 2)
    left, top = max(0, round(x1 - side)), max(0, round(y1 - side))
    return picture.crop(
        (left, top, min(picture.width, round(x2 + side) + 1), min(picture.height, round(y2 + side) + 1))
    )


def sheet_of(rows: Sequence[Row], tile: Callable[[Row], Tile], path: Path) -> int:
    """Draws the first rows, `MOST` at most; none where there is no row. Returns the number of all rows."""
    if not rows:
        return 0
    shown = [tile(row) for row in rows[:MOST]]
    high = CELL[1] + 3 * LETTERS + 6
    columns = min(COLUMNS, len(shown))
    sheet = Image.new("RGB", (columns * (CELL[0] + 6), -(-len(shown) // columns) * high), (32, 32, 32))
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    for at, (picture, lines) in enumerate(shown):
        x, y = at % columns * (CELL[0] + 6) + 3, at // columns * high
        scale = min(CELL[0] / picture.width, CELL[1] / picture.height)
        size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
        sheet.paste(picture.resize(size, Image.Resampling.BICUBIC), (x, y))
        for n, line in enumerate(lines):
            draw.text((x, y + CELL[1] + n * LETTERS), line, fill=(230, 230, 230), font=font)
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path)
    return len(rows)


def short(source: str) -> str:
    """A source's name without its owner's."""
    return source.rpartition("/")[2][:30]
