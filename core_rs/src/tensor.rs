//! Pixels into a network's input: channel order, layout, number type and scaling as the manifest says.

use crate::manifest::{Colour, Dtype, InputSpec, Layout};

#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    F32(Vec<f32>),
    U8(Vec<u8>),
}

/// A batch of `n` pictures of one size, filled one rectangle at a time.
#[derive(Debug, Clone)]
pub struct InputTensor {
    pub batch: usize,
    pub height: usize,
    pub width: usize,
    pub channels: usize,
    layout: Layout,
    colour: Colour,
    /// A sample becomes `sample * scale + offset`, by channel of the input.
    scale: [f32; 3],
    offset: [f32; 3],
    pub values: Values,
}

/// Weights of red, green and blue in grey (ITU-R BT.601, as Pillow's "L" and `OpenCV`'s grey).
const GREY: [u32; 3] = [19595, 38470, 7471];

impl InputTensor {
    #[must_use]
    pub fn new(spec: &InputSpec, batch: usize, height: usize, width: usize) -> Self {
        let channels = spec.channels();
        let length = batch * channels * height * width;
        let values = match spec.dtype {
            Dtype::F32 => Values::F32(vec![0.0; length]),
            Dtype::U8 => Values::U8(vec![0; length]),
        };
        let scale = spec.std.map(|std| spec.scale / std);
        let offset = std::array::from_fn(|channel| -spec.mean[channel] / spec.std[channel]);
        Self { batch, height, width, channels, layout: spec.layout, colour: spec.colour, scale, offset, values }
    }

    /// Whether this is a batch of that size, all of whose pictures have that height and width.
    #[must_use]
    pub fn holds(&self, batch: usize, height: usize, width: usize) -> bool {
        (self.batch, self.height, self.width) == (batch, height, width)
    }

    /// Memory of the values.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match &self.values {
            Values::F32(values) => size_of_val(values.as_slice()),
            Values::U8(values) => values.len(),
        }
    }

    #[must_use]
    pub fn shape(&self) -> [usize; 4] {
        match self.layout {
            Layout::Nchw => [self.batch, self.channels, self.height, self.width],
            Layout::Nhwc => [self.batch, self.height, self.width, self.channels],
        }
    }

    /// Fills picture `n` with the sample `pad` in every channel, but for the rectangle (left, top, width, height).
    pub fn pad_around(&mut self, n: usize, pad: u8, (left, top, width, height): (usize, usize, usize, usize)) {
        let pixel = [pad; 3];
        let full = pixel.repeat(self.width);
        let right = left + width;
        for y in (0..top).chain(top + height..self.height) {
            self.put_row(n, &full, 0, y);
        }
        for y in top..top + height {
            self.put_row(n, &full[..3 * left], 0, y);
            self.put_row(n, &full[3 * right..], right, y);
        }
    }

    /// Fills picture `n` with the sample `pad` in every channel.
    pub fn pad(&mut self, n: usize, pad: u8) {
        self.pad_around(n, pad, (0, 0, 0, 0));
    }

    /// Puts RGB pixels (row-major, `width` wide) into picture `n` with their top left at (`left`, `top`).
    pub fn put(&mut self, n: usize, rgb: &[u8], width: usize, left: usize, top: usize) {
        for (y, row) in rgb.chunks_exact(3 * width).enumerate() {
            self.put_row(n, row, left, top + y);
        }
    }

    fn put_row(&mut self, n: usize, row: &[u8], left: usize, y: usize) {
        let pixels = row.len() / 3;
        let (scale, offset) = (self.scale, self.offset);
        let scaled = |channel: usize, v: u8| f32::from(v) * scale[channel] + offset[channel];
        match self.layout {
            Layout::Nchw => {
                let plane = self.height * self.width;
                let start = n * self.channels * plane + y * self.width + left;
                match &mut self.values {
                    Values::F32(all) => {
                        let picture = &mut all[start..];
                        spread(picture, plane, pixels, self.colour, row, scaled);
                    }
                    Values::U8(all) => spread(&mut all[start..], plane, pixels, self.colour, row, |_, v| v),
                }
            }
            Layout::Nhwc => {
                let start = ((n * self.height + y) * self.width + left) * self.channels;
                let span = start..start + pixels * self.channels;
                match &mut self.values {
                    Values::U8(all) if self.colour == Colour::Rgb => all[span].copy_from_slice(row),
                    Values::U8(all) => interleave(&mut all[span], self.channels, self.colour, row, |_, v| v),
                    Values::F32(all) => interleave(&mut all[span], self.channels, self.colour, row, scaled),
                }
            }
        }
    }
}

/// Writes one row of pixels into channel planes that lie `plane` values apart, `target` beginning at the first one.
fn spread<T>(
    target: &mut [T],
    plane: usize,
    pixels: usize,
    colour: Colour,
    row: &[u8],
    value: impl Fn(usize, u8) -> T,
) {
    let source = row.chunks_exact(3);
    if colour == Colour::Grey {
        for (to, pixel) in target[..pixels].iter_mut().zip(source) {
            *to = value(0, sample(colour, 0, pixel));
        }
        return;
    }
    let (first, rest) = target.split_at_mut(plane);
    let (second, third) = rest.split_at_mut(plane);
    let planes = first[..pixels].iter_mut().zip(&mut second[..pixels]).zip(&mut third[..pixels]).zip(source);
    // Two loops with fixed places, so that the compiler makes vector code of them.
    if colour == Colour::Rgb {
        for (((a, b), c), pixel) in planes {
            (*a, *b, *c) = (value(0, pixel[0]), value(1, pixel[1]), value(2, pixel[2]));
        }
    } else {
        for (((a, b), c), pixel) in planes {
            (*a, *b, *c) = (value(0, pixel[2]), value(1, pixel[1]), value(2, pixel[0]));
        }
    }
}

fn interleave<T>(target: &mut [T], channels: usize, colour: Colour, row: &[u8], value: impl Fn(usize, u8) -> T) {
    for (to, pixel) in target.chunks_exact_mut(channels).zip(row.chunks_exact(3)) {
        for (channel, to) in to.iter_mut().enumerate() {
            *to = value(channel, sample(colour, channel, pixel));
        }
    }
}

#[inline]
fn sample(colour: Colour, channel: usize, pixel: &[u8]) -> u8 {
    match colour {
        Colour::Rgb => pixel[channel],
        Colour::Bgr => pixel[2 - channel],
        Colour::Grey => {
            let sum: u32 = GREY.iter().zip(pixel).map(|(w, &v)| w * u32::from(v)).sum();
            ((sum + (1 << 15)) >> 16) as u8
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(text: &str, batch: usize, height: usize, width: usize) -> InputTensor {
        InputTensor::new(&toml::from_str(text).unwrap(), batch, height, width)
    }

    const SPEC: &str = "fit = 'stretch'\nwidth = 2\nheight = 1\n";

    #[test]
    fn planes_follow_the_colour_order() {
        let mut tensor = tensor(&format!("{SPEC}colour = 'bgr'\nscale = 0.5"), 1, 1, 2);
        tensor.put(0, &[2, 4, 6, 8, 10, 12], 2, 0, 0);
        assert_eq!(tensor.values, Values::F32(vec![3.0, 6.0, 2.0, 5.0, 1.0, 4.0]));
    }

    #[test]
    fn interleaved_bytes_are_kept() {
        let mut tensor = tensor(&format!("{SPEC}layout = 'nhwc'\ndtype = 'u8'"), 2, 1, 2);
        tensor.put(1, &[1, 2, 3, 4, 5, 6], 2, 0, 0);
        assert_eq!(tensor.shape(), [2, 1, 2, 3]);
        assert_eq!(tensor.values, Values::U8(vec![0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6]));
    }

    #[test]
    fn mean_and_deviation_are_applied_by_channel() {
        let mut tensor = tensor(&format!("{SPEC}mean = [1, 2, 3]\nstd = [1, 2, 4]"), 1, 1, 1);
        tensor.put(0, &[5, 6, 7], 1, 0, 0);
        assert_eq!(tensor.values, Values::F32(vec![4.0, 2.0, 1.0]));
    }

    #[test]
    fn grey_is_weighted() {
        let mut tensor = tensor(&format!("{SPEC}colour = 'grey'\ndtype = 'u8'"), 1, 1, 2);
        tensor.put(0, &[255, 255, 255, 255, 0, 0], 2, 0, 0);
        assert_eq!(tensor.values, Values::U8(vec![255, 76]));
    }

    #[test]
    fn padding_leaves_the_picture_alone() {
        for layout in ["nchw", "nhwc"] {
            let mut tensor = tensor(&format!("{SPEC}layout = '{layout}'\ndtype = 'u8'\ncolour = 'grey'"), 1, 3, 3);
            tensor.put(0, &[9; 3], 1, 1, 1);
            tensor.pad_around(0, 7, (1, 1, 1, 1));
            assert_eq!(tensor.values, Values::U8(vec![7, 7, 7, 7, 9, 7, 7, 7, 7]));
        }
    }
}
