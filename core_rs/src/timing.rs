//! Milliseconds that each stage took for one image. A stage that ran for several images at once is shared out among them.

use std::time::Instant;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StageName {
    /// Bytes to upright pixels.
    Decode,
    /// Pixels to the detector's input.
    Letterbox,
    /// The detector network.
    Detect,
    /// Its output to boxes, suppression included.
    Boxes,
    /// Boxes of vehicles.
    Vehicles,
    /// The second look at vehicles without a plate.
    Zoom,
    /// Plates to the reader's input.
    Rectify,
    /// The reader network.
    Read,
    /// Its output to texts.
    Text,
    /// Type, colour and orientation of vehicles.
    Attributes,
    /// Make and model of vehicles.
    MakeModel,
}

pub const STAGES: [(StageName, &str); 11] = [
    (StageName::Decode, "decode"),
    (StageName::Letterbox, "letterbox"),
    (StageName::Detect, "detect"),
    (StageName::Boxes, "boxes"),
    (StageName::Vehicles, "vehicles"),
    (StageName::Zoom, "zoom"),
    (StageName::Rectify, "rectify"),
    (StageName::Read, "read"),
    (StageName::Text, "text"),
    (StageName::Attributes, "attributes"),
    (StageName::MakeModel, "make_model"),
];

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Timings([f64; STAGES.len()]);

impl Timings {
    pub fn add(&mut self, stage: StageName, ms: f64) {
        self.0[stage as usize] += ms;
    }

    pub fn iter(&self) -> impl Iterator<Item = (&'static str, f64)> {
        STAGES.iter().map(|&(stage, name)| (name, self.0[stage as usize]))
    }
}

/// Runs `work` and gives its outcome and its milliseconds.
pub fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let start = Instant::now();
    let outcome = work();
    (outcome, start.elapsed().as_secs_f64() * 1000.0)
}
