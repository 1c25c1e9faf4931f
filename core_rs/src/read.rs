//! A reader's raw output as readings: text, score, candidates, region.

use crate::error::{CoreError, Result};
use crate::manifest::{Activation, ReaderKind, ReaderOutput, RegionSpec};
use crate::session::Output;
use crate::{ctc, slots};

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reading {
    pub text: String,
    /// P(text) ^ (1 / length): the geometric mean of its characters' probabilities; 0 without text.
    pub score: f32,
    /// Texts with scores on the same scale, best first; the first one is `text`.
    pub candidates: Vec<(String, f32)>,
    /// One a character of `text`.
    pub char_scores: Vec<f32>,
    /// Region code and its probability.
    pub region: Option<(String, f32)>,
}

/// Reads the first `count` plates of a batch's output.
pub fn readings(
    kind: ReaderKind,
    spec: &ReaderOutput,
    output: &Output,
    count: usize,
    max_candidates: usize,
) -> Result<Vec<Reading>> {
    let classes = spec.classes(kind);
    let size = match output.shape[..] {
        [n, steps, last] if n >= count && last == classes => steps * last,
        _ => {
            return Err(CoreError::Inference(format!(
                "the reader gave the shape {:?} for {count} plates, {classes} classes were expected",
                output.shape
            )));
        }
    };
    let alphabet: Vec<char> = spec.alphabet.chars().collect();
    output
        .values
        .chunks_exact(size)
        .take(count)
        .map(|plate| {
            let steps = probabilities(plate, classes, spec.activation);
            Ok(match kind {
                ReaderKind::Ctc => {
                    let texts = ctc::beam_search(&steps, classes, spec.blank, spec.max_length);
                    let letter = |class: u16| {
                        let class = usize::from(class);
                        alphabet[if class > spec.blank { class - 1 } else { class }]
                    };
                    assembled(&texts, letter, max_candidates, |best| {
                        ctc::label_scores(&steps, classes, spec.blank, best)
                    })
                }
                ReaderKind::Slots => {
                    let pad = alphabet.iter().position(|&c| Some(c) == spec.pad_char).unwrap_or(classes);
                    let texts = slots::best_sequences(&steps, classes, pad, max_candidates);
                    assembled(
                        &texts,
                        |class| alphabet[usize::from(class)],
                        max_candidates,
                        |best| slots::label_scores(&steps, classes, pad, best),
                    )
                }
            })
        })
        .collect()
}

fn assembled(
    texts: &[(Vec<u16>, f64)],
    letter: impl Fn(u16) -> char,
    max_candidates: usize,
    label_scores: impl Fn(&[u16]) -> Vec<f32>,
) -> Reading {
    let Some((best, _)) = texts.first().filter(|(labels, _)| !labels.is_empty()) else {
        return Reading::default();
    };
    let char_scores = label_scores(best);
    // One exponent for all candidates keeps their order that of their probabilities.
    let exponent = 1.0 / best.len() as f64;
    let candidates: Vec<(String, f32)> = texts
        .iter()
        .filter(|(labels, _)| !labels.is_empty())
        .take(max_candidates.max(1))
        .map(|(labels, p)| {
            let text = labels.iter().map(|&class| letter(class)).collect();
            (text, p.powf(exponent).min(1.0) as f32)
        })
        .collect();
    Reading { text: candidates[0].0.clone(), score: candidates[0].1, candidates, char_scores, region: None }
}

/// The most probable region of each of the first `count` plates.
pub fn regions(spec: &RegionSpec, output: &Output, count: usize) -> Result<Vec<(String, f32)>> {
    let classes = spec.codes.len();
    if output.shape.len() != 2 || output.shape[0] < count || output.shape[1] != classes {
        return Err(CoreError::Inference(format!(
            "the reader gave the region shape {:?} for {count} plates and {classes} codes",
            output.shape
        )));
    }
    Ok(output
        .values
        .chunks_exact(classes)
        .take(count)
        .map(|row| {
            let row = probabilities(row, classes, spec.activation);
            let best = (0..classes).max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap_or(0);
            (spec.codes[best].clone(), row[best].clamp(0.0, 1.0))
        })
        .collect())
}

fn probabilities(values: &[f32], classes: usize, activation: Activation) -> Vec<f32> {
    let mut values = values.to_vec();
    if activation == Activation::Softmax {
        for row in values.chunks_exact_mut(classes) {
            let top = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            for v in row.iter_mut() {
                *v = (*v - top).exp();
            }
            let sum: f32 = row.iter().sum();
            for v in row.iter_mut() {
                *v /= sum;
            }
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(text: &str) -> ReaderOutput {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn a_blank_in_the_middle_shifts_the_letters_after_it() {
        let spec = spec("name = 't'\nalphabet = 'AB'\nblank = 1");
        let output = Output { shape: vec![1, 2, 3], values: vec![0.9, 0.05, 0.05, 0.05, 0.05, 0.9] };
        let readings = readings(ReaderKind::Ctc, &spec, &output, 1, 5).unwrap();
        assert_eq!(readings[0].text, "AB");
        assert_eq!(readings[0].candidates[0].0, "AB");
        assert!((readings[0].score - 0.9).abs() < 1e-3);
    }

    #[test]
    fn softmax_is_applied_where_the_manifest_asks() {
        let spec = spec("name = 't'\nalphabet = 'A'\nblank = 0\nactivation = 'softmax'");
        let output = Output { shape: vec![1, 1, 2], values: vec![0.0, 3.0_f32.ln()] };
        let readings = readings(ReaderKind::Ctc, &spec, &output, 1, 5).unwrap();
        assert!((readings[0].score - 0.75).abs() < 1e-6);
    }

    #[test]
    fn a_plate_of_blanks_has_no_text_and_no_score() {
        let spec = spec("name = 't'\nalphabet = 'A'\nblank = 0");
        let output = Output { shape: vec![1, 2, 2], values: vec![1.0, 0.0, 1.0, 0.0] };
        let readings = readings(ReaderKind::Ctc, &spec, &output, 1, 5).unwrap();
        assert_eq!(readings[0], Reading::default());
    }
}
