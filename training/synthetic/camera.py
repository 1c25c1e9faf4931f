"""From a flat plate to what a camera sees of it: angle, light, dirt, distance, blur, compression.

Pictures are uint8 BGR [h, w, 3]. What leaves is the reader's input size, stretched as the core stretches its cuts.
"""

import random

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
READER_SIZE = (160, 64)  # width, height of the reader's input


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
        return self._compressed(self._noisy(self._blurred(picture)))

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

    def _quad(self, aspect: float, width: float) -> NDArray[np.float64]:
        """A plate's corners [4, 2] as seen from a random place: turned up to 50 degrees, mostly much less."""
        rng = self.rng
        yaw, pitch = np.deg2rad(rng.uniform(-50, 50) * rng.random()), np.deg2rad(rng.gauss(0, 12))
        roll = np.deg2rad(rng.gauss(0, 4) if rng.random() < 0.75 else rng.uniform(-20, 20))
        x, y = np.array([-1, 1, 1, -1]) * width / 2, np.array([-1, -1, 1, 1]) * width / aspect / 2
        depth = x * np.sin(yaw) + y * np.sin(pitch)
        near = 1 + depth / (width * rng.uniform(2, 8))
        x, y = x * np.cos(yaw) / near, y * np.cos(pitch) / near
        return np.stack([x * np.cos(roll) - y * np.sin(roll), x * np.sin(roll) + y * np.cos(roll)], 1)

    def see(self, plate: Picture, backgrounds: list[Picture]) -> Picture:
        """A drawn plate in a scene, cut out as a detector would: by an uncertain box or by uncertain corners."""
        rng, width = self.rng, 200.0
        high, wide = plate.shape[:2]
        aspect = wide / high
        if rng.random() < 0.3:  # cut by its corners
            upright = np.array([[0, 0], [width, 0], [width, width / aspect], [0, width / aspect]])
            quad = upright + self.noise.normal(0, 0.03 * width / aspect, (4, 2))
            low, top = np.zeros(2), np.array([width, width / aspect])
        else:
            quad = self._quad(aspect, width)
            low, top = quad.min(0), quad.max(0)
        side = np.clip(self.noise.normal(0.04, 0.04, 2), -0.02, 0.2) * (top - low)[0]
        edge = np.clip(self.noise.normal(0.08, 0.07, 2), -0.04, 0.4) * (top - low)[1]
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
        return self.arrive(picture, size[0] / size[1])

    def _scene(self, backgrounds: list[Picture], size: tuple[int, int]) -> Picture:
        rng = self.rng
        photo, share = rng.choice(backgrounds), rng.uniform(0.1, 0.5)
        h, w = photo.shape[:2]
        y, x = rng.randint(0, int(h * (1 - share))), rng.randint(0, int(w * (1 - share)))
        return cv2.resize(photo[y : y + max(8, int(h * share)), x : x + max(8, int(w * share))], size)
