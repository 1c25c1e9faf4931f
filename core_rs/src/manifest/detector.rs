//! What a manifest says of a detector.

use serde::Deserialize;

use super::input::{Fit, InputSpec};

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

/// How a picture is looked at from afar, for a plate that fills it: pixels of the network's input.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AfarSpec {
    /// The picture's longer side.
    pub side: u32,
    /// The least padding on each side of it.
    pub margin: u32,
}

/// A look from afar is small, or it would be another first look.
const MAX_AFAR: u32 = 1024;

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
    /// Packs without it look once.
    #[serde(default)]
    pub afar: Option<AfarSpec>,
}

impl DetectorSpec {
    /// Says which field is wrong and how, or nothing.
    #[must_use]
    pub fn fault(&self) -> Option<String> {
        let AfarSpec { side, margin } = self.afar?;
        if self.input.fit != Fit::LetterboxDynamic {
            return Some("afar: needs input.fit letterbox-dynamic".into());
        }
        let fits = (1..=MAX_AFAR).contains(&side) && margin <= MAX_AFAR;
        (!fits).then(|| format!("afar: side must be within 1 to {MAX_AFAR}, margin at most {MAX_AFAR}"))
    }
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

fn default_threshold() -> f32 {
    0.2
}

pub(super) fn default_nms_iou() -> f32 {
    0.5
}

fn default_strides() -> Vec<u32> {
    vec![8, 16, 32]
}

fn one() -> usize {
    1
}
