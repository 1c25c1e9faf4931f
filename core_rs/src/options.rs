//! What a caller may ask of one image.

use crate::templates::text_formats::TextFormats;

/// Most that a caller may ask for of one image.
pub const MAX_PLATES: usize = 100_000;
pub const MAX_CANDIDATES: usize = 64;

/// How hard plates are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    #[default]
    Default,
    /// One pass of the detector, over a smaller picture where the pack has a size for that.
    Fast,
    /// More plates at the price of false ones: half the detection threshold.
    Redaction,
}

impl Mode {
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "default" => Some(Self::Default),
            "fast" => Some(Self::Fast),
            "redaction" => Some(Self::Redaction),
            _ => None,
        }
    }

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Fast => "fast",
            Self::Redaction => "redaction",
        }
    }
}

/// What an image is searched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DetectionMode {
    /// Plates, and the vehicles that carry them.
    #[default]
    Plate,
    /// Vehicles without a plate, too.
    Vehicle,
}

impl DetectionMode {
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "plate" => Some(Self::Plate),
            "vehicle" => Some(Self::Vehicle),
            _ => None,
        }
    }

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Plate => "plate",
            Self::Vehicle => "vehicle",
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Plates of a lower detection score are dropped.
    pub threshold_d: f32,
    /// Readings of a lower score are dropped.
    pub threshold_o: f32,
    pub mode: Mode,
    /// Codes of the regions where the plates are expected; codes that the templates do not know change nothing.
    pub regions: Vec<String>,
    /// Only texts that fit a format of `regions` and one of `text_formats`, where these are given.
    pub region_strict: bool,
    pub text_formats: TextFormats,
    /// Make, model, colour and orientation of the vehicles, too.
    pub mmc: bool,
    pub detection_mode: DetectionMode,
    /// Only plates on a vehicle.
    pub detection_rule_strict: bool,
    /// The most plates that are kept of one vehicle, those of the highest detection scores.
    pub plates_per_vehicle: usize,
    /// The most vehicles without a plate that are looked at again, larger.
    pub zoom_in_vehicles: usize,
    pub max_plates: usize,
    pub max_candidates: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            threshold_d: 0.2,
            threshold_o: 0.6,
            mode: Mode::Default,
            regions: Vec::new(),
            region_strict: false,
            text_formats: TextFormats::default(),
            mmc: false,
            detection_mode: DetectionMode::Plate,
            detection_rule_strict: false,
            plates_per_vehicle: 1,
            zoom_in_vehicles: 4,
            max_plates: 64,
            max_candidates: 10,
        }
    }
}

impl Options {
    /// The detection score from which a plate counts in this mode.
    #[must_use]
    pub fn detection_threshold(&self) -> f32 {
        match self.mode {
            Mode::Redaction => self.threshold_d / 2.0,
            Mode::Default | Mode::Fast => self.threshold_d,
        }
    }
}
