//! CTC outputs as texts: prefix beam search (Hannun et al., arXiv 1408.2873) and the best alignment of one text.

use std::collections::HashMap;

/// Prefixes that are kept after each step. Plates are short and their steps nearly certain; more changes nothing.
const BEAM: usize = 16;

/// Classes under this probability cannot make a candidate that matters.
const NEGLIGIBLE: f32 = 1e-4;

/// Probability of a prefix over all its alignments, by whether the last step was blank.
#[derive(Debug, Clone, Copy, Default)]
struct Mass {
    blank: f64,
    letter: f64,
}

impl Mass {
    fn total(self) -> f64 {
        self.blank + self.letter
    }
}

/// The most probable label sequences with their probabilities, best first. `steps` is `[time, classes]` row-major, each
/// row a distribution; labels are class indices, `blank` is never among them. No sequence is longer than `max_length`.
#[must_use]
pub fn beam_search(steps: &[f32], classes: usize, blank: usize, max_length: usize) -> Vec<(Vec<u16>, f64)> {
    let mut beams = vec![(Vec::new(), Mass { blank: 1.0, letter: 0.0 })];
    for step in steps.chunks_exact(classes) {
        let mut next: HashMap<Vec<u16>, Mass> = HashMap::with_capacity(4 * BEAM);
        for (prefix, mass) in &beams {
            for (class, &probability) in step.iter().enumerate() {
                if probability < NEGLIGIBLE {
                    continue;
                }
                let p = f64::from(probability);
                if class == blank {
                    next.entry(prefix.clone()).or_default().blank += p * mass.total();
                    continue;
                }
                let repeats = prefix.last() == Some(&(class as u16));
                if repeats {
                    next.entry(prefix.clone()).or_default().letter += p * mass.letter;
                }
                if prefix.len() < max_length {
                    // A letter after itself needs a blank between the two.
                    let before = if repeats { mass.blank } else { mass.total() };
                    let mut longer = prefix.clone();
                    longer.push(class as u16);
                    next.entry(longer).or_default().letter += p * before;
                }
            }
        }
        beams = next.into_iter().filter(|(_, mass)| mass.total() > 0.0).collect();
        // The text settles ties, so that the same picture always gives the same order.
        beams.sort_by(|a, b| b.1.total().total_cmp(&a.1.total()).then_with(|| a.0.cmp(&b.0)));
        beams.truncate(BEAM);
    }
    beams.into_iter().map(|(prefix, mass)| (prefix, mass.total())).collect()
}

/// The probability of each label of `labels`: its highest step within the text's best alignment (Viterbi).
#[must_use]
pub fn label_scores(steps: &[f32], classes: usize, blank: usize, labels: &[u16]) -> Vec<f32> {
    let time = steps.len() / classes;
    let states = 2 * labels.len() + 1;
    let class_of = |state: usize| if state.is_multiple_of(2) { blank } else { usize::from(labels[state / 2]) };
    let mut best = vec![f64::NEG_INFINITY; states];
    let mut back = vec![0_u8; time * states];
    for t in 0..time {
        let row = &steps[t * classes..(t + 1) * classes];
        let mut now = vec![f64::NEG_INFINITY; states];
        for (state, value) in now.iter_mut().enumerate() {
            let skips = state >= 2 && !state.is_multiple_of(2) && class_of(state) != class_of(state - 2);
            let mut from = (if t == 0 && state < 2 { 0.0 } else { f64::NEG_INFINITY }, 0_u8);
            if t > 0 {
                for jump in 0..=u8::from(state >= 1) + u8::from(skips) {
                    let value = best[state - usize::from(jump)];
                    if value > from.0 {
                        from = (value, jump);
                    }
                }
            }
            *value = from.0 + f64::from(row[class_of(state)].max(f32::MIN_POSITIVE)).ln();
            back[t * states + state] = from.1;
        }
        best = now;
    }
    let mut scores = vec![0.0_f32; labels.len()];
    if time == 0 || labels.is_empty() {
        return scores;
    }
    let mut state = if best[states - 1] > best[states - 2] { states - 1 } else { states - 2 };
    for t in (0..time).rev() {
        if !state.is_multiple_of(2) {
            let score = &mut scores[state / 2];
            *score = score.max(steps[t * classes + class_of(state)]);
        }
        state -= usize::from(back[t * states + state]);
    }
    scores
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every alignment of two steps, summed by its collapsed text.
    #[test]
    fn probabilities_are_sums_over_alignments() {
        // blank, a, b
        let steps = [0.4, 0.5, 0.1, 0.3, 0.6, 0.1];
        let found: HashMap<_, _> = beam_search(&steps, 3, 0, 10).into_iter().collect();
        let near = |labels: &[u16], p: f64| assert!((found[labels] - p).abs() < 1e-6, "{labels:?}");
        near(&[], 0.4 * 0.3);
        near(&[1], 0.5 * 0.6 + 0.5 * 0.3 + 0.4 * 0.6);
        near(&[1, 2], 0.5 * 0.1);
    }

    #[test]
    fn a_double_letter_needs_a_blank() {
        let steps = [0.05, 0.95, 0.9, 0.1, 0.05, 0.95];
        let (best, _) = &beam_search(&steps, 2, 0, 10)[0];
        assert_eq!(best, &[1, 1]);
    }

    #[test]
    fn no_text_is_longer_than_allowed() {
        let steps = [0.1, 0.9, 0.9, 0.1].repeat(6);
        assert!(beam_search(&steps, 2, 0, 3).iter().all(|(text, _)| text.len() <= 3));
    }

    #[test]
    fn label_scores_follow_the_best_alignment() {
        let steps = [0.1, 0.8, 0.1, 0.2, 0.7, 0.1, 0.1, 0.3, 0.6];
        let scores = label_scores(&steps, 3, 0, &[1, 2]);
        assert!((scores[0] - 0.8).abs() < 1e-6 && (scores[1] - 0.6).abs() < 1e-6);
    }
}
