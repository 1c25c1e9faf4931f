//! A plate cut out of its picture at the reader's input size: by its corners when they are known, else by its box.

use fast_image_resize::Resizer;

use crate::decode::Picture;
use crate::error::Result;
use crate::geometry::{Corners, Rect};
use crate::letterbox::resize;
use crate::manifest::{CropSpec, Resample};

/// Bounds the work on one plate, whatever shape its corners make.
const MAX_SAMPLES: u32 = 4;

/// From this ratio of plate to target on, in both directions, a plate is shrunk before it is warped.
const SHRINK_FIRST: f32 = 1.25;

/// `width` x `height` RGB pixels of a box widened by the margins and kept inside the picture.
pub fn cut_box(
    picture: &Picture,
    area: Rect,
    crop: CropSpec,
    (width, height): (u32, u32),
    resample: Resample,
    resizer: &mut Resizer,
) -> Result<Vec<u8>> {
    let wide = area.widened(crop.margin_x, crop.margin_y).clipped(picture.width as f32, picture.height as f32);
    let (left, top) = (f64::from(wide.x1.floor()), f64::from(wide.y1.floor()));
    let (right, bottom) = (f64::from(wide.x2.ceil()), f64::from(wide.y2.ceil()));
    let part = (left, top, (right - left).max(1.0), (bottom - top).max(1.0));
    resize(picture, part, width, height, resample, resizer)
}

/// Whether four corners describe a plate in this box: convex, clockwise, at least two pixels a side, not far outside.
#[must_use]
pub fn usable(corners: &Corners, area: Rect) -> bool {
    let near = area.widened(0.5, 0.5);
    (0..4).all(|i| {
        let (a, b, c) = (corners[i], corners[(i + 1) % 4], corners[(i + 2) % 4]);
        let turn = (b.0 - a.0) * (c.1 - b.1) - (b.1 - a.1) * (c.0 - b.0);
        let inside = a.0 >= near.x1 && a.0 <= near.x2 && a.1 >= near.y1 && a.1 <= near.y2;
        turn > 0.0 && distance(a, b) >= 2.0 && inside
    })
}

fn distance(a: (f32, f32), b: (f32, f32)) -> f32 {
    (a.0 - b.0).hypot(a.1 - b.1)
}

/// The horizon may lie within the margins of a very steep plate; past it there is nothing to see.
const HORIZON: f32 = 1e-3;

/// The projective map from the unit square to a quadrilateral (P. Heckbert, "Fundamentals of Texture Mapping and Image
/// Warping", 1989, section 2.2.3).
#[derive(Debug, Clone, Copy)]
struct Homography {
    a: f32,
    b: f32,
    c: f32,
    d: f32,
    e: f32,
    f: f32,
    g: f32,
    h: f32,
}

impl Homography {
    fn onto(corners: &Corners) -> Self {
        let [(x0, y0), (x1, y1), (x2, y2), (x3, y3)] = *corners;
        let (dx1, dx2, sx) = (x1 - x2, x3 - x2, x0 - x1 + x2 - x3);
        let (dy1, dy2, sy) = (y1 - y2, y3 - y2, y0 - y1 + y2 - y3);
        let det = dx1 * dy2 - dx2 * dy1;
        let g = (sx * dy2 - dx2 * sy) / det;
        let h = (dx1 * sy - sx * dy1) / det;
        Self { a: x1 - x0 + g * x1, b: x3 - x0 + h * x3, c: x0, d: y1 - y0 + g * y1, e: y3 - y0 + h * y3, f: y0, g, h }
    }

    fn at(&self, u: f32, v: f32) -> (f32, f32) {
        let w = (self.g * u + self.h * v + 1.0).max(HORIZON);
        ((self.a * u + self.b * v + self.c) / w, (self.d * u + self.e * v + self.f) / w)
    }
}

/// `width` x `height` RGB pixels of the quadrilateral widened by the margins, seen from the front: bilinear, and
/// antialiased when the plate is larger than the target. Past the picture's edge its last pixels repeat.
pub fn cut_corners(
    picture: &Picture,
    corners: &Corners,
    crop: CropSpec,
    (width, height): (u32, u32),
    resizer: &mut Resizer,
) -> Result<Vec<u8>> {
    let (mx, my) = (crop.margin_x, crop.margin_y);
    let across = distance(corners[0], corners[1]).max(distance(corners[3], corners[2])) * (1.0 + 2.0 * mx);
    let down = distance(corners[0], corners[3]).max(distance(corners[1], corners[2])) * (1.0 + 2.0 * my);
    let shrink_x = across / width as f32;
    let shrink_y = down / height as f32;
    let both = shrink_x.min(shrink_y);
    let map = Homography::onto(corners);
    let target = Target { width, height, mx, my };
    if both <= SHRINK_FIRST {
        return Ok(warp(picture, &map, &target, (samples(shrink_x), samples(shrink_y))));
    }
    // A large plate is shrunk first, evenly and fast, so that the warp itself touches few pixels.
    let ends = [(-mx, -my), (1.0 + mx, -my), (1.0 + mx, 1.0 + my), (-mx, 1.0 + my)].map(|(u, v)| map.at(u, v));
    let (left, right) = span(ends.map(|(x, _)| x), picture.width);
    let (top, bottom) = span(ends.map(|(_, y)| y), picture.height);
    let (part_width, part_height) = (right - left, bottom - top);
    let small_width = ((part_width / both).round() as u32).max(2);
    let small_height = ((part_height / both).round() as u32).max(2);
    let part = (f64::from(left), f64::from(top), f64::from(part_width), f64::from(part_height));
    let small = Picture {
        width: small_width,
        height: small_height,
        rgb: resize(picture, part, small_width, small_height, Resample::Antialias, resizer)?,
    };
    let (scale_x, scale_y) = (small_width as f32 / part_width, small_height as f32 / part_height);
    let within = corners.map(|(x, y)| ((x - left) * scale_x, (y - top) * scale_y));
    let samples = (samples(shrink_x / both), samples(shrink_y / both));
    Ok(warp(&small, &Homography::onto(&within), &target, samples))
}

/// The whole pixels that four coordinates span within 0 to `limit`, at least two of them.
fn span(ends: [f32; 4], limit: u32) -> (f32, f32) {
    let limit = limit as f32;
    let low = ends.into_iter().fold(f32::INFINITY, f32::min).floor().clamp(0.0, limit - 2.0);
    let high = ends.into_iter().fold(f32::NEG_INFINITY, f32::max).ceil().clamp(low + 2.0, limit);
    (low, high)
}

/// Samples a side of a target pixel. One bilinear sample covers two pixels.
fn samples(shrink: f32) -> u32 {
    ((shrink / 2.0).ceil() as u32).clamp(1, MAX_SAMPLES)
}

struct Target {
    width: u32,
    height: u32,
    mx: f32,
    my: f32,
}

/// Looks every target pixel up in the picture, `nx` x `ny` samples each.
fn warp(picture: &Picture, map: &Homography, target: &Target, (nx, ny): (u32, u32)) -> Vec<u8> {
    let Target { width, height, mx, my } = *target;
    let step_u = (1.0 + 2.0 * mx) / (width * nx) as f32;
    let step_v = (1.0 + 2.0 * my) / (height * ny) as f32;
    let us: Vec<f32> = (0..width * nx).map(|at| -mx + (at as f32 + 0.5) * step_u).collect();
    let (mut xs, mut ys) = (vec![0; us.len()], vec![0; us.len()]);
    let mut sums = vec![[0; 3]; width as usize];
    let mut pixels = vec![0; (3 * width * height) as usize];
    let share = nx * ny * ONE * ONE;
    for (y, row) in (0..height).zip(pixels.chunks_exact_mut(3 * width as usize)) {
        sums.fill([share / 2; 3]);
        for sub_y in 0..ny {
            let v = -my + ((y * ny + sub_y) as f32 + 0.5) * step_v;
            look_up(picture, map, v, &us, &mut xs, &mut ys);
            let places = xs.chunks_exact(nx as usize).zip(ys.chunks_exact(nx as usize));
            for (sum, (xs, ys)) in sums.iter_mut().zip(places) {
                for (&x, &y) in xs.iter().zip(ys) {
                    add_bilinear(picture, x, y, sum);
                }
            }
        }
        for (pixel, sum) in row.chunks_exact_mut(3).zip(&sums) {
            for (value, total) in pixel.iter_mut().zip(sum) {
                // One sample a pixel is the common case, and a shift is cheaper than a division.
                *value = (if nx * ny == 1 { total / (ONE * ONE) } else { total / share }) as u8;
            }
        }
    }
    pixels
}

/// Parts of a pixel that a place is told in.
const ONE: u32 = 128;

/// Where the points (u, v) of one row lie in the picture: pixel centres at whole numbers, in parts of a pixel. A loop of
/// its own, with comparisons and bit masks in place of `max`, `min` and casts, so that the compiler makes vector code of it.
fn look_up(picture: &Picture, map: &Homography, v: f32, us: &[f32], xs: &mut [u32], ys: &mut [u32]) {
    let (last_x, last_y) = ((picture.width - 1) as f32, (picture.height - 1) as f32);
    let (along_x, along_y, along_w) = (map.b * v + map.c, map.e * v + map.f, map.h * v + 1.0);
    for ((x, y), &u) in xs.iter_mut().zip(ys).zip(us) {
        let inverse = 1.0 / nearest(map.g * u + along_w, HORIZON, f32::MAX);
        *x = in_parts(nearest((map.a * u + along_x) * inverse - 0.5, 0.0, last_x));
        *y = in_parts(nearest((map.d * u + along_y) * inverse - 0.5, 0.0, last_y));
    }
}

/// As `clamp`, with the low end for NaN.
#[inline]
fn nearest(value: f32, low: f32, high: f32) -> f32 {
    let value = if value > low { value } else { low };
    if value < high { value } else { high }
}

/// A number from 0 to 65,535 times `ONE`, rounded. Added to 2^23, a float's last 23 bits are its whole part.
#[inline]
fn in_parts(value: f32) -> u32 {
    const SHIFT: f32 = 8_388_608.0;
    (value * ONE as f32 + SHIFT).to_bits() & 0x7F_FFFF
}

/// Adds the picture at a place in parts of a pixel, times `ONE` squared. The picture has at least two pixels a side.
#[inline]
fn add_bilinear(picture: &Picture, x: u32, y: u32, sum: &mut [u32; 3]) {
    let x0 = (x / ONE).min(picture.width - 2);
    let y0 = (y / ONE).min(picture.height - 2);
    let (fx, fy) = (x - x0 * ONE, y - y0 * ONE);
    let row = 3 * picture.width as usize;
    let at = y0 as usize * row + 3 * x0 as usize;
    let above = &picture.rgb[at..at + 6];
    let below = &picture.rgb[at + row..at + row + 6];
    let (left, right) = ((ONE - fx) * (ONE - fy), fx * (ONE - fy));
    let (low_left, low_right) = ((ONE - fx) * fy, fx * fy);
    for (c, total) in sum.iter_mut().enumerate() {
        *total += u32::from(above[c]) * left
            + u32::from(above[c + 3]) * right
            + u32::from(below[c]) * low_left
            + u32::from(below[c + 3]) * low_right;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp(width: u32, height: u32) -> Picture {
        let rgb = (0..height).flat_map(|y| (0..width).flat_map(move |x| [x as u8, y as u8, 7])).collect();
        Picture { width, height, rgb }
    }

    #[test]
    fn the_map_sends_the_unit_square_to_the_corners() {
        let corners = [(10.0, 5.0), (90.0, 15.0), (80.0, 60.0), (5.0, 40.0)];
        let map = Homography::onto(&corners);
        let unit = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)];
        for ((u, v), (x, y)) in unit.into_iter().zip(corners) {
            let (mx, my) = map.at(u, v);
            assert!((mx - x).abs() < 1e-3 && (my - y).abs() < 1e-3);
        }
    }

    #[test]
    fn an_upright_rectangle_of_the_same_size_is_copied() {
        let picture = ramp(40, 20);
        let corners = Rect { x1: 4.0, y1: 2.0, x2: 20.0, y2: 10.0 }.corners();
        let cut = cut_corners(&picture, &corners, CropSpec::default(), (16, 8), &mut Resizer::new()).unwrap();
        assert_eq!(&cut[..3], &[4, 2, 7]);
        assert_eq!(&cut[cut.len() - 3..], &[19, 9, 7]);
    }

    #[test]
    fn shrinking_averages_instead_of_skipping() {
        let rgb = (0..64 * 64).flat_map(|i| [if i % 2 == 0 { 0 } else { 200 }; 3]).collect();
        let picture = Picture { width: 64, height: 64, rgb };
        let corners = Rect { x1: 0.0, y1: 0.0, x2: 64.0, y2: 64.0 }.corners();
        let cut = cut_corners(&picture, &corners, CropSpec::default(), (16, 16), &mut Resizer::new()).unwrap();
        assert!(cut.iter().all(|&v| (80..=120).contains(&v)), "{cut:?}");
    }

    #[test]
    fn a_plate_turned_upside_down_is_read_from_its_own_top_left() {
        let picture = ramp(40, 20);
        let corners = [(20.0, 10.0), (4.0, 10.0), (4.0, 2.0), (20.0, 2.0)];
        let cut = cut_corners(&picture, &corners, CropSpec::default(), (16, 8), &mut Resizer::new()).unwrap();
        assert_eq!(&cut[..3], &[19, 9, 7]);
    }

    #[test]
    fn places_are_told_to_a_part_of_a_pixel() {
        assert_eq!([0.0, 0.5, 1.0, 65_535.0].map(in_parts), [0, 64, 128, 65_535 * 128]);
        assert!(nearest(f32::NAN, 0.0, 5.0).abs() < f32::EPSILON);
    }

    #[test]
    fn crossed_and_mirrored_corners_are_not_usable() {
        let area = Rect { x1: 0.0, y1: 0.0, x2: 40.0, y2: 20.0 };
        let good = area.corners();
        assert!(usable(&good, area));
        assert!(!usable(&[good[0], good[2], good[1], good[3]], area));
        assert!(!usable(&[good[1], good[0], good[3], good[2]], area));
    }

    #[test]
    fn corners_past_the_picture_repeat_its_edge() {
        let picture = ramp(10, 10);
        let corners = Rect { x1: -5.0, y1: 0.0, x2: 5.0, y2: 10.0 }.corners();
        let cut = cut_corners(&picture, &corners, CropSpec::default(), (10, 10), &mut Resizer::new()).unwrap();
        assert_eq!(cut[0], 0);
        assert_eq!(cut.len(), 300);
    }
}
