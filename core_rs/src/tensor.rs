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
    /// What each sample becomes, by channel of the input.
    table: [[f32; 256]; 3],
    pub values: Values,
}

/// Weights of red, green and blue in grey (ITU-R BT.601, as Pillow's "L" and OpenCV's grey).
const GREY: [u32; 3] = [19595, 38470, 7471];

impl InputTensor {
    #[must_use]
    pub fn new(spec: &InputSpec, batch: usize, height: usize, width: usize) -> Self {
        let channels = spec.channels();
        let mut table = [[0.0; 256]; 3];
        for (channel, row) in table.iter_mut().enumerate() {
            for (sample, value) in row.iter_mut().enumerate() {
                *value = (sample as f32 * spec.scale - spec.mean[channel]) / spec.std[channel];
            }
        }
        let length = batch * channels * height * width;
        let values = match spec.dtype {
            Dtype::F32 => Values::F32(vec![0.0; length]),
            Dtype::U8 => Values::U8(vec![0; length]),
        };
        Self { batch, height, width, channels, layout: spec.layout, colour: spec.colour, table, values }
    }

    #[must_use]
    pub fn shape(&self) -> [usize; 4] {
        match self.layout {
            Layout::Nchw => [self.batch, self.channels, self.height, self.width],
            Layout::Nhwc => [self.batch, self.height, self.width, self.channels],
        }
    }

    /// Fills picture `n` with the sample `pad` in every channel.
    pub fn pad(&mut self, n: usize, pad: u8) {
        let size = self.channels * self.height * self.width;
        match &mut self.values {
            Values::U8(all) => all[n * size..(n + 1) * size].fill(pad),
            Values::F32(all) => {
                let plane = self.height * self.width;
                let picture = &mut all[n * size..(n + 1) * size];
                match self.layout {
                    Layout::Nchw => {
                        for (channel, plane) in picture.chunks_exact_mut(plane).enumerate() {
                            plane.fill(self.table[channel][usize::from(pad)]);
                        }
                    }
                    Layout::Nhwc => {
                        for pixel in picture.chunks_exact_mut(self.channels) {
                            for (channel, value) in pixel.iter_mut().enumerate() {
                                *value = self.table[channel][usize::from(pad)];
                            }
                        }
                    }
                }
            }
        }
    }

    /// Puts RGB pixels (row-major, `width` wide) into picture `n` with their top left at (`left`, `top`).
    pub fn put(&mut self, n: usize, rgb: &[u8], width: usize, left: usize, top: usize) {
        for (y, row) in rgb.chunks_exact(3 * width).enumerate() {
            self.put_row(n, row, left, top + y);
        }
    }

    fn put_row(&mut self, n: usize, row: &[u8], left: usize, y: usize) {
        let (height, width, channels) = (self.height, self.width, self.channels);
        let pixels = row.len() / 3;
        match self.layout {
            Layout::Nchw => {
                for channel in 0..channels {
                    let start = ((n * channels + channel) * height + y) * width + left;
                    let span = start..start + pixels;
                    let source = row.chunks_exact(3);
                    match &mut self.values {
                        Values::F32(all) => {
                            let table = &self.table[channel];
                            for (value, pixel) in all[span].iter_mut().zip(source) {
                                *value = table[usize::from(sample(self.colour, channel, pixel))];
                            }
                        }
                        Values::U8(all) => {
                            for (value, pixel) in all[span].iter_mut().zip(source) {
                                *value = sample(self.colour, channel, pixel);
                            }
                        }
                    }
                }
            }
            Layout::Nhwc => {
                let start = ((n * height + y) * width + left) * channels;
                let span = start..start + pixels * channels;
                match &mut self.values {
                    Values::U8(all) if self.colour == Colour::Rgb => all[span].copy_from_slice(row),
                    Values::U8(all) => {
                        for (target, pixel) in all[span].chunks_exact_mut(channels).zip(row.chunks_exact(3)) {
                            for (channel, value) in target.iter_mut().enumerate() {
                                *value = sample(self.colour, channel, pixel);
                            }
                        }
                    }
                    Values::F32(all) => {
                        for (target, pixel) in all[span].chunks_exact_mut(channels).zip(row.chunks_exact(3)) {
                            for (channel, value) in target.iter_mut().enumerate() {
                                let at = usize::from(sample(self.colour, channel, pixel));
                                *value = self.table[channel][at];
                            }
                        }
                    }
                }
            }
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
