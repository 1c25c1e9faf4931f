//! A classifier's probabilities as words: a type, a colour, a make and model. What is too unsure is told as such.

use crate::error::{CoreError, Result};
use crate::manifest::{ClassesSpec, ModelsSpec, VehicleModel};
use crate::session::Output;

/// Most entries of an answer's list.
pub const TOP: usize = 3;

/// The word for a type, a side or a model that is too unsure.
pub const UNKNOWN: &str = "Unknown";
/// The word for such a colour.
pub const UNKNOWN_COLOUR: &str = "unknown";

/// One possible make and model of a vehicle.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    pub make: String,
    pub model: String,
    pub year: Option<u16>,
    pub score: f32,
}

/// The rows of an output `[n, classes]`, for at least `count` cuts.
pub fn rows(output: &Output, count: usize, classes: usize) -> Result<Vec<&[f32]>> {
    match output.shape[..] {
        [n, last] if n >= count && last == classes => Ok(output.values.chunks_exact(classes).take(count).collect()),
        _ => Err(CoreError::Inference(format!(
            "the network gave the shape {:?} for {count} cuts and {classes} classes",
            output.shape
        ))),
    }
}

/// The best class and its probability, if that is at least `least`.
#[must_use]
pub fn best(spec: &ClassesSpec, row: &[f32]) -> Option<(String, f32)> {
    let (place, score) = ordered(row).into_iter().next()?;
    (score >= spec.least).then(|| (spec.classes[place].clone(), score))
}

/// The best classes, best first; `unknown` alone, with the probability that the best one is wrong, where that one has
/// less than `least`.
#[must_use]
pub fn ranking(spec: &ClassesSpec, row: &[f32], unknown: &str) -> Vec<(String, f32)> {
    let order = ordered(row);
    match order.first() {
        Some(&(_, score)) if score < spec.least => vec![(unknown.to_owned(), 1.0 - score)],
        _ => order.into_iter().take(TOP).map(|(place, score)| (spec.classes[place].clone(), score)).collect(),
    }
}

/// The mean of two opinions by the names of their classes, in the order of the first.
#[must_use]
pub fn averaged(spec: &ClassesSpec, row: &[f32], other: &ClassesSpec, other_row: &[f32]) -> Vec<f32> {
    let of_other = |class: &String| other.classes.iter().position(|each| each == class).map_or(0.0, |n| other_row[n]);
    spec.classes.iter().zip(row).map(|(class, score)| f32::midpoint(*score, of_other(class))).collect()
}

/// The best makes and models. Classes that differ in the year alone count together, and the most probable one tells the
/// year. Where no model has `least` but all of one make together have, that make with an unknown model.
#[must_use]
pub fn models(spec: &ModelsSpec, row: &[f32]) -> Vec<Model> {
    let order = ordered(row);
    let of = |place: usize| -> &VehicleModel { &spec.classes[place] };
    let mut found: Vec<Model> = Vec::new();
    let mut makes: Vec<(&str, f32)> = Vec::new();
    for (place, score) in order {
        let VehicleModel { make, model, year } = of(place);
        let model = if model.is_empty() { UNKNOWN } else { model };
        match found.iter_mut().find(|each| each.make == *make && each.model == model) {
            Some(known) => known.score += score,
            None => found.push(Model { make: make.clone(), model: model.to_owned(), year: *year, score }),
        }
        match makes.iter_mut().find(|(name, _)| name == make) {
            Some((_, total)) => *total += score,
            None => makes.push((make, score)),
        }
    }
    found.sort_by(|a, b| b.score.total_cmp(&a.score));
    if found.first().is_some_and(|each| each.score >= spec.least) {
        found.truncate(TOP);
        return found;
    }
    let surest = makes.into_iter().max_by(|a, b| a.1.total_cmp(&b.1)).filter(|(_, score)| *score >= spec.least);
    surest
        .map(|(make, score)| Model { make: make.to_owned(), model: UNKNOWN.to_owned(), year: None, score })
        .into_iter()
        .collect()
}

/// Places and probabilities, best first. What is no number counts as 0.
fn ordered(row: &[f32]) -> Vec<(usize, f32)> {
    let score = |value: f32| if value.is_nan() { 0.0 } else { value.clamp(0.0, 1.0) };
    let mut order: Vec<(usize, f32)> = row.iter().map(|&value| score(value)).enumerate().collect();
    order.sort_by(|a, b| b.1.total_cmp(&a.1));
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    fn colours(least: f32) -> ClassesSpec {
        toml::from_str(&format!("name = 'c'\nclasses = ['black', 'blue', 'red', 'white']\nleast = {least}")).unwrap()
    }

    fn cars(least: f32) -> ModelsSpec {
        let classes = "[['Audi', 'S4', '2007'], ['Audi', 'S4', '2012'], ['Audi', 'A5', ''], ['BMW', '', '']]";
        toml::from_str(&format!("name = 'm'\nclasses = {classes}\nleast = {least}")).unwrap()
    }

    fn names(found: &[Model]) -> Vec<(&str, &str, Option<u16>)> {
        found.iter().map(|each| (&*each.make, &*each.model, each.year)).collect()
    }

    #[test]
    fn three_classes_at_most_best_first() {
        let found = ranking(&colours(0.3), &[0.1, 0.5, 0.15, 0.25], UNKNOWN_COLOUR);
        let words: Vec<&str> = found.iter().map(|(word, _)| word.as_str()).collect();
        assert_eq!(words, ["blue", "white", "red"]);
    }

    #[test]
    fn an_unsure_best_class_is_unknown_by_its_chance_to_be_wrong() {
        let row = [0.25, 0.26, 0.25, 0.24];
        assert_eq!(ranking(&colours(0.3), &row, UNKNOWN_COLOUR), [("unknown".to_owned(), 0.74)]);
        assert_eq!(best(&colours(0.3), &row), None);
        assert_eq!(best(&colours(0.2), &row), Some(("blue".to_owned(), 0.26)));
    }

    #[test]
    fn what_is_no_number_is_not_best() {
        assert_eq!(best(&colours(0.0), &[f32::NAN, 0.1, f32::NAN, 0.0]), Some(("blue".to_owned(), 0.1)));
    }

    #[test]
    fn years_of_one_model_count_together() {
        let found = models(&cars(0.2), &[0.2, 0.25, 0.3, 0.25]);
        assert_eq!(names(&found), [("Audi", "S4", Some(2012)), ("Audi", "A5", None), ("BMW", "Unknown", None)],);
        assert!((found[0].score - 0.45).abs() < 1e-6);
    }

    #[test]
    fn a_make_may_be_sure_where_no_model_is() {
        assert_eq!(names(&models(&cars(0.6), &[0.2, 0.2, 0.3, 0.3])), [("Audi", "Unknown", None)]);
        assert!(models(&cars(0.8), &[0.2, 0.2, 0.3, 0.3]).is_empty());
    }

    #[test]
    fn two_opinions_meet_by_name() {
        let other: ClassesSpec = toml::from_str("name = 'c'\nclasses = ['white', 'red', 'blue', 'black']").unwrap();
        let mean = averaged(&colours(0.0), &[1.0, 0.0, 0.0, 0.0], &other, &[0.0, 0.0, 1.0, 0.0]);
        assert_eq!(mean, [0.5, 0.5, 0.0, 0.0]);
    }

    #[test]
    fn outputs_of_another_shape_are_refused() {
        let output = |shape: &[usize]| Output { shape: shape.to_vec(), values: vec![0.5; 8] };
        assert_eq!(rows(&output(&[2, 4]), 1, 4).unwrap().len(), 1);
        for shape in [&[2, 4][..], &[8], &[4, 2]] {
            assert!(rows(&output(shape), 3, 4).is_err());
        }
    }
}
