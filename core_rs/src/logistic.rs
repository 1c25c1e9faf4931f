//! Logistic regression on scores: what training fits, a pack's manifest holds, and this applies.

/// Scores of 0 and 1 have no finite logit; a network in float32 is not surer than this.
const SUREST: f32 = 1e-6;

/// The log odds of a score.
#[must_use]
pub fn logit(score: f32) -> f32 {
    let score = score.clamp(SUREST, 1.0 - SUREST);
    (score / (1.0 - score)).ln()
}

/// The score of these log odds.
#[must_use]
pub fn logistic(odds: f32) -> f32 {
    1.0 / (1.0 + (-odds).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_undoes_the_other() {
        for score in [0.01, 0.5, 0.97] {
            assert!((logistic(logit(score)) - score).abs() < 1e-5);
        }
    }

    #[test]
    fn certain_scores_have_finite_odds() {
        assert!(logit(0.0).is_finite() && logit(1.0).is_finite());
    }
}
