//! The texts that a plate may bear, by what the reader saw and what is to be expected.

use std::collections::HashMap;

use super::guide::Guide;
use super::lookalikes::{Pair, compiled};
use super::symbols::{DIGITS, LETTERS, only, symbol};
use crate::evidence::Evidence;

/// Texts this much less probable than the best (natural logarithm) are not looked for: no format makes up for it.
const REACH: f64 = 5.0;

/// Texts of the reader whose look-alikes are looked for.
const BASES: usize = 4;

/// Texts of the reader that are asked for at least, whatever the caller wants to see.
const LEAST: usize = 10;

/// Texts that are weighed at most; only blurs reach it.
const MOST: usize = 128;

/// A text with its probability given picture and templates.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranked {
    pub labels: Vec<u16>,
    pub probability: f64,
    /// The text as the reader saw it: `labels` before look-alikes were told apart by their place.
    pub seen: Vec<u16>,
}

struct Candidate {
    labels: Vec<u16>,
    evidence: f64,
    seen: Vec<u16>,
}

/// Another character for one place of a text, with how probable it makes the text, relative to what it was.
struct Swap {
    place: usize,
    label: u16,
    by_reader: f64,
    /// Where plates draw the two alike, which leaves the reader no opinion.
    by_place: f64,
}

/// A text on its way to others: some places swapped, those from `next` on still to be tried.
#[derive(Clone)]
struct Variant {
    labels: Vec<u16>,
    seen: Vec<u16>,
    /// The product of `by_place` of the swaps that only stand in `labels`, not in `seen`.
    alike: f64,
    estimate: f64,
    next: usize,
}

/// Texts, the most probable first. Empty where the reader saw none, or where none is allowed.
#[must_use]
pub fn ranked(evidence: &Evidence, guide: &Guide, limit: usize) -> Vec<Ranked> {
    let mut beams = evidence.best(limit.max(LEAST));
    beams.retain(|(labels, p)| !labels.is_empty() && *p > 0.0);
    if beams.is_empty() || guide.is_silent() {
        return beams
            .into_iter()
            .map(|(labels, probability)| Ranked { seen: labels.clone(), labels, probability })
            .collect();
    }
    let least = beams[0].1 * (-REACH).exp();
    let seen_mass: f64 = beams.iter().map(|(_, p)| p).sum();
    let candidates = Candidates::of(evidence, guide, beams, least);
    let alphabet = evidence.alphabet();
    let mut weighed: Vec<Weighed> = candidates
        .into_iter()
        .map(|candidate| {
            let text = alphabet.text(&candidate.labels);
            let symbols: Vec<u8> = text.chars().map(symbol).collect();
            let probability = candidate.evidence * guide.expected(&symbols, &text);
            Weighed {
                // Strictness takes what fits of what was seen; it makes nothing up.
                allowed: !guide.strict || candidate.evidence >= least && guide.allows(&symbols, &text),
                unasked: candidate.evidence * guide.expected_unasked(&symbols, &text),
                plausible: guide.plausible(&symbols),
                ranked: Ranked { labels: candidate.labels, probability, seen: candidate.seen },
            }
        })
        .collect();
    if guide.asked() && keeps_what_fits(&weighed) {
        for each in &mut weighed {
            each.ranked.probability = each.unasked;
        }
    }
    // What the reader leaves to texts that are not among these stays with them.
    let total: f64 = weighed.iter().map(|each| each.ranked.probability).sum();
    weighed.retain(|each| each.allowed);
    weighed.sort_by(|a, b| {
        let by_probability = b.ranked.probability.total_cmp(&a.ranked.probability);
        by_probability.then_with(|| a.ranked.labels.cmp(&b.ranked.labels))
    });
    let mut ranked: Vec<Ranked> = weighed.into_iter().map(|each| each.ranked).collect();
    for each in &mut ranked {
        each.probability *= seen_mass.min(1.0) / total;
    }
    ranked
}

/// A text on the scales.
struct Weighed {
    ranked: Ranked,
    allowed: bool,
    /// As the probability in `ranked`, had the caller named no region; pairs that plates draw alike count as they do there.
    unasked: f64,
    /// Whether plates of the caller's regions may bear it.
    plausible: bool,
}

/// Regions mend a text that none of their plates bears, by one that some do. Between any others the picture decides, or
/// a right region would now and then do harm: whether the texts count as they would without the caller's regions.
fn keeps_what_fits(weighed: &[Weighed]) -> bool {
    let best = |weight: fn(&Weighed) -> f64| {
        weighed.iter().filter(|each| each.allowed).max_by(|a, b| weight(a).total_cmp(&weight(b)))
    };
    let (asked, unasked) = (best(|each| each.ranked.probability), best(|each| each.unasked));
    unasked.is_some_and(|each| each.plausible) || !asked.is_some_and(|each| each.plausible)
}

struct Candidates<'a> {
    evidence: &'a Evidence<'a>,
    found: Vec<Candidate>,
    places: HashMap<Vec<u16>, usize>,
    /// Pairs that the plate may draw alike, and how probable the one is where the other was read.
    alike: Vec<(&'static Pair, f64)>,
    least: f64,
}

impl<'a> Candidates<'a> {
    fn of(evidence: &'a Evidence<'a>, guide: &Guide, beams: Vec<(Vec<u16>, f64)>, least: f64) -> Vec<Candidate> {
        let first = beams[0].0.clone();
        let alike = compiled()
            .iter()
            .map(|pair| (pair, (-pair.cost).exp() * guide.alike(pair)))
            .filter(|(_, p)| *p > 0.0)
            .collect();
        let mut all = Self { evidence, found: Vec::new(), places: HashMap::new(), alike, least };
        for (labels, p) in beams {
            all.add(labels.clone(), p, &labels);
        }
        // A bolt, a seal or a letter of the band at an end may have been read as a character.
        for shorter in [&first[1..], &first[..first.len() - 1]] {
            let p = evidence.probability(shorter);
            if !shorter.is_empty() && p >= least {
                all.add(shorter.to_vec(), p, shorter);
            }
        }
        for at in 0..all.found.len().min(BASES) {
            let (labels, p) = (all.found[at].labels.clone(), all.found[at].evidence);
            if p >= least {
                all.swap(&labels, p);
            }
        }
        all.found
    }

    fn add(&mut self, labels: Vec<u16>, evidence: f64, seen: &[u16]) {
        if let Some(&at) = self.places.get(&labels) {
            let known = &mut self.found[at];
            if evidence > known.evidence {
                known.evidence = evidence;
                known.seen = seen.to_vec();
            }
            return;
        }
        self.places.insert(labels.clone(), self.found.len());
        self.found.push(Candidate { labels, evidence, seen: seen.to_vec() });
    }

    /// Adds the texts that differ from `labels` in up to two characters, or a third of them.
    fn swap(&mut self, labels: &[u16], p: f64) {
        let swaps = self.swaps(labels);
        let start = Variant { labels: labels.to_vec(), seen: labels.to_vec(), alike: 1.0, estimate: p, next: 0 };
        let mut open = vec![start];
        for _ in 0..2.max(labels.len() / 3) {
            let mut further = Vec::new();
            for variant in &open {
                for swap in swaps.iter().filter(|swap| swap.place >= variant.next) {
                    let estimate = variant.estimate * swap.by_reader.max(swap.by_place);
                    if estimate < self.least || self.found.len() >= MOST {
                        continue;
                    }
                    let swapped = variant.with(swap, estimate);
                    self.weigh(&swapped);
                    further.push(swapped);
                }
            }
            open = further;
        }
    }

    fn weigh(&mut self, variant: &Variant) {
        let Variant { labels, seen, .. } = variant;
        if labels == seen && self.places.contains_key(labels) {
            return;
        }
        self.add(labels.clone(), self.evidence.probability(labels), labels);
        if labels != seen {
            self.add(labels.clone(), variant.alike * self.evidence.probability(seen), seen);
        }
    }

    /// Every swap of one place that is within reach, in the order of the places.
    fn swaps(&self, labels: &[u16]) -> Vec<Swap> {
        let alphabet = self.evidence.alphabet();
        let mut swaps = Vec::new();
        for (place, (&label, row)) in labels.iter().zip(self.evidence.rows(labels)).enumerate() {
            let here = f64::from(row[usize::from(label)]).max(f64::MIN_POSITIVE);
            let own = symbol(alphabet.character(label));
            for (other, &p) in (0_u16..).zip(&row) {
                if other == label || alphabet.is_empty(other) {
                    continue;
                }
                let partner = symbol(alphabet.character(other));
                let drawn = self.alike.iter().find(|(pair, _)| pair.partner(own) == Some(partner));
                let by_place = drawn.map_or(0.0, |(_, p)| *p) * rarer(own, partner);
                let by_reader = f64::from(p) / here;
                if by_reader.max(by_place) >= (-REACH).exp() {
                    swaps.push(Swap { place, label: other, by_reader, by_place });
                }
            }
        }
        swaps
    }
}

/// How much rarer any one character of `to`'s kind is than one of `from`'s: there are 10 digits and 26 letters.
fn rarer(from: u8, to: u8) -> f64 {
    let count = |symbol: u8| if only(symbol) & DIGITS == 0 { LETTERS.count_ones() } else { DIGITS.count_ones() };
    (f64::from(count(from)) / f64::from(count(to))).min(1.0)
}

impl Variant {
    fn with(&self, swap: &Swap, estimate: f64) -> Self {
        let mut more = Self { estimate, next: swap.place + 1, ..self.clone() };
        more.labels[swap.place] = swap.label;
        if swap.by_place > swap.by_reader {
            more.alike *= swap.by_place;
        } else {
            more.seen[swap.place] = swap.label;
        }
        more
    }
}
