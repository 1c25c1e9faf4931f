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
        // The horizon may lie within the margins of a very steep plate; past it there is nothing to see.
        let w = (self.g * u + self.h * v + 1.0).max(1e-3);
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
    let share = 1.0 / (nx * ny) as f32;
    let mut pixels = Vec::with_capacity((3 * width * height) as usize);
    for y in 0..height {
        for x in 0..width {
            let mut sum = [0.0_f32; 3];
            for sub_y in 0..ny {
                let v = -my + ((y * ny + sub_y) as f32 + 0.5) * step_v;
                for sub_x in 0..nx {
                    let u = -mx + ((x * nx + sub_x) as f32 + 0.5) * step_u;
                    let (px, py) = map.at(u, v);
                    let sample = bilinear(picture, px - 0.5, py - 0.5);
                    for (total, value) in sum.iter_mut().zip(sample) {
                        *total += value;
                    }
                }
            }
            pixels.extend(sum.map(|v| (v * share + 0.5) as u8));
        }
    }
    pixels
}

/// The picture at a point, pixel centres at whole numbers; at least two pixels a side.
#[inline]
fn bilinear(picture: &Picture, x: f32, y: f32) -> [f32; 3] {
    let x = x.clamp(0.0, (picture.width - 1) as f32);
    let y = y.clamp(0.0, (picture.height - 1) as f32);
    let x0 = (x as usize).min(picture.width as usize - 2);
    let y0 = (y as usize).min(picture.height as usize - 2);
    let (fx, fy) = (x - x0 as f32, y - y0 as f32);
    let row = 3 * picture.width as usize;
    let at = y0 * row + 3 * x0;
    let above: &[u8; 6] = picture.rgb[at..at + 6].try_into().expect("six samples");
    let below: &[u8; 6] = picture.rgb[at + row..at + row + 6].try_into().expect("six samples");
    std::array::from_fn(|c| {
        let (a, b) = (f32::from(above[c]), f32::from(above[c + 3]));
        let (d, e) = (f32::from(below[c]), f32::from(below[c + 3]));
        let (upper, lower) = (a + (b - a) * fx, d + (e - d) * fx);
        upper + (lower - upper) * fy
    })
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
