//! How pixels become a network's input.

use serde::Deserialize;

/// How a plate or a vehicle is cut out of its picture: margins are shares of its width and height, on each side.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CropSpec {
    pub margin_x: f32,
    pub margin_y: f32,
}

impl CropSpec {
    /// Says which field is wrong and how, or nothing.
    #[must_use]
    pub fn fault(&self) -> Option<String> {
        let within = [self.margin_x, self.margin_y].iter().all(|margin| (0.0..=1.0).contains(margin));
        (!within).then(|| "crop: margins must be within 0 to 1".into())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fit {
    /// Into `width` x `height`, aspect kept, the rest padded.
    Letterbox,
    /// The longer side is brought into `min_side` to `max_side`; both sides are padded up to a multiple of `multiple`.
    LetterboxDynamic,
    /// To `width` x `height`, aspect lost.
    Stretch,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Colour {
    #[default]
    Rgb,
    Bgr,
    Grey,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    #[default]
    Nchw,
    Nhwc,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dtype {
    #[default]
    F32,
    U8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Placement {
    #[default]
    Centre,
    TopLeft,
}

/// How pixels are resampled when they are brought to the input's size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resample {
    /// Two by two pixels at any scale, as `OpenCV`'s `INTER_LINEAR`.
    #[default]
    Linear,
    /// A triangle as wide as the shrinking factor, as Pillow's `BILINEAR`.
    Antialias,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputSpec {
    pub fit: Fit,
    #[serde(default)]
    pub width: u32,
    #[serde(default)]
    pub height: u32,
    #[serde(default)]
    pub max_side: u32,
    /// 0 stands for `max_side`: then every picture has the same longer side.
    #[serde(default)]
    pub min_side: u32,
    /// The `max_side` of `mode: fast`; 0 stands for `max_side`.
    #[serde(default)]
    pub fast_max_side: u32,
    #[serde(default = "default_multiple")]
    pub multiple: u32,
    #[serde(default)]
    pub colour: Colour,
    #[serde(default)]
    pub layout: Layout,
    #[serde(default)]
    pub dtype: Dtype,
    /// f32 inputs only: a sample `v` of 0..255 becomes `(v * scale - mean) / std`, channels in the input's order.
    #[serde(default = "one_f32")]
    pub scale: f32,
    #[serde(default)]
    pub mean: [f32; 3],
    #[serde(default = "ones")]
    pub std: [f32; 3],
    #[serde(default = "default_pad")]
    pub pad: u8,
    #[serde(default)]
    pub placement: Placement,
    #[serde(default)]
    pub resample: Resample,
}

/// Sides of a network's input are bounded so that a manifest cannot ask for more memory than a machine has.
const MAX_INPUT_SIDE: u32 = 4096;

impl InputSpec {
    #[must_use]
    pub fn channels(&self) -> usize {
        match self.colour {
            Colour::Rgb | Colour::Bgr => 3,
            Colour::Grey => 1,
        }
    }

    /// The same input for `mode: fast`.
    #[must_use]
    pub fn fast(&self) -> Self {
        let max_side = if self.fast_max_side == 0 { self.max_side } else { self.fast_max_side };
        Self { max_side, min_side: self.min_side.min(max_side), ..self.clone() }
    }

    /// Says which field is wrong and how, or nothing.
    #[must_use]
    pub fn fault(&self) -> Option<String> {
        let sides: &[(&str, u32)] = match self.fit {
            Fit::Letterbox | Fit::Stretch => &[("width", self.width), ("height", self.height)],
            Fit::LetterboxDynamic => &[("max_side", self.max_side), ("multiple", self.multiple)],
        };
        for (field, side) in sides {
            if !(1..=MAX_INPUT_SIDE).contains(side) {
                return Some(format!("input.{field}: {side} is not within 1 to {MAX_INPUT_SIDE}"));
            }
        }
        if self.min_side > self.max_side && self.fit == Fit::LetterboxDynamic {
            return Some(format!("input.min_side: {} is above max_side, {}", self.min_side, self.max_side));
        }
        if self.fast_max_side > self.max_side {
            return Some(format!("input.fast_max_side: {} is above max_side, {}", self.fast_max_side, self.max_side));
        }
        let finite = self.scale.is_finite() && self.mean.iter().chain(&self.std).all(|v| v.is_finite());
        if !finite || self.std.contains(&0.0) {
            return Some("input.scale, input.mean, input.std: must be finite, and std not 0".into());
        }
        None
    }
}

fn default_multiple() -> u32 {
    32
}

fn default_pad() -> u8 {
    114
}

fn one_f32() -> f32 {
    1.0
}

fn ones() -> [f32; 3] {
    [1.0; 3]
}
