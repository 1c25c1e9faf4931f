"""Training pictures for the detector: real photos cut, scaled and worn, with drawn plates set into them.

Drawn plates bring what the photos lack: known corners, steep angles, other countries, plates of every size.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from training.detector.photos import Photo
from training.synthetic import pose

Picture = NDArray[np.uint8]
PAD = 114
MIN_VISIBLE = 0.6  # of a plate's area: below this a cut plate is neither right nor wrong
LEAST_SEEN = 0.65  # of a plate's area: below this its corners are not told; above, they may lie outside of the picture
CLOSE = 0.17  # share of pictures that hold little but one plate
CUT_INTO = 0.4  # share of these that may end well within the plate: cut by a box too tight for a tilted plate
SQUARISH = 1.8  # width over height
LEANING = 0.15  # share of other plates that stand as tilted as on motorcycles
TURNED = 0.1  # share of photos that are turned as much as a camera's bracket or a leaning motorcycle may be
LEAST_SIDE, FAR_SIDE = 13.0, 48.0  # pixels of width: what the detector sees of plates that are far away
FAR = 0.3  # share of cuts for these
LEAST_CLOSE = 32  # pixels of width: a smaller plate on its own would be unreadable
VEHICLE_VISIBLE, VEHICLE_SIDE = 0.3, 24  # cameras at gates see a part of the vehicle


@dataclass
class View:
    """A training picture: image uint8 BGR [s, s, 3] and the targets in its pixels, as `Photo` has them."""

    image: Picture
    boxes: NDArray[np.float32]
    corners: NDArray[np.float32]
    ignore: NDArray[np.float32]
    vehicles: NDArray[np.float32]
    doubtful: NDArray[np.float32]


def box_points(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Corner points [n, 4, 2], clockwise from top left, of boxes [n, 4]."""
    x1, y1, x2, y2 = boxes.T
    return np.stack([x1, y1, x2, y1, x2, y2, x1, y2], 1).reshape(-1, 4, 2)


def bounds(points: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.concatenate([points.min(1), points.max(1)], 1)


def transform(points: NDArray[np.float32], matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    return (points @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)


def cut(photo: Photo, side: int, rng: np.random.Generator) -> View:
    """A side x side cut of a photo at a random scale: plates come out from `LEAST_SIDE` wide to filling the cut."""
    h, w = photo.image.shape[:2]
    if len(photo.boxes) and rng.random() < 0.85:
        box = photo.boxes[rng.integers(len(photo.boxes))]
        width = max(4.0, box[2] - box[0])
        most = FAR_SIDE if rng.random() < FAR else 0.9 * side
        wanted = np.exp(rng.uniform(np.log(LEAST_SIDE), np.log(most)))
        scale = float(np.clip(wanted / width, 0.9 * side / max(h, w), 4.0))
        # The plate lies anywhere in the cut, often near a border.
        anchor = (box[:2] + box[2:]) / 2
        place = rng.uniform(0.08, 0.92, 2) * side
    else:
        scale = float(np.exp(rng.uniform(np.log(0.9), np.log(2.0)))) * side / max(h, w)
        anchor, place = np.array([w, h]) * rng.uniform(0.3, 0.7, 2), np.array([side, side]) / 2
    # Little of the cut stays empty: padding teaches nothing.
    extent = np.array([w, h]) * scale
    slack = side - extent
    low, high = np.minimum(slack, 0), np.maximum(slack, 0)
    place = np.clip(place - scale * anchor, low, high) + scale * anchor
    # Hardly turned, mostly: a box round the turned box of a plate that is tilted itself is looser than a label.
    angle = np.deg2rad(rng.normal(0, 15 if rng.random() < TURNED else 1.2))
    stretch = np.exp(rng.normal(0, 0.12))
    flip = -1 if rng.random() < 0.3 else 1
    linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = linear @ np.array([[flip * stretch, rng.normal(0, 0.02)], [0, 1 / stretch]])
    matrix = np.concatenate([linear, (place - linear @ anchor)[:, None]], 1).astype(np.float32)
    source = photo.image
    if scale < 0.6:  # warpAffine samples points: shrink by area first, or fine structure turns into noise
        source = cv2.resize(source, None, fx=scale * 1.2, fy=scale * 1.2, interpolation=cv2.INTER_AREA)
        ratio = np.array([source.shape[1] / w, source.shape[0] / h], np.float32)
        warp = matrix.copy()
        warp[:, :2] /= ratio
    else:
        warp = matrix
    image = cv2.warpAffine(source, warp, (side, side), flags=cv2.INTER_LINEAR, borderValue=(PAD, PAD, PAD))
    points = transform(box_points(photo.boxes), matrix)
    if flip < 0:
        points = points[:, [1, 0, 3, 2]]
    known = photo.corners.reshape(-1, 4, 2)
    corners = transform(known, matrix)
    if flip < 0:
        corners = corners[:, [1, 0, 3, 2]]
    loose = ~np.isnan(corners).any((1, 2))
    boxes = bounds(points)
    if loose.any():
        boxes[loose] = bounds(corners[loose])
    others = (bounds(transform(box_points(each), matrix)) for each in (photo.ignore, photo.vehicles, photo.doubtful))
    return clip(View(image, boxes, corners.reshape(-1, 8), *others))


def clip(view: View, extent: tuple[int, int] | None = None) -> View:
    """Boxes end at the picture's edge, or at that of its part of `extent` (width, height) from the top left; what is
    mostly outside, or too small to see, moves to `ignore`.
    """
    wide, high = extent or (view.image.shape[1], view.image.shape[0])
    limit = np.array([wide, high] * 2, np.float32)
    inside = np.clip(view.boxes, 0, limit).astype(np.float32)
    size = inside[:, 2:] - inside[:, :2]
    visible = size.prod(1) / np.maximum(1e-6, (view.boxes[:, 2:] - view.boxes[:, :2]).prod(1))
    keep = (visible >= MIN_VISIBLE) & (size[:, 0] >= 7) & (size[:, 1] >= 3)
    doubtful = ~keep & (visible > 0) & (size > 0).all(1)
    ignore = np.concatenate([np.clip(view.ignore, 0, limit), inside[doubtful]]).astype(np.float32)
    ignore = ignore[(ignore[:, 2:] > ignore[:, :2]).all(1)]
    corners = np.where((visible[keep, None] > LEAST_SEEN), view.corners[keep], np.nan)
    return View(view.image, inside[keep], corners.astype(np.float32), ignore, *clipped_vehicles(view, limit))


def clipped_vehicles(view: View, limit: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Vehicles and doubtful places within 0 to `limit` (x, y, x, y); one of which too little is left is doubtful."""
    inside = np.clip(view.vehicles, 0, limit).astype(np.float32)
    size = inside[:, 2:] - inside[:, :2]
    visible = size.prod(1) / np.maximum(1e-6, (view.vehicles[:, 2:] - view.vehicles[:, :2]).prod(1))
    keep = (visible >= VEHICLE_VISIBLE) & (size >= VEHICLE_SIDE).all(1)
    left = ~keep & (size > 0).all(1)
    places = np.clip(view.doubtful, 0, limit).astype(np.float32)
    return inside[keep], np.concatenate([places[(places[:, 2:] > places[:, :2]).all(1)], inside[left]])


def mosaic(photos: list[Photo], side: int, rng: np.random.Generator) -> View:
    """Four cuts in one picture: more plates and more scenes for the same computation."""
    split = int(side * rng.uniform(0.35, 0.65)), int(side * rng.uniform(0.35, 0.65))
    whole = View(np.full((side, side, 3), PAD, np.uint8), *(np.zeros((0, n), np.float32) for n in (4, 8, 4, 4, 4)))
    for x0, x1 in ((0, split[0]), (split[0], side)):
        for y0, y1 in ((0, split[1]), (split[1], side)):
            tile = max(x1 - x0, y1 - y0)
            part = cut(photos[rng.integers(len(photos))], tile, rng)
            whole.image[y0:y1, x0:x1] = part.image[: y1 - y0, : x1 - x0]
            limit = np.array([x1 - x0, y1 - y0] * 2, np.float32)
            before = part.boxes
            part.boxes = np.minimum(before, limit)
            area = (part.boxes[:, 2:] - part.boxes[:, :2]).clip(0).prod(1)
            share = area / np.maximum(1e-6, (before[:, 2:] - before[:, :2]).prod(1))
            keep = share >= MIN_VISIBLE
            part.corners[share < LEAST_SEEN] = np.nan
            shift = np.array([x0, y0], np.float32)
            whole.boxes = np.concatenate([whole.boxes, part.boxes[keep] + np.tile(shift, 2)])
            whole.corners = np.concatenate([whole.corners, part.corners[keep] + np.tile(shift, 4)])
            rest = np.concatenate([part.ignore, part.boxes[~keep & (area > 0)]])
            whole.ignore = np.concatenate([whole.ignore, np.minimum(rest, limit) + np.tile(shift, 2)])
            vehicles, doubtful = clipped_vehicles(part, limit)
            whole.vehicles = np.concatenate([whole.vehicles, vehicles + np.tile(shift, 2)])
            whole.doubtful = np.concatenate([whole.doubtful, doubtful + np.tile(shift, 2)])
    return whole


def random_quad(aspect: float, side: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Corners [4, 2] of a plate seen from a random place: turned, from above, rolled; a little on a car, more of it
    all on a motorcycle that leans.
    """
    width = np.exp(rng.uniform(np.log(16), np.log(0.8 * side)))
    # What is nearly square is a motorcycle's, more often than not: beside its wheel, and seen from wherever.
    cycle = rng.random() < (0.7 if aspect < SQUARISH else LEANING)
    lean, aside = rng.normal(0, 25 if cycle else 8), 65 if cycle else 50
    quad = pose.corners(aspect, float(width), (*pose.turned(rng, aside), lean), rng.uniform(2.0, 8.0))
    return (quad + rng.uniform(0.05, 0.95, 2) * side).astype(np.float32)


def clear_place(view: View, aspect: float, rng: np.random.Generator) -> NDArray[np.float32] | None:
    """Corners [4, 2] for something of this aspect that covers no plate of the picture; None where there is no room."""
    side = view.image.shape[0]
    quad = random_quad(aspect, side, rng)
    box = bounds(quad[None])[0]
    if (box[:2] < 1).any() or (box[2:] > side - 1).any() or (box[2:] - box[:2] < (9, 4)).any():
        return None
    others = np.concatenate([view.boxes, view.ignore])
    meets = (np.minimum(box[2:], others[:, 2:]) > np.maximum(box[:2], others[:, :2]) - 2).all(1)
    return None if meets.any() else quad


def set_in(image: Picture, thing: Picture, quad: NDArray[np.float32], rng: np.random.Generator) -> None:
    """Draws `thing` (uint8 BGR or BGRA [h, w, 3 or 4], cut at its edge) into the picture at `quad`, in the scene's
    light.
    """
    box = bounds(quad[None])[0]
    pad = (quad - quad.mean(0)) * rng.uniform(1.03, 1.2) + quad.mean(0)
    room = bounds(pad[None])[0]
    # Only the place itself is touched: the rest of a 640-pixel picture would cost ten times as much.
    left, top = np.maximum(0, np.floor(room[:2]).astype(int) - 8)
    right, bottom = np.ceil(room[2:]).astype(int) + 8
    place = image[top:bottom, left:right]
    high, wide = place.shape[:2]
    offset = np.array([left, top], np.float32)
    shrink = max(1.0, min(thing.shape[1] / (box[2] - box[0]), thing.shape[0] / (box[3] - box[1])))
    if shrink > 1.5:
        thing = cv2.resize(thing, None, fx=1.2 / shrink, fy=1.2 / shrink, interpolation=cv2.INTER_AREA)
    h, w = thing.shape[:2]
    matrix = cv2.getPerspectiveTransform(np.array([[0, 0], [w, 0], [w, h], [0, h]], np.float32), quad - offset)
    drawn = cv2.warpPerspective(thing, matrix, (wide, high), flags=cv2.INTER_LINEAR).astype(np.float32)
    mask = np.zeros((high, wide), np.float32)
    cv2.fillConvexPoly(mask, np.round((quad - offset) * 16).astype(np.int32), 1.0, cv2.LINE_AA, 4)
    if thing.shape[2] == 4:
        mask *= drawn[..., 3] / 255
    around = place.astype(np.float32)
    # The scene's light: a plate is about as bright as its surroundings allow, seldom brighter than a lamp.
    gain = np.clip((around.mean() + rng.uniform(30, 110)) / 190, 0.25, 1.25)
    tint = np.clip(around.mean((0, 1)) / max(1.0, around.mean()), 0.8, 1.2) ** rng.uniform(0, 1)
    colour = np.clip(drawn[..., :3] * gain * tint + rng.normal(0, 6), 0, 255)
    if thing.shape[2] == 3 and rng.random() < 0.5:
        # A frame or a bumper's shade, so that the plate's own edge is not the only cue.
        frame = np.zeros((high, wide), np.float32)
        cv2.fillConvexPoly(frame, np.round((pad - offset) * 16).astype(np.int32), 1.0, cv2.LINE_AA, 4)
        shade = rng.uniform(0, 255) if rng.random() < 0.3 else rng.uniform(0, 60)
        around += (shade - around) * frame[..., None]
    sigma = rng.uniform(0.3, 0.9)
    mask = cv2.GaussianBlur(mask, (0, 0), sigma)[..., None]
    place[:] = (around + (cv2.GaussianBlur(colour, (0, 0), sigma) - around) * mask).astype(np.uint8)


def paste(view: View, plate: Picture, rng: np.random.Generator) -> bool:
    """Sets a drawn plate into the picture. False where there was no room."""
    quad = clear_place(view, plate.shape[1] / plate.shape[0], rng)
    if quad is None:
        return False
    set_in(view.image, plate, quad, rng)
    view.boxes = np.concatenate([view.boxes, bounds(quad[None])])
    view.corners = np.concatenate([view.corners, quad.reshape(1, 8)])
    return True


def paste_decoy(view: View, decoy: Picture, rng: np.random.Generator) -> None:
    """Sets something into the picture that looks like a plate and is none."""
    quad = clear_place(view, decoy.shape[1] / decoy.shape[0], rng)
    if quad is not None:
        set_in(view.image, decoy, quad, rng)


def wear(image: Picture, rng: np.random.Generator) -> Picture:
    """Light, colour, blur, noise and compression of the whole picture."""
    out = image
    if rng.random() < 0.7:
        curve = 255 * (np.arange(256) / 255) ** np.exp(rng.normal(0, 0.3)) * np.exp(rng.normal(0, 0.2)) + rng.normal(
            0, 12
        )
        out = cv2.LUT(out, curve.clip(0, 255).astype(np.uint8))
    if rng.random() < 0.4:
        out = np.clip(out * np.exp(rng.normal(0, 0.08, 3)), 0, 255).astype(np.uint8)
    if rng.random() < 0.2:
        out = cv2.cvtColor(cv2.cvtColor(out, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    if rng.random() < 0.25:
        out = cv2.GaussianBlur(out, (0, 0), rng.uniform(0.4, 1.6))
    elif rng.random() < 0.15:
        length = int(rng.integers(3, 9))
        kernel = np.zeros((length, length), np.float32)
        kernel[length // 2] = 1 / length
        out = cv2.filter2D(out, -1, kernel)
    if rng.random() < 0.25:
        noise = rng.normal(0, rng.uniform(2, 14), out.shape[:2])[..., None]
        out = np.clip(out + noise, 0, 255).astype(np.uint8)
    if rng.random() < 0.4:
        ok, packed = cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 90))])
        if ok:
            out = cv2.imdecode(packed, cv2.IMREAD_COLOR)
    return out


def close_up(view: View, rng: np.random.Generator) -> View:
    """The picture cut down to one of its plates, as people send plates that are cut out already, at the top left of
    padding. Without a plate large enough, the picture as it is.
    """
    side = view.image.shape[0]
    large = np.flatnonzero(view.boxes[:, 2] - view.boxes[:, 0] >= LEAST_CLOSE)
    if not len(large):
        return view
    told = large[~np.isnan(view.corners[large]).any(1)]
    if len(told) and rng.random() < 0.7:
        large = told
    box = view.boxes[rng.choice(large)]
    size = box[2:] - box[:2]
    # Half of them as close as labels are, and closer; the others with some of the car round them.
    most = np.array([0.06, 0.1] if rng.random() < 0.5 else [0.4, 0.8]) * size
    least = np.array([-0.1, -0.18] if rng.random() < CUT_INTO else [-0.03, -0.03]) * size
    low = np.clip(box[:2] - rng.uniform(least, most), 0, side).astype(int)
    high = np.ceil(np.clip(box[2:] + rng.uniform(least, most), 0, side)).astype(int)
    part = view.image[low[1] : high[1], low[0] : high[0]]
    scale = side / max(part.shape[:2]) * np.exp(rng.uniform(np.log(0.3), 0))
    extent = max(8, round(part.shape[1] * scale)), max(8, round(part.shape[0] * scale))
    # Small pictures are sent, too, and the service enlarges them.
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    image = np.full_like(view.image, PAD)
    image[: extent[1], : extent[0]] = cv2.resize(part, extent, interpolation=how)
    ratio = np.array(extent, np.float32) / (high - low)
    places = [
        ((values - np.tile(low, values.shape[1] // 2)) * np.tile(ratio, values.shape[1] // 2)).astype(np.float32)
        for values in (view.boxes, view.corners, view.ignore, view.vehicles, view.doubtful)
    ]
    return clip(View(image, *places), extent)


def view(
    photos: list[Photo], plates: list[Picture], decoys: list[Picture], side: int, rng: np.random.Generator
) -> View:
    """One training picture of side x side pixels."""
    made = mosaic(photos, side, rng) if rng.random() < 0.5 else cut(photos[rng.integers(len(photos))], side, rng)
    if plates and rng.random() < 0.45:
        for _ in range(int(rng.integers(1, 5))):
            paste(made, plates[rng.integers(len(plates))], rng)
    if decoys and rng.random() < 0.5:
        for _ in range(int(rng.integers(1, 5))):
            paste_decoy(made, decoys[rng.integers(len(decoys))], rng)
    if rng.random() < CLOSE:
        for _ in range(4 if plates else 0):
            paste(made, plates[rng.integers(len(plates))], rng)
        made = close_up(made, rng)
    made.image = wear(made.image, rng)
    return made
