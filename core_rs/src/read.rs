//! A reader's raw output as readings: text, score, candidates, region.

use crate::error::{CoreError, Result};
use crate::evidence::{Alphabet, Evidence};
use crate::logistic::{logistic, logit};
use crate::manifest::{Activation, ReaderSpec, ScoreSpec};
use crate::options::Options;
use crate::session::Output;
use crate::templates::guide::{Guide, Shown};
use crate::templates::rank::ranked;

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reading {
    pub text: String,
    /// P(text) ^ (1 / length), with P(text) as the picture and the templates have it: the geometric mean of its
    /// characters' probabilities; 0 without text. See `raised`.
    pub score: f32,
    /// Texts with scores on the same scale (`raised` by the same curve), best first; the first one is `text`.
    pub candidates: Vec<(String, f32)>,
    /// One a character of `text`, as the reader saw it.
    pub char_scores: Vec<f32>,
    /// Code of the country, or of the state where the plate shows it, and its probability.
    pub region: Option<(String, f32)>,
    /// Whether the caller asked for texts of certain formats alone and none of them is here.
    pub misfit: bool,
}

impl Reading {
    /// The reading with its scores raised to the chance of being right, where that is higher (`training/scores.py` fits
    /// the weights). It is lower for doubtful readings: their score stays, or thresholds that clients have long set
    /// would leave out right ones.
    #[must_use]
    pub fn raised(mut self, spec: &ScoreSpec) -> Self {
        let [slope, offset] = spec.weights;
        let raise = |score: f32| if score > 0.0 { score.max(logistic(slope * logit(score) + offset)) } else { score };
        self.score = raise(self.score);
        for (_, score) in &mut self.candidates {
            *score = raise(*score);
        }
        self
    }
}

/// What the reader's network says of one cut of a plate, as probabilities.
#[derive(Debug, Clone)]
pub struct Glimpse {
    /// `[steps, classes]`.
    text: Vec<f32>,
    region: Option<Vec<f32>>,
    state: Option<Vec<f32>>,
    /// That it is a plate.
    plate: Option<f32>,
}

/// The names of the outputs that `glimpses` takes, in their order.
#[must_use]
pub fn output_names(spec: &ReaderSpec) -> Vec<&str> {
    let mut names = vec![spec.output.name.as_str()];
    names.extend(spec.region.as_ref().map(|region| region.name.as_str()));
    names.extend(spec.state.as_ref().map(|state| state.name.as_str()));
    names.extend(spec.plate.as_ref().map(|plate| plate.name.as_str()));
    names
}

/// The outputs of a batch as what they say of each of its first `count` cuts.
pub fn glimpses(spec: &ReaderSpec, outputs: &[Output], count: usize) -> Result<Vec<Glimpse>> {
    let classes = spec.output.classes(spec.kind);
    let mut outputs = outputs.iter();
    let text = taken(&mut outputs)?;
    let size = match text.shape[..] {
        [n, steps, last] if n >= count && last == classes => steps * last,
        _ => return Err(misshapen("", text, count, classes)),
    };
    let mut table = |spec: Option<(&str, usize, Activation)>| -> Result<Option<Vec<Vec<f32>>>> {
        let Some((what, codes, activation)) = spec else { return Ok(None) };
        let output = taken(&mut outputs)?;
        match output.shape[..] {
            [n, last] if n >= count && last == codes => {
                let rows = output.values.chunks_exact(codes).take(count);
                Ok(Some(rows.map(|row| probabilities(row, codes, activation)).collect()))
            }
            _ => Err(misshapen(what, output, count, codes)),
        }
    };
    let regions = table(spec.region.as_ref().map(|spec| ("region ", spec.codes.len(), spec.activation)))?;
    let states = table(spec.state.as_ref().map(|spec| ("state ", spec.codes.len(), spec.activation)))?;
    let plates = spec.plate.as_ref().map(|_| taken(&mut outputs)).transpose()?;
    if let Some(output) = plates.filter(|output| output.values.len() < count) {
        return Err(misshapen("plate ", output, count, 1));
    }
    let seen = text.values.chunks_exact(size).take(count).enumerate().map(|(n, steps)| Glimpse {
        text: probabilities(steps, classes, spec.output.activation),
        region: regions.as_ref().map(|rows| rows[n].clone()),
        state: states.as_ref().map(|rows| rows[n].clone()),
        plate: plates.map(|output| output.values[n]),
    });
    Ok(seen.collect())
}

fn taken<'a>(outputs: &mut impl Iterator<Item = &'a Output>) -> Result<&'a Output> {
    outputs.next().ok_or_else(|| CoreError::Inference("the reader gave fewer outputs than it was asked for".into()))
}

fn misshapen(what: &str, output: &Output, count: usize, classes: usize) -> CoreError {
    CoreError::Inference(format!(
        "the reader gave the {what}shape {:?} for {count} plates, {classes} classes were expected",
        output.shape
    ))
}

/// Reads one plate by what was seen of it in one cut or several.
#[must_use]
pub fn reading(spec: &ReaderSpec, seen: &[Glimpse], options: &Options) -> Reading {
    let alphabet = Alphabet::new(spec.kind, &spec.output);
    let tables = seen.iter().map(|glimpse| &glimpse.text[..]).collect();
    let evidence = Evidence::new(tables, spec.output.classes(spec.kind), &alphabet);
    let regions = mean(seen.iter().filter_map(|glimpse| glimpse.region.as_deref()));
    let states = mean(seen.iter().filter_map(|glimpse| glimpse.state.as_deref()));
    let states = spec.state.as_ref().zip(states.as_ref());
    let shown = spec.region.as_ref().zip(regions.as_ref()).map(|(spec, row)| Shown {
        codes: &spec.codes,
        probabilities: row,
        states: states.map(|(spec, row)| (&spec.codes[..], &row[..])),
    });
    let guide = Guide::new(options, shown);
    let region = guide.region().zip(shown).map(|((place, probability), shown)| {
        let country = shown.codes[place].clone();
        let likeliest = shown.states_of(&country).into_iter().max_by(|a, b| a.1.total_cmp(&b.1));
        let state = likeliest.filter(|(_, share)| states.is_some_and(|(spec, _)| *share >= f64::from(spec.least)));
        let (code, share) = state.map_or((country, 1.0), |(code, share)| (code.clone(), share));
        (code, (probability * share).clamp(0.0, 1.0) as f32)
    });
    let texts = ranked(&evidence, &guide, options.max_candidates);
    let Some(best) = texts.first() else {
        return Reading { region, misfit: options.region_strict, ..Reading::default() };
    };
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
        region,
        candidates,
        misfit: false,
    }
}

/// The reader's opinion on whether it is a plate, in the mean of the cuts.
#[must_use]
pub fn plate_score(seen: &[Glimpse]) -> Option<f32> {
    let scores: Vec<f32> = seen.iter().filter_map(|glimpse| glimpse.plate).collect();
    (!scores.is_empty()).then(|| scores.iter().sum::<f32>() / scores.len() as f32)
}

fn mean<'a>(mut rows: impl Iterator<Item = &'a [f32]>) -> Option<Vec<f32>> {
    let mut sums = rows.next()?.to_vec();
    let mut count = 1.0;
    for row in rows {
        count += 1.0;
        for (sum, p) in sums.iter_mut().zip(row) {
            *sum += p;
        }
    }
    for sum in &mut sums {
        *sum /= count;
    }
    Some(sums)
}

/// Rows of `classes` values as distributions.
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
        let seen = glimpses(spec, &outputs, 1).unwrap();
        reading(spec, &seen, options)
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
            assert!(glimpses(&spec, &[text(), region], 1).is_err());
        }
        assert!(glimpses(&spec, &[text()], 1).is_err(), "the region is missing");
        assert!(glimpses(&spec, &[text()], 2).is_err());
    }

    #[test]
    fn cuts_are_judged_together() {
        let spec = spec("ctc", "alphabet = 'AB', blank = 0", "plate = { name = 'p', weights = [1, 1, 0] }");
        let seen = |table: &[f32], plate: f32| {
            let text = Output { shape: vec![1, 1, 3], values: table.to_vec() };
            glimpses(&spec, &[text, Output { shape: vec![1], values: vec![plate] }], 1).unwrap().remove(0)
        };
        let (first, second) = (seen(&[0.0, 0.6, 0.4], 0.2), seen(&[0.0, 0.1, 0.9], 0.6));
        assert_eq!(reading(&spec, std::slice::from_ref(&first), &Options::default()).text, "A");
        let both = [first, second];
        let found = reading(&spec, &both, &Options::default());
        assert_eq!(found.text, "B");
        // The geometric mean of 0.4 and 0.9, and the mean of each place.
        assert!((found.score - 0.6).abs() < 1e-6, "{found:?}");
        assert!((found.char_scores[0] - 0.65).abs() < 1e-6, "{found:?}");
        assert!((plate_score(&both).unwrap() - 0.4).abs() < 1e-6);
    }

    #[test]
    fn a_state_is_told_where_its_share_of_the_country_is_large() {
        let regions = "region = { name = 'r', codes = ['us', 'ca'] }
            state = { name = 's', codes = ['ca-on', 'us-ny', 'us-nj'], least = 0.75 }";
        let spec = spec("ctc", "alphabet = 'A', blank = 0", regions);
        let told = |region: [f32; 2], states: [f32; 3]| {
            let outputs = [vec![0.1, 0.9], region.to_vec(), states.to_vec()];
            let shapes = [vec![1, 1, 2], vec![1, 2], vec![1, 3]];
            let outputs: Vec<Output> =
                shapes.into_iter().zip(outputs).map(|(shape, values)| Output { shape, values }).collect();
            reading(&spec, &glimpses(&spec, &outputs, 1).unwrap(), &Options::default()).region.unwrap()
        };
        let (code, score) = told([0.8, 0.2], [0.5, 0.4, 0.1]);
        assert_eq!(code, "us-ny");
        assert!((score - 0.8 * 0.8).abs() < 1e-6, "{score}");
        assert_eq!(told([0.8, 0.2], [0.5, 0.3, 0.2]), ("us".into(), 0.8));
        assert_eq!(told([0.2, 0.8], [0.1, 0.8, 0.1]), ("ca-on".into(), 0.8));
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
    fn regions_leave_a_text_that_fits() {
        // British plates bear ABC12S and, oftener, ABC125.
        let doubts = [(5, '5', 0.45)];
        let (without, with) = (
            british("ABC12S", &doubts, &STRANGE, &Options::default()),
            british("ABC12S", &doubts, &STRANGE, &asked(&["gb"], false)),
        );
        assert_eq!((&*with.text, &*without.text), ("ABC12S", "ABC12S"));
        assert!((with.score - without.score).abs() < 0.05, "{} {}", with.score, without.score);
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
    fn scores_are_raised_and_never_lowered() {
        let spec = ScoreSpec { weights: [2.0, -1.5] };
        let reading =
            Reading { score: 0.9, candidates: vec![("A".into(), 0.9), ("B".into(), 0.6)], ..Reading::default() };
        let raised = reading.raised(&spec);
        // 2 * ln(.9 / .1) - 1.5 is the logit of .948.
        assert!((raised.score - 0.948).abs() < 1e-3, "{}", raised.score);
        assert_eq!(raised.candidates, [("A".to_owned(), raised.score), ("B".to_owned(), 0.6)]);
        assert!(
            Reading::default().raised(&ScoreSpec { weights: [2.0, 30.0] }).score < f32::EPSILON,
            "nothing was read"
        );
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
