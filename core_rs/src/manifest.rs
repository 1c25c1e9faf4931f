//! `manifest.toml` of a model pack: what each stage's file is, and how its tensors are laid out.

use serde::Deserialize;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub pack: Header,
    pub plate_detector: DetectorSpec,
    pub plate_reader: ReaderSpec,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    pub name: String,
    pub version: String,
    pub licence: String,
    #[serde(default)]
    pub provenance: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DetectorKind {
    /// `[n, cells, 5 or 13]`: score, left, top, right, bottom in strides from the cell's centre, and 4 corners.
    AnchorFreeGrid,
    /// `[rows, 7]`: picture in the batch, x1, y1, x2, y2, class, score; suppressed within the network.
    YoloEnd2end,
    /// `[n, cells, 5 + classes]`: raw YOLOX: x, y, log w, log h in strides, objectness, class scores.
    YoloxGrid,
}

impl DetectorKind {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AnchorFreeGrid => "anchor-free-grid",
            Self::YoloEnd2end => "yolo-end2end",
            Self::YoloxGrid => "yolox-grid",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReaderKind {
    /// `[n, steps, classes]` with a blank class.
    Ctc,
    /// `[n, slots, classes]` with a padding character.
    Slots,
}

impl ReaderKind {
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ctc => "ctc",
            Self::Slots => "slots",
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DetectorSpec {
    pub file: String,
    pub sha256: String,
    pub kind: DetectorKind,
    pub input: InputSpec,
    pub output: DetectorOutput,
    /// The score from which the pack's author takes a detection as true. Told to callers; requests bring their own.
    #[serde(default = "default_threshold")]
    pub threshold: f32,
    #[serde(default = "default_nms_iou")]
    pub nms_iou: f32,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DetectorOutput {
    pub name: String,
    #[serde(default = "default_strides")]
    pub strides: Vec<u32>,
    #[serde(default)]
    pub corners: bool,
    #[serde(default = "one")]
    pub classes: usize,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReaderSpec {
    pub file: String,
    pub sha256: String,
    pub kind: ReaderKind,
    pub input: InputSpec,
    pub output: ReaderOutput,
    #[serde(default)]
    pub crop: CropSpec,
    pub region: Option<RegionSpec>,
    pub plate: Option<PlateSpec>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReaderOutput {
    pub name: String,
    pub alphabet: String,
    /// CTC: index of the blank class. The other classes follow the alphabet.
    #[serde(default)]
    pub blank: usize,
    /// Slots: the character of the alphabet that means "nothing here".
    pub pad_char: Option<char>,
    #[serde(default)]
    pub activation: Activation,
    #[serde(default = "default_max_length")]
    pub max_length: usize,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegionSpec {
    pub name: String,
    pub codes: Vec<String>,
    #[serde(default)]
    pub activation: Activation,
}

/// The reader's own opinion on whether a cut is a plate at all.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlateSpec {
    /// The output, `[n]`: a probability.
    pub name: String,
    /// Of the detector's logit, of the reader's, and the offset: their sum is the logit of `dscore`.
    pub weights: [f32; 3],
    /// Detections from this score on are put before the reader, even where a request's threshold is higher.
    #[serde(default = "default_floor")]
    pub floor: f32,
}

impl PlateSpec {
    /// Says which field is wrong and how, or nothing.
    #[must_use]
    pub fn fault(&self) -> Option<String> {
        if self.weights.iter().any(|weight| !weight.is_finite()) {
            return Some("plate.weights: must be finite".into());
        }
        (!(0.0..=1.0).contains(&self.floor)).then(|| format!("plate.floor: {} is not within 0 to 1", self.floor))
    }
}

/// What still has to be done to an output to make it probabilities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    #[default]
    None,
    Softmax,
}

/// How a plate is cut out of its picture: margins are shares of the plate's width and height, on each side.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CropSpec {
    pub margin_x: f32,
    pub margin_y: f32,
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

impl ReaderOutput {
    /// Number of classes that the output must have.
    #[must_use]
    pub fn classes(&self, kind: ReaderKind) -> usize {
        let letters = self.alphabet.chars().count();
        match kind {
            ReaderKind::Ctc => letters + 1,
            ReaderKind::Slots => letters,
        }
    }

    /// Says which field is wrong and how, or nothing.
    #[must_use]
    pub fn fault(&self, kind: ReaderKind) -> Option<String> {
        if self.alphabet.is_empty() {
            return Some("output.alphabet: is empty".into());
        }
        if self.max_length == 0 {
            return Some("output.max_length: must be at least 1".into());
        }
        match (kind, self.pad_char) {
            (ReaderKind::Ctc, _) if self.blank > self.alphabet.chars().count() => {
                Some(format!("output.blank: {} is past the last class", self.blank))
            }
            (ReaderKind::Slots, Some(pad)) if !self.alphabet.contains(pad) => {
                Some(format!("output.pad_char: {pad:?} is not in the alphabet"))
            }
            (ReaderKind::Slots, None) => Some("output.pad_char: missing, a slots reader needs it".into()),
            _ => None,
        }
    }
}

fn default_threshold() -> f32 {
    0.2
}

fn default_floor() -> f32 {
    0.1
}

fn default_nms_iou() -> f32 {
    0.5
}

fn default_strides() -> Vec<u32> {
    vec![8, 16, 32]
}

fn default_max_length() -> usize {
    10
}

fn default_multiple() -> u32 {
    32
}

fn default_pad() -> u8 {
    114
}

fn one() -> usize {
    1
}

fn one_f32() -> f32 {
    1.0
}

fn ones() -> [f32; 3] {
    [1.0; 3]
}
