//! A picture brought to a detector's input size with its aspect kept, and the way back.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

use crate::decode::Picture;
use crate::error::{CoreError, Result};
use crate::geometry::Rect;
use crate::manifest::{Fit, InputSpec, Placement, Resample};
use crate::tensor::InputTensor;

/// Where a picture lies within the network's input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// The input's own size.
    pub input_width: u32,
    pub input_height: u32,
    /// The picture's size within it, and its top left corner there.
    pub width: u32,
    pub height: u32,
    pub left: u32,
    pub top: u32,
    /// The part of the picture that is looked at: its size before, and its top left corner in the picture.
    pub source_width: u32,
    pub source_height: u32,
    pub source_left: u32,
    pub source_top: u32,
}

impl Frame {
    #[must_use]
    pub fn plan(spec: &InputSpec, source_width: u32, source_height: u32) -> Self {
        let (w, h) = (f64::from(source_width), f64::from(source_height));
        let (width, height, input_width, input_height) = match spec.fit {
            Fit::Stretch => (spec.width, spec.height, spec.width, spec.height),
            Fit::Letterbox => {
                let scale = (f64::from(spec.width) / w).min(f64::from(spec.height) / h);
                let width = rounded(w * scale).min(spec.width);
                let height = rounded(h * scale).min(spec.height);
                (width, height, spec.width, spec.height)
            }
            Fit::LetterboxDynamic => {
                let longest = f64::from(spec.max_side);
                let shortest = if spec.min_side == 0 { longest } else { f64::from(spec.min_side) };
                let scale = w.max(h).clamp(shortest, longest) / w.max(h);
                let (width, height) = (rounded(w * scale), rounded(h * scale));
                let up = |side: u32| side.div_ceil(spec.multiple) * spec.multiple;
                (width, height, up(width), up(height))
            }
        };
        let (left, top) = match spec.placement {
            Placement::TopLeft => (0, 0),
            Placement::Centre => ((input_width - width) / 2, (input_height - height) / 2),
        };
        Self {
            input_width,
            input_height,
            width,
            height,
            left,
            top,
            source_width,
            source_height,
            source_left: 0,
            source_top: 0,
        }
    }

    /// For the part (left, top, width, height) of a picture alone.
    #[must_use]
    pub fn plan_part(spec: &InputSpec, (left, top, width, height): (u32, u32, u32, u32)) -> Self {
        Self { source_left: left, source_top: top, ..Self::plan(spec, width, height) }
    }

    /// How many pixels of the input one of the picture becomes.
    #[must_use]
    pub fn scale(&self) -> f32 {
        self.width as f32 / self.source_width as f32
    }

    /// The part of the picture that is looked at.
    #[must_use]
    pub fn source(&self) -> Rect {
        let (x1, y1) = (self.source_left as f32, self.source_top as f32);
        Rect { x1, y1, x2: x1 + self.source_width as f32, y2: y1 + self.source_height as f32 }
    }

    /// A point of the network's input as a point of the picture.
    #[must_use]
    pub fn point_back(&self, x: f32, y: f32) -> (f32, f32) {
        (
            (x - self.left as f32) * self.source_width as f32 / self.width as f32 + self.source_left as f32,
            (y - self.top as f32) * self.source_height as f32 / self.height as f32 + self.source_top as f32,
        )
    }

    /// A box of the network's input as a box of the picture.
    #[must_use]
    pub fn box_back(&self, area: Rect) -> Rect {
        let (x1, y1) = self.point_back(area.x1, area.y1);
        let (x2, y2) = self.point_back(area.x2, area.y2);
        Rect { x1, y1, x2, y2 }
    }
}

fn rounded(side: f64) -> u32 {
    (side.round() as u32).max(1)
}

/// Resizes the frame's part of `picture` into place `n` of the batch, the padding around it included.
pub fn fill(
    tensor: &mut InputTensor,
    n: usize,
    picture: &Picture,
    frame: &Frame,
    spec: &InputSpec,
    resizer: &mut Resizer,
) -> Result<()> {
    if (frame.width, frame.height) != (frame.input_width, frame.input_height) {
        let inner = [frame.left, frame.top, frame.width, frame.height].map(|side| side as usize);
        tensor.pad_around(n, spec.pad, inner.into());
    }
    let part = [frame.source_left, frame.source_top, frame.source_width, frame.source_height].map(f64::from);
    let small = resize(picture, part.into(), frame.width, frame.height, spec.resample, resizer)?;
    tensor.put(n, &small, frame.width as usize, frame.left as usize, frame.top as usize);
    Ok(())
}

/// The part (left, top, width, height) of a picture as `width` x `height` RGB pixels.
pub fn resize(
    picture: &Picture,
    part: (f64, f64, f64, f64),
    width: u32,
    height: u32,
    resample: Resample,
    resizer: &mut Resizer,
) -> Result<Vec<u8>> {
    let algorithm = match resample {
        Resample::Linear => ResizeAlg::Interpolation(FilterType::Bilinear),
        Resample::Antialias => ResizeAlg::Convolution(FilterType::Bilinear),
    };
    let options = ResizeOptions::new().resize_alg(algorithm).crop(part.0, part.1, part.2, part.3);
    let source = ImageRef::new(picture.width, picture.height, &picture.rgb, PixelType::U8x3).map_err(fault)?;
    let mut target = Image::new(width, height, PixelType::U8x3);
    resizer.resize(&source, &mut target, &options).map_err(fault)?;
    Ok(target.into_vec())
}

fn fault(error: impl std::fmt::Display) -> CoreError {
    CoreError::Inference(format!("the picture could not be resized: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(text: &str) -> InputSpec {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn a_letterbox_keeps_the_aspect_and_centres() {
        let frame = Frame::plan(&spec("fit = 'letterbox'\nwidth = 416\nheight = 416"), 1280, 720);
        assert_eq!((frame.width, frame.height, frame.left, frame.top), (416, 234, 0, 91));
    }

    #[test]
    fn a_dynamic_letterbox_pads_to_the_next_multiple() {
        let frame = Frame::plan(&spec("fit = 'letterbox-dynamic'\nmax_side = 640"), 1280, 720);
        assert_eq!((frame.width, frame.height), (640, 360));
        assert_eq!((frame.input_width, frame.input_height, frame.top), (640, 384, 12));
    }

    #[test]
    fn a_small_picture_is_enlarged() {
        let frame = Frame::plan(&spec("fit = 'letterbox-dynamic'\nmax_side = 640\nplacement = 'top-left'"), 100, 50);
        assert_eq!((frame.width, frame.height, frame.left, frame.top), (640, 320, 0, 0));
    }

    #[test]
    fn between_its_limits_a_picture_keeps_its_size() {
        let spec = spec("fit = 'letterbox-dynamic'\nmin_side = 640\nmax_side = 800");
        let longer = |width, height| Frame::plan(&spec, width, height).width;
        assert_eq!((longer(300, 200), longer(700, 500), longer(1280, 720)), (640, 700, 800));
    }

    #[test]
    fn fast_pictures_are_smaller_where_the_manifest_says_so() {
        let frame = |text: &str| Frame::plan(&spec(text).fast(), 1280, 720);
        let fast = frame("fit = 'letterbox-dynamic'\nmax_side = 640\nfast_max_side = 448");
        assert_eq!((fast.width, fast.height, fast.input_width, fast.input_height), (448, 252, 448, 256));
        assert_eq!(frame("fit = 'letterbox-dynamic'\nmax_side = 640").width, 640);
        assert!(spec("fit = 'letterbox-dynamic'\nmax_side = 640\nfast_max_side = 700").fault().is_some());
    }

    #[test]
    fn an_extreme_aspect_keeps_a_pixel() {
        let frame = Frame::plan(&spec("fit = 'letterbox'\nwidth = 416\nheight = 416"), 60_000, 8);
        assert_eq!((frame.width, frame.height), (416, 1));
    }

    #[test]
    fn points_of_a_part_come_back_to_the_whole_picture() {
        let input = spec("fit = 'letterbox-dynamic'\nmax_side = 128\nplacement = 'top-left'");
        let frame = Frame::plan_part(&input, (1000, 600, 256, 192));
        assert_eq!((frame.width, frame.height, frame.input_height), (128, 96, 96));
        assert_eq!(frame.point_back(64.0, 48.0), (1128.0, 696.0));
        assert_eq!(frame.source(), Rect { x1: 1000.0, y1: 600.0, x2: 1256.0, y2: 792.0 });
    }

    #[test]
    fn only_the_part_is_seen() {
        let rgb = (0..8_u8).flat_map(|y| (0..8_u8).flat_map(move |x| [10 * x, 10 * y, 0])).collect();
        let picture = Picture { width: 8, height: 8, rgb };
        let input = spec("fit = 'stretch'\nwidth = 2\nheight = 2\nlayout = 'nhwc'\ndtype = 'u8'");
        let mut tensor = InputTensor::new(&input, 1, 2, 2);
        let frame = Frame::plan_part(&input, (5, 3, 2, 2));
        fill(&mut tensor, 0, &picture, &frame, &input, &mut Resizer::new()).unwrap();
        assert_eq!(tensor.values, crate::tensor::Values::U8(vec![50, 30, 0, 60, 30, 0, 50, 40, 0, 60, 40, 0]));
    }

    #[test]
    fn the_way_back_undoes_the_way_in() {
        let frame = Frame::plan(&spec("fit = 'letterbox'\nwidth = 416\nheight = 416"), 1000, 700);
        let (x, y) = frame.point_back(frame.left as f32, frame.top as f32);
        assert!(x.abs() < 1e-3 && y.abs() < 1e-3);
        let right = (frame.left + frame.width) as f32;
        let bottom = (frame.top + frame.height) as f32;
        let (x, y) = frame.point_back(right, bottom);
        assert!((x - 1000.0).abs() < 1e-2 && (y - 700.0).abs() < 1e-2);
    }
}
