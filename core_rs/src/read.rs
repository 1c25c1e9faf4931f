//! A reader's raw output as readings: text, score, candidates, region.

use std::borrow::Cow;

use crate::error::{CoreError, Result};
use crate::evidence::{Alphabet, Evidence};
use crate::manifest::{Activation, ReaderSpec, RegionSpec};
use crate::options::Options;
use crate::session::Output;
use crate::templates::guide::{Guide, Shown};
use crate::templates::rank::ranked;

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reading {
    pub text: String,
    /// P(text) ^ (1 / length), with P(text) as the picture and the templates have it: the geometric mean of its
    /// characters' probabilities; 0 without text.
    pub score: f32,
    /// Texts with scores on the same scale, best first; the first one is `text`.
    pub candidates: Vec<(String, f32)>,
    /// One a character of `text`, as the reader saw it.
    pub char_scores: Vec<f32>,
    /// Region code and its probability.
    pub region: Option<(String, f32)>,
    /// Whether the caller asked for texts of certain formats alone and none of them is here.
    pub misfit: bool,
}

/// Reads the plates of a batch by its outputs: the text's, then the region's where the reader has one and it was asked
/// for. `options` has one entry a plate.
pub fn readings(spec: &ReaderSpec, outputs: &[Output], options: &[&Options]) -> Result<Vec<Reading>> {
    let classes = spec.output.classes(spec.kind);
    let count = options.len();
    let output = &outputs[0];
    let size = match output.shape[..] {
        [n, steps, last] if n >= count && last == classes => steps * last,
        _ => {
            return Err(CoreError::Inference(format!(
                "the reader gave the shape {:?} for {count} plates, {classes} classes were expected",
                output.shape
            )));
        }
    };
    let alphabet = Alphabet::new(spec.kind, &spec.output);
    let regions = match (&spec.region, outputs.get(1)) {
        (Some(region), Some(output)) => Some((region, region_rows(region, output, count)?)),
        _ => None,
    };
    let plates = output.values.chunks_exact(size).zip(options).enumerate();
    let read = plates.map(|(n, (plate, options))| {
        let steps = probabilities(plate, classes, spec.output.activation);
        let region = regions.map(|(region, rows)| {
            let codes = &region.codes;
            (codes, probabilities(&rows[n * codes.len()..(n + 1) * codes.len()], codes.len(), region.activation))
        });
        let shown = region.as_ref().map(|(codes, row)| Shown { codes, probabilities: row });
        reading(&Evidence::new(&steps, classes, &alphabet), shown, options)
    });
    Ok(read.collect())
}

fn reading(evidence: &Evidence, shown: Option<Shown>, options: &Options) -> Reading {
    let guide = Guide::new(options, shown);
    let texts = ranked(evidence, &guide, options.max_candidates);
    let Some(best) = texts.first() else {
        return Reading {
            region: guide.region().zip(shown).map(named),
            misfit: options.region_strict,
            ..Reading::default()
        };
    };
    let alphabet = evidence.alphabet();
    // One exponent for all candidates keeps their order that of their probabilities.
    let exponent = 1.0 / best.labels.len() as f64;
    let candidates: Vec<(String, f32)> = texts
        .iter()
        .take(options.max_candidates.max(1))
        .map(|each| (alphabet.text(&each.labels), each.probability.powf(exponent).min(1.0) as f32))
        .collect();
    Reading {
        text: candidates[0].0.clone(),
        score: candidates[0].1,
        char_scores: evidence.label_scores(&best.seen),
        region: guide.region().zip(shown).map(named),
        candidates,
        misfit: false,
    }
}

fn named(((place, probability), shown): ((usize, f64), Shown)) -> (String, f32) {
    (shown.codes[place].clone(), probability.clamp(0.0, 1.0) as f32)
}

/// The values of the region's output, a row a plate, for at least `count` plates.
pub fn region_rows<'a>(spec: &RegionSpec, output: &'a Output, count: usize) -> Result<&'a [f32]> {
    let codes = spec.codes.len();
    match output.shape[..] {
        [n, last] if n >= count && last == codes => Ok(&output.values),
        _ => Err(CoreError::Inference(format!(
            "the reader gave the region shape {:?} for {count} plates and {codes} codes",
            output.shape
        ))),
    }
}

/// Rows of `classes` values as distributions.
fn probabilities(values: &[f32], classes: usize, activation: Activation) -> Cow<'_, [f32]> {
    let mut values = Cow::Borrowed(values);
    if activation == Activation::Softmax {
        let values = values.to_mut();
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
    use crate::templates::symbols::symbol;

    /// A reader without a file: `kind` and the rows of its output table; then, where given, its region table.
    fn spec(kind: &str, output: &str, region: &str) -> ReaderSpec {
        let input = "input = { fit = 'stretch', width = 8, height = 8 }";
        let text =
            format!("file = 'f'\nsha256 = ''\nkind = '{kind}'\n{input}\noutput = {{ name = 't', {output} }}\n{region}");
        toml::from_str(&text).unwrap()
    }

    fn read(spec: &ReaderSpec, steps: &[&[f32]], region: Option<&[f32]>, options: &Options) -> Reading {
        let text = Output { shape: vec![1, steps.len(), steps[0].len()], values: steps.concat() };
        let region = region.map(|row| Output { shape: vec![1, row.len()], values: row.to_vec() });
        let outputs: Vec<Output> = [Some(text), region].into_iter().flatten().collect();
        readings(spec, &outputs, &[options]).unwrap().remove(0)
    }

    #[test]
    fn a_blank_in_the_middle_shifts_the_letters_after_it() {
        let spec = spec("ctc", "alphabet = 'AB', blank = 1", "");
        let reading = read(&spec, &[&[0.9, 0.05, 0.05], &[0.05, 0.05, 0.9]], None, &Options::default());
        assert_eq!(reading.text, "AB");
        assert_eq!(reading.candidates[0].0, "AB");
        assert!((reading.score - 0.9).abs() < 1e-3);
        assert_eq!(reading.char_scores, [0.9, 0.9]);
    }

    #[test]
    fn softmax_is_applied_where_the_manifest_asks() {
        let spec = spec("ctc", "alphabet = 'A', blank = 0, activation = 'softmax'", "");
        let reading = read(&spec, &[&[0.0, 3.0_f32.ln()]], None, &Options::default());
        assert!((reading.score - 0.75).abs() < 1e-6);
    }

    #[test]
    fn a_plate_of_blanks_has_no_text_and_no_score() {
        let spec = spec("ctc", "alphabet = 'A', blank = 0", "");
        let reading = read(&spec, &[&[1.0, 0.0], &[1.0, 0.0]], None, &Options::default());
        assert_eq!(reading, Reading::default());
    }

    #[test]
    fn outputs_of_another_shape_are_refused() {
        let spec = spec("ctc", "alphabet = 'A', blank = 0", "region = { name = 'r', codes = ['gb', 'de'] }");
        let text = || Output { shape: vec![1, 1, 2], values: vec![0.1, 0.9] };
        for shape in [vec![1, 3], vec![0, 2], vec![2]] {
            let region = Output { values: vec![0.5; 3], shape };
            assert!(readings(&spec, &[text(), region], &[&Options::default()]).is_err());
        }
        assert!(readings(&spec, &[text()], &[&Options::default(); 2]).is_err());
    }

    /// A slot reader of 36 characters that is sure of each of `text`, but for look-alikes that share their slot.
    fn slots(text: &str, doubts: &[(usize, char, f32)]) -> Vec<Vec<f32>> {
        let at = |c: char| usize::from(symbol(c));
        text.chars()
            .enumerate()
            .map(|(n, c)| {
                let mut row = vec![1e-6; 37];
                row[at(c)] = 1.0;
                for &(_, other, p) in doubts.iter().filter(|(place, _, _)| *place == n) {
                    row[at(other)] = p;
                    row[at(c)] = 1.0 - p;
                }
                row
            })
            .collect()
    }

    fn british(text: &str, doubts: &[(usize, char, f32)], shown: &[f32], options: &Options) -> Reading {
        let spec = spec(
            "slots",
            "alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_', pad_char = '_'",
            "region = { name = 'r', codes = ['unknown', 'gb', 'es'] }",
        );
        let rows = slots(text, doubts);
        read(&spec, &rows.iter().map(|row| &row[..]).collect::<Vec<_>>(), Some(shown), options)
    }

    fn asked(regions: &[&str], strict: bool) -> Options {
        Options {
            regions: regions.iter().map(|&code| code.to_owned()).collect(),
            region_strict: strict,
            ..Options::default()
        }
    }

    const BRITISH: [f32; 3] = [0.02, 0.97, 0.01];
    const STRANGE: [f32; 3] = [0.88, 0.1, 0.02];

    #[test]
    fn the_region_that_the_picture_shows_guides() {
        // An S in a place of digits.
        let doubts = [(2, '5', 0.3)];
        assert_eq!(british("ABS1CDE", &doubts, &BRITISH, &Options::default()).text, "AB51CDE");
        assert_eq!(british("ABS1CDE", &doubts, &STRANGE, &Options::default()).text, "ABS1CDE");
        let reading = british("ABS1CDE", &doubts, &STRANGE, &asked(&["gb"], false));
        assert_eq!((&*reading.text, &*reading.region.unwrap().0), ("AB51CDE", "gb"));
    }

    #[test]
    fn a_guide_never_forces() {
        // A personal plate: nothing in the picture speaks for a British text.
        let reading = british("SUPERB", &[], &BRITISH, &asked(&["gb"], false));
        assert_eq!(reading.text, "SUPERB");
        assert!(reading.score > 0.9 && !reading.misfit, "{reading:?}");
    }

    #[test]
    fn faces_that_draw_two_alike_leave_it_to_the_place() {
        // The reader is all but sure of the letter O.
        assert_eq!(british("ABO1CDE", &[(2, '0', 0.001)], &BRITISH, &Options::default()).text, "AB01CDE");
        assert_eq!(british("ABO1CDE", &[(2, '0', 0.001)], &STRANGE, &Options::default()).text, "ABO1CDE");
    }

    #[test]
    fn scores_follow_the_ranks() {
        let reading = british("ABS1CDE", &[(2, '5', 0.3), (4, 'G', 0.2)], &BRITISH, &Options::default());
        assert_eq!(reading.candidates[0], (reading.text.clone(), reading.score));
        assert!(reading.candidates.windows(2).all(|pair| pair[0].1 >= pair[1].1), "{:?}", reading.candidates);
        let total: f32 = reading.candidates.iter().map(|(_, score)| score.powi(7)).sum();
        assert!(total <= 1.0 + 1e-3, "{total}");
    }

    #[test]
    fn strict_takes_only_what_fits() {
        let doubts = [(2, '5', 0.02)];
        assert_eq!(british("ABS1CDE", &doubts, &STRANGE, &asked(&["gb"], true)).text, "AB51CDE");
        let none = british("SUPERB", &[], &BRITISH, &asked(&["gb"], true));
        assert!(none.misfit && none.text.is_empty() && none.candidates.is_empty(), "{none:?}");
        assert!(!british("SUPERB", &[], &BRITISH, &asked(&[], true)).misfit, "strict about nothing");
        assert!(british("ABC1234", &[], &BRITISH, &asked(&["jp"], true)).misfit, "no format of jp is known");
    }

    #[test]
    fn the_callers_formats_guide_or_with_strict_bind() {
        let formats = |strict| Options {
            text_formats: crate::templates::text_formats::TextFormats::new(vec!["[a-z]{2}[0-9]{2}[a-z]{2}".into()])
                .unwrap(),
            region_strict: strict,
            ..Options::default()
        };
        assert_eq!(british("ABI2CD", &[(2, '1', 0.3)], &STRANGE, &formats(false)).text, "AB12CD");
        assert_eq!(british("SUPERB", &[], &STRANGE, &formats(false)).text, "SUPERB");
        assert!(british("SUPERB", &[], &STRANGE, &formats(true)).misfit);
    }

    #[test]
    fn a_character_of_the_frame_at_an_end_is_dropped_for_a_format() {
        let mut rows = slots("AB51CDEI", &[]);
        // A bolt after the plate: the padding is nearly as likely.
        rows[7][usize::from(symbol('I'))] = 0.6;
        rows[7][36] = 0.4;
        let spec = spec("slots", "alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_', pad_char = '_'", "");
        let rows: Vec<&[f32]> = rows.iter().map(|row| &row[..]).collect();
        assert_eq!(read(&spec, &rows, None, &Options::default()).text, "AB51CDEI");
        assert_eq!(read(&spec, &rows, None, &asked(&["gb"], false)).text, "AB51CDE");
    }
}
