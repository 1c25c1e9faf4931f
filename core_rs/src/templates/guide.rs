//! Which formats to expect of one plate: by the caller's regions and text formats, and by the region that the picture
//! shows.

use super::lookalikes::Pair;
use super::table::{Region, compiled, country, spelled};
use super::text_formats::TextFormats;
use crate::options::Options;

/// How far a text counts at least that fits no format: personal plates, old series, what the table does not know.
const FREE: f64 = 0.03;

/// How far any text counts where the region's formats are not known.
const NEUTRAL: f64 = 0.3;

/// How likely a plate is of one of the regions that the caller names, before anything is seen of it.
const TRUST: f64 = 0.5;

/// Regions among which the rest of that is shared out: those whose plates are common.
const OTHERS: f64 = 54.0;

/// The least that the picture can say for a region that the caller names.
const DOUBT: f64 = 0.001;

/// Exponent of a format's share: the table's shares are rough, and the picture knows better which of two formats it is.
const CAUTION: f64 = 0.25;

/// Regions under this probability cannot matter.
const NEGLIGIBLE: f64 = 0.005;

/// A region that a plate may be of.
struct Belief<'a> {
    code: String,
    /// Its place among the regions that the reader tells apart.
    place: Option<usize>,
    templates: Option<&'a Region>,
    hinted: bool,
    weight: f64,
    /// `weight` before the caller's regions counted; 0 for these themselves.
    unasked: f64,
}

/// What to expect of one plate's text.
pub struct Guide<'a> {
    beliefs: Vec<Belief<'a>>,
    formats: &'a TextFormats,
    /// Whether only texts that `allows` may be given.
    pub strict: bool,
}

/// The reader's opinion of one plate's region: codes, and a probability each.
#[derive(Clone, Copy)]
pub struct Shown<'a> {
    pub codes: &'a [String],
    pub probabilities: &'a [f32],
    /// The same of states, which says something among the states of one country.
    pub states: Option<(&'a [String], &'a [f32])>,
}

impl<'a> Shown<'a> {
    /// The states of a country, each with its share of the plates of that country that look like this one.
    #[must_use]
    pub fn states_of(&self, country_code: &str) -> Vec<(&'a String, f64)> {
        let Some((codes, row)) = self.states else { return Vec::new() };
        let among: Vec<_> = codes.iter().zip(row).filter(|(code, _)| country(code) == country_code).collect();
        let total: f64 = among.iter().map(|(_, p)| f64::from(**p)).sum();
        among.into_iter().map(|(code, &p)| (code, f64::from(p) / total.max(f64::MIN_POSITIVE))).collect()
    }
}

impl<'a> Guide<'a> {
    #[must_use]
    pub fn new(options: &'a Options, shown: Option<Shown>) -> Self {
        let mut beliefs: Vec<Belief> = Vec::new();
        let hints: Vec<String> = options.regions.iter().map(|code| spelled(code)).collect();
        if let Some(shown) = shown {
            for (place, (code, &p)) in shown.codes.iter().zip(shown.probabilities).enumerate() {
                let code = spelled(code);
                if f64::from(p) < NEGLIGIBLE && !hints.contains(&code) {
                    continue;
                }
                beliefs.extend(split(&code, &shown.states_of(&code), f64::from(p), Some(place), false));
            }
        }
        if !hints.is_empty() {
            for belief in &mut beliefs {
                belief.weight *= (1.0 - TRUST) / OTHERS;
            }
            for hint in &hints {
                let place_of = |code: &str| shown.and_then(|shown| shown.codes.iter().position(|c| spelled(c) == code));
                let place = place_of(hint).or_else(|| place_of(country(hint)));
                let seen = place
                    .or_else(|| place_of("unknown"))
                    .zip(shown)
                    .map_or(1.0, |(at, shown)| f64::from(shown.probabilities[at]));
                let weight = seen.max(DOUBT) * TRUST / hints.len() as f64;
                // A country's own states stand for it where the plate shows one.
                let states = shown.map(|shown| shown.states_of(hint)).unwrap_or_default();
                beliefs.extend(split(hint, &states, weight, place, true));
            }
            let total: f64 = beliefs.iter().map(|belief| belief.weight).sum();
            for belief in &mut beliefs {
                belief.weight /= total.max(f64::MIN_POSITIVE);
            }
        }
        Self { beliefs, formats: &options.text_formats, strict: options.region_strict }
    }

    /// Whether it says nothing of any text.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.formats.is_empty() && self.beliefs.iter().all(|belief| belief.templates.is_none()) && !self.strict
    }

    /// How much a text is to be expected, relative to others: from `FREE` for one that fits nothing to 1.
    #[must_use]
    pub fn expected(&self, symbols: &[u8], text: &str) -> f64 {
        self.expected_by(symbols, text, |belief| belief.weight)
    }

    /// As `expected`, had the caller named no region.
    #[must_use]
    pub fn expected_unasked(&self, symbols: &[u8], text: &str) -> f64 {
        self.expected_by(symbols, text, |belief| belief.unasked)
    }

    fn expected_by(&self, symbols: &[u8], text: &str, weight: impl Fn(&Belief) -> f64) -> f64 {
        let by_format = if self.formats.is_empty() || self.formats.fit(text) { 1.0 } else { FREE };
        if self.beliefs.iter().all(|belief| weight(belief) == 0.0) {
            return by_format;
        }
        by_format * self.beliefs.iter().map(|belief| weight(belief) * belief.expected(symbols)).sum::<f64>()
    }

    /// Whether the caller named regions.
    #[must_use]
    pub fn asked(&self) -> bool {
        self.beliefs.iter().any(|belief| belief.hinted)
    }

    /// Whether a text fits a format of the caller's regions.
    #[must_use]
    pub fn fits_asked(&self, symbols: &[u8]) -> bool {
        let mut hinted = self.beliefs.iter().filter(|belief| belief.hinted);
        hinted.any(|belief| belief.templates.is_some_and(|templates| templates.share(symbols) > 0.0))
    }

    /// Whether a plate of the caller's regions may bear a text: one of their formats, or anything where owners choose
    /// it and the picture itself shows such a plate.
    #[must_use]
    pub fn plausible(&self, symbols: &[u8]) -> bool {
        let personal = |belief: &Belief| {
            belief.templates.is_some_and(|templates| templates.personal() > 0.0) && self.shown(&belief.code) > 0.5
        };
        self.fits_asked(symbols) || self.beliefs.iter().any(|belief| belief.hinted && personal(belief))
    }

    /// What the picture says for a region with its sub-regions.
    fn shown(&self, code: &str) -> f64 {
        let within = self.beliefs.iter().filter(|belief| belief.code == code || country(&belief.code) == code);
        within.map(|belief| belief.unasked).sum()
    }

    /// Whether a text fits a format of the caller's regions and one of the caller's own, where these are given.
    #[must_use]
    pub fn allows(&self, symbols: &[u8], text: &str) -> bool {
        let in_region = !self.asked() || self.fits_asked(symbols);
        in_region && (self.formats.is_empty() || self.formats.fit(text))
    }

    /// How likely the plate is one that draws a pair alike.
    #[must_use]
    pub fn alike(&self, pair: &Pair) -> f64 {
        let drawn = |belief: &&Belief| pair.alike.iter().any(|code| code == country(&belief.code));
        self.beliefs.iter().filter(drawn).map(|belief| belief.weight).sum()
    }

    /// The most likely region, as its place among those that the reader tells apart, with its probability. Texts do not
    /// count: shapes are shared by so many regions that they made the probabilities worse, not better.
    #[must_use]
    pub fn region(&self) -> Option<(usize, f64)> {
        let mut found: Vec<(usize, f64)> = Vec::new();
        for belief in &self.beliefs {
            let Some(place) = belief.place else { continue };
            match found.iter_mut().find(|(known, _)| *known == place) {
                Some((_, sum)) => *sum += belief.weight,
                None => found.push((place, belief.weight)),
            }
        }
        found.into_iter().max_by(|a, b| a.1.total_cmp(&b.1))
    }
}

/// A belief in a region, shared out among the states that it may be of.
fn split<'a>(
    code: &str,
    states: &[(&String, f64)],
    weight: f64,
    place: Option<usize>,
    hinted: bool,
) -> Vec<Belief<'a>> {
    let belief = |code: String, weight: f64| Belief {
        templates: compiled().region(&code),
        code,
        place,
        hinted,
        weight,
        unasked: if hinted { 0.0 } else { weight },
    };
    let shares = states.iter().map(|(state, share)| (spelled(state), weight * share));
    let mut beliefs: Vec<Belief> =
        shares.filter(|(_, weight)| *weight >= NEGLIGIBLE).map(|(state, weight)| belief(state, weight)).collect();
    let rest = weight - beliefs.iter().map(|belief| belief.weight).sum::<f64>();
    beliefs.push(belief(code.to_owned(), rest.max(0.0)));
    beliefs
}

impl Belief<'_> {
    fn expected(&self, symbols: &[u8]) -> f64 {
        self.templates.map_or(NEUTRAL, |templates| {
            let free = templates.personal().max(FREE);
            free + (1.0 - free) * templates.share(symbols).powf(CAUTION)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::templates::symbols::symbol;

    fn expected(text: &str, states: Option<&[f32]>) -> f64 {
        expected_of(&Options::default(), text, states)
    }

    fn expected_of(options: &Options, text: &str, states: Option<&[f32]>) -> f64 {
        let (countries, codes) = (["us".to_owned()], ["us-ny".to_owned(), "us-ca".to_owned()]);
        let states = states.map(|row| (&codes[..], row));
        let shown = Shown { codes: &countries, probabilities: &[1.0], states };
        let guide = Guide::new(options, Some(shown));
        assert!((guide.region().unwrap().1 - 1.0).abs() < 1e-6, "states leave the country as likely as it was");
        guide.expected(&text.chars().map(symbol).collect::<Vec<_>>(), text)
    }

    #[test]
    fn the_formats_of_the_state_that_the_picture_shows_count() {
        let (new_york, californian) = ("ABC1234", "7ABC123");
        assert!(expected(new_york, Some(&[0.98, 0.02])) > expected(new_york, None));
        assert!(expected(new_york, Some(&[0.98, 0.02])) > expected(californian, Some(&[0.98, 0.02])));
        assert!(expected(new_york, Some(&[0.02, 0.98])) < expected(californian, Some(&[0.02, 0.98])));
    }

    #[test]
    fn a_country_that_is_asked_for_leaves_its_states_their_formats() {
        let asked = Options { regions: vec!["us".into()], ..Options::default() };
        let shown: Option<&[f32]> = Some(&[0.98, 0.02]);
        let (with, without) = (expected_of(&asked, "ABC1234", shown), expected("ABC1234", shown));
        assert!((with - without).abs() < 0.01, "{with} {without}");
    }

    #[test]
    fn where_owners_choose_the_picture_must_show_it() {
        let asked = Options { regions: vec!["us".into()], ..Options::default() };
        let countries = ["us".to_owned(), "gb".to_owned()];
        let plausible = |american: f32, text: &str| {
            let probabilities = [american, 1.0 - american];
            let shown = Shown { codes: &countries, probabilities: &probabilities, states: None };
            Guide::new(&asked, Some(shown)).plausible(&text.chars().map(symbol).collect::<Vec<_>>())
        };
        assert!(plausible(0.9, "L0VE") && !plausible(0.2, "L0VE"));
        assert!(plausible(0.2, "ABC1234"), "a format is a format whatever the picture says");
    }
}
