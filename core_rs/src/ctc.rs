//! CTC outputs as texts: prefix beam search (Hannun et al., arXiv 1408.2873) and the best alignment of one text.

use std::cmp::Ordering;
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

/// A prefix as its last label and the prefix before it, so that beams share their beginnings.
#[derive(Debug, Clone, Copy)]
struct Node {
    before: usize,
    label: u16,
    length: usize,
}

const ROOT: usize = 0;

struct Beam {
    node: usize,
    mass: Mass,
}

/// A prefix after the next step: one of the beams kept as it is, or one with a label more.
struct Successor {
    beam: usize,
    label: Option<u16>,
    mass: Mass,
}

/// The most probable label sequences with their probabilities, best first. `steps` is `[time, classes]` row-major, each
/// row a distribution; labels are class indices, `blank` is never among them. No sequence is longer than `max_length`.
#[must_use]
pub fn beam_search(steps: &[f32], classes: usize, blank: usize, max_length: usize) -> Vec<(Vec<u16>, f64)> {
    let mut nodes = vec![Node { before: ROOT, label: u16::MAX, length: 0 }];
    let mut known: HashMap<(usize, u16), usize> = HashMap::new();
    let mut beams = vec![Beam { node: ROOT, mass: Mass { blank: 1.0, letter: 0.0 } }];
    let mut likely: Vec<(u16, f64)> = Vec::with_capacity(classes);
    let mut next: Vec<Successor> = Vec::with_capacity(BEAM * (classes + 1));
    for step in steps.chunks_exact(classes) {
        likely.clear();
        likely.extend(
            step.iter()
                .enumerate()
                .filter(|&(class, &p)| class != blank && p >= NEGLIGIBLE)
                .map(|(class, &p)| (class as u16, f64::from(p))),
        );
        extend(&nodes, &beams, f64::from(step[blank]), &likely, max_length, &mut next);
        if next.len() > BEAM {
            next.select_nth_unstable_by(BEAM, better);
            next.truncate(BEAM);
        }
        next.sort_unstable_by(better);
        beams = next
            .drain(..)
            .map(|successor| {
                let node = beams[successor.beam].node;
                let Some(label) = successor.label else { return Beam { node, mass: successor.mass } };
                // A prefix that fell out of the beams and comes back is still the same one.
                let longer = *known.entry((node, label)).or_insert_with(|| {
                    nodes.push(Node { before: node, label, length: nodes[node].length + 1 });
                    nodes.len() - 1
                });
                Beam { node: longer, mass: successor.mass }
            })
            .collect();
    }
    beams.iter().map(|beam| (spelled(&nodes, beam.node), beam.mass.total())).collect()
}

/// Higher mass first; beam and label settle ties, so that the same picture always gives the same answer.
fn better(a: &Successor, b: &Successor) -> Ordering {
    b.mass.total().total_cmp(&a.mass.total()).then(a.beam.cmp(&b.beam)).then(a.label.cmp(&b.label))
}

/// Fills `next` with every prefix that one more step can make of the beams.
fn extend(
    nodes: &[Node],
    beams: &[Beam],
    blank: f64,
    likely: &[(u16, f64)],
    max_length: usize,
    next: &mut Vec<Successor>,
) {
    next.clear();
    next.extend((0..beams.len()).map(|beam| {
        let mass = Mass { blank: blank * beams[beam].mass.total(), letter: 0.0 };
        Successor { beam, label: None, mass }
    }));
    for (at, beam) in beams.iter().enumerate() {
        let node = nodes[beam.node];
        let children: Vec<usize> = (0..beams.len())
            .filter(|&other| {
                let other = nodes[beams[other].node];
                other.length > 0 && other.before == beam.node
            })
            .collect();
        for &(label, p) in likely {
            let repeats = node.label == label;
            if repeats {
                next[at].mass.letter += p * beam.mass.letter;
            }
            // A label after itself needs a blank between the two.
            let before = if repeats { beam.mass.blank } else { beam.mass.total() };
            if node.length == max_length || before <= 0.0 {
                continue;
            }
            // The longer prefix may be a beam of its own; then both are one.
            match children.iter().find(|&&child| nodes[beams[child].node].label == label) {
                Some(&child) => next[child].mass.letter += p * before,
                None => {
                    next.push(Successor {
                        beam: at,
                        label: Some(label),
                        mass: Mass { blank: 0.0, letter: p * before },
                    });
                }
            }
        }
    }
    next.retain(|successor| successor.mass.total() > 0.0);
}

fn spelled(nodes: &[Node], mut node: usize) -> Vec<u16> {
    let mut labels = Vec::with_capacity(nodes[node].length);
    while node != ROOT {
        labels.push(nodes[node].label);
        node = nodes[node].before;
    }
    labels.reverse();
    labels
}

/// The exact probability of `labels`: the sum over all their alignments (the forward algorithm of Graves et al., 2006).
/// Labels and `steps` as in `beam_search`.
#[must_use]
pub fn probability(steps: &[f32], classes: usize, blank: usize, labels: &[u16]) -> f64 {
    let mut rows = steps.chunks_exact(classes);
    let Some(first) = rows.next() else { return f64::from(u8::from(labels.is_empty())) };
    let states = 2 * labels.len() + 1;
    let class_of = |state: usize| if state.is_multiple_of(2) { blank } else { usize::from(labels[state / 2]) };
    let mut mass = vec![0.0_f64; states];
    for (state, value) in mass.iter_mut().enumerate().take(2) {
        *value = f64::from(first[class_of(state)]);
    }
    for row in rows {
        // From the last state down, so that each still finds the step before in those below it.
        for state in (0..states).rev() {
            let mut from = mass[state];
            if state >= 1 {
                from += mass[state - 1];
            }
            if state >= 3 && class_of(state) != class_of(state - 2) {
                from += mass[state - 2];
            }
            mass[state] = from * f64::from(row[class_of(state)]);
        }
    }
    mass.iter().rev().take(2).sum()
}

/// The step of each label of `labels` where it is most probable within the text's best alignment (Viterbi); empty when
/// there are no steps.
#[must_use]
pub fn peaks(steps: &[f32], classes: usize, blank: usize, labels: &[u16]) -> Vec<usize> {
    let time = steps.len() / classes;
    let states = 2 * labels.len() + 1;
    let class_of = |state: usize| if state.is_multiple_of(2) { blank } else { usize::from(labels[state / 2]) };
    let mut best = vec![f64::NEG_INFINITY; states];
    let mut now = best.clone();
    let mut back = vec![0_u8; time * states];
    for t in 0..time {
        let row = &steps[t * classes..(t + 1) * classes];
        let log = |class: usize| f64::from(row[class].max(f32::MIN_POSITIVE)).ln();
        let log_blank = log(blank);
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
            *value = from.0 + if state.is_multiple_of(2) { log_blank } else { log(class_of(state)) };
            back[t * states + state] = from.1;
        }
        std::mem::swap(&mut best, &mut now);
    }
    if time == 0 || labels.is_empty() {
        return Vec::new();
    }
    let mut peaks = vec![usize::MAX; labels.len()];
    let mut state = if best[states - 1] > best[states - 2] { states - 1 } else { states - 2 };
    for t in (0..time).rev() {
        if !state.is_multiple_of(2) {
            let peak = &mut peaks[state / 2];
            let class = class_of(state);
            if *peak == usize::MAX || steps[t * classes + class] > steps[*peak * classes + class] {
                *peak = t;
            }
        }
        state -= usize::from(back[t * states + state]);
    }
    // Of a text that is too long for its steps some labels were never reached.
    peaks.retain(|&peak| peak != usize::MAX);
    peaks
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

    /// Every alignment of a few steps, one by one, for distributions that keep many prefixes alive.
    #[test]
    fn flat_distributions_agree_with_brute_force() {
        let classes = 3;
        let steps = [0.4, 0.35, 0.25, 0.2, 0.5, 0.3, 0.5, 0.2, 0.3, 0.3, 0.3, 0.4];
        let time = steps.len() / classes;
        let mut expected: HashMap<Vec<u16>, f64> = HashMap::new();
        for path in 0..classes.pow(time as u32) {
            let labels: Vec<u16> = (0..time).map(|t| (path / classes.pow(t as u32) % classes) as u16).collect();
            let p: f64 =
                labels.iter().enumerate().map(|(t, &c)| f64::from(steps[t * classes + usize::from(c)])).product();
            let mut text: Vec<u16> = labels.clone();
            text.dedup();
            text.retain(|&label| label != 0);
            *expected.entry(text).or_default() += p;
        }
        for (labels, p) in &expected {
            assert!((probability(&steps, classes, 0, labels) - p).abs() < 1e-6, "{labels:?}");
        }
        let found = beam_search(&steps, classes, 0, 10);
        let distinct: std::collections::HashSet<_> = found.iter().map(|(text, _)| text).collect();
        assert_eq!(distinct.len(), found.len());
        let (best, p) = &found[0];
        assert!(expected.values().all(|&other| other <= p + 1e-6));
        // Sixteen beams lose only what is far behind.
        assert!((expected[best] - p).abs() < 0.01, "{best:?} {p} {}", expected[best]);
    }

    #[test]
    fn peaks_follow_the_best_alignment() {
        let steps = [0.1, 0.8, 0.1, 0.2, 0.7, 0.1, 0.1, 0.3, 0.6];
        assert_eq!(peaks(&steps, 3, 0, &[1, 2]), [0, 2]);
        assert!(peaks(&[], 3, 0, &[1, 2]).is_empty());
    }
}
