//! One detection score from two opinions: the detector's, which sees the whole picture small, and the reader's on
//! whether its cut is a plate at all, which sees more pixels of it.

use crate::logistic::{logistic, logit};
use crate::manifest::PlateSpec;

/// Logistic regression on the two scores' logits: each opinion weighs by how often it was right
/// (`training/confidence.py` fits the weights).
#[must_use]
pub fn combined(spec: &PlateSpec, detector: f32, plate: f32) -> f32 {
    let [of_detector, of_plate, offset] = spec.weights;
    logistic(of_detector * logit(detector) + of_plate * logit(plate) + offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(weights: [f32; 3]) -> PlateSpec {
        PlateSpec { name: "plate".into(), weights, floor: 0.1 }
    }

    #[test]
    fn the_reader_confirms_or_doubts_a_detection() {
        let spec = spec([1.0, 1.0, 0.0]);
        assert!(combined(&spec, 0.5, 0.9) > 0.89);
        assert!(combined(&spec, 0.5, 0.1) < 0.11);
        assert!((combined(&spec, 0.7, 0.5) - 0.7).abs() < 1e-5);
    }

    #[test]
    fn a_certain_opinion_keeps_the_score_a_number() {
        let spec = spec([1.0, 1.0, 0.0]);
        assert!((combined(&spec, 1.0, 0.0) - 0.5).abs() < 1e-2);
        assert!(combined(&spec, 1.0, 1.0) <= 1.0);
    }
}
