//! What a manifest says of a plate reader.

use serde::Deserialize;

use super::input::{CropSpec, InputSpec};

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
pub struct ReaderSpec {
    pub file: String,
    pub sha256: String,
    pub kind: ReaderKind,
    pub input: InputSpec,
    pub output: ReaderOutput,
    #[serde(default)]
    pub crop: CropSpec,
    pub region: Option<RegionSpec>,
    pub state: Option<StateSpec>,
    pub plate: Option<PlateSpec>,
    pub reread: Option<RereadSpec>,
    pub score: Option<ScoreSpec>,
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

/// The state of plates whose country has states that its plates name.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateSpec {
    /// The output, `[n, codes]`.
    pub name: String,
    /// The country, a hyphen and the state: `us-ny`.
    pub codes: Vec<String>,
    #[serde(default)]
    pub activation: Activation,
    /// A state is told from this share of its country's states on; under it the country alone.
    #[serde(default = "default_least")]
    pub least: f32,
}

/// Further cuts of the plates of which the reader is not sure, to be judged together with the first: of one that was cut
/// by its corners and does not fill its picture, its box; of the others `margins`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RereadSpec {
    /// Plates whose reading has a score within these are read again.
    pub between: (f32, f32),
    /// One a cut: what is added to `crop`'s margins across and down; negative for a tighter cut.
    pub margins: Vec<(f32, f32)>,
}

impl RereadSpec {
    /// Says which field is wrong and how, or nothing.
    #[must_use]
    pub fn fault(&self) -> Option<String> {
        let (low, high) = self.between;
        if !(0.0 <= low && low <= high && high <= 1.0) {
            return Some(format!("reread.between: {low} to {high} is no range within 0 to 1"));
        }
        if self.margins.is_empty() || self.margins.len() > MOST_CUTS {
            return Some(format!("reread.margins: must hold 1 to {MOST_CUTS} cuts"));
        }
        let within = self.margins.iter().all(|(x, y)| [x, y].into_iter().all(|each| (-0.2..=0.5).contains(each)));
        (!within).then(|| "reread.margins: must be within -0.2 to 0.5".into())
    }
}

impl StateSpec {
    /// Says which field is wrong and how, or nothing.
    #[must_use]
    pub fn fault(&self) -> Option<String> {
        if self.codes.iter().any(|code| !code.contains('-')) || self.codes.is_empty() {
            return Some("state.codes: must be a country, a hyphen and a state each".into());
        }
        (!(0.0..=1.0).contains(&self.least)).then(|| format!("state.least: {} is not within 0 to 1", self.least))
    }
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

/// What raises a reading's score to the chance that it is right.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScoreSpec {
    /// Of the score's own logit, and the offset: their sum is the logit of that chance.
    pub weights: [f32; 2],
}

impl ScoreSpec {
    /// Says which field is wrong and how, or nothing.
    #[must_use]
    pub fn fault(&self) -> Option<String> {
        let [slope, offset] = self.weights;
        let sound = slope.is_finite() && slope > 0.0 && offset.is_finite();
        (!sound).then(|| "score.weights: must be finite, the first above 0".into())
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

/// Cuts that a plate is read again in, at most.
const MOST_CUTS: usize = 8;

fn default_least() -> f32 {
    0.5
}

fn default_floor() -> f32 {
    0.1
}

fn default_max_length() -> usize {
    10
}
