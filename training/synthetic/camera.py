"""From a flat plate to what a camera sees of it: angle, light, dirt, distance, blur, compression.

Pictures are uint8 BGR [h, w, 3]. What leaves is the reader's input size, stretched as the core stretches its cuts.
"""

import random

import cv2
import numpy as np
from numpy.typing import NDArray

from training.synthetic import pose

Picture = NDArray[np.uint8]
READER_SIZE = (160, 64)  # width, height of the reader's input
CUT_INTO = 0.1  # share of cuts that lose a part of the characters at the top or below
CUT_ASIDE = 0.05  # share of cuts that lose a part of the first or the last character
SENT_TIGHT = 0.25  # share of tilted plates that were cut out by a tight box first and then by corners within that cut


class Camera:
    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.noise = np.random.default_rng(seed)

    def wear(self, picture: Picture) -> Picture:
        """Light, colour, shadow, blur, noise and compression."""
        rng = self.rng
        if rng.random() < 0.5:
            curve = 255 * (np.arange(256) / 255) ** np.exp(rng.gauss(0, 0.35)) * np.exp(rng.gauss(0, 0.22)) + rng.gauss(
                0, 12
            )
            picture = cv2.LUT(picture, curve.clip(0, 255).astype(np.uint8))
        if rng.random() < 0.18:  # infra-red and night cameras
            picture = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
        elif rng.random() < 0.3:
            picture = np.clip(picture * np.exp(self.noise.normal(0, 0.07, 3)), 0, 255).astype(np.uint8)
        if rng.random() < 0.03:
            picture = 255 - picture
        if rng.random() < 0.2:
            picture = self._shadow(picture)
        if rng.random() < 0.1:
            picture = self._glare(picture)
        if rng.random() < 0.04:
            picture = self._interlaced(picture)
        picture = self._noisy(self._blurred(picture))
        if rng.random() < 0.12:
            picture = self._hazed(picture)
        return self._compressed(picture)

    def _shadow(self, picture: Picture) -> Picture:
        """A shadow's or a lamp's edge across the plate."""
        rng = self.rng
        h, w = picture.shape[:2]
        angle = rng.uniform(0, 6.3)
        y, x = np.mgrid[:h, :w]
        slope = (np.cos(angle) * x / w + np.sin(angle) * y / h - rng.uniform(-0.5, 1)) * rng.uniform(2, 40)
        share = 1 / (1 + np.exp(-slope))
        gain = rng.uniform(0.35, 0.8) if rng.random() < 0.7 else rng.uniform(1.2, 1.8)
        return np.clip(picture * (1 + (gain - 1) * share)[..., None], 0, 255).astype(np.uint8)

    def _glare(self, picture: Picture) -> Picture:
        """The spot of a lamp or of the sun, mostly at the plate's upper edge."""
        rng = self.rng
        h, w = picture.shape[:2]
        y, x = np.mgrid[:h, :w]
        centre, radius = (rng.uniform(0, 1) * w, rng.gauss(0.15, 0.3) * h), rng.uniform(0.15, 0.7) * h
        spot = np.exp(-((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / (2 * radius**2))
        return np.clip(picture + spot[..., None] * rng.uniform(60, 220), 0, 255).astype(np.uint8)

    def _hazed(self, picture: Picture) -> Picture:
        """Haze, a dirty lens, a lamp behind: little contrast is left, and the sensor's noise."""
        faint = picture * self.rng.uniform(0.12, 0.5) + self.rng.uniform(10, 170)
        return np.clip(faint + self.noise.normal(0, self.rng.uniform(0, 2.5), picture.shape), 0, 255).astype(np.uint8)

    def _interlaced(self, picture: Picture) -> Picture:
        """Every other pair of lines a little aside, as old cameras show what moves."""
        shift = self.rng.choice([-1, 1]) * self.rng.randint(1, max(1, picture.shape[1] // 60))
        moved = picture.copy()
        step = self.rng.choice([1, 2, 3])
        for line in range(step):
            moved[line :: 2 * step] = np.roll(picture[line :: 2 * step], shift, 1)
        return moved

    def _blurred(self, picture: Picture) -> Picture:
        rng, side, chance = self.rng, min(picture.shape[:2]), self.rng.random()
        if chance < 0.25:
            return cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.3, 0.022 * side + 0.4))
        if chance < 0.4:
            length = max(2, int(rng.uniform(0.03, 0.11) * side))
            kernel = np.zeros((length, length), np.float32)
            if rng.random() < 0.7:
                kernel[length // 2] = 1 / length
            else:
                np.fill_diagonal(kernel, 1 / length)
            return cv2.filter2D(picture, -1, kernel)
        return picture

    def _noisy(self, picture: Picture) -> Picture:
        if self.rng.random() >= 0.35:
            return picture
        shape = (*picture.shape[:2], 3 if self.rng.random() < 0.3 else 1)
        return np.clip(picture + self.noise.normal(0, self.rng.uniform(2, 18), shape), 0, 255).astype(np.uint8)

    def _compressed(self, picture: Picture) -> Picture:
        if self.rng.random() >= 0.4:
            return picture
        _, packed = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, self.rng.randint(12, 80)])
        return cv2.imdecode(packed, cv2.IMREAD_COLOR)

    def arrive(self, cut: Picture, aspect: float) -> Picture:
        """A cut as it arrives from a far camera: shrunk to the plate's own size there, worn, stretched to the
        reader's input.
        """
        rng = self.rng
        smallest = 26 if rng.random() < 0.12 else 42
        width = int(np.exp(rng.uniform(np.log(smallest), np.log(280))))
        height = min(140, max(9, int(width / aspect)))
        width = max(20, min(width, int(height * aspect)))
        if width < cut.shape[1]:
            cut = cv2.resize(cut, (width, height), interpolation=cv2.INTER_AREA)
        return cv2.resize(self.wear(cut), READER_SIZE, interpolation=cv2.INTER_LINEAR)

    def too_tight(self) -> NDArray[np.float64]:
        """By how much the upper and the lower edge [2] of a cut may lie within the plate, as shares of its height."""
        loss = np.zeros(2)
        if self.rng.random() < CUT_INTO:
            loss[self.rng.randrange(2)] = self.rng.uniform(0.1, 0.3)
        return loss

    def too_narrow(self) -> NDArray[np.float64]:
        """By how much the left and the right edge [2] of a cut may lie within the plate, as shares of its width."""
        loss = np.zeros(2)
        if self.rng.random() < CUT_ASIDE:
            loss[self.rng.randrange(2)] = self.rng.uniform(0.03, 0.08)
        return loss

    def _quad(self, aspect: float, width: float) -> NDArray[np.float64]:
        """A plate's corners [4, 2] as seen from a random place, mostly from nearly before it."""
        rng = self.rng
        roll = rng.gauss(0, 4) if rng.random() < 0.75 else rng.uniform(-20, 20)
        return pose.corners(aspect, width, (*pose.turned(rng, 50), roll), rng.uniform(2, 8))

    def see(self, plate: Picture, backgrounds: list[Picture]) -> Picture:
        """A drawn plate in a scene, cut out as a detector would: by an uncertain box or by uncertain corners."""
        rng, width = self.rng, 200.0
        high, wide = plate.shape[:2]
        aspect = wide / high
        if rng.random() < 0.3:  # cut by its corners
            upright = np.array([[0, 0], [width, 0], [width, width / aspect], [0, width / aspect]])
            quad = upright + self.noise.normal(0, 0.03 * width / aspect, (4, 2))
            low, top, tight = np.zeros(2), np.array([width, width / aspect]), False
        else:
            quad = self._quad(aspect, width)
            low, top = quad.min(0), quad.max(0)
            tight = rng.random() < SENT_TIGHT
        if tight:
            side = np.clip(self.noise.normal(-0.01, 0.04, 2), -0.08, 0.2) * (top - low)[0]
            edge = np.clip(self.noise.normal(0, 0.06, 2), -0.1, 0.4) * (top - low)[1]
        else:
            side = np.clip(self.noise.normal(0.04, 0.04, 2), -0.02, 0.2) * (top - low)[0]
            edge = np.clip(self.noise.normal(0.08, 0.07, 2), -0.04, 0.4) * (top - low)[1]
            side -= self.too_narrow() * (top - low)[0]
            edge -= self.too_tight() * (top - low)[1]
        origin = low - [side[0], edge[0]]
        extent = top - origin + np.array([side[1], edge[1]])
        scale = 260 / extent[0]
        size = (260, max(20, int(extent[1] * scale)))
        quad = ((quad - origin) * scale).astype(np.float32)
        scene = self._scene(backgrounds, size)
        if rng.random() < 0.35:  # a dealer's frame
            frame = (quad.mean(0) + (quad - quad.mean(0)) * rng.uniform(1.02, 1.2)).astype(np.int32)
            shade = rng.uniform(0, 70) if rng.random() < 0.7 else rng.uniform(0, 255)
            cv2.fillConvexPoly(scene, frame, (shade, shade, shade), cv2.LINE_AA)
        flat = np.array([[0, 0], [wide, 0], [wide, high], [0, high]], np.float32)
        matrix = cv2.getPerspectiveTransform(flat, quad)
        drawn = cv2.warpPerspective(plate, matrix, size, flags=cv2.INTER_LINEAR)
        mask = cv2.warpPerspective(np.full((high, wide), 255, np.uint8), matrix, size, flags=cv2.INTER_LINEAR)
        share = mask[..., None].astype(np.float32) / 255
        lit = np.clip(drawn * rng.uniform(0.3, 1.1) + rng.uniform(-10, 20), 0, 255)
        picture = (scene * (1 - share) + lit * share).astype(np.uint8)
        if rng.random() < 0.2:  # dirt
            for _ in range(rng.randint(3, 14)):
                at = (rng.randint(0, size[0]), rng.randint(0, size[1]))
                cv2.circle(picture, at, rng.randint(1, 5), [rng.randint(20, 160) for _ in range(3)], -1)
        if tight:
            picture = self._turned_upright(picture, quad)
        return self.arrive(picture, picture.shape[1] / picture.shape[0])

    def _turned_upright(self, picture: Picture, quad: NDArray[np.float32]) -> Picture:
        """A tilted plate cut out by uncertain corners, which mostly tell too little of its tilt. Past the picture's
        edge its last pixels repeat, as the core has it.
        """
        low, top = quad.min(0), quad.max(0)
        box = np.array([low, [top[0], low[1]], top, [low[0], top[1]]])
        high = float(np.linalg.norm(quad[3] - quad[0]) + np.linalg.norm(quad[2] - quad[1])) / 2
        wide = float(np.linalg.norm(quad[1] - quad[0]) + np.linalg.norm(quad[2] - quad[3])) / 2
        corners = quad + (box - quad) * max(0.0, self.rng.gauss(0.2, 0.2)) + self.noise.normal(0, 0.04 * high, (4, 2))
        outwards = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * high
        corners += outwards * np.clip(self.noise.normal(0.04, 0.04, 2), -0.02, 0.15)
        size = max(24, round(wide)), max(10, round(high))
        flat = np.array([[0, 0], [size[0], 0], size, [0, size[1]]], np.float32)
        matrix = cv2.getPerspectiveTransform(corners.astype(np.float32), flat)
        return cv2.warpPerspective(picture, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)

    def _scene(self, backgrounds: list[Picture], size: tuple[int, int]) -> Picture:
        rng = self.rng
        photo, share = rng.choice(backgrounds), rng.uniform(0.1, 0.5)
        h, w = photo.shape[:2]
        y, x = rng.randint(0, int(h * (1 - share))), rng.randint(0, int(w * (1 - share)))
        return cv2.resize(photo[y : y + max(8, int(h * share)), x : x + max(8, int(w * share))], size)
